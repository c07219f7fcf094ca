"""How sure a predicted time is."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Band(BaseModel):
    """P10 and P90 of measured over predicted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    low: Annotated[float, Field(gt=0, le=1)]
    high: Annotated[float, Field(ge=1)]


class Bands(BaseModel):
    """Of both times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tpot: Band
    ttft: Band
