"""Coefficients of the time of an image or a clip, with their date, rows and bands."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sizing.catalog.bands import Band
from sizing.catalog.coefficients import Evidence

Multiple = Annotated[float, Field(gt=0)]
"""Multiple of a datasheet time, before the card's power limit is counted."""
Cost = Annotated[float, Field(ge=0)]


class MediaCoefficients(BaseModel):
    """Fitted coefficients of `sizing/steps/diffusion.py`.

    Basis: fitted by `bench/fit_media.py`, see `MediaCoefficientSet.source`.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    linear: Multiple
    convolution: Multiple
    attention: Multiple
    softmax_dim: Cost
    """Channels of a head whose arithmetic takes as long as the softmax of one score."""
    hopper_attention: Annotated[float, Field(gt=0, le=1)]
    """Attention with kernels for Hopper and later cards, over attention without them."""
    image_decode: Multiple
    video_decode: Multiple
    eager_hidden: Cost
    """Reads and writes of the hidden state in each block, in multiples of one write; the next field
    is for compiled runtimes."""
    compiled_hidden: Cost
    block_us: Cost
    """Microseconds to launch the kernels of a block; compiled runtimes launch recorded graphs."""
    eager_exchange_us: Cost
    """Microseconds a block to start exchanges between cards; the next field is for compiled
    runtimes."""
    compiled_exchange_us: Cost
    split_loss: Cost
    """Share of the time that each further card of a split sequence loses."""
    power: Annotated[float, Field(ge=0, le=1)]
    """Exponent of watts per FLOP/s: cards with less power reach a smaller share of their peak."""
    item_s: Cost
    """Seconds of an item outside the model."""


class MediaCoefficientSet(BaseModel):
    """Coefficients and bands from one fit.

    Basis: fitted; rows, exclusions and their reasons are named in the file.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid")

    fitted: Annotated[str, Field(pattern=r"^20\d\d-[01]\d-[0-3]\d$")]
    source: str
    rows: int
    groups: int
    """Groups of a denoiser, GPU, runtime and precision. Each counts once."""
    excluded: Mapping[str, int]
    """Rows left out of the fit, by reason."""
    measured: tuple[str, ...]
    """GPU generations that the fit includes."""
    coefficients: MediaCoefficients
    band: Band
    """P10 and P90 of measured over predicted, with the row's denoiser left out of the fit."""
    datasheet_band: Band
    """The same, with the row's GPU generation left out as well."""

    def band_of(self, evidence: Evidence) -> Band:
        """Return the band, wider for a GPU generation that was not measured."""
        return self.band if evidence.is_measured else self.datasheet_band
