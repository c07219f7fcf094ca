"""How much do a user's own runs help? Some rows of each left-out group are given back."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import mean, median

from fleet_score import grouped
from leave_out import Left

from sizewright.measured.calibration import corrected
from sizing.catalog.bands import Band

DRAWS = 20
"""Random choices of the rows that are given back, for each group."""


@dataclass(frozen=True)
class Given:
    """Errors of the other rows after some rows were given back, each group counted once."""

    groups: int
    median_percent: float
    mean_percent: float
    held_percent: float
    """Rows within the corrected band."""


def given_back(
    left: Sequence[Left],
    runs: int,
    ratio: Callable[[Left], float],
    before: Callable[[Left], Band],
) -> Given:
    """Correct each group by `runs` of its rows, as `sizewright calibrate` does, and predict the
    others. Groups with fewer than two other rows are left out."""
    errors, held = [], []
    random = Random(0)
    for members in grouped(left, lambda x: x.row.group).values():
        if len(members) < runs + 2:
            continue
        off, inside = [], []
        for _ in range(DRAWS):
            mine = random.sample(range(len(members)), runs)
            logs = [math.log(ratio(members[index])) for index in mine]
            factor, band = corrected(logs, before(members[0]))
            rest = [ratio(x) / factor for index, x in enumerate(members) if index not in mine]
            off += [abs(1 / each - 1) * 100 for each in rest]
            inside += [band.low <= each <= band.high for each in rest]
        errors.append(median(off))
        held.append(100 * mean(inside))
    return Given(len(errors), median(errors), mean(errors), mean(held))
