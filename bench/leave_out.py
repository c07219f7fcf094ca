"""Predictions of rows that the fit has not seen: one model, or one kind of GPU, at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from steps_fit import Parameters, Row, fit, measured, measured_formats, rows

from sizewright.measured.replay import MEAN_OF_NOMINAL, Replay, config_files
from sizewright.measured.run import MeasuredRun, read_runs
from sizing.catalog import load_catalog
from sizing.steps.model import StepTime


@dataclass(frozen=True)
class Left:
    """A row and what was predicted of it without its like."""

    row: Row
    answer: StepTime

    @property
    def tpot_ratio(self) -> float:
        """Measured over predicted."""
        return (self.row.run.tpot_ms or self.answer.tpot_ms) / self.answer.tpot_ms

    @property
    def ttft_ratio(self) -> float:
        """Measured over predicted."""
        return (self.row.run.ttft_ms or self.answer.ttft_ms) / self.answer.ttft_ms


def replay_rows(runs: Path, configs: Path) -> list[Row]:
    """All rows of a file that can be answered; the public file has no other."""
    replay = Replay(load_catalog(), config_files(configs))
    read = [run for run in read_runs(runs) if isinstance(run, MeasuredRun)]
    return rows(read, replay, MEAN_OF_NOMINAL)


def leave_out(
    asked: Sequence[Row],
    taught: Sequence[Row],
    parameters: Parameters,
    start: Sequence[float],
    *kinds: Callable[[Row], str],
) -> list[Left]:
    """Every row of `asked`, predicted by a fit on those rows of `taught` that differ in each kind.

    One kind leaves out a row's model; model and generation leave out all rows of either. What no
    taught row had, a generation or a format, counts as not measured.
    """
    left = []
    for each in sorted({tuple(kind(row) for kind in kinds) for row in asked}):
        others = [
            row
            for row in taught
            if all(kind(row) != mine for kind, mine in zip(kinds, each, strict=True))
        ]
        found = parameters.coefficients(fit(others, parameters, start, rounds=6))
        seen = {"measured": measured(others), "measured_formats": measured_formats(others)}
        coefficients = found.model_copy(update=seen)
        mine = [row for row in asked if tuple(kind(row) for kind in kinds) == each]
        left += [Left(row, row.answer(coefficients)) for row in mine]
    return left


def model(row: Row) -> str:
    """The architecture, whatever its training or name."""
    return row.model_key


def generation(row: Row) -> str:
    """Of the GPU."""
    return row.model.card.family


def gpu(row: Row) -> str:
    """The GPU itself."""
    return row.model.card.name
