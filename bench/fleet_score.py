"""Is a fleet that sizing would buy too small, and how much dearer than need be?

Arithmetic only: what was measured comes from `fleet_questions.py`, the rates from sizing.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

REPLICAS = 100
"""Replicas that the measurement says are needed; rounding up costs at most one in a hundred."""
WHOLE = 1e-9


@dataclass(frozen=True)
class Found:
    """What sizing says of one question, beside what was measured.

    Rates are requests per second of one replica, within the question's targets.
    """

    group: str
    """Each counts once: source, model, GPU, engine and format."""
    engine: str
    gpu: str
    holds_per_s: float
    """Highest that was measured to meet the targets."""
    fails_per_s: float
    """A fleet whose replicas get this much or more is measured to be too small; infinite where no
    such rate was measured. Where capacity is known exactly: `holds_per_s`, any more is too much."""
    predicted_per_s: float
    """0: sizing finds no rate that meets the targets, and refuses."""
    exact: bool
    """Whether capacity itself was measured, not a rate below and one above it."""

    @property
    def replicas(self) -> float:
        """The fleet for a load that REPLICAS replicas were measured to hold; infinite: refused."""
        if self.predicted_per_s <= 0:
            return math.inf
        return max(1, math.ceil(REPLICAS * self.holds_per_s / self.predicted_per_s - WHOLE))

    @property
    def undersized(self) -> bool | None:
        """Whether the fleet is measured to be too small; None where nothing was measured to fail.

        A fleet that is refused is not bought.
        """
        if self.exact:
            return self.replicas < REPLICAS
        if math.isinf(self.fails_per_s):
            return None
        return REPLICAS * self.holds_per_s / self.replicas >= self.fails_per_s

    @property
    def regret(self) -> float:
        """Cost over that of the smallest fleet that is measured to suffice, less 1.

        One type of GPU: prices cancel. Infinite where sizing refuses, below 0 where the fleet is
        smaller than any that was tried.
        """
        return self.replicas / REPLICAS - 1


@dataclass(frozen=True)
class Summary:
    """Of many questions, each group counted once."""

    questions: int
    groups: int
    undersized_percent: float | None
    """Mean over groups of the share of their questions; of those where failing was measured."""
    undersized: int
    refused: int
    median_regret_percent: float
    p90_regret_percent: float


def summary(found: Sequence[Found]) -> Summary:
    """Shares and regrets; a group's regret is its median."""
    groups = grouped(found, lambda x: x.group)
    shares = []
    for members in groups.values():
        known = [x.undersized for x in members if x.undersized is not None]
        shares += [sum(known) / len(known)] if known else []
    regrets = sorted(100 * median([x.regret for x in members]) for members in groups.values())
    return Summary(
        questions=len(found),
        groups=len(groups),
        undersized_percent=100 * sum(shares) / len(shares) if shares else None,
        undersized=sum(x.undersized is True for x in found),
        refused=sum(math.isinf(x.replicas) for x in found),
        median_regret_percent=median(regrets),
        p90_regret_percent=regrets[min(len(regrets) - 1, len(regrets) * 9 // 10)],
    )


def grouped(found: Sequence[Found], key: Callable[[Found], str]) -> dict[str, list[Found]]:
    """By a key, in its order."""
    groups = defaultdict[str, list[Found]](list)
    for x in found:
        groups[key(x)].append(x)
    return {name: groups[name] for name in sorted(groups)}
