"""How do GPUs become replicas, whole nodes and zones: how many machines, and where?"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sizing.catalog import InstanceType
from sizing.fleet.capacity_source import pool_name, source_of
from sizing.fleet.redundancy import Rule, binding_rule, nodes_by_rule, spread, survival
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import PoolPlan, Survives
from sizing.replica.case import Choice, gpus_per_node
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.traffic import Rates
from sizing.values.exact import ceiling, plain, plain_or_none
from sizing.workload import Capacity, Redundancy, ReservedCapacity

NODES_PER_GROUP_LIMIT = 450
"""Most nodes of one managed node group. Basis: vendor (EKS quota L-BD136A63)."""


def gpus_by_constraint(load: Fraction, rate: GpuRate, gpus_per_replica: int) -> dict[str, int]:
    """Number of GPUs that each constraint alone requires, before packing.

    throughput (and ttft, tpot by the calibrated method): ceil(load x GPU-seconds of a request);
    memory: the cards of one replica
    """
    seconds = rate.by_constraint or {"throughput": rate.request_s}
    counts = {name: ceiling(load * each) for name, each in seconds.items()}
    return {**counts, "memory": gpus_per_replica}


def binding_constraint(counts: dict[str, int], rate: GpuRate) -> str:
    """Constraint with the largest count; of equal counts the one with the most GPU-seconds of a
    request, then the first one."""
    return max(counts, key=lambda name: (counts[name], rate.by_constraint.get(name, Fraction(0))))


@dataclass(frozen=True)
class Packing:
    """Whole replicas on whole nodes."""

    replicas: int
    replicas_per_node: int
    """Replicas of one node, or one part of a replica that spans nodes."""
    nodes: int


def packing(
    gpus: int, gpus_per_node: int, gpus_per_replica: int, nodes_per_replica: int = 1
) -> Packing:
    """Number of replicas and nodes for a number of GPUs.

    replicas = ceil(GPUs / GPUs a replica), replicas a node = floor(GPUs a node / GPUs a replica);
    nodes = ceil(replicas / replicas a node).

    For a replica over several nodes, nodes = replicas x nodes a replica.
    Basis: arithmetic; a tensor-parallel group remains inside one node.
    """
    replicas = ceiling(Fraction(gpus, gpus_per_replica))
    if nodes_per_replica > 1:
        return Packing(replicas, 1, replicas * nodes_per_replica)
    per_node = gpus_per_node // gpus_per_replica
    return Packing(replicas, per_node, ceiling(Fraction(replicas, per_node)))


def nodes_total_of(
    choice: Choice, instance: InstanceType, redundancy: Redundancy, load: Fraction, rate: GpuRate
) -> int:
    """Number of nodes for a load in requests per second, spare nodes included.

    Raises TooFewZonesError. Basis: as `pool_plan`, whose count it returns.
    """
    each = choice.fit.tensor_parallel * choice.fit.pipeline_parallel
    gpus = max(gpus_by_constraint(load, rate, each).values())
    return nodes_total_for(choice, instance, redundancy, gpus)


def nodes_total_for(
    choice: Choice, instance: InstanceType, redundancy: Redundancy, gpus: int
) -> int:
    """Number of nodes for a number of GPUs, spare nodes included.

    Raises TooFewZonesError. Basis: as `pool_plan`.
    """
    each = choice.fit.tensor_parallel * choice.fit.pipeline_parallel
    packed = packing(gpus, gpus_per_node(instance), each, choice.fit.nodes)
    return max(_rules(choice, instance, redundancy, packed).values())


def _rules(
    choice: Choice, instance: InstanceType, redundancy: Redundancy, packed: Packing
) -> dict[Rule, int]:
    """Number of nodes in total that each rule alone requires."""
    cards, span = Decimal(gpus_per_node(instance)), choice.fit.nodes
    return nodes_by_rule(redundancy, packed.nodes, len(choice.zones), cards, span)


def pool_plan(
    *,
    choice: Choice,
    instance: InstanceType,
    capacity: Capacity,
    redundancy: Redundancy,
    rates: Rates,
    rate: GpuRate,
    first_zone: int,
    reserved: ReservedCapacity | None = None,
) -> tuple[PoolPlan, list[Rejected]]:
    """Return one service's nodes: whole replicas on whole nodes, then redundancy, then zones.

    Raises TooFewZonesError when the zones cannot provide the required redundancy.
    Basis: arithmetic; redundancy counts nodes after packing, or whole groups of nodes where a
    replica spans several. A group remains in one zone.
    """
    cards, split, span = gpus_per_node(instance), choice.fit.tensor_parallel, choice.fit.nodes
    each = split * choice.fit.pipeline_parallel
    constraints = gpus_by_constraint(rates.at(capacity.load), rate, each)
    packed = packing(max(constraints.values()), cards, each, span)
    rules = _rules(choice, instance, redundancy, packed)
    rule = binding_rule(rules)
    nodes_total = rules[rule]
    at_peak = None
    if rates.peak is not None:
        at_peak = nodes_total_of(choice, instance, redundancy, rates.peak, rate)
    groups = spread(nodes_total // span, choice.zones, first_zone)
    by_zone = {zone: count * span for zone, count in groups.items()}
    survives = survival(by_zone, packed.nodes, span)
    replicas_total = nodes_total // span * packed.replicas_per_node
    serving_gpus = replicas_total * each
    pool = PoolPlan(
        name=pool_name(instance.name, split, reserved, span),
        capacity_source=source_of(reserved),
        reservation_by_zone={} if reserved is None else reserved.by_zone,
        instance_type=instance.name,
        gpu=instance.gpu,
        gpus_needed=max(constraints.values()),
        gpus_total=nodes_total * cards,
        nodes_needed=packed.nodes,
        nodes_spare=nodes_total - packed.nodes,
        nodes_total=nodes_total,
        nodes_by_zone=by_zone,
        survives=Survives(nodes=survives.nodes, zones=survives.zones),
        nodes_left_after_zone=survives.left_after_zone,
        binding=binding_constraint(constraints, rate),
        gpus_by_constraint=constraints,
        redundancy_binding=rule.value,
        nodes_by_rule={name.value: count for name, count in rules.items()},
        nodes_at_peak=at_peak,
        gpus_per_node=cards,
        gpu_memory_bytes=instance.gpu_memory_bytes,
        vcpu_per_node=instance.vcpu_count,
        memory_gib_per_node=instance.memory_gib,
        max_pods_per_node=instance.max_pods,
        tensor_parallel=split,
        pipeline_parallel=choice.fit.pipeline_parallel,
        nodes_per_replica=span,
        gpus_per_replica=each,
        replicas_per_node=packed.replicas_per_node,
        replicas_needed=packed.replicas,
        replicas_total=replicas_total,
        utilisation_at_mean=plain(rates.mean * rate.used_s / serving_gpus),
        utilisation_at_peak=plain_or_none(
            None if rates.peak is None else rates.peak * rate.used_s / serving_gpus
        ),
    )
    losers = [
        Rejected(
            option=f"redundancy rule {name.value}",
            reason=Reason.not_binding,
            numbers=f"{count} nodes; {rule.value} requires {nodes_total}",
        )
        for name, count in rules.items()
        if name not in (rule, Rule.none)
    ]
    return pool, losers
