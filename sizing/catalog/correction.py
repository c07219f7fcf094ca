"""How do a user's own runs correct the fitted times of one model on one GPU and engine?"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sizing.catalog.bands import Bands
from sizing.workload import Precision

Factor = Annotated[float, Field(ge=0.05, le=20)]


class Correction(BaseModel):
    """Measured over predicted time, and the certainty of a corrected time.

    Basis: measured by the user, see `runs`; written by `sizewright calibrate`.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    model: str
    """Hugging Face id for the reader. Corrections are compared by architecture."""
    parameters: int
    """Parameters of the model."""
    layers: int
    """Layers of the model."""
    gpu: str
    """Full name of the GPU in the catalog."""
    engine: str
    """Serving engine."""
    weights: Precision
    """Format of the weights; bf16 represents 16 bits."""
    experts: Precision
    """Format of the routed experts; that of the weights where there are none."""
    runs: Annotated[int, Field(gt=0)]
    """Number of measured runs behind the factors."""
    tpot_ratio: Factor
    """Measured over predicted time per output token."""
    ttft_ratio: Factor
    """Measured over predicted time to the first token."""
    bands: Bands
    """Certainty of a corrected time."""

    @property
    def text(self) -> str:
        """Text of the runs and the factors, which later runs are compared with."""
        return f"{self.runs} runs, TTFT x {self.ttft_ratio}, TPOT x {self.tpot_ratio}"


class Corrections(BaseModel):
    """Contents of a correction file."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    fitted: str
    """Date of the coefficients that the factors belong to."""
    corrections: tuple[Correction, ...]
    """Corrections, one for each model on one GPU and engine."""
    source: str = Field(default="", exclude=True)
    """Name of the file that the corrections were read from. The file does not contain it."""
