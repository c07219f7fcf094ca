"""What does one pass of a denoiser compute for an image or a clip?"""

from dataclasses import dataclass
from math import ceil

from sizing.catalog.media import Denoiser

HIDDEN_BYTES = 2
"""Bytes of one channel of a hidden state. Basis: pipelines' default, 16 bits."""


@dataclass(frozen=True)
class Item:
    """Image or clip to make."""

    width: int
    height: int
    frames: int
    steps: int
    passes: int
    """Passes of one step: 2 with classifier-free guidance, 1 where guidance is distilled."""
    text_tokens: int

    @property
    def pixels(self) -> int:
        """Pixels of all frames."""
        return self.width * self.height * self.frames


@dataclass(frozen=True)
class PassWork:
    """Work of one pass over one item."""

    linear_flop: float
    convolution_flop: float
    attention_flop: float
    hidden_bytes: float
    """Bytes of one write of the hidden state in every block."""


def latent_tokens(denoiser: Denoiser, item: Item) -> int:
    """Tokens of the latent of one item.

    ceil(width / side) x ceil(height / side) x (ceil((frames - 1) / token frames) + 1)

    Basis: vendor (the autoencoders keep the first frame alone).
    """
    side = denoiser.token_pixels
    layers = ceil((item.frames - 1) / denoiser.token_frames) + 1
    return ceil(item.width / side) * ceil(item.height / side) * layers


def pass_work(denoiser: Denoiser, item: Item) -> PassWork:
    """Return the FLOP and bytes of one pass.

    linear = 2 x (weights of a token x tokens + weights of a text token x text tokens)
    attention = 4 x (joint width x (tokens + text)^2 + own width x tokens^2
                     + cross width x tokens x text)

    Basis: arithmetic; modulation runs once an item and is left out.
    """
    tokens, text = latent_tokens(denoiser, item), item.text_tokens
    together = tokens + text
    streams = together if denoiser.joint_attention_width else tokens
    return PassWork(
        linear_flop=2.0 * (denoiser.token_weights * tokens + denoiser.text_token_weights * text),
        convolution_flop=2.0 * denoiser.convolution_weights * tokens,
        attention_flop=4.0
        * (
            denoiser.joint_attention_width * together**2
            + denoiser.token_attention_width * tokens**2
            + denoiser.cross_attention_width * tokens * text
        ),
        hidden_bytes=float(HIDDEN_BYTES * denoiser.hidden_width * streams),
    )
