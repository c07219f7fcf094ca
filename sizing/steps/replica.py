"""How one replica is laid out: which precision, over how many cards."""

from dataclasses import dataclass
from typing import Literal

from sizing.workload import Precision

KvPrecision = Literal["fp16", "fp8"]


@dataclass(frozen=True)
class Parallel:
    """Cards of one replica: tensor x data x pipeline parallel.

    Data parallel means attention: each rank keeps its own sequences and its own copy of all but the
    routed experts, which are spread over all cards of a pipeline stage: each a slice of all, or
    whole ones of each (expert parallel), which costs the same here.
    """

    tensor: int = 1
    data: int = 1
    pipeline: int = 1

    @property
    def gpus(self) -> int:
        """tensor x data x pipeline"""
        return self.tensor * self.data * self.pipeline

    @property
    def stage_gpus(self) -> int:
        """Cards that share one layer."""
        return self.tensor * self.data


@dataclass(frozen=True)
class Formats:
    """What weights, routed experts and KV cache are stored in."""

    weights: Precision
    experts: Precision
    kv: KvPrecision = "fp16"
