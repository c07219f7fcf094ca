"""One measured run of a serving engine, and the reader of a CSV file of such runs."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sizewright.reading.input_error import InputError, quoted
from sizewright.reading.read import opened

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
    return runs_of(table_cells(path, NEEDED))


def runs_of(table: Iterable[Mapping[str, str]]) -> list[MeasuredRun | Unread]:
    """Rows of such a table by their cells."""
    return [_run(cells) for cells in table]


def table_cells(path: Path, *needed: Sequence[str]) -> list[dict[str, str]]:
    """Cells of each row of a CSV file by column, in any order of columns, without outer spaces.

    `needed` are the columns of each kind of table that the file may be. Raises InputError for a
    file that is none of them; it names the columns of the last kind.
    """
    try:
        with io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            return _cells(str(path), rows, needed)
    except OSError as fault:
        raise InputError(str(path), message=(fault.strerror or "cannot be read").lower()) from None
    except UnicodeDecodeError:
        raise InputError(str(path), message="not UTF-8", expected="a CSV file") from None
    except csv.Error as fault:
        raise InputError(str(path), message=str(fault), expected="a CSV file") from None


def _cells(
    file: str, rows: "csv.DictReader[str]", kinds: Sequence[Sequence[str]]
) -> list[dict[str, str]]:
    lacking = [[name for name in kind if name not in (rows.fieldnames or ())] for kind in kinds]
    if all(lacking):
        first, columns = lacking[-1][0], ", ".join(kinds[-1])
        raise InputError(file, 1, 1, field=first, message="column is missing", expected=columns)
    return [
        {name: (row[name] or "").strip() for name in row if isinstance(name, str)} for row in rows
    ]


def _run(cells: Mapping[str, str]) -> MeasuredRun | Unread:
    try:
        return MeasuredRun(
            id=cells["id"],
            engine=cells["engine"],
            engine_version=cells.get("engine_version", ""),
            model=cells["model"],
            gpu=cells["gpu"],
            tensor=cards(cells, "tp"),
            data=cards(cells, "dp"),
            pipeline=cards(cells, "pp"),
            expert=cards(cells, "ep"),
            weights=cells.get("weights", ""),
            experts=cells.get("expert_weights", ""),
            input_tokens=needed_number(cells, "input_tokens"),
            output_tokens=needed_number(cells, "output_tokens"),
            concurrency=needed_number(cells, "concurrency"),
            ttft_ms=optional_number(cells, "ttft_ms"),
            tpot_ms=optional_number(cells, "tpot_ms"),
            length_ratio=optional_number(cells, "length_ratio"),
        )
    except ValueError as fault:
        return Unread(cells["id"], str(fault))


def cards(cells: Mapping[str, str], name: str) -> int:
    """Return a whole number of cards; 1 where the cell is empty. Raises ValueError."""
    value = optional_number(cells, name) or 1.0
    if value != int(value):
        raise ValueError(f"{name}: found {quoted(cells[name])}; expected a whole number")
    return int(value)


def needed_number(cells: Mapping[str, str], name: str) -> float:
    """Return a number above 0. Raises ValueError, also where the cell is empty."""
    value = optional_number(cells, name)
    if value is None:
        raise ValueError(f"{name}: is empty; expected {ACCEPTED}")
    return value


def optional_number(cells: Mapping[str, str], name: str) -> float | None:
    """Return a number above 0; None where the cell is empty. Raises ValueError."""
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
