"""How certain is a predicted time?"""

from statistics import NormalDist
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

EDGE = 0.9
"""Share of measurements below the upper edge of a band."""
_Z = NormalDist().inv_cdf


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
        z: float = _Z(share) / _Z(EDGE)
        return float(self.high**z if z >= 0 else self.low**-z)


class Bands(BaseModel):
    """Bands of both times, and of the time of a request at full load."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    tpot: Band
    """Band of the time per output token."""
    ttft: Band
    """Band of the time to the first token."""
    full_load: Band
    """Band of a full replica's time for each request. The rate of a full replica is its inverse."""
