"""Which serving engines are there? Each has one row, which every other place reads."""

from enum import StrEnum

from sizing.workload.engines.sglang import SGLANG
from sizing.workload.engines.tensorrt_llm import TENSORRT_LLM
from sizing.workload.engines.traits import EngineTraits
from sizing.workload.engines.vllm import VLLM
from sizing.workload.engines.vllm_omni import VLLM_OMNI
from sizing.workload.kinds import Kind

__all__ = ["ENGINES", "EngineName", "EngineTraits", "engines_of"]


class EngineName(StrEnum):
    vllm = "vllm"
    """vLLM, with its OpenAI-compatible server."""
    sglang = "sglang"
    """SGLang, with its OpenAI-compatible server."""
    tensorrt_llm = "tensorrt-llm"
    """TensorRT-LLM with its PyTorch backend and its OpenAI-compatible server."""
    vllm_omni = "vllm-omni"
    """vLLM-Omni, with its OpenAI-compatible server for images."""
    auto = "auto"
    """Sizing chooses the cheapest engine among those that can be built for the workload."""

    @property
    def traits(self) -> EngineTraits:
        """What follows from the engine. Raises KeyError for auto, which a ranking replaces."""
        return ENGINES[self]


ENGINES = {
    EngineName.vllm: VLLM,
    EngineName.sglang: SGLANG,
    EngineName.tensorrt_llm: TENSORRT_LLM,
    EngineName.vllm_omni: VLLM_OMNI,
}
"""Engines in order of preference where two cost the same."""


def engines_of(kind: Kind) -> tuple[EngineName, ...]:
    """Engines that serve a kind of workload, its default first; empty where none does."""
    return tuple(name for name, traits in ENGINES.items() if kind in traits.kinds)
