"""How long does one image take, by the work of all its tokens?"""

from dataclasses import dataclass
from fractions import Fraction

from sizing.catalog import ModelFacts
from sizing.values.exact import exact

IMAGE_TOKENS = (1024 // 16) ** 2 + 333
"""Tokens of a 1024 x 1024 image (8x autoencoder, patches of 2) and its prompt. Basis: assumed size;
vendor, the shape of SD3.5 and FLUX."""
WEIGHTS_PER_LAYER = 12
"""Weights that one token passes in a layer, over the squared width. Basis: vendor (DiT blocks:
attention 4, feed-forward 8); modulation runs once a sample."""
UTILISATION = Fraction(42, 100)
SAFE_UTILISATION = Fraction(27, 100)
"""Share of the dense peak. Basis: measured, SD3.5-Large 1024 x 1024 on H100: 42 % compiled, 27 %
eager (onnxruntime, pull request 22986); 32 to 51 % on other models and cards."""


@dataclass(frozen=True)
class ImageTime:
    """GPU-seconds of one image, as measured elsewhere and at the lowest measured utilisation."""

    median_s: Fraction
    safe_s: Fraction


def image_time(model: ModelFacts, iterations: int, flop_per_s: Fraction) -> ImageTime | None:
    """GPU-seconds of one image of a diffusion transformer; None without its layers and width.

    F = 2 x 12 d^2 L x tokens + 4 x tokens^2 x d x L;  t = F x iterations / (peak x utilisation)

    Basis: arithmetic over measured utilisation. Text encoder and autoencoder come on top; an
    iteration is one pass, guidance would make it two.
    """
    layers, width = model.layers, model.hidden_size
    if layers is None or width is None or "dit" not in model.kind:
        return None
    linear = 2 * WEIGHTS_PER_LAYER * width**2 * layers * IMAGE_TOKENS
    attention = 4 * IMAGE_TOKENS**2 * width * layers
    flop = exact((linear + attention) * iterations)
    return ImageTime(flop / (flop_per_s * UTILISATION), flop / (flop_per_s * SAFE_UTILISATION))
