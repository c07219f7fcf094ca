"""What a user's own runs say of the fitted times: a factor for one model on one GPU and engine."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sizing.catalog.bands import Bands

Factor = Annotated[float, Field(ge=0.05, le=20)]


class Correction(BaseModel):
    """Measured over predicted, and how sure a corrected time is.

    Basis: measured by the user, see `runs`; written by `sizewright calibrate`.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    model: str
    """Hugging Face id, for the reader; the architecture is what is compared."""
    parameters: int
    """Parameters of the model."""
    layers: int
    """Layers of the model."""
    gpu: str
    """Full name in the catalog."""
    engine: str
    """Serving engine."""
    runs: Annotated[int, Field(gt=0)]
    """Measured runs that the factors rest on."""
    tpot_ratio: Factor
    """Measured over predicted time per output token."""
    ttft_ratio: Factor
    """Measured over predicted time to the first token."""
    bands: Bands
    """How sure a corrected time is."""

    @property
    def told(self) -> str:
        """The runs and the factors, in words to hold later ones against."""
        return f"{self.runs} runs, TTFT x {self.ttft_ratio}, TPOT x {self.tpot_ratio}"


class Corrections(BaseModel):
    """A correction file."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    fitted: str
    """Day of the coefficients that the factors belong to."""
    corrections: tuple[Correction, ...]
    """One for each model on one GPU and engine."""
    source: str = Field(default="", exclude=True)
    """Name of the file that they were read from, for readers; the file does not hold it."""
