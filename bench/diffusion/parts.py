"""Which modules does a model consist of, and how are they built with random weights?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

FILE = Path(__file__).parents[1] / "data" / "diffusion_parts.json"
"""Class, config, tiny config and source of each part."""


class MissingClassError(Exception):
    """The installed libraries lack a class; the message names it."""


@dataclass(frozen=True)
class Part:
    """One module of a model: a class of diffusers or transformers, and its config."""

    name: str
    class_name: str
    config: Mapping[str, Any]
    """Values that differ from the class defaults."""

    def module(self, device: str, dtype: torch.dtype) -> torch.nn.Module:
        """Return the module with random weights. Raises MissingClassError.

        Basis: weights are random because no step reads them to decide what to compute. They must be
        finite: a card draws less power for zeros, and then its clock is higher.
        """
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            with torch.device(device):
                made = self._made()
        finally:
            torch.set_default_dtype(before)
        return made.eval().requires_grad_(False)

    def _made(self) -> torch.nn.Module:
        library = diffusers if hasattr(diffusers, self.class_name) else transformers
        kind = getattr(library, self.class_name, None)
        if kind is None:
            versions = f"diffusers {diffusers.__version__}, transformers {transformers.__version__}"
            raise MissingClassError(f"no class {self.class_name} in {versions}")
        if library is diffusers:
            return kind(**self.config)
        return kind(kind.config_class(**self.config))


@dataclass(frozen=True)
class Parts:
    """Modules of one model of `media_models.csv`, and how its pipeline calls them."""

    model: str
    denoiser: Part
    encoders: tuple[tuple[Part, int], ...]
    """Encoders, and the tokens that each reads, template and padding included."""
    autoencoder: Part
    passes_together: bool
    """True where both passes of guidance are one batch; otherwise one follows the other."""
    tiled: bool
    """True where the pipeline's documents decode in tiles."""


def models(tiny: bool) -> dict[str, Parts]:
    """Return the parts by model, the most valuable model first."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    kinds = ("encoders", "autoencoders")
    known = {k: {name: _part(name, row, tiny) for name, row in rows[k].items()} for k in kinds}
    return {
        name: Parts(
            model=name,
            denoiser=_part(name, row["denoiser"], tiny),
            encoders=tuple((known["encoders"][k], n) for k, n in row["encoders"].items()),
            autoencoder=known["autoencoders"][row["autoencoder"]],
            passes_together=row["passes_together"],
            tiled=row["tiled"],
        )
        for name, row in rows["models"].items()
    }


def _part(name: str, row: Mapping[str, Any], tiny: bool) -> Part:
    return Part(name, row["class"], row["config"] | (row["tiny"] if tiny else {}))


def parameters(module: torch.nn.Module) -> int:
    """Return the number of weights, each shared one once and without fixed tables."""
    return sum(weights.numel() for weights in module.parameters())
