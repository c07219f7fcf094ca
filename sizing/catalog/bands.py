"""How certain is a predicted time?"""

from functools import cache
from math import erf, exp, log, sqrt
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

MEDIAN, EDGE = 0.5, 0.9
"""Shares of measurements below the median, and below the upper edge of a band."""
FARTHEST, HALVINGS = 8.0, 64
"""Largest number of standard deviations, and halvings of the interval around it."""
LEAST_SCATTER = 0.05
"""Least scatter of a user's own runs: runs that agree better repeat one another. Basis: measured,
repeats of one setting spread by 1 to 6 % in public runs."""


@cache
def deviations(share: float) -> float:
    """Standard deviations from the median below which this share of a normal distribution lies.

    Guard: `statistics.NormalDist` knows it too, but loads random numbers with every command.
    Basis: arithmetic (bisection of the distribution, exact to the last digits).
    """
    low, high = -FARTHEST, FARTHEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        below = (1 + erf(middle / sqrt(2))) / 2 < share
        low, high = (middle, high) if below else (low, middle)
    return (low + high) / 2


class Band(BaseModel):
    """P10 and P90 of measured over predicted."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    low: Annotated[float, Field(gt=0, le=1)]
    """P10 of measured over predicted."""
    high: Annotated[float, Field(ge=1)]
    """P90 of measured over predicted."""

    def at(self, share: float) -> float:
        """Measured over predicted that this share of measurements does not exceed, 0 < share < 1.

        high^(z(share) / z(0.9)) above the median, low^(z(share) / z(0.1)) below it; 1 at the median

        Basis: fitted at 0.1 and 0.9; a log-normal error on each side is assumed between and beyond.
        """
        z = deviations(share) / deviations(EDGE)
        return float(self.high**z if z >= 0 else self.low**-z)

    def after(self, runs: int, scatter: float) -> Self:
        """Return the band of a time that own runs corrected, whose logarithms scatter so much.

        spread^2 = scatter^2 + (spread before)^2 / (runs + 1), edge = exp(-+ 1.28 spread), each side

        Basis: arithmetic; runs and the fit are weighed as if the fit were one run more. On public
        rows of models left out, `make accuracy` prints what the band after 1, 2 and 4 runs holds.
        """
        z = deviations(EDGE)

        def edge(before: float) -> float:
            spread = max(scatter, LEAST_SCATTER) ** 2 + (log(before) / z) ** 2 / (runs + 1)
            return exp(z * spread**0.5)

        return type(self)(low=round(1 / edge(1 / self.low), 4), high=round(edge(self.high), 4))

    def within(self, other: Self) -> Self:
        """Return the part of this band that the other one contains."""
        return type(self)(low=max(self.low, other.low), high=min(self.high, other.high))


class Bands(BaseModel):
    """Bands of both times, and of the time of a request at full load."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    tpot: Band
    """Band of the time per output token."""
    ttft: Band
    """Band of the time to the first token."""
    full_load: Band
    """Band of a full replica's time for each request. The rate of a full replica is its inverse."""

    def after_one_run(self) -> Self:
        """Return the bands that one own run is expected to leave; a run never widens one here."""
        bands = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(
            **{name: each.after(1, LEAST_SCATTER).within(each) for name, each in bands.items()}
        )
