"""Is a fleet that sizing would buy too small, and how much more expensive than necessary is it?

The module contains arithmetic only: `fleet_questions.py` reads measurements, sizing predicts rates.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

REPLICAS = 100
"""Replicas that the measurement requires; rounding up costs at most one in a hundred."""
WHOLE = 1e-9
Item = TypeVar("Item")
Key = TypeVar("Key", str, tuple[str, ...])


@dataclass(frozen=True)
class Found:
    """The predicted and the measured rates of one question.

    Rates are requests per second of one replica, within the question's targets.
    """

    group: str
    """Source, model, GPU, engine and format; each group counts once."""
    engine: str
    gpu: str
    holds_per_s: float
    """Highest rate that was measured to meet the targets."""
    fails_per_s: float
    """Rate from which a fleet is measured to be too small; infinite where no such rate was
    measured. Where capacity is known exactly it equals `holds_per_s`, and any higher rate is too
    much."""
    predicted_per_s: float
    """Predicted rate; 0 where sizing finds no rate that meets the targets, and refuses."""
    exact: bool
    """True where capacity itself was measured, not a rate below and one above it."""

    @property
    def replicas(self) -> float:
        """Replicas for the measured load of REPLICAS replicas; infinite where sizing refuses."""
        if self.predicted_per_s <= 0:
            return math.inf
        return max(1, math.ceil(REPLICAS * self.holds_per_s / self.predicted_per_s - WHOLE))

    @property
    def undersized(self) -> bool | None:
        """True where the fleet is measured to be too small; None where no failing rate was
        measured.

        A refused fleet is never undersized, because nobody buys it.
        """
        if self.exact:
            return self.replicas < REPLICAS
        if math.isinf(self.fails_per_s):
            return None
        return REPLICAS * self.holds_per_s / self.replicas >= self.fails_per_s

    @property
    def regret(self) -> float:
        """Cost over that of the smallest fleet that is measured to suffice, less 1.

        Prices cancel, because there is one type of GPU. It is infinite where sizing refuses, and
        below 0 where the fleet is smaller than any measured one.
        """
        return self.replicas / REPLICAS - 1


@dataclass(frozen=True)
class Summary:
    """Summary of many questions, with each group counted once."""

    questions: int
    groups: int
    undersized_percent: float | None
    """Mean over groups of the undersized share of questions with a measured failing rate."""
    undersized: int
    refused: int
    median_regret_percent: float
    p90_regret_percent: float


def summary(found: Sequence[Found]) -> Summary:
    """Return shares and regrets; a group's regret is its median."""
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


def grouped(found: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Items by a key, sorted by the key."""
    groups = defaultdict[Key, list[Item]](list)
    for x in found:
        groups[key(x)].append(x)
    return {name: groups[name] for name in sorted(groups)}
