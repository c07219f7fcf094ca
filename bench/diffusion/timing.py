"""How long does one call take on this device, and how much memory does it use at its peak?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch

FP8 = torch.float8_e4m3fn
FP8_MOST = torch.finfo(FP8).max
FP8_MULTIPLE = 16
"""Widths that the kernels for 8 bits accept are multiples of it. Basis: vendor (PyTorch)."""


@dataclass(frozen=True)
class Calls:
    """How often a part is called."""

    warm_up: int
    """Calls before the first timed one: kernels are chosen and compiled in them."""
    fewest: int
    most: int
    limit_s: float
    """Seconds after which only the fewest calls are timed."""


FULL = Calls(warm_up=2, fewest=3, most=10, limit_s=8.0)
"""Basis: assumed; a slow step varies little."""
ONCE = Calls(warm_up=1, fewest=1, most=1, limit_s=0.0)
"""For a test of whether a part runs."""


@dataclass(frozen=True)
class Timed:
    """Times of one call in milliseconds."""

    median_ms: float
    low_ms: float
    high_ms: float
    calls: int
    peak_gb: float | None
    """GB of device memory at the peak, weights included; None on a CPU."""
    finite: bool
    """True where the result has no infinity and no NaN."""


def timed(call: Callable[[], torch.Tensor], device: str, calls: Calls) -> Timed:
    """Return the times of a call, each from its start to the end of its work on the device."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    times: list[float] = []
    with torch.no_grad():
        for _ in range(calls.warm_up):
            result = call()
        finite = bool(torch.isfinite(result).all())
        del result
        _wait(device)
        begin = time.perf_counter()
        while len(times) < calls.most and (
            len(times) < calls.fewest or time.perf_counter() - begin < calls.limit_s
        ):
            start = time.perf_counter()
            call()
            _wait(device)
            times.append(1000 * (time.perf_counter() - start))
    peak = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None
    return Timed(median(times), min(times), max(times), len(times), peak, finite)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


class Fp8Linear(torch.nn.Module):
    """Linear layer with weights and inputs in 8 bits (E4M3), and one scale for each row.

    Basis: the dynamic quantisation that public engines use for image and video models.
    """

    def __init__(self, wide: torch.nn.Linear) -> None:
        super().__init__()
        weights, scale = eight_bits(wide.weight)
        self.register_buffer("weights", weights)
        self.register_buffer("scale", scale)
        self.bias = wide.bias
        self.in_features, self.out_features = wide.in_features, wide.out_features

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        rows, scale = eight_bits(values.reshape(-1, self.in_features))
        made = torch._scaled_mm(
            rows,
            self.weights.t(),
            scale_a=scale,
            scale_b=self.scale.t(),
            bias=self.bias,
            out_dtype=values.dtype,
        )
        return made.reshape(*values.shape[:-1], self.out_features)


def eight_bits(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows in 8 bits and their scales: rows = 8 bits x scale."""
    scale = rows.abs().amax(dim=1, keepdim=True).float().clamp(min=1e-12) / FP8_MOST
    return (rows / scale).to(FP8), scale


def to_eight_bits(module: torch.nn.Module) -> int:
    """Replace the linear layers of a denoiser's blocks, and return their number.

    Layers outside the blocks, and layers whose widths the kernels refuse, keep their precision.
    """
    replaced = 0
    for blocks in module.children():
        if isinstance(blocks, torch.nn.ModuleList):
            replaced += _replaced(blocks)
    return replaced


def _replaced(module: torch.nn.Module) -> int:
    replaced = 0
    for name, child in module.named_children():
        if not isinstance(child, torch.nn.Linear):
            replaced += _replaced(child)
        elif child.in_features % FP8_MULTIPLE == 0 and child.out_features % FP8_MULTIPLE == 0:
            setattr(module, name, Fp8Linear(child))
            replaced += 1
    return replaced


def compile_blocks(module: torch.nn.Module, device: str) -> None:
    """Compile a transformer block by block, since equal blocks share their code, and any other
    denoiser as a whole. Shapes are fixed. On a CPU the blocks are traced and not made faster."""
    torch._dynamo.reset()
    backend = "inductor" if device == "cuda" else "aot_eager"
    lists = [child for child in module.children() if isinstance(child, torch.nn.ModuleList)]
    if not all(len({type(block) for block in blocks}) == 1 for blocks in lists):
        module.compile(backend=backend, dynamic=False)
        return
    for blocks in lists:
        for block in blocks:
            block.compile(backend=backend, dynamic=False)
