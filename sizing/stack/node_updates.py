"""How do new images and versions reach the nodes: how many at once, and which nodes serve then?"""

from collections.abc import Mapping, Sequence

from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.nodes import NodePool
from sizing.service.serving import NODE_START_S

UPDATED_AT_ONCE_LIMIT = 100
"""Maximum nodes of an update at once. Basis: vendor, managed node groups (EKS API,
NodegroupUpdateConfig.maxUnavailable)."""
DRAIN_LIMIT_S = 900
"""Seconds in which a node must be empty, or its group's update fails. Basis: vendor (EKS, managed
node update: 15 minutes for pods to leave)."""
UPDATE_TIMEOUT_S = 3600
"""Minimum timeout of a node group's update, seconds. Basis: vendor (AWS provider's default)."""
IMAGE_PULL_S = 180
"""Seconds in which a new node pulls the serving image. Basis: assumed; some 10 GB, compressed, at a
gigabit a second and unpacked."""


def spare_for_updates(pools: Sequence[PoolPlan]) -> int:
    """Nodes of a pool that may leave at once: the spare replicas of the service with the fewest.

    spare = floor(spare nodes / nodes of a replica); one node of a group stops the whole group
    """
    return min(pool.nodes_spare // pool.nodes_per_replica for pool in pools)


def take_turns(nodes: Mapping[str, int], spare: int) -> bool:
    """True where zones must be updated one after another: spare nodes are fewer than zones in use.

    Basis: vendor; EKS takes at least one node of each group, and groups ignore each other.
    """
    return len(nodes) > max(spare, 1)


def updated_by_zone(
    nodes: Mapping[str, int], spare: int, *, survives_a_zone: bool
) -> dict[str, int]:
    """Nodes of each zone that an update takes at once, in total at most the spare ones.

    The number is floor(spare / zones), one more in the first spare mod zones, 1 to 100. With fewer
    spares than zones, EKS takes at least one of each, and zones are updated in turn. A plan that
    survives the loss of a zone keeps at least one node in each zone that has several.

    Basis: arithmetic; node groups update at the same time and share the spare nodes.
    """
    each, rest = divmod(spare, len(nodes))
    taken = {}
    for place, (zone, count) in enumerate(nodes.items()):
        share = each + (place < rest)
        taken[zone] = max(1, min(share, count - survives_a_zone, UPDATED_AT_ONCE_LIMIT))
    return taken


def update_timeout_s(nodes: Mapping[str, int], taken: Mapping[str, int]) -> int:
    """Seconds for the batches of the slowest zone, each drained and then started."""
    batches = max(-(-count // taken[zone]) for zone, count in nodes.items())
    return max(UPDATE_TIMEOUT_S, batches * (DRAIN_LIMIT_S + NODE_START_S))


def serves_again_s(service: ServicePlan) -> float | None:
    """Seconds from a node's return until its replica serves; None where nothing is served.

    image pull + copy of the weights + cold start
    """
    if service.volumes is None or service.rollout is None:
        return None
    return float(IMAGE_PULL_S + service.volumes.download_s + service.rollout.cold_start_s)


def outlasts_drain(service: ServicePlan) -> bool:
    """True where replicas return too late: the budget blocks the next nodes until EKS stops.

    image pull + copy + cold start > 15 minutes
    """
    seconds = serves_again_s(service)
    return seconds is not None and seconds > DRAIN_LIMIT_S


def must_force(services: Sequence[ServicePlan]) -> bool:
    """True where EKS must ignore disruption budgets: a replica spans nodes and returns too late.

    Guard: each of its nodes restarts the whole replica, so its nodes would never all be updated.
    """
    return any(
        service.pool is not None and service.pool.nodes_per_replica > 1 and outlasts_drain(service)
        for service in services
    )


def replicas_out(service: ServicePlan, pool: NodePool) -> int:
    """Replicas that are out at the same time while EKS forces an update of the pool's nodes.

    out = nodes at once x ceil((start of a node + serves again) / (start of a node + drain)),
    at most all

    Basis: assumed; a forced batch follows the one before after its drain of 15 minutes has ended.
    """
    seconds = serves_again_s(service)
    if seconds is None or service.pool is None:
        return 0
    taken = pool.updated_by_zone.values()
    at_once = max(taken) if pool.zones_take_turns else sum(taken)
    overlapping = -(-(NODE_START_S + seconds) // (NODE_START_S + DRAIN_LIMIT_S))
    return min(service.pool.replicas_total, at_once * int(overlapping))
