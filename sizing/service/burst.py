"""What may the burst add above the floor: how many replicas, when, and for how long?"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.burst import BurstPlan
from sizing.plan.service.capacity import CapacityPlan
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import BurstPoolPlan
from sizing.replica.traffic import slowest_answer_s
from sizing.values.exact import ceiling, exact, plain
from sizing.workload import Workload

TARGET_SHARE = Decimal("0.8")
"""Share of a replica's concurrency at which another one starts. Basis: assumed; the new one takes
minutes to start, and the remaining room must last that long."""
LONGEST_COOLDOWN_S = 3600
"""Maximum cooldown. Basis: vendor, the longest stabilisation window of a
HorizontalPodAutoscaler."""
IDLE_NODE_S = 300
"""Seconds that an empty burst node waits for the next replica. Basis: assumed."""
NODE_HOURS = 720
"""Hours after which a burst node is replaced, so that it gets new images. Basis: vendor
(Karpenter's default)."""
DRAIN_STOPS = 2
"""Maximum drain of a burst node, in stops of a replica: its own, and one of another node that the
disruption budget permits first. Basis: assumed."""


def burst_plan(
    workload: Workload, capacity: CapacityPlan, pool: PoolPlan, serving: ServingPlan
) -> BurstPlan | None:
    """Return whole nodes for the requested GPUs, and the load that starts them; None for none.

    nodes = ceil(burst GPUs / GPUs a node), replicas = nodes x replicas a node

    The result is None for replicas that span nodes, see `no_burst`.
    """
    requested = workload.capacity.burst_gpus if workload.capacity else 0
    if not requested or pool.nodes_per_replica > 1:
        return None
    nodes = ceiling(Fraction(requested, pool.gpus_per_node))
    in_flight = in_flight_sized(workload, capacity, pool, serving)
    return BurstPlan(
        nodes=nodes,
        gpus=nodes * pool.gpus_per_node,
        replicas=nodes * pool.replicas_per_node,
        max_unavailable=pool.replicas_per_node,
        in_flight_sized=plain(in_flight),
        in_flight_target=max(1, int(in_flight * exact(TARGET_SHARE))),
        cooldown_s=min(serving.copy_s + serving.start_s, LONGEST_COOLDOWN_S),
    )


def no_burst(workload: Workload, pool: PoolPlan) -> list[Rejected]:
    """Rejection of a burst for replicas that span nodes: a burst adds single nodes."""
    requested = workload.capacity.burst_gpus if workload.capacity else 0
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

    They may start in any of the zones that sell the type.
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
    )


def image_version(ami_release: str | None) -> str:
    """Version of Karpenter's image alias: v20261101 for 1.35.0-20261101; latest where none is
    known.

    Basis: vendor (EC2NodeClass, amiSelectorTerms: an EKS image release by its date).
    """
    return "latest" if ami_release is None else f"v{ami_release[-8:]}"
