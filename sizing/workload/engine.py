"""Serving engine and its limits."""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from sizing.values.strict import Strict
from sizing.values.written import PositiveCount
from sizing.workload.engine_traits import EngineName
from sizing.workload.kinds import Runtime


class Routing(StrEnum):
    least_requests = "least_requests"
    """Requests go to the replica with the fewest requests. It is sized as round_robin, which is
    conservative."""
    round_robin = "round_robin"
    """Requests go to each replica in turn."""
    sticky = "sticky"
    """A conversation remains with its replica, which still has its prefix in the cache."""


class Engine(Strict):
    name: EngineName = EngineName.vllm
    """Serving engine."""
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
