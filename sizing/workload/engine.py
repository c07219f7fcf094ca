"""Serving engine and its limits, and what it lacks of the things that a workload requests."""

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sizing.values.exact import plain
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import PositiveCount, Ratio
from sizing.workload.engines import ENGINES, EngineName, EngineTraits, engines_of
from sizing.workload.engines.traits import Setting
from sizing.workload.hardware import Hardware
from sizing.workload.kinds import InTransit, Kind, Runtime
from sizing.workload.targets import Capacity

MOST_DRAFTED = 7
"""Largest number of drafted tokens. Basis: arithmetic over a vendor's default: 256 sequences with 8
positions each are the 2,048 tokens of vLLM's smallest step (vllm/config/scheduler.py, 0.30.0)."""
WITH_WEIGHTS = ("eagle", "eagle3", "draft_model", "medusa", "mlp_speculator", "dflash")
"""Other methods of vLLM that draft with a model (vllm/config/speculative.py, 0.30.0)."""


HitRatio = Annotated[Ratio, Field(ge=0, le=1)]


class Routing(StrEnum):
    least_requests = "least_requests"
    """Requests go to the replica with the fewest requests. It is sized as round_robin, which is
    conservative."""
    round_robin = "round_robin"
    """Requests go to each replica in turn."""
    sticky = "sticky"
    """A conversation remains with its replica, which still has its prefix in the cache."""


class DraftMethod(StrEnum):
    ngram = "ngram"
    """Tokens that followed the same words earlier in the prompt or the answer. It needs no weights
    of its own."""
    mtp = "mtp"
    """Layers of the checkpoint itself that predict further tokens, as in DeepSeek-V3."""


def _without_weights(value: Any) -> Any:
    """Return the value. The error of a method with weights says why this version lacks it."""
    if isinstance(value, str) and value.strip().lower() in WITH_WEIGHTS:
        message = f"{value} drafts with a model of its own, which this version does not size"
        raise FieldError((), message, " or ".join(DraftMethod))
    return value


class Speculative(Strict):
    """Speculative decoding. The user measures its two effects; nothing here is guessed."""

    method: Annotated[
        DraftMethod, BeforeValidator(_without_weights, json_schema_input_type=DraftMethod)
    ]
    """Method that drafts the tokens."""
    draft_tokens: Annotated[PositiveCount, Field(le=MOST_DRAFTED)]
    """Drafted tokens that a step verifies for each sequence."""
    acceptance_length: Annotated[Ratio, Field(ge=1)]
    """Mean tokens of one step, the model's own token included. vLLM logs it as the mean acceptance
    length."""
    draft_cost_ratio: Annotated[Ratio, Field(ge=0, le=1)]
    """Time of drafting over the time of the step that verifies the drafts."""

    @model_validator(mode="after")
    def _accepts_what_is_drafted(self) -> Self:
        most = Decimal(self.draft_tokens + 1)
        if self.acceptance_length > most:
            raise FieldError(
                ("acceptance_length",),
                f"found {plain(self.acceptance_length)}",
                f"at most {most}: {self.draft_tokens} drafted tokens and the model's own",
            )
        return self


class Hits(Strict):
    """Hits of a cache. The user measures them; nothing is guessed."""

    hit_ratio: HitRatio
    low_hit_ratio: HitRatio | None = None
    """Conservative end of the share, which sizes the service. When left out, `hit_ratio`
    applies."""
    high_hit_ratio: HitRatio | None = None
    """Optimistic end of the share. When left out, `hit_ratio` applies."""

    @model_validator(mode="after")
    def _ends_are_ordered(self) -> Self:
        if self.low > self.hit_ratio:
            message = f"{plain(self.low)} is above hit_ratio"
            raise FieldError(("low_hit_ratio",), message, f"at most {plain(self.hit_ratio)}")
        if self.high < self.hit_ratio:
            message = f"{plain(self.high)} is below hit_ratio"
            raise FieldError(("high_hit_ratio",), message, f"at least {plain(self.hit_ratio)}")
        return self

    @property
    def low(self) -> Decimal:
        """Conservative end of the share."""
        return self.hit_ratio if self.low_hit_ratio is None else self.low_hit_ratio

    @property
    def high(self) -> Decimal:
        """Optimistic end of the share."""
        return self.hit_ratio if self.high_hit_ratio is None else self.high_hit_ratio


class KvOffload(Hits):
    """KV cache in the host memory of the node. The user measures the hits; nothing is guessed."""

    hit_ratio: HitRatio
    """Share of the prompt tokens that the GPU's cache lacks and the host memory has. vLLM counts
    both: external_prefix_cache_hits over external_prefix_cache_queries."""


class Engine(Strict):
    name: EngineName = EngineName.vllm
    """Serving engine, or auto for the cheapest one. When left out, images use vllm-omni."""
    kv_precision: Literal["fp16", "fp8"] = "fp16"
    """Precision of the KV cache: 16-bit, or 8-bit floating point."""
    max_sequences: PositiveCount | None = None
    """Maximum sequences in one batch. When left out, the number that fits in memory applies."""
    routing: Routing = Routing.least_requests
    """Distribution of requests over the replicas."""
    runtime: Runtime = Field(
        default=Runtime.compiled, exclude_if=lambda runtime: runtime is Runtime.compiled
    )
    """Way in which the kernels of an image or video model run."""
    speculative: Annotated[Speculative | None, Field(exclude_if=absent)] = None
    """Speculative decoding, with its measured effects. When left out, nothing is drafted."""
    kv_offload: Annotated[KvOffload | None, Field(exclude_if=absent)] = None
    """KV cache in the host memory of the node. When left out, only the GPUs cache."""


def refusal(
    engine: EngineName,
    *,
    kind: Kind,
    capacity: Capacity | None,
    hardware: Hardware | None,
    in_transit: InTransit | None,
    speculative: Speculative | None,
    kv_offload: KvOffload | None,
) -> FieldError | None:
    """Return the error of the first field that this version cannot build with the engine.

    The error names the field, and the engines with which it can be built. The result is None where
    there is no such field.
    """
    able = engines_of(kind)
    if able and engine not in able:
        message = f"{engine} does not serve {kind.value}"
        return FieldError(("engine", "name"), message, " or ".join(able))
    if capacity is not None and capacity.burst_gpus and ENGINES[engine].gauges is None:
        return _lacks(
            kind,
            ("capacity", "burst_gpus"),
            f"{engine} exports no count of its requests, by which a burst would start",
            "0",
            lambda traits: traits.gauges is not None,
        )
    over_nodes = hardware is not None and (hardware.nodes_per_replica or 1) > 1
    if over_nodes and ENGINES[engine].groups is None:
        return _lacks(
            kind,
            ("hardware", "nodes_per_replica"),
            f"this version builds no replicas over several nodes for {engine}",
            "1",
            lambda traits: traits.groups is not None,
        )
    if in_transit is not None and not ENGINES[engine].makes_certificates:
        return _lacks(
            kind,
            ("in_transit",),
            f"nothing states that the image of {engine} can make a certificate for HTTPS",
            "none: plain HTTP",
            lambda traits: traits.makes_certificates,
        )
    if speculative is not None and Setting.speculation not in ENGINES[engine].flags:
        return _lacks(
            kind,
            ("engine", "speculative"),
            f"this version drafts no tokens with {engine}",
            "none",
            lambda traits: Setting.speculation in traits.flags,
        )
    return None if kv_offload is None else _no_host_cache(engine, kind)


def _no_host_cache(engine: EngineName, kind: Kind) -> FieldError | None:
    """Error of a KV cache in host memory that the engine or the kind lacks."""
    field = ("engine", "kv_offload")
    if kind.traits.makes_media:
        return FieldError(field, f"a model of kind {kind.value} has no KV cache", "none")
    if Setting.host_cache in ENGINES[engine].flags:
        return None
    message = f"this version keeps no KV cache in host memory with {engine}"
    return _lacks(kind, field, message, "none", lambda traits: Setting.host_cache in traits.flags)


def _lacks(
    kind: Kind,
    field: tuple[str, ...],
    message: str,
    instead: str,
    has: Callable[[EngineTraits], bool],
) -> FieldError:
    able = " or ".join(name for name in engines_of(kind) if has(name.traits))
    return FieldError(field, message, instead, f"or set engine.name: {able}" if able else "")
