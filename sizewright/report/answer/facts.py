"""Rows of the catalog for people: a list of one kind, or one row with all its facts."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from sizewright.layout.leaf import leaf_text
from sizewright.layout.numbers import UNKNOWN, data_size, number
from sizewright.layout.table import Table
from sizing.catalog import Checkpoint, EngineSupport, Gpu, InstanceType, ModelFacts, Pin

Row = InstanceType | Gpu | ModelFacts | Checkpoint | EngineSupport | Pin
ORIGIN = ("source", "checked", "confidence", "notes")
ABSENT = {
    "min_compute_capability": "does not run",
    "max_compute_capability": "no limit",
    "checked": "no date stated",
}
"""Columns whose absence has a known meaning, with this meaning."""


def fact_rows(row: Row) -> Iterator[tuple[str, str]]:
    """Columns and values, marked where nobody verified them; origin and unknown come last."""
    unverified: tuple[str, ...] = getattr(row, "unverified", ())
    unknown = list[str]()
    for column in type(row).model_fields:
        value = getattr(row, column)
        if column in (*ORIGIN, "unverified"):
            continue
        if value in (None, ()) and column not in ABSENT:
            unknown.append(column)
        else:
            mark = " (unverified)" if column in unverified else ""
            yield column, shown(column, value) + mark
    for column in ORIGIN:
        value = getattr(row, column, "")
        if value != "":
            yield column, shown(column, value)
    if unknown:
        yield UNKNOWN, ", ".join(unknown)


def shown(column: str, value: object) -> str:
    """Return a fact as text with its unit; an unknown fact stays unknown and is never zero."""
    match value:
        case None | ():
            text = ABSENT.get(column, UNKNOWN)
        case bool():
            text = "yes" if value else "no"
        case tuple():
            text = ", ".join(str(item) for item in value)
        case int() if column.endswith("_bytes"):
            text = f"{data_size(value)} ({value:,} bytes)"
        case int() | Decimal() if not column.endswith("compute_capability"):
            text = leaf_text(column, value if isinstance(value, int) else float(value))
        case _:
            text = str(value)
    return text


def billions(parameters: int | None) -> str:
    """Parameters in billions or millions: 6.738 B, 22.71 M."""
    if parameters is None:
        return UNKNOWN
    if parameters >= 10**9:
        return f"{number(parameters / 10**9)} B"
    return f"{number(parameters / 10**6)} M"


def list_table(kind: str, rows: Sequence[Row]) -> Table:
    """Return one line for each row, with the columns that distinguish rows."""
    columns = LISTED[kind]
    return Table("", [[cell(row) for cell in columns.values()] for row in rows], tuple(columns))


def _field(name: str) -> Callable[[Row], str]:
    return lambda row: shown(name, getattr(row, name))


def _size(name: str) -> Callable[[Row], str]:
    return lambda row: data_size(getattr(row, name))


LISTED: dict[str, dict[str, Callable[[Row], str]]] = {
    "instance-types": {
        "instance type": _field("name"),
        "GPUs": _field("gpu_count"),
        "GPU": _field("gpu"),
        "GPU memory": _size("gpu_memory_bytes"),
        "vCPU": _field("vcpu_count"),
        "memory": _field("memory_gib"),
        "regions": lambda row: str(len(getattr(row, "regions", ())) or UNKNOWN),
    },
    "gpus": {
        "GPU": _field("name"),
        "memory": _size("memory_bytes"),
        "bandwidth": _field("memory_bandwidth_gb_per_s"),
        "FP16": _field("fp16_tflops"),
        "FP8": _field("fp8_tflops"),
        "capability": _field("compute_capability"),
    },
    "models": {
        "model": _field("model"),
        "kind": _field("kind"),
        "parameters": lambda row: billions(getattr(row, "parameters", None)),
        "precision": _field("native_dtype"),
        "context": _field("context"),
    },
    "checkpoints": {
        "repository": _field("repository"),
        "model": _field("model"),
        "precision": _field("precision"),
        "revision": _field("revision"),
    },
    "engines": {
        "engine": _field("engine"),
        "precision": _field("precision"),
        "capability from": _field("min_compute_capability"),
        "to": _field("max_compute_capability"),
    },
    "pins": {
        "item": _field("item"),
        "version": _field("version"),
        "supported until": _field("end_of_support"),
        "verified": _field("verified"),
    },
}
