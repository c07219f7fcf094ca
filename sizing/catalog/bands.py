"""How certain is a predicted time?"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Band(BaseModel):
    """P10 and P90 of measured over predicted."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    low: Annotated[float, Field(gt=0, le=1)]
    """P10 of measured over predicted."""
    high: Annotated[float, Field(ge=1)]
    """P90 of measured over predicted."""


class Bands(BaseModel):
    """Bands of both times."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    tpot: Band
    """Band of the time per output token."""
    ttft: Band
    """Band of the time to the first token."""
