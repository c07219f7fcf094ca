"""What a user's own runs say of the fitted times: a factor for one model on one GPU and engine."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sizing.steps.bands import Bands

Factor = Annotated[float, Field(ge=0.05, le=20)]


class Correction(BaseModel):
    """Measured over predicted, and how sure a corrected time is.

    Basis: measured by the user, see `runs`; written by `sizewright calibrate`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Hugging Face id, for the reader; the architecture is what is compared."""
    parameters: int
    layers: int
    gpu: str
    """Full name in the catalog."""
    engine: str
    runs: Annotated[int, Field(gt=0)]
    tpot_ratio: Factor
    ttft_ratio: Factor
    bands: Bands


class Corrections(BaseModel):
    """A correction file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fitted: str
    """Day of the coefficients that the factors belong to."""
    corrections: tuple[Correction, ...]
