"""Explanations of a service's hardware: its choice, its GPUs and its nodes."""

from typing import assert_never

from sizing.explained.entry import CATALOG, Basis, Entry, Explainer, Leaf, Registry
from sizing.explained.service.capacity import utilisation
from sizing.fleet.redundancy import Rule
from sizing.plan.service.pool import ChoicePlan, PoolPlan, Survives

SIZED_ON_MEAN = "sized on the daily mean: nothing is left for a peak"


def _by_constraint(leaf: Leaf) -> Entry:
    load, name = leaf.capacity.load, leaf.keys[-1]
    each = leaf.capacity.requests_per_replica_per_s.get(name)
    symbols = f"ceil({load} rate x GPU-seconds of one request)"
    numbers = f"ceil({leaf.engine_rate(load)} * {{s.capacity.request_s}})"
    if each is not None:
        symbols = f"ceil({load} rate x GPUs a replica / rate that {name} allows it)"
        numbers = f"ceil({leaf.engine_rate(load)} * {{s.pool.tensor_parallel}} / {each!r})"
    return Entry(
        f"GPUs that {name} alone would need",
        symbols,
        numbers,
        leaf.method,
        leaf.method_source,
        remarks=(SIZED_ON_MEAN,) if load == "mean" else (),
    )


def _gpus_needed(leaf: Leaf) -> Entry:
    parts = ", ".join(str(count) for count in leaf.pool.gpus_by_constraint.values())
    load = leaf.capacity.load
    return Entry(
        "GPUs needed, before packing",
        "the largest of what each constraint alone needs",
        f"max({parts})",
        leaf.method,
        leaf.method_source,
        remarks=(SIZED_ON_MEAN,) if load == "mean" else (),
    )


def _nodes_total(leaf: Leaf) -> Entry:
    rules = ", ".join(str(count) for count in leaf.pool.nodes_by_rule.values())
    return Entry(
        "nodes in all, spare ones included",
        "the largest of what each redundancy rule alone needs",
        f"max({rules})" if len(leaf.pool.nodes_by_rule) > 1 else rules,
    )


def _nodes_by_rule(leaf: Leaf) -> Entry:
    rule, zones = Rule(leaf.keys[-1]), len(leaf.pool.nodes_by_zone)
    meaning = f"nodes in all that the rule {rule} alone needs"
    needed, each, of_each = "{s.pool.nodes_needed}", "", ""
    if leaf.pool.nodes_per_replica > 1:
        meaning += ", in whole groups: any lost node takes its group with it"
        needed = "({s.pool.nodes_needed} / {s.pool.nodes_per_replica})"
        each, of_each = " * {s.pool.nodes_per_replica}", ", in groups x nodes of a group"
    match rule:
        case Rule.none:
            return Entry(meaning, "needed", f"{needed}{each}")
        case Rule.spare_ratio:
            text = f"ceil({needed} * (1 + {{w.redundancy.spare_ratio}})){each}"
            return Entry(meaning, f"ceil(needed x (1 + spare ratio)){of_each}", text)
        case Rule.nodes:
            text = f"({needed} + {{w.redundancy.nodes}}){each}"
            return Entry(meaning, f"needed + k{of_each}", text)
        case Rule.zones if leaf.sized.inputs.redundancy.zones == 1:
            text = f"({needed} + ceil({needed} / ({zones} - 1))){each}"
            return Entry(meaning, f"needed + ceil(needed / (zones - 1)){of_each}", text)
        case Rule.zones:
            text = f"{{w.redundancy.zones}} of {zones} zones may go and {needed} nodes stay: {{v}}"
            return Entry(
                meaning,
                "the smallest even spread that keeps the needed nodes",
                text,
                arithmetic=False,
            )
        case Rule.availability:
            text = f"{needed} of {{v}} alive for at least {{w.redundancy.availability}} of the time"
            return Entry(
                meaning,
                "smallest n with sum over i >= needed of C(n, i) a^i (1 - a)^(n - i) >= target",
                text,
                Basis.measured,
                "MTBF and MTTR: see inputs.redundancy; nodes fail independently",
                arithmetic=False,
            )
        case never:
            assert_never(never)


def _in_zone(leaf: Leaf) -> Entry:
    pool = leaf.pool
    zones, span = len(pool.nodes_by_zone), pool.nodes_per_replica
    groups = pool.nodes_total // span
    rounded = "floor" if int(leaf.value) // span == groups // zones else "ceil"
    text = f"{rounded}({{s.pool.nodes_total}} / {zones})"
    if span > 1:
        text = f"{rounded}({{s.pool.nodes_total}} / {span} / {zones}) * {span}"
    return Entry(
        "nodes in this zone", "an even spread over the site's zones that sell the type", text
    )


def _left(leaf: Leaf) -> Entry:
    largest = max(leaf.pool.nodes_by_zone.values())
    return Entry(
        "nodes left after the worst single zone",
        "total - the largest zone",
        f"{{s.pool.nodes_total}} - {largest}",
    )


def _offered(meaning: str) -> Entry:
    return Entry(
        meaning, "the instance type's", "{v}", Basis.vendor, CATALOG + "instance_types.csv"
    )


def _utilisation(load: str) -> Explainer:
    def entry(leaf: Leaf) -> Entry:
        return Entry(
            f"utilisation of all GPUs at the {load}; above 1 the queue is unbounded",
            f"{load} rate x GPU-seconds of one request / (replicas x GPUs a replica)",
            utilisation(load, leaf, "{s.pool.replicas_total}"),
        )

    return entry


def _stages(leaf: Leaf) -> Entry:
    pool = leaf.pool
    one = pool.nodes_per_replica == 1
    return Entry(
        "stages that a replica's layers are cut into",
        "1 in one node; else nodes a replica x floor(GPUs a node / tensor parallel)",
        "1"
        if one
        else "{s.pool.nodes_per_replica}"
        " * floor({s.pool.gpus_per_node} / {s.pool.tensor_parallel})",
    )


POOL: Registry = {
    Survives: {
        "nodes": Entry(
            "the largest number of nodes that may go, whichever they are",
            "(total - needed) / nodes a replica: nodes are alike, each may break another group",
            "({s.pool.nodes_total} - {s.pool.nodes_needed}) / {s.pool.nodes_per_replica}",
        ),
        "zones": Entry(
            "the largest number of zones that may go, whichever they are",
            "every set of zones tried: the nodes left must be at least the needed ones",
            "{s.pool.nodes_left_after_zone} of {s.pool.nodes_needed} are left after the worst zone",
            arithmetic=False,
        ),
    },
    PoolPlan: {
        "gpus_needed": _gpus_needed,
        "gpus_total": Entry(
            "GPUs in all, spare ones included",
            "nodes x GPUs a node",
            "{s.pool.nodes_total} * {s.pool.gpus_per_node}",
        ),
        "nodes_needed": Entry(
            "nodes that must be alive",
            "ceil(replicas needed / replicas a node) x nodes a replica",
            "ceil({s.pool.replicas_needed} / {s.pool.replicas_per_node}) *"
            " {s.pool.nodes_per_replica}",
        ),
        "nodes_spare": Entry(
            "spare nodes", "total - needed", "{s.pool.nodes_total} - {s.pool.nodes_needed}"
        ),
        "nodes_total": _nodes_total,
        "nodes_by_zone.*": _in_zone,
        "nodes_left_after_zone": _left,
        "gpus_by_constraint.memory": Entry(
            "GPUs that memory alone would need: one replica",
            "GPUs of a replica",
            "{s.pool.gpus_per_replica}",
        ),
        "gpus_by_constraint.*": _by_constraint,
        "nodes_by_rule.*": _nodes_by_rule,
        "nodes_at_peak": Entry(
            "nodes in all for the peak, redundancy included",
            "the same packing and rules on the GPUs that the peak needs",
            "{s.capacity.gpus_at_peak} GPUs at the peak, packed and with the same spare: {v} nodes",
            arithmetic=False,
        ),
        "gpus_per_node": _offered("GPUs of one node; a partition of a card is one"),
        "gpu_memory_bytes": _offered("bytes of one card's memory, as EC2 reports it"),
        "vcpu_per_node": _offered("vCPUs of one node"),
        "memory_gib_per_node": _offered("GiB of one node's memory"),
        "max_pods_per_node": _offered("pods that one node's addresses allow"),
        "tensor_parallel": Entry(
            "GPUs that share each layer of a replica, all in one node",
            "the workload's or the lock's, else of the cards (1, 2, 4, 8) that hold the model and"
            " divide its heads the fewest, or the cheapest by the calibrated method; over several"
            " nodes the most",
            "{s.pool.gpus_per_replica} x {s.memory.usable_bytes_per_gpu} bytes hold"
            " {s.memory.weights_bytes} bytes of weights and the longest sequence",
            arithmetic=False,
        ),
        "pipeline_parallel": _stages,
        "nodes_per_replica": Entry(
            "nodes of one replica",
            "the workload's or the lock's, else one, else the fewest that hold the model",
            "{v} x {s.pool.gpus_per_node} x {s.memory.usable_bytes_per_gpu} bytes hold"
            " {s.memory.weights_bytes} bytes of weights and the longest sequence",
            arithmetic=False,
        ),
        "gpus_per_replica": Entry(
            "GPUs of one replica",
            "tensor parallel x pipeline stages",
            "{s.pool.tensor_parallel} * {s.pool.pipeline_parallel}",
        ),
        "replicas_per_node": Entry(
            "replicas one node holds, or one part of a replica over several nodes",
            "floor(GPUs a node / GPUs a replica), at least 1",
            "max(1, floor({s.pool.gpus_per_node} / {s.pool.gpus_per_replica}))",
        ),
        "replicas_needed": Entry(
            "replicas that must serve",
            "ceil(GPUs needed / GPUs a replica)",
            "ceil({s.pool.gpus_needed} / {s.pool.gpus_per_replica})",
        ),
        "replicas_total": Entry(
            "replicas in all: every slot of every node, so that a loss needs no rescheduling",
            "nodes x replicas a node / nodes a replica",
            "{s.pool.nodes_total} * {s.pool.replicas_per_node} / {s.pool.nodes_per_replica}",
        ),
        "utilisation_at_mean": _utilisation("mean"),
        "utilisation_at_peak": _utilisation("peak"),
    },
    ChoicePlan: {
        "tensor_parallel": Entry(
            "GPUs of one replica, as chosen", "see pool.tensor_parallel", "{s.pool.tensor_parallel}"
        ),
        "usd_per_hour": Entry(
            "dollars of one node an hour, on demand, before tax",
            "list price",
            "{v}",
            Basis.vendor,
            "{s.choice.price_source}, {s.choice.price_checked}; " + CATALOG + "prices.csv",
        ),
        "pool_usd_per_month": Entry(
            "dollars of all nodes a month; other costs are not included",
            "nodes x price of an hour x 730 h",
            "{s.pool.nodes_total} * {s.choice.usd_per_hour} * {units.HOURS_PER_PRICED_MONTH}",
        ),
    },
}
