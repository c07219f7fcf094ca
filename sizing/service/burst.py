"""What may the burst add above the floor: how many replicas, when, and for how long?"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.burst import (
    AddedPlan,
    BurstPlan,
    FeltPlan,
    JobBurstPlan,
    SlowPlan,
)
from sizing.plan.service.capacity import CapacityPlan
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import BurstPoolPlan, NodePool
from sizing.replica.traffic import slowest_answer_s
from sizing.values.exact import ceiling, exact, plain
from sizing.workload import Workload
from sizing.workload.engines import EngineName, request_metrics

TARGET_SHARE = Decimal("0.8")
"""Share of a replica's concurrency at which another one starts. Basis: assumed; the new one takes
minutes to start, and the remaining room must last that long."""
LONGEST_COOLDOWN_S = 3600
"""Maximum cooldown. Basis: vendor, the longest stabilisation window of a
HorizontalPodAutoscaler."""
FELT_WINDOW_S = 300
"""Seconds over which slow and failed requests are counted. Basis: assumed, as the shortest window
of the alerts on targets."""
FAILED_SHARE = Decimal("0.05")
"""Largest share of failed requests that starts no replica. Basis: assumed."""
FELT_REQUESTS = 10
"""Failed or slow requests that are no chance. Basis: assumed; without a minimum, one slow request
of an idle night would start a GPU node."""
BACKLOG_SHARE = Decimal("0.5")
"""Share of the time for waiting jobs in which replicas of the burst make them. Basis: assumed; the
other half is for the start of a node and its engine."""
DEFAULT_BACKLOG_S = 3600
"""Seconds in which waiting jobs must be made, where the workload has no target. Basis: assumed."""
IDLE_NODE_S = 300
"""Seconds that an empty burst node waits for the next replica. Basis: assumed."""
NODE_HOURS = 720
"""Hours after which a burst node is replaced, so that it gets new images. Basis: vendor
(Karpenter's default)."""
DRAIN_STOPS = 2
"""Maximum drain of a burst node, in stops of a replica: its own, and one of another node that the
disruption budget permits first. Basis: assumed."""


def burst_plan(
    workload: Workload,
    capacity: CapacityPlan,
    pool: PoolPlan,
    serving: ServingPlan,
    jobs: JobsPlan | None,
) -> BurstPlan | JobBurstPlan | None:
    """Return whole nodes for the requested GPUs, and the load that starts them; None for none.

    replicas = nodes x replicas a node

    The load of a queued service are its `jobs`. The result is None for replicas that span nodes,
    see `no_burst`.
    """
    nodes = burst_nodes(workload, pool)
    if not nodes:
        return None
    added = AddedPlan(
        nodes=nodes,
        gpus=nodes * pool.gpus_per_node,
        replicas=nodes * pool.replicas_per_node,
        max_unavailable=pool.replicas_per_node,
        cooldown_s=min(serving.copy_s + serving.start_s, LONGEST_COOLDOWN_S),
    )
    if jobs is not None:
        return _job_burst(workload, jobs, added)
    in_flight = in_flight_sized(workload, capacity, pool, serving)
    return BurstPlan(
        **added.model_dump(),
        in_flight_sized=plain(in_flight),
        in_flight_target=max(1, int(in_flight * exact(TARGET_SHARE))),
        felt=felt_plan(workload, serving.engine),
    )


def felt_plan(workload: Workload, engine: EngineName) -> FeltPlan | None:
    """Return the shares of slow and failed requests that start replicas; None where the engine
    exports no metrics of requests.

    failed share = min(0.05, 1 - percentile), 0.05 without targets
    least requests = ceil(10 / failed share)

    A failed request misses each target, so no more may fail than the percentile leaves.
    """
    if request_metrics(workload.kind, engine) is None:
        return None
    targets = workload.latency
    share = exact(FAILED_SHARE)
    if targets is not None:
        share = min(share, 1 - exact(targets.percentile) / 100)
    slow = None
    if targets is not None and targets.ttft_ms is not None:
        slow = SlowPlan(ttft_ms=plain(targets.ttft_ms), percentile=plain(targets.percentile))
    return FeltPlan(
        window_s=FELT_WINDOW_S,
        failed_share=plain(share),
        least_requests=ceiling(FELT_REQUESTS / share),
        slow=slow,
    )


def burst_nodes(workload: Workload, pool: PoolPlan) -> int:
    """Nodes that a burst may add, all in any one zone; 0 for replicas that span nodes.

    ceil(burst GPUs / GPUs a node)
    """
    if pool.nodes_per_replica > 1:
        return 0
    return ceiling(Fraction(workload.burst_gpus, pool.gpus_per_node))


def _job_burst(workload: Workload, jobs: JobsPlan, added: AddedPlan) -> JobBurstPlan:
    """Return the burst of a queued service.

    jobs a replica = max(1, floor(0.5 x seconds for waiting jobs / seconds of one))
    left to the floor = max(needed replicas x jobs a replica, ceil(largest backlog of a day))
    oldest = ceil(max(0.5 x seconds for waiting jobs, backlog x seconds of one / replicas)
                  + seconds from its first stage to its end)

    The floor is sized for the backlog of each day, which starts no burst. Basis: arithmetic; a job
    that a worker makes ages too, because it is in the queue until its end.
    """
    planned = exact(Fraction(jobs.largest_backlog))
    job_s = exact(Decimal(str(jobs.job_s)))
    alone_s = exact(Decimal(str(jobs.alone_s)))
    backlog_s = backlog_seconds(workload, job_s, alone_s)
    share_s = exact(BACKLOG_SHARE) * backlog_s
    each = max(1, floor(share_s / job_s))
    return JobBurstPlan(
        **added.model_dump(),
        backlog_s=plain(backlog_s),
        jobs_per_replica=each,
        floor_jobs=max(jobs.workers * each, ceiling(planned)),
        oldest_s=ceiling(max(share_s, planned * job_s / jobs.workers) + alone_s),
    )


def backlog_seconds(workload: Workload, job_s: Fraction, alone_s: Fraction) -> Fraction:
    """Seconds in which waiting jobs must be made.

    min(drain time, target of the response - seconds of one from its first stage to its end), of
    those that are stated; 3,600 without any

    Basis: arithmetic; one job always has its own seconds.
    """
    queue, latency = workload.jobs, workload.latency
    stated = list[Fraction]()
    if queue is not None and queue.drain_s is not None:
        stated.append(exact(queue.drain_s))
    if latency is not None and latency.response_s is not None:
        stated.append(exact(latency.response_s) - alone_s)
    return max(job_s, min(stated, default=Fraction(DEFAULT_BACKLOG_S)))


def no_burst(workload: Workload, pool: PoolPlan) -> list[Rejected]:
    """Rejection of a burst for replicas that span nodes: a burst adds single nodes."""
    requested = workload.burst_gpus
    if not requested or pool.nodes_per_replica == 1:
        return []
    numbers = f"a replica takes {pool.nodes_per_replica} nodes; the floor serves alone"
    option = f"burst of {requested} GPUs"
    return [Rejected(option=option, reason=Reason.not_in_this_version, numbers=numbers)]


def in_flight_sized(
    workload: Workload, capacity: CapacityPlan, pool: PoolPlan, serving: ServingPlan
) -> Fraction:
    """Requests in flight on one replica at the sized load.

    min(rate of one GPU x GPUs a replica x seconds of the mean answer, sequences in one batch)

    Without latency targets, only the batch counts. Basis: Little's law; the answer is exactly at
    the targets.
    """
    batch, answer = Fraction(serving.max_num_seqs), slowest_answer_s(workload)
    if answer is None:
        return batch
    rate = exact(Decimal(str(capacity.requests_per_gpu_per_s)))
    return min(batch, rate * pool.tensor_parallel * answer)


def burst_pool(
    members: Sequence[ServicePlan], zones: Sequence[str], ami_release: str | None
) -> BurstPoolPlan | None:
    """Nodes that Karpenter may add to a pool for all its services; None for none.

    They may start in any of the zones that sell the type. They may be spot instances where every
    member with a burst repeats its jobs.
    """
    bursts = [s.burst for s in members if s.burst is not None]
    if not bursts:
        return None
    stops = [s.serving.stop_s for s in members if s.burst is not None and s.serving is not None]
    return BurstPoolPlan(
        nodes=sum(burst.nodes for burst in bursts),
        gpus=sum(burst.gpus for burst in bursts),
        zones=tuple(zones),
        image=f"al2023@{image_version(ami_release)}",
        idle_s=IDLE_NODE_S,
        node_hours=NODE_HOURS,
        drain_s=DRAIN_STOPS * max(stops),
        spot=all(wants_spot(s.inputs) for s in members if s.burst is not None),
    )


def wants_spot(workload: Workload) -> bool:
    """True where the nodes of a workload's burst should be spot instances."""
    return workload.jobs is not None and workload.jobs.spot


def without_spot(service: ServicePlan, pools: Sequence[NodePool]) -> ServicePlan:
    """Return the service, with a rejection where its burst may not be on spot instances."""
    pool = next((p for p in pools if service.name in p.services), None)
    if not wants_spot(service.inputs) or pool is None or pool.burst is None or pool.burst.spot:
        return service
    others = ", ".join(name for name in pool.services if name != service.name)
    numbers = f"its burst nodes also serve {others}, whose requests an interruption would end"
    refused = Rejected(option="spot instances", reason=Reason.not_in_this_version, numbers=numbers)
    return service.model_copy(update={"rejected": (*service.rejected, refused)})


def image_version(ami_release: str | None) -> str:
    """Version of Karpenter's image alias: v20261101 for 1.35.0-20261101; latest where none is
    known.

    Basis: vendor (EC2NodeClass, amiSelectorTerms: an EKS image release by its date).
    """
    return "latest" if ami_release is None else f"v{ami_release[-8:]}"
