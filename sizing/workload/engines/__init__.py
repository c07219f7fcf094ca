"""Which serving engines are there? Each has one row, which every other place reads."""

from decimal import Decimal
from enum import StrEnum

from sizing.workload.engines.requests import Histogram, RequestMetrics
from sizing.workload.engines.sglang import SGLANG
from sizing.workload.engines.tensorrt_llm import TENSORRT_LLM
from sizing.workload.engines.traits import TEXT, EngineTraits
from sizing.workload.engines.vllm import VLLM
from sizing.workload.engines.vllm_omni import VLLM_OMNI
from sizing.workload.kinds import Kind
from sizing.workload.targets import Latency

__all__ = [
    "ENGINES",
    "EngineName",
    "EngineTraits",
    "engines_of",
    "request_metrics",
    "unwatched",
]


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


def request_metrics(kind: Kind, engine: EngineName) -> RequestMetrics | None:
    """Metrics of requests that alerts compare with the plan; None where there are none."""
    return engine.traits.requests if kind in TEXT else None


def unwatched(kind: Kind, engine: EngineName, latency: Latency | None) -> str | None:
    """Alerts on requests that a service lacks, and the reason; None where it has all."""
    metrics = request_metrics(kind, engine)
    if kind not in TEXT:
        return f"no alerts on requests: the plan has no numbers for those of kind {kind}"
    if metrics is None:
        return f"no alerts on requests: {engine} exports no metrics of them that alerts may watch"
    targets = latency or Latency()
    missing = [_beyond("TTFT", engine, metrics.first_token, targets.ttft_ms)]
    if metrics.each_token is None:
        missing.append(
            f"no alerts on the target of TPOT: {engine} counts tokens there, not requests"
        )
    else:
        missing.append(_beyond("TPOT", engine, metrics.each_token, targets.tpot_ms))
    return "; ".join(filter(None, missing)) or None


def _beyond(
    name: str, engine: EngineName, seconds: Histogram, target_ms: Decimal | None
) -> str | None:
    """Reason why a target has no alert; None where a bucket holds it, or without one."""
    if target_ms is None or seconds.bound_at_least(float(target_ms) / 1000) is not None:
        return None
    last = f"{seconds.bounds_s[-1]:g}"
    return f"no alerts on the target of {name}: the last bucket of {engine} ends at {last} s"
