"""Which images and clips are measured, and how large are their latents?"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

from diffusion.parts import Parts

MODELS = Path(__file__).resolve().parents[2] / "sizing" / "catalog" / "data" / "media_models.csv"
SIDE = 32
"""Pixels of which every side is a multiple. Basis: the largest token of any model (SANA)."""
SPATIAL = {"dc-f32": 32, "wan-2.2": 16}
"""Pixels of one side of a latent pixel by autoencoder; 8 for all others."""
TEMPORAL = {"mochi": 6}
"""Frames of one latent frame by autoencoder, after the first; 4 for all others with clips."""
CLIPS = ("mochi", "hunyuan", "cogvideox", "wan-2.1", "wan-2.2", "qwen")
"""Autoencoders whose latents have an axis of frames, also for an image."""
TINY = {"width": 64, "height": 64, "steps": 2}
TINY_FRAMES = 13


@dataclass(frozen=True)
class Item:
    """Image or clip of one row, with the steps and passes of its model."""

    width: int
    height: int
    frames: int
    steps: int
    passes: int
    text_tokens: int

    @property
    def size(self) -> str:
        """Width, height and frames, as the id of a row has them."""
        return f"{self.width}x{self.height}x{self.frames}"


@dataclass(frozen=True)
class Latent:
    """Size of an item's latent."""

    channels: int
    frames: int
    height: int
    width: int
    has_frames: bool
    """True where the autoencoder has an axis of frames."""


def items(tiny: bool) -> dict[str, Item]:
    """Return the default item of each model of the catalog."""
    with MODELS.open(encoding="utf-8", newline="") as lines:
        names = ("width", "height", "frames", "steps", "passes", "text_tokens")
        known = {
            row["model"]: Item(**{name: int(row[name]) for name in names})
            for row in csv.DictReader(lines)
        }
    if not tiny:
        return known
    return {
        name: replace(item, **TINY, frames=1 if item.frames == 1 else TINY_FRAMES)
        for name, item in known.items()
    }


def three(item: Item, temporal: int) -> tuple[Item, Item, Item]:
    """Return the three items of a model, the most valuable first.

    An image: default, half sides, one and a half sides. A clip: a quarter of its frames, half
    sides, default; a whole clip takes minutes.
    """
    if item.frames == 1:
        return item, _scaled(item, 1, 2), _scaled(item, 3, 2)
    quarter = max(1, (item.frames - 1) // 4 // temporal) * temporal + 1
    return replace(item, frames=quarter), _scaled(item, 1, 2), item


def _scaled(item: Item, times: int, parts: int) -> Item:
    width, height = (
        max(SIDE, side * times // parts // SIDE * SIDE) for side in (item.width, item.height)
    )
    return replace(item, width=width, height=height)


def temporal(parts: Parts) -> int:
    """Return the frames of one latent frame, after the first."""
    return TEMPORAL.get(parts.autoencoder.name, 4)


def latent(parts: Parts, item: Item, channels: int) -> Latent:
    """Return the size of an item's latent.

    width / 8 x height / 8 x (ceil((frames - 1) / frames of a latent frame) + 1)
    """
    side = SPATIAL.get(parts.autoencoder.name, 8)
    return Latent(
        channels,
        -(-(item.frames - 1) // temporal(parts)) + 1,
        item.height // side,
        item.width // side,
        parts.autoencoder.name in CLIPS,
    )
