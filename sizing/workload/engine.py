"""How it is served."""

from enum import StrEnum
from typing import Literal

from sizing.values.strict import Strict
from sizing.values.written import PositiveCount


class Routing(StrEnum):
    least_requests = "least_requests"
    """To the replica with the fewest requests; sized as in turn, on the safe side."""
    round_robin = "round_robin"
    """To each replica in turn."""
    sticky = "sticky"
    """A conversation stays with its replica, which still has its prefix."""


class Engine(Strict):
    name: Literal["vllm"] = "vllm"
    """Serving engine."""
    kv_precision: Literal["fp16", "fp8"] = "fp16"
    """Precision of the KV cache: 16-bit, or 8-bit floating point."""
    max_sequences: PositiveCount | None = None
    """Most sequences in one batch; what memory holds when left out."""
    routing: Routing = Routing.least_requests
    """How requests are spread over the replicas."""
