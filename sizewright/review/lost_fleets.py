"""Which services lose every node that serves them?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sizewright.layout.numbers import plural
from sizewright.review.changes import Effect
from sizewright.review.compare import LOSING, ORDER, ResourceChange, ServiceChange
from sizing.plan.reaches import NODE_GROUP
from sizing.plan.service.pool import PoolPlan
from sizing.plan.stack.nodes import NodePool
from sizing.plan.whole import Plan

GONE = {
    Effect.delete: "are deleted",
    Effect.replace: "are replaced",
    Effect.may_replace: "may be replaced",
}


@dataclass(frozen=True)
class LostFleet:
    """A service whose nodes all go in one update."""

    service: str
    effect: Effect
    says: str


def lost_fleets(
    old: Plan, services: Sequence[ServiceChange], resources: Sequence[ResourceChange]
) -> Iterator[LostFleet]:
    """Services of each pool of which no node group surely stays.

    A move to another type counts: its new nodes are created in the same update.
    """
    after = {change.name: change.new.pool if change.new else None for change in services}
    for pool in old.pools:
        effects = [_effect(pool, zone, resources) for zone, n in pool.nodes_by_zone.items() if n]
        going = [effect for effect in effects if effect is not None]
        if going and len(going) == len(effects):
            effect = min(going, key=ORDER.index)
            for service in pool.services:
                yield LostFleet(service, effect, _says(pool, effect, service, after))


def flag_notes(resources: Sequence[ResourceChange]) -> tuple[str, ...]:
    """Rule for a change that deletes node groups; empty for another change.

    Basis: measured, Pulumi 3.230: with the flag it deletes what the program no longer has although
    the successor could not be made (decision 36).
    """
    going = [r for r in resources if r.type == NODE_GROUP and r.effect is Effect.delete]
    if not going:
        return ()
    return (
        f"This change deletes {plural(len(going), 'node group')}. Run it as `pulumi up`, and not "
        "as `pulumi up --continue-on-error`: with the flag Pulumi deletes nodes that serve "
        "although their successors failed (docs/node-updates.md).",
    )


def _says(
    pool: NodePool, effect: Effect, service: str, after: Mapping[str, PoolPlan | None]
) -> str:
    nodes = sum(pool.nodes_by_zone.values())
    text = f"all nodes that serve it {GONE[effect]}: {nodes:,} x {pool.instance_type}"
    new = after.get(service)
    if new is None or new.name == pool.name:
        return text
    return f"{text}; the same update creates {new.nodes_total:,} x {new.instance_type}"


def _effect(pool: NodePool, zone: str, resources: Sequence[ResourceChange]) -> Effect | None:
    """Effect on the pool's node group of a zone; None where it surely stays.

    Basis: a node group carries its pool as a label, and its name ends in its zone.
    """
    # Guard: sizing commands reach this module and do not need the templates.
    from templates.scheduling import POOL_LABEL

    for change in resources:
        if change.type != NODE_GROUP or change.effect not in LOSING or change.before is None:
            continue
        labels = change.before.get("labels")
        held = labels.get(POOL_LABEL) if isinstance(labels, dict) else None
        if held == pool.name and change.name.endswith(f"-{zone}"):
            return change.effect
    return None
