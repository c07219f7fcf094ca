"""One measured run of a serving engine, and how a CSV file of such runs is read."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sizewright.input_error import InputError, quoted

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
    """A closed loop on one replica: so many requests in flight, mean times measured."""

    id: str
    engine: str
    engine_version: str
    model: str
    """Hugging Face id."""
    gpu: str
    tensor: int
    data: int
    pipeline: int
    expert: int
    weights: str
    """Precision as the log names it; empty where it is the model's own."""
    experts: str
    input_tokens: float
    """Nominal, as `output_tokens`: what the load generator was told."""
    output_tokens: float
    concurrency: float
    ttft_ms: float | None
    tpot_ms: float | None
    length_ratio: float | None = None
    """Mean length over nominal length; None where the log does not say."""


def read_runs(path: Path) -> list[MeasuredRun]:
    """The runs of a CSV file with the columns of `bench/data/serving_steps.csv`.

    Raises InputError naming line and column of the first fault.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return _runs(str(path), csv.DictReader(lines, strict=True))
    except OSError as fault:
        raise InputError(str(path), message=(fault.strerror or "cannot be read").lower()) from None
    except UnicodeDecodeError:
        raise InputError(str(path), message="not UTF-8", expected="a CSV file") from None
    except csv.Error as fault:
        raise InputError(str(path), message=str(fault), expected="a CSV file") from None


def _runs(file: str, rows: "csv.DictReader[str]") -> list[MeasuredRun]:
    missing = [name for name in NEEDED if name not in (rows.fieldnames or ())]
    if missing:
        raise InputError(
            file, 1, 1, field=missing[0], message="column is missing", expected=", ".join(NEEDED)
        )
    return [_run(_Row(file, rows.line_num, row)) for row in rows]


@dataclass(frozen=True)
class _Row:
    file: str
    line: int
    cells: Mapping[str, str]

    def text(self, name: str) -> str:
        return (self.cells.get(name) or "").strip()

    def number(self, name: str) -> float | None:
        """A number above 0, None where the cell is empty."""
        cell = self.text(name)
        if not cell:
            return None
        try:
            value = float(cell)
        except ValueError:
            value = 0.0
        if not 0 < value < float("inf"):
            column = list(self.cells).index(name) + 1
            raise InputError(
                self.file,
                self.line,
                column,
                field=name,
                message=f"found {quoted(cell)}",
                expected="a number above 0",
            )
        return value

    def needed(self, name: str) -> float:
        value = self.number(name)
        if value is None:
            raise InputError(
                self.file, self.line, 1, field=name, message="is empty", expected="a number above 0"
            )
        return value


def _run(row: _Row) -> MeasuredRun:
    return MeasuredRun(
        id=row.text("id"),
        engine=row.text("engine"),
        engine_version=row.text("engine_version"),
        model=row.text("model"),
        gpu=row.text("gpu"),
        tensor=int(row.needed("tp")),
        data=int(row.number("dp") or 1),
        pipeline=int(row.number("pp") or 1),
        expert=int(row.number("ep") or 1),
        weights=row.text("weights"),
        experts=row.text("expert_weights"),
        input_tokens=row.needed("input_tokens"),
        output_tokens=row.needed("output_tokens"),
        concurrency=row.needed("concurrency"),
        ttft_ms=row.number("ttft_ms"),
        tpot_ms=row.number("tpot_ms"),
        length_ratio=row.number("length_ratio"),
    )
