"""Why does a number of the plan have its value? Explanations of all numeric leaves, on demand."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from string import Formatter
from typing import Any

from sizing.explained.buying import BUYING
from sizing.explained.entry import Basis, Entry, Explainer, Leaf, Registry
from sizing.explained.inputs import input_entry, site_entry
from sizing.explained.published import remarks
from sizing.explained.service.application.api import API
from sizing.explained.service.application.cache import CACHE
from sizing.explained.service.application.context import CONTEXT
from sizing.explained.service.application.direct import DIRECT
from sizing.explained.service.application.feedback import FEEDBACK
from sizing.explained.service.application.page import PAGE
from sizing.explained.service.application.route import ROUTE
from sizing.explained.service.burst import BURST
from sizing.explained.service.calibrated import CALIBRATED
from sizing.explained.service.capacity import CAPACITY
from sizing.explained.service.disks import DISKS
from sizing.explained.service.files.artefact import ARTEFACT
from sizing.explained.service.files.cdn import CDN
from sizing.explained.service.files.objects import OBJECTS
from sizing.explained.service.files.region_copy import REGION_COPY
from sizing.explained.service.files.renditions import RENDITIONS
from sizing.explained.service.gateway import GATEWAY
from sizing.explained.service.host_memory.host_cache import HOST_CACHE
from sizing.explained.service.items.item import ITEM
from sizing.explained.service.items.jobs import JOBS
from sizing.explained.service.latency import LATENCY
from sizing.explained.service.memory import MEMORY
from sizing.explained.service.pool import POOL
from sizing.explained.service.prompt import PROMPT
from sizing.explained.service.serving import SERVING
from sizing.explained.service.states import STATES
from sizing.explained.service.stores import STORES
from sizing.explained.service.weights_import import WEIGHTS_IMPORT
from sizing.explained.stack.addresses import ADDRESSES
from sizing.explained.stack.cluster import CLUSTER
from sizing.explained.stack.held import HELD
from sizing.explained.stack.monitoring import MONITORING
from sizing.explained.stack.network import NETWORK
from sizing.explained.stack.nodes import NODES
from sizing.plan.part import Part
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.values.exact import Number, plain
from sizing.workload.prompt.derived import StageWorkload

REGISTRY: Registry = {
    **CAPACITY,
    **CALIBRATED,
    **ITEM,
    **JOBS,
    **LATENCY,
    **STATES,
    **MEMORY,
    **POOL,
    **STORES,
    **ARTEFACT,
    **RENDITIONS,
    **API,
    **FEEDBACK,
    **CONTEXT,
    **DIRECT,
    **CACHE,
    **ROUTE,
    **PAGE,
    **OBJECTS,
    **REGION_COPY,
    **CDN,
    **DISKS,
    **GATEWAY,
    **HOST_CACHE,
    **WEIGHTS_IMPORT,
    **SERVING,
    **PROMPT,
    **BURST,
    **BUYING,
    **NODES,
    **ADDRESSES,
    **NETWORK,
    **CLUSTER,
    **MONITORING,
    **HELD,
}

WORKLOAD_FILE = "the workload file:"
"""Start of the source of a stated number."""


@dataclass(frozen=True)
class Explanation:
    """One number: its meaning, its formula in symbols and in numbers, and its source."""

    pointer: str
    """JSON pointer into the plan."""
    value: Number
    meaning: str
    symbols: str
    numbers: str
    arithmetic: bool
    """True where `numbers` is plain arithmetic that gives the value."""
    basis: Basis
    source: str
    low: Number | None
    high: Number | None
    remarks: tuple[str, ...]


class _Numbers(Formatter):
    """Formatter that fills a formula with numbers, without separators and with ten digits."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, (Decimal, float, int)) and not isinstance(value, bool):
            short = plain(Decimal(str(value)))
            return str(short) if isinstance(short, int) else f"{short:.10g}"
        return str(value)


def numeric_leaves(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Number]]:
    """Yield every number below a JSON value, with its JSON pointer, in order."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from numeric_leaves(child, (*path, str(key)))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from numeric_leaves(child, (*path, str(index)))
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield "/" + "/".join(path), value


def explain(plan: Plan, pointer: str) -> Explanation:
    """Return the explanation of the number at a JSON pointer.

    Raises KeyError where the pointer has no value, or its value is not a number.
    """
    values = dict(numeric_leaves(plan.as_json()))
    return _explained(plan, pointer, values[pointer])


def explain_all(plan: Plan) -> tuple[Explanation, ...]:
    """Return the explanations of every numeric leaf, in the plan's order."""
    leaves = numeric_leaves(plan.as_json())
    return tuple(_explained(plan, pointer, value) for pointer, value in leaves)


def _explained(plan: Plan, pointer: str, value: Number) -> Explanation:
    leaf = Leaf.at(plan, pointer, value)
    entry = _entry(leaf)
    fill = _Numbers()
    names = leaf.names()
    low, high = entry.band or (None, None)
    return Explanation(
        pointer=pointer,
        value=value,
        meaning=entry.meaning,
        symbols=entry.symbols,
        numbers=fill.vformat(entry.numbers, (), names),
        arithmetic=entry.arithmetic,
        basis=entry.basis,
        source=stated_at(leaf, fill.vformat(entry.source, (), names)),
        low=low,
        high=high,
        remarks=(*entry.remarks, *remarks(leaf)),
    )


def stated_at(leaf: Leaf, source: str) -> str:
    """Source of a number; the inputs of a stage follow from the workload file of its caller."""
    stage = leaf.service.inputs if leaf.service is not None else None
    if not isinstance(stage, StageWorkload) or not source.startswith(WORKLOAD_FILE):
        return source
    field = source.removeprefix(WORKLOAD_FILE)
    return f"{'.'.join(stage.place)} in the workload file of {stage.parent}, which gives{field}"


def _entry(leaf: Leaf) -> Entry:
    """Return the entry of the leaf's field. Inputs explain themselves.

    Raises LookupError for a leaf without an explanation, a defect that a test detects.
    """
    if leaf.part is ServicePlan and leaf.field.startswith("inputs."):
        return input_entry(leaf)
    if leaf.part is Plan and leaf.field.startswith("site."):
        return site_entry(leaf)
    entry = registered(leaf.part, leaf.field)
    if entry is None:
        raise LookupError(f"no explanation for {leaf.part.__name__}.{leaf.field}")
    return entry(leaf) if callable(entry) else entry


def registered(part: type[Part], field: str) -> Explainer | None:
    """Return the explanation of a field: the part's own, else that of the part it extends."""
    for kind in part.__mro__:
        for pattern, entry in REGISTRY.get(kind, {}).items():
            if fnmatchcase(field, pattern):
                return entry
    return None
