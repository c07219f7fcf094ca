"""Predictions of rows that the fit has not seen, without one model or one kind of GPU at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from steps_fit import Parameters, Row, fit, measured, measured_formats, measured_kernels, rows

from sizewright.measured.prediction import MEAN_OF_NOMINAL, Predictor, config_files
from sizewright.measured.run import MeasuredRun, read_runs
from sizing.catalog import load_catalog
from sizing.catalog.coefficients import CoefficientSet
from sizing.steps.model import StepTime

Item = TypeVar("Item")


@dataclass(frozen=True)
class Left:
    """A row, and its prediction by a fit without rows like it."""

    row: Row
    answer: StepTime

    @property
    def tpot_ratio(self) -> float:
        """Measured over predicted TPOT."""
        return (self.row.run.tpot_ms or self.answer.tpot_ms) / self.answer.tpot_ms

    @property
    def ttft_ratio(self) -> float:
        """Measured over predicted TTFT."""
        return (self.row.run.ttft_ms or self.answer.ttft_ms) / self.answer.ttft_ms

    @property
    def request_ratio(self) -> float:
        """Measured over predicted time of a whole request."""
        run, answer = self.row.run, self.answer
        steps = max(self.row.output_tokens - 1, 1.0)
        measured = (run.ttft_ms or answer.ttft_ms) + steps * (run.tpot_ms or answer.tpot_ms)
        return measured / (answer.ttft_ms + steps * answer.tpot_ms)


def replay_rows(runs: Path, configs: Path) -> list[Row]:
    """Answerable rows of a file; the public file has no others."""
    predictor = Predictor(load_catalog(), config_files(configs))
    read = [run for run in read_runs(runs) if isinstance(run, MeasuredRun)]
    return rows(read, predictor, MEAN_OF_NOMINAL)


def leave_out(
    held_out: Sequence[Row],
    taught: Sequence[Row],
    parameters: Parameters,
    start: Sequence[float],
    *kinds: Callable[[Row], str],
) -> list[Left]:
    """Predictions of every row of `held_out` by a fit on the rows of `taught` that differ in each
    kind.

    One kind leaves out a row's model; model and generation leave out all rows of either.
    """
    left = []
    for mine, others in folds(held_out, taught, *kinds):
        coefficients = taught_by(others, parameters, start)
        left += [Left(row, row.answer(coefficients)) for row in mine]
    return left


def folds(
    held_out: Sequence[Item], taught: Sequence[Item], *kinds: Callable[[Item], str]
) -> Iterator[tuple[list[Item], list[Item]]]:
    """Rows that are alike in every kind, and the rows of `taught` that differ from them in each."""
    for each in sorted({tuple(kind(row) for kind in kinds) for row in held_out}):
        mine = [row for row in held_out if tuple(kind(row) for kind in kinds) == each]
        others = [
            row
            for row in taught
            if all(kind(row) != own for kind, own in zip(kinds, each, strict=True))
        ]
        yield mine, others


def taught_by(
    rows: Sequence[Row], parameters: Parameters, start: Sequence[float]
) -> CoefficientSet:
    """Coefficients from these rows alone; what they do not contain is unmeasured."""
    found = parameters.coefficients(fit(rows, parameters, start, rounds=6))
    seen = {
        "measured": measured(rows),
        "measured_formats": measured_formats(rows),
        "measured_kernels": measured_kernels(rows),
    }
    return found.model_copy(update=seen)


def model(row: Row) -> str:
    """Architecture of the row, whatever its training or name."""
    return row.model_key


def generation(row: Row) -> str:
    """Generation of the row's GPU."""
    return row.model.card.family


def gpu(row: Row) -> str:
    """Name of the row's GPU."""
    return row.model.card.name
