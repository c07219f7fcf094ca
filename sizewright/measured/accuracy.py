"""Predicted times compared with measured ones, by row and in summary."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import assert_never

from sizewright.measured.media import media_case
from sizewright.measured.media_table import NEEDED as THROUGHPUTS
from sizewright.measured.media_table import MediaRun, is_media_table, media_of
from sizewright.measured.prediction import Predictor, Unanswerable
from sizewright.measured.run import NEEDED as RUNS
from sizewright.measured.run import MeasuredRun, Unread, runs_of, table_cells
from sizing.steps.diffusion import ItemTime
from sizing.steps.model import StepTime

TOKEN_TIMES = ("tpot_ms", "ttft_ms")
ITEM_TIMES = ("seconds_per_item",)
Run = MeasuredRun | MediaRun | Unread


@dataclass(frozen=True)
class Compared:
    """A row of the file: the measured run, and its prediction or the reason why there is none."""

    run: Run
    answer: StepTime | ItemTime | None
    reason: str | None = None

    @property
    def id(self) -> str:
        return self.run.id

    def measured(self, quantity: str) -> float | None:
        """Measured value of the log; None where the log has none."""
        return getattr(self.run, quantity, None)

    def predicted(self, quantity: str) -> float | None:
        """Predicted mean; None without a prediction."""
        return None if self.answer is None else float(getattr(self.answer, quantity))

    def limits(self, quantity: str) -> tuple[float, float] | None:
        """P10 and P90 of the prediction; None without a prediction."""
        if self.answer is None:
            return None
        low, high = (getattr(self.answer, f"{side}_{quantity}") for side in ("low", "high"))
        return float(low), float(high)

    def as_json(self, quantities: Sequence[str]) -> dict[str, object]:
        """Return the row under the names that scripts rely on."""
        row: dict[str, object] = {"id": self.id}
        for quantity in quantities:
            low, high = self.limits(quantity) or (None, None)
            row[f"measured_{quantity}"] = self.measured(quantity)
            row[f"predicted_{quantity}"] = self.predicted(quantity)
            row[f"low_{quantity}"] = low
            row[f"high_{quantity}"] = high
        row["gpu_measured"] = None if self.answer is None else self.answer.evidence.is_measured
        row["reason"] = self.reason
        return row


def compared(runs: Iterable[Run], predictor: Predictor) -> list[Compared]:
    """Every row with its prediction or its reason, in the file's order."""
    return [_compared(run, predictor) for run in runs]


def _compared(run: Run, predictor: Predictor) -> Compared:
    try:
        match run:
            case Unread():
                return Compared(run, None, run.reason)
            case MeasuredRun():
                return Compared(run, predictor.predict(run))
            case MediaRun():
                return Compared(run, media_case(run, predictor.catalog).time())
            case _:
                assert_never(run)
    except Unanswerable as reason:
        return Compared(run, None, str(reason))


@dataclass(frozen=True)
class Table:
    """Rows of a file, and the times that it measures."""

    rows: Sequence[Run]
    quantities: tuple[str, ...]

    @property
    def is_media(self) -> bool:
        """True for a table of throughputs, of which images and clips are predicted."""
        return self.quantities == ITEM_TIMES


def read_table(path: Path) -> Table:
    """Return the rows of a table of serving runs, or of a table of throughputs.

    Raises InputError for a file that is neither.
    """
    cells = table_cells(path, THROUGHPUTS, RUNS)
    if cells and is_media_table(cells[0]):
        return Table(media_of(cells), ITEM_TIMES)
    return Table(runs_of(cells), TOKEN_TIMES)


@dataclass(frozen=True)
class Errors:
    """Errors of predictions, |predicted / measured - 1| in percent."""

    rows: int
    """Rows with a prediction and a measurement."""
    median_percent: float
    mean_percent: float
    p90_percent: float
    bias_ratio: float
    """Median of predicted over measured. Predictions are too slow where it is above 1."""
    in_band_percent: float
    """Rows measured between P10 and P90, percent; 80 would be perfect."""

    def as_json(self) -> dict[str, float | int]:
        """Return the errors, rounded for readers."""
        return {
            "rows": self.rows,
            "median_percent": round(self.median_percent, 2),
            "mean_percent": round(self.mean_percent, 2),
            "p90_percent": round(self.p90_percent, 2),
            "bias_ratio": round(self.bias_ratio, 4),
            "in_band_percent": round(self.in_band_percent, 2),
        }


def errors(rows: Sequence[Compared], quantity: str) -> Errors | None:
    """Errors of the rows that have both values; None without such a row."""
    pairs = [
        (predicted / measured, limits[0] <= measured <= limits[1])
        for row in rows
        if (measured := row.measured(quantity)) and (predicted := row.predicted(quantity))
        if (limits := row.limits(quantity))
    ]
    if not pairs:
        return None
    off = sorted(abs(ratio - 1) * 100 for ratio, _ in pairs)
    return Errors(
        rows=len(pairs),
        median_percent=median(off),
        mean_percent=fmean(off),
        p90_percent=off[min(len(off) - 1, len(off) * 9 // 10)],
        bias_ratio=median(ratio for ratio, _ in pairs),
        in_band_percent=100 * fmean(inside for _, inside in pairs),
    )


GROUPS: dict[str, Callable[[Run], str]] = {
    "gpu": lambda run: getattr(run, "gpu", ""),
    "model": lambda run: getattr(run, "model", ""),
    "engine": lambda run: getattr(run, "engine", ""),
}


def grouped(rows: Sequence[Compared], by: str) -> dict[str, list[Compared]]:
    """Rows by GPU, model or engine, sorted; unreadable rows have an empty name."""
    groups: dict[str, list[Compared]] = {}
    for row in rows:
        groups.setdefault(GROUPS[by](row.run), []).append(row)
    return dict(sorted(groups.items()))


def summary(rows: Sequence[Compared]) -> dict[str, object]:
    """Figures of all rows, and by GPU, model and engine, under the names that scripts rely on."""
    figures: dict[str, object] = {"all": _figures(rows)}
    for by in GROUPS:
        groups = grouped(rows, by)
        figures[f"by_{by}"] = {name: _figures(group) for name, group in groups.items()}
    return figures


def _figures(rows: Sequence[Compared]) -> dict[str, object]:
    figures: dict[str, object] = {
        "rows": len(rows),
        "answered": sum(row.answer is not None for row in rows),
    }
    for quantity in (*TOKEN_TIMES, *ITEM_TIMES):
        found = errors(rows, quantity)
        figures[quantity] = None if found is None else found.as_json()
    return figures
