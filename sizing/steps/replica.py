"""What is the layout of one replica: which precision, over how many cards?"""

from dataclasses import dataclass
from typing import Literal

from sizing.workload import Precision

KvPrecision = Literal["fp16", "fp8"]


@dataclass(frozen=True)
class Parallel:
    """Cards of one replica: tensor x data x pipeline parallel.

    Data parallel applies to attention. Each rank keeps its own sequences and its own copy of all
    but the routed experts. These are spread over all cards of a pipeline stage. Each card has a
    slice of all experts, or whole ones (expert parallel), which costs the same here.
    """

    tensor: int = 1
    data: int = 1
    pipeline: int = 1

    @property
    def gpus(self) -> int:
        """Number of cards: tensor x data x pipeline."""
        return self.tensor * self.data * self.pipeline

    @property
    def stage_gpus(self) -> int:
        """Number of cards that share one layer."""
        return self.tensor * self.data


@dataclass(frozen=True)
class Formats:
    """Formats of weights, routed experts and KV cache."""

    weights: Precision
    experts: Precision
    kv: KvPrecision = "fp16"

    @property
    def of_parameters(self) -> tuple[Precision, Precision]:
        """Formats of the weights and of the routed experts."""
        return self.weights, self.experts
