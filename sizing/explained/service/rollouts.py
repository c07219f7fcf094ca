"""Explanations of the replicas of each zone that a rollout or a drain replaces."""

from collections.abc import Iterable

from sizing.explained.entry import Basis, Entry, Explainer, Leaf

_SPARE = "({s.pool.replicas_total} - {s.pool.replicas_needed})"


def sum_of(counts: Iterable[object]) -> str:
    """Sum of the counts, as text."""
    return " + ".join(str(count) for count in counts)


def taken(leaf: Leaf) -> str:
    """Replicas that a rollout takes, as in `zone_rollout.taken_at_once`."""
    counts = leaf.serving.rollout_by_zone.values()
    if len(counts) > 1 and leaf.serving.zones_take_turns:
        return f"max({', '.join(str(count) for count in counts)})"
    return f"({sum_of(counts)})" if len(counts) > 1 else sum_of(counts)


def counted_twice(leaf: Leaf) -> str:
    """Terminating replicas with existing successors, as in `zone_rollout.gone_and_counted`."""
    taken = leaf.serving.rollout_by_zone
    return ", ".join(
        sum_of([count, *(each for other, each in taken.items() if other != zone)])
        for zone, count in leaf.serving.replicas_by_zone.items()
    )


def _batches(leaf: Leaf) -> str:
    """Batches of a rollout, as in `zone_rollout.batches`."""
    serving = leaf.serving
    each = [
        f"ceil({count} / {serving.rollout_by_zone[zone]})"
        for zone, count in serving.replicas_by_zone.items()
    ]
    if len(each) == 1:
        return each[0]
    return f"({sum_of(each)})" if serving.zones_take_turns else f"max({', '.join(each)})"


def _replicas(leaf: Leaf) -> Entry:
    return Entry(
        "replicas of the floor in this zone: every slot that the service's nodes have there",
        "nodes / nodes a replica x replicas a node",
        f"{leaf.pool.nodes_by_zone[leaf.keys[-1]]} / {{s.pool.nodes_per_replica}}"
        " * {s.pool.replicas_per_node}",
    )


def _taken_of_zone(leaf: Leaf) -> Entry:
    """Return the entry of replicas that a rollout takes, as in `zone_rollout.rollout_by_zone`."""
    zones, zone = list(leaf.serving.replicas_by_zone), leaf.keys[-1]
    count = len(zones)
    limit = "{s.serving.replicas_by_zone[" + zone + "]}"
    if leaf.pool.survives.zones:
        limit += " - 1"
    spare = leaf.pool.replicas_total - leaf.pool.replicas_needed
    share, symbols = "1", "1 replica, where fewer are spare than zones"
    if spare >= count:
        share, symbols = (
            f"floor({_SPARE} / {count})",
            "spare replicas / zones, the rest to the first",
        )
        share += " + 1" if zones.index(zone) < spare % count else ""
    few = ("with no spare replica, a rollout takes a needed one",) if not spare else ()
    lost = "a rollout takes no notice of a lost zone, and then takes needed ones: docs/outages.md"
    return Entry(
        "replicas of this zone that a rollout takes at once",
        f"{symbols}; at least 1, and at most the zone's replicas, less 1 if a zone may be lost",
        f"max(1, min({share}, {limit}))",
        remarks=(*few, lost),
    )


ROLLOUTS: dict[str, Explainer] = {
    "services.*.serving.replicas": Entry(
        "replicas of the floor: every slot of its nodes, spare ones included",
        "replicas in all",
        "{s.pool.replicas_total}",
    ),
    "services.*.serving.replicas_by_zone.*": _replicas,
    "services.*.serving.max_unavailable": Entry(
        "replicas that drains may take at once, over all zones",
        "spare replicas, at least one node's worth, or a node could never be drained",
        "max({s.pool.replicas_total} - {s.pool.replicas_needed}, {s.pool.replicas_per_node})",
        remarks=(
            "with fewer spare replicas than a node holds, a drain takes needed ones",
            "for about a minute a dead zone's replicas still count as ready, and a drain"
            " may take needed ones: docs/outages.md",
        ),
    ),
    "services.*.serving.rollout_by_zone.*": _taken_of_zone,
    "services.*.rollout.surge_replicas": Entry(
        "replicas above the fleet during a rollout",
        "0: every slot of the floor is taken",
        "{v}",
        Basis.assumed,
        "the floor fills its nodes, see docs/decisions",
    ),
    "services.*.rollout.replicas_at_once": lambda leaf: Entry(
        "replicas replaced at once, over all zones",
        "the sum over the zones, or the most of one zone where the zones take turns",
        taken(leaf),
    ),
    "services.*.rollout.cold_start_s": Entry(
        "seconds until a new replica serves",
        "reading the weights + the engine's start",
        "{s.volumes.load_s} + {fleet_states.USUAL_ENGINE_START_S}",
        Basis.assumed,
        "the engine's start: 1 to 3 minutes for 8 to 70 billion parameters",
    ),
    "services.*.rollout.duration_s": lambda leaf: Entry(
        "seconds of a rollout",
        "batches of the slowest zone, or of all zones where they take turns, x cold start",
        f"{_batches(leaf)} * {{s.rollout.cold_start_s}}",
    ),
}
