"""How many nodes or replicas remain after each possible loss, and how many are needed?"""

from collections.abc import Iterator
from dataclasses import dataclass

from sizewright.layout.numbers import plural
from sizing.fleet.redundancy import nodes_left
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan

STATES = {"rollout": "a new version rolls out", "repair": "one node in repair"}


@dataclass(frozen=True)
class Failure:
    """One loss: how many nodes or replicas still serve, out of how many, and the needed number."""

    name: str
    left: int
    needed: int
    total: int
    unit: str
    holds: bool

    @property
    def figures(self) -> str:
        """Return `12 left, 12 nodes needed`."""
        return f"{self.left:,} left, {plural(self.needed, self.unit)} needed"

    @property
    def verdict(self) -> str:
        """Verdict in words, because not all readers can see marks and colours."""
        return "enough" if self.holds else "too few"


def failures(service: ServicePlan, pool: PoolPlan) -> Iterator[Failure]:
    """Losses of the most nodes that may fail (at least 1), the largest zone, a rollout, a
    repair."""
    lost, span = max(pool.survives.nodes, 1), pool.nodes_per_replica
    name = f"any {plural(lost, 'node')} lost"
    left = nodes_left(pool.nodes_total, lost, span)
    yield _of_nodes(name, left, pool.survives.nodes > 0, pool)
    left = pool.nodes_left_after_zone
    yield _of_nodes("the largest zone lost", left, pool.survives.any_zone, pool)
    for state in service.states:
        if state.state in STATES:
            yield Failure(
                name=STATES[state.state],
                left=state.replicas,
                needed=pool.replicas_needed,
                total=pool.replicas_total,
                unit="replica",
                holds=state.holds,
            )


def _of_nodes(name: str, left: int, holds: bool, pool: PoolPlan) -> Failure:
    return Failure(
        name=name,
        left=left,
        needed=pool.nodes_needed,
        total=pool.nodes_total,
        unit="node",
        holds=holds,
    )
