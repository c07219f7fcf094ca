"""What does a model that makes images or videos compute for one item, and how large is its file?"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from sizing.catalog.records import Fact, PositiveInt, Rate
from sizing.workload.kinds import Kind

Weights = Annotated[int, Field(ge=0)]
"""Number of weights, or of channels."""


class Denoiser(Fact):
    """Work of one pass of a denoiser. Models with the same denoiser share the row.

    Each width is the sum over the layers: heads x width of a head, times the layers.
    Basis: counted on the modules of each model's config, as `source` says.
    """

    name: str
    """Denoiser, as `media_models.csv` names it."""
    token_weights: PositiveInt
    """Weights that each latent token passes, without those of 3 x 3 convolutions."""
    text_token_weights: PositiveInt
    """Weights that each token of the prompt passes in every pass."""
    convolution_weights: Weights
    """Weights of convolutions that each latent token passes; 0 for a transformer."""
    joint_attention_width: Weights
    """Width of attention of all tokens to each other, prompt included."""
    token_attention_width: Weights
    """Width of attention of the latent tokens to each other."""
    cross_attention_width: Weights
    """Width of attention of the latent tokens to the prompt."""
    head_dim: PositiveInt
    """Width of one attention head, as kernels compute it."""
    blocks: PositiveInt
    """Number of blocks of layers."""
    hidden_width: PositiveInt
    """Channels of a token's hidden state, summed over the blocks."""
    token_pixels: PositiveInt
    """Pixels of one side of a token: compression of the autoencoder x patch."""
    token_frames: PositiveInt
    """Frames of one token, after the first frame."""

    @property
    def names(self) -> tuple[str, ...]:
        """Name, the key of the row."""
        return (self.name,)


class MediaModel(Fact):
    """Item that a model makes when nothing else is requested, and its other parts.

    Basis: defaults of each model's own pipeline, as `source` says.
    """

    model: str
    """Short name of the model in `models.csv`."""
    denoiser: str
    """Denoiser in `denoisers.csv`."""
    text_tokens: PositiveInt
    """Tokens of the prompt, padding included."""
    passes: PositiveInt
    """Passes of one step: 2 with classifier-free guidance, 1 where guidance is distilled."""
    width: PositiveInt
    """Pixels of a row."""
    height: PositiveInt
    """Pixels of a column."""
    frames: PositiveInt
    """Frames of one item; 1 for an image."""
    frames_per_s: PositiveInt | None = None
    """Frames of a second of video; None for an image."""
    steps: PositiveInt
    """Denoising steps."""
    decode_flop_per_pixel: PositiveInt
    """FLOP of the autoencoder's decoder for one pixel of one frame."""
    stated_memory_gb: Decimal | None = None
    """GB of GPU memory that the model's own documents require; None where they state none."""

    @property
    def names(self) -> tuple[str, ...]:
        """Short name of the model, the key of the row."""
        return (self.model,)


class RenditionWork(Fact):
    """CPU time and bytes of one codec, or CPU time of decoding a clip, in ffmpeg.

    Basis: measured by `bench/renditions.py`, as `source` says: the median of all runs, with the
    lowest and the highest.
    """

    work: str
    """Codec of a rendition, or decode."""
    low_cpu_s_per_megapixel: Rate
    """CPU seconds for a million pixels of frames, the lowest."""
    cpu_s_per_megapixel: Rate
    """CPU seconds, the median."""
    high_cpu_s_per_megapixel: Rate
    """CPU seconds, the highest. They size the workers."""
    low_bits_per_pixel: Rate | None = None
    """Bits of the file for one pixel of one frame, the lowest; None for decoding."""
    bits_per_pixel: Rate | None = None
    """Bits, the median."""
    high_bits_per_pixel: Rate | None = None
    """Bits, the highest."""

    @property
    def names(self) -> tuple[str, ...]:
        """Work, the key of the row."""
        return (self.work,)


class FormatBytes(Fact):
    """Bits of a file for one pixel of one frame: what it usually takes, and a range.

    Basis: as `source` says; a value that a column in `unverified` names is derived.
    """

    format: str
    """Format of images, or codec of clips; `request.format` takes those that the engine writes."""
    kind: Kind
    """Kind of the services that make such files."""
    low_bits_per_pixel: Rate
    """Bits of a small file."""
    bits_per_pixel: Rate
    """Bits that size a service."""
    high_bits_per_pixel: Rate | None = None
    """Bits of a large file; None where no source states them."""

    @property
    def names(self) -> tuple[str, ...]:
        """Format, the key of the row."""
        return (self.format,)
