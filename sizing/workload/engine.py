"""Serving engine and its limits, and what it lacks of the things that a workload requests."""

from collections.abc import Callable
from enum import StrEnum
from typing import Literal

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict
from sizing.values.written import PositiveCount
from sizing.workload.engine_traits import ENGINES, EngineName, EngineTraits
from sizing.workload.hardware import Hardware
from sizing.workload.kinds import InTransit
from sizing.workload.targets import Capacity


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
    """Serving engine, or auto for the cheapest one."""
    kv_precision: Literal["fp16", "fp8"] = "fp16"
    """Precision of the KV cache: 16-bit, or 8-bit floating point."""
    max_sequences: PositiveCount | None = None
    """Maximum sequences in one batch. When left out, the number that fits in memory applies."""
    routing: Routing = Routing.least_requests
    """Distribution of requests over the replicas."""


def refusal(
    engine: EngineName,
    *,
    capacity: Capacity | None,
    hardware: Hardware | None,
    in_transit: InTransit | None,
) -> FieldError | None:
    """Return the error of the first field that this version cannot build with the engine.

    The error names the field, and the engines with which it can be built. The result is None where
    there is no such field.
    """
    if capacity is not None and capacity.burst_gpus and ENGINES[engine].gauges is None:
        return _lacks(
            ("capacity", "burst_gpus"),
            f"{engine} exports no count of its requests, by which a burst would start",
            "0",
            lambda traits: traits.gauges is not None,
        )
    over_nodes = hardware is not None and (hardware.nodes_per_replica or 1) > 1
    if over_nodes and ENGINES[engine].groups is None:
        return _lacks(
            ("hardware", "nodes_per_replica"),
            f"this version builds no replicas over several nodes for {engine}",
            "1",
            lambda traits: traits.groups is not None,
        )
    if in_transit is not None and not ENGINES[engine].makes_certificates:
        return _lacks(
            ("in_transit",),
            f"nothing states that the image of {engine} can make a certificate for HTTPS",
            "none: plain HTTP",
            lambda traits: traits.makes_certificates,
        )
    return None


def _lacks(
    field: tuple[str, ...], message: str, instead: str, has: Callable[[EngineTraits], bool]
) -> FieldError:
    able = " or ".join(name for name, traits in ENGINES.items() if has(traits))
    return FieldError(field, message, instead, f"or set engine.name: {able}")
