"""What may come above the floor while the load asks for it: how many, when, and for how long?"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from sizing.plan import BurstPlan, BurstPoolPlan, CapacityPlan, PoolPlan, ServicePlan, ServingPlan
from sizing.replica.traffic import slowest_answer_s
from sizing.values.exact import ceiling, exact, plain
from sizing.workload import Workload

TARGET_SHARE = Decimal("0.8")
"""Share of a replica's concurrency at which another one is asked for. Basis: assumed; the new one
takes minutes to start, and the rest of the room must last so long."""
LONGEST_COOLDOWN_S = 3600
"""Basis: vendor, the longest stabilisation window of a HorizontalPodAutoscaler."""
IDLE_NODE_S = 300
"""Seconds that an empty burst node is kept for the next replica. Basis: assumed."""
NODE_HOURS = 720
"""Age at which a burst node is replaced, so that it takes new images. Basis: vendor (Karpenter's
default)."""
DRAIN_STOPS = 2
"""Longest drain of a burst node, in stops of a replica: its own, and that of another node's before
it, which the disruption budget lets go first. Basis: assumed."""


def burst_plan(
    workload: Workload, capacity: CapacityPlan, pool: PoolPlan, serving: ServingPlan
) -> BurstPlan | None:
    """Whole nodes that hold the GPUs asked for, and the load that brings them; None for none.

    nodes = ceil(burst GPUs / GPUs a node), replicas = nodes x replicas a node
    """
    asked = workload.capacity.burst_gpus if workload.capacity else 0
    if not asked:
        return None
    nodes = ceiling(Fraction(asked, pool.gpus_per_node))
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


def in_flight_sized(
    workload: Workload, capacity: CapacityPlan, pool: PoolPlan, serving: ServingPlan
) -> Fraction:
    """Requests in flight on one replica that serves what it was sized for.

    min(rate of one GPU x GPUs a replica x seconds of the mean answer, sequences in one batch)

    The batch alone without latency targets. Basis: Little's law; the answer just meets the targets.
    """
    batch, answer = Fraction(serving.max_num_seqs), slowest_answer_s(workload)
    if answer is None:
        return batch
    rate = exact(Decimal(str(capacity.requests_per_gpu_per_s)))
    return min(batch, rate * pool.tensor_parallel * answer)


def burst_pool(
    members: Sequence[ServicePlan], zones: Sequence[str], ami_release: str | None
) -> BurstPoolPlan | None:
    """The nodes that Karpenter may add to a pool: those of all its services; None for none.

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
    """Version of Karpenter's image alias: 1.35.0-20261101 is v20261101; latest where none is known.

    Basis: vendor (EC2NodeClass, amiSelectorTerms: an EKS image release by its day).
    """
    return "latest" if ami_release is None else f"v{ami_release[-8:]}"
