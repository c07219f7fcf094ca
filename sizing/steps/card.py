"""What is the highest rate of one accelerator, in the units of a step?"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sizing.catalog.records import Gpu
from sizing.values.exact import exact
from sizing.values.units import GB, TERA
from sizing.workload import Precision

MS = 1000
PCIE_GB_PER_S = 64
"""GB/s of a 16-lane PCIe 4 slot, both directions, for cards whose link is unknown. Basis:
PCI-SIG."""
FAMILIES = {"7": "volta", "8.0": "ampere", "8.6": "ampere", "8.9": "ada", "9": "hopper"}
"""Generations by compute capability. Basis: vendor (CUDA programming guide)."""
BLACKWELL, WORKSTATION_BLACKWELL = 10, 12
"""Compute capabilities of Blackwell. 12 shares the name, but not the kernels: it has other tensor
cores and no NVLink."""


@dataclass(frozen=True)
class Card:
    """Datasheet rates of one accelerator, per millisecond.

    Basis: vendor (data/gpus.csv), dense.
    """

    name: str
    family: str
    bytes_per_ms: float
    flop_per_ms: Mapping[Precision, float]
    link_bytes_per_ms: float
    """Bytes per millisecond in one direction to other cards."""
    nvlink: bool


def card(gpu: Gpu, share: float = 1.0) -> Card | None:
    """Return the accelerator, or a share of it; None without bandwidth or arithmetic rate."""
    if gpu.memory_bandwidth_gb_per_s is None:
        return None
    rates = {precision: card_flop_per_s(gpu, precision) for precision in Precision}
    flops = {p: float(rate) / MS * share for p, rate in rates.items() if rate is not None}
    if Precision.bf16 not in flops:
        return None
    return Card(
        name=gpu.name,
        family=family(gpu),
        bytes_per_ms=float(gpu.memory_bandwidth_gb_per_s) * GB / MS * share,
        flop_per_ms=flops,
        link_bytes_per_ms=float(gpu.interconnect_gb_per_s or PCIE_GB_PER_S) / 2 * GB / MS,
        nvlink="NVLink" in (gpu.interconnect or ""),
    )


def family(gpu: Gpu) -> str:
    """Generation of an NVIDIA card, or `other` for the rest."""
    if gpu.vendor != "NVIDIA" or gpu.compute_capability is None:
        return "other"
    if gpu.compute_capability >= WORKSTATION_BLACKWELL:
        return "blackwell-workstation"
    if gpu.compute_capability >= BLACKWELL:
        return "blackwell"
    capability = str(gpu.compute_capability)
    return FAMILIES.get(capability) or FAMILIES.get(capability.split(".", maxsplit=1)[0], "other")


def card_flop_per_s(gpu: Gpu, precision: Precision) -> Fraction | None:
    """Dense peak rate of a whole card for that precision, FLOP/s; None when unknown.

    Weight-only formats (int4, nf4) are computed in 16 bits, as the engines do.
    Basis: vendor (datasheets, dense; see data/gpus.csv).
    """
    if precision is Precision.fp32:
        return None
    tflops = {
        Precision.fp8: gpu.fp8_tflops if gpu.native_fp8 else gpu.fp16_tflops,
        Precision.int8: gpu.int8_tops or gpu.fp16_tflops,
        Precision.fp4: gpu.fp4_tflops if gpu.native_fp4 else gpu.fp16_tflops,
    }.get(precision, gpu.fp16_tflops)
    return None if tflops is None else exact(tflops) * TERA
