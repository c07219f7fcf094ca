"""Sized services of several workload files, and which of them is better.

A leaf is compared between services that have a pool. Each service must know it, and the leaves that
it depends on must be equal: fewer GPUs for a smaller load are not better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel

from sizing.plan.service.whole import ServicePlan
from sizing.values.exact import Number


class Better(StrEnum):
    less = "less"
    more = "more"


@dataclass(frozen=True)
class Sized:
    """The service of one workload file."""

    file: Path
    service: ServicePlan


@dataclass(frozen=True)
class Measure:
    """A leaf of a service, its better direction, and the leaves that must be equal."""

    better: Better
    alike: tuple[str, ...] = ()


LOAD = (
    "traffic.requests_per_s_mean",
    "traffic.requests_per_s_peak",
    "inputs.request",
    "capacity.load",
)
MEASURES: Mapping[str, Measure] = {
    "pool.gpus_needed": Measure(Better.less, (*LOAD, "pool.gpu")),
    "pool.gpus_total": Measure(Better.less, (*LOAD, "pool.gpu")),
    "pool.nodes_needed": Measure(Better.less, (*LOAD, "pool.instance_type")),
    "pool.nodes_total": Measure(Better.less, (*LOAD, "pool.instance_type")),
    "pool.survives.nodes": Measure(Better.more),
    "pool.survives.zones": Measure(Better.more),
    "calibrated.safe.ttft_ms": Measure(Better.less, (*LOAD, "calibrated.percentile")),
    "calibrated.safe.tpot_ms": Measure(Better.less, (*LOAD, "calibrated.percentile")),
    "item.sized_s": Measure(Better.less, (*LOAD, "item.quantile_percent")),
    "latency.response_s": Measure(Better.less, (*LOAD, "latency.percentile")),
    "choice.pool_usd_per_month": Measure(Better.less, LOAD),
}


def leaf(service: ServicePlan, path: str) -> object:
    """Value at a path like `pool.survives.nodes`; None where a part of it is absent."""
    value: object = service
    for step in path.split("."):
        value = getattr(value, step) if isinstance(value, BaseModel) else None
    return value


def best(services: Sequence[ServicePlan], path: str) -> frozenset[int]:
    """Indices of the better services; empty where the comparison has no meaning."""
    measure = MEASURES.get(path)
    known = [index for index, service in enumerate(services) if service.pool is not None]
    if measure is None:
        return frozenset()
    for other in measure.alike:
        first, *rest = (leaf(services[index], other) for index in known) if known else (None,)
        if any(value != first for value in rest):
            return frozenset()
    values = {index: number(leaf(services[index], path)) for index in known}
    numbers = [value for value in values.values() if value is not None]
    if len(numbers) < len(values) or len(set(numbers)) < 2:
        return frozenset()
    top = (min if measure.better is Better.less else max)(numbers)
    return frozenset(index for index, value in values.items() if value == top)


def number(value: object) -> Number | None:
    """The value if it is a number."""
    return value if isinstance(value, int | float) else None
