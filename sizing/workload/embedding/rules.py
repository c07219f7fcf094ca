"""Which fields of a workload does an embedding have?"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sizing.values.field_error import FieldError
from sizing.workload.engine import Routing

if TYPE_CHECKING:
    from sizing.workload.whole import Workload

NO_DECODING = "an embedding is one pass over its text, without decoding"
NO_CACHE = "an embedding keeps no KV cache between requests"


def check_embedding(workload: "Workload") -> None:
    """Check the lengths of a request, and that an embedding states nothing about decoding.

    Raises FieldError.
    """
    request = workload.request
    if workload.kind.traits.generates:
        if request.input_tokens is not None and request.output_tokens is None:
            expected = "input_tokens and output_tokens together"
            raise FieldError(("request", "output_tokens"), "missing", expected)
        return
    for fault in _faults(workload):
        raise fault
    if request.input_tokens is None:
        raise FieldError(("request", "input_tokens"), "missing", "tokens of one text")
    if workload.model.name is None and request.context_tokens is None:
        message = "missing, and the model has no name of the catalog"
        raise FieldError(("request", "context_tokens"), message, "tokens of the longest text")


def _faults(workload: "Workload") -> Iterator[FieldError]:
    """Errors of fields that an embedding lacks."""
    request, engine, hardware = workload.request, workload.engine, workload.hardware
    if request.tokens is not None:
        message = "an embedding has no answer, whose tokens would count too"
        yield FieldError(("request", "tokens"), message, "input_tokens")
    if request.output_tokens is not None:
        yield FieldError(("request", "output_tokens"), NO_DECODING, "none")
    if request.turns > 1:
        yield FieldError(("request", "turns"), "an embedding has no conversation", "1")
    if request.shared_prefix_tokens:
        yield FieldError(("request", "shared_prefix_tokens"), NO_CACHE, "0")
    if engine.speculative is not None:
        yield FieldError(("engine", "speculative"), NO_DECODING, "none")
    if engine.kv_offload is not None:
        yield FieldError(("engine", "kv_offload"), NO_CACHE, "none")
    if engine.kv_precision != "fp16":
        yield FieldError(("engine", "kv_precision"), NO_CACHE, "none")
    if engine.routing is Routing.sticky:
        expected = Routing.least_requests.value
        yield FieldError(("engine", "routing"), NO_CACHE, expected)
    if workload.access.tokens_per_key_per_min is not None:
        message = "one request has several texts, which the firewall cannot count"
        yield FieldError(("access", "tokens_per_key_per_min"), message, "requests_per_key_per_min")
    if hardware is not None and (hardware.nodes_per_replica or 1) > 1:
        message = "an embedding model fits into one node"
        yield FieldError(("hardware", "nodes_per_replica"), message, "1, or none")
