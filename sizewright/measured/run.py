"""One measured run of a serving engine, and the reader of a CSV file of such runs."""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sizewright.reading.input_error import InputError, quoted
from sizewright.reading.read import opened

Rows = TypeVar("Rows")
MOST = 10**12
"""Upper limit of a run's numbers. Basis: assumed; milliseconds of thirty years."""
ACCEPTED = f"a number above 0 and below {MOST:,}"
NEEDED = (
    "id",
    "engine",
    "model",
    "gpu",
    "tp",
    "input_tokens",
    "output_tokens",
    "concurrency",
    "ttft_ms",
    "tpot_ms",
)


@dataclass(frozen=True)
class MeasuredRun:
    """A closed loop on one replica: a constant number of requests in flight, and mean times."""

    id: str
    engine: str
    engine_version: str
    model: str
    """Hugging Face id of the model."""
    gpu: str
    tensor: int
    data: int
    pipeline: int
    expert: int
    weights: str
    """Precision as the log names it; empty where it is the model's own."""
    experts: str
    input_tokens: float
    """Nominal number, as for `output_tokens`: the setting of the load generator."""
    output_tokens: float
    concurrency: float
    ttft_ms: float | None
    tpot_ms: float | None
    length_ratio: float | None = None
    """Mean length over nominal length; None where the log does not state it."""


@dataclass(frozen=True)
class Unread:
    """A row that is not a run, and the reason."""

    id: str
    reason: str


def read_runs(path: Path) -> list[MeasuredRun | Unread]:
    """Rows of a CSV file with the columns of `bench/data/serving_steps.csv`.

    Raises InputError for a file that is not such a table; a faulty row is kept with its reason.
    """
    return read_csv(path, runs_of)


def read_csv(path: Path, rows_of: Callable[[str, "csv.DictReader[str]"], Rows]) -> Rows:
    """Return what `rows_of` makes of a CSV file and its name. Raises InputError."""
    try:
        with io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="") as lines:
            return rows_of(str(path), csv.DictReader(lines, strict=True))
    except OSError as fault:
        raise InputError(str(path), message=(fault.strerror or "cannot be read").lower()) from None
    except UnicodeDecodeError:
        raise InputError(str(path), message="not UTF-8", expected="a CSV file") from None
    except csv.Error as fault:
        raise InputError(str(path), message=str(fault), expected="a CSV file") from None


def runs_of(file: str, rows: "csv.DictReader[str]") -> list[MeasuredRun | Unread]:
    """Return the runs of an open table. Raises InputError where a column is missing."""
    missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
    if missing:
        raise InputError(
            file, 1, 1, field=missing[0], message="column is missing", expected=", ".join(NEEDED)
        )
    return [_run(row) for row in rows]


def _run(row: Mapping[str, str]) -> MeasuredRun | Unread:
    cells = {name: (row.get(name) or "").strip() for name in row if isinstance(name, str)}
    try:
        return MeasuredRun(
            id=cells["id"],
            engine=cells["engine"],
            engine_version=cells.get("engine_version", ""),
            model=cells["model"],
            gpu=cells["gpu"],
            tensor=_cards(cells, "tp"),
            data=_cards(cells, "dp"),
            pipeline=_cards(cells, "pp"),
            expert=_cards(cells, "ep"),
            weights=cells.get("weights", ""),
            experts=cells.get("expert_weights", ""),
            input_tokens=_needed(cells, "input_tokens"),
            output_tokens=_needed(cells, "output_tokens"),
            concurrency=_needed(cells, "concurrency"),
            ttft_ms=number_of(cells, "ttft_ms"),
            tpot_ms=number_of(cells, "tpot_ms"),
            length_ratio=number_of(cells, "length_ratio"),
        )
    except ValueError as fault:
        return Unread(cells["id"], str(fault))


def _cards(cells: Mapping[str, str], name: str) -> int:
    """Return a whole number of cards; 1 where the cell is empty."""
    value = number_of(cells, name) or 1.0
    if value != int(value):
        raise ValueError(f"{name}: found {quoted(cells[name])}; expected a whole number")
    return int(value)


def _needed(cells: Mapping[str, str], name: str) -> float:
    value = number_of(cells, name)
    if value is None:
        raise ValueError(f"{name}: is empty; expected {ACCEPTED}")
    return value


def number_of(cells: Mapping[str, str], name: str) -> float | None:
    """Return a number above 0; None where the cell is empty."""
    cell = cells.get(name, "")
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = 0.0
    if not 0 < value < MOST:
        raise ValueError(f"{name}: found {quoted(cell)}; expected {ACCEPTED}")
    return value
