"""How many replicas of each zone may a rollout take at once?"""

from collections.abc import Mapping

from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import ServingPlan


def replicas_by_zone(pool: PoolPlan) -> dict[str, int]:
    """Replicas of each zone, one for every slot of its nodes. Zones without nodes are left out.

    nodes / nodes a replica x replicas a node

    Basis: arithmetic; services that share a pool have slots of one size, so all of them fit.
    """
    return {
        zone: nodes // pool.nodes_per_replica * pool.replicas_per_node
        for zone, nodes in pool.nodes_by_zone.items()
        if nodes
    }


def zones_take_turns(replicas: Mapping[str, int], spare: int) -> bool:
    """True where the zones must roll one after another: spare replicas are fewer than zones in use.

    Basis: arithmetic; a Deployment takes at least one replica and ignores other zones.
    """
    return len(replicas) > max(spare, 1)


def rollout_by_zone(
    replicas: Mapping[str, int], spare: int, *, survives_a_zone: bool
) -> dict[str, int]:
    """Replicas of each zone that a rollout takes at once, in total at most the spare ones.

    spare >= zones: floor(spare / zones), one more in the first spare mod zones; spare < zones: 1,
    which loses few replicas even where nothing orders the zones.

    A plan that survives the loss of a zone keeps at least one replica in each zone that has
    several.
    Basis: arithmetic; a rollout ignores disruption budgets, and zones roll at the same time.
    """
    each, rest = divmod(spare, len(replicas)) if replicas else (0, 0)
    taken = {}
    for place, (zone, count) in enumerate(replicas.items()):
        share = each + (place < rest) if each else 1
        taken[zone] = max(1, min(share, count - survives_a_zone))
    return taken


def taken_at_once(serving: ServingPlan) -> int:
    """Replicas that a rollout takes at once, over all zones."""
    counts = serving.rollout_by_zone.values()
    return max(counts) if serving.zones_take_turns else sum(counts)


def gone_and_counted(serving: ServingPlan) -> int:
    """Maximum replicas that terminate while their successors exist: a lost zone's and a rollout's.

    max over the zones of (its replicas + those taken at once of the others)

    Basis: arithmetic; kubelets of a lost zone do not end what a rollout there replaces.
    """
    taken = sum(serving.rollout_by_zone.values())
    return max(
        count + taken - serving.rollout_by_zone[zone]
        for zone, count in serving.replicas_by_zone.items()
    )


def batches(serving: ServingPlan) -> int:
    """Batches of a rollout: those of the slowest zone, or of all zones where they roll one after
    another.

    batches of a zone = ceil(replicas / replicas at once)
    """
    counts = serving.replicas_by_zone
    each = [-(-count // serving.rollout_by_zone[zone]) for zone, count in counts.items()]
    return sum(each) if serving.zones_take_turns else max(each)
