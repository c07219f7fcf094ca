"""Which closed loops become questions, and which fit has not seen their model or GPU?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from error_bands import Errors, band_levels, engines_with_own, errors_of
from leave_out import Left, generation, leave_out, model, taught_by
from screen import screened
from steps_fit import Parameters, Row, fit, rows
from tally import Tally

from sizewright.measured.prediction import MEAN_OF_NOMINAL, Predictor, Unanswerable
from sizewright.measured.run import MeasuredRun, Unread, read_runs
from sizing.catalog.coefficients import CoefficientSet


def runs_of(path: Path, predictor: Predictor, tally: Tally) -> list[MeasuredRun]:
    """Runs of a file that the step model can answer; the tally has the others."""
    runs = []
    for run in read_runs(path):
        if isinstance(run, Unread):
            tally.skip(run.reason)
            continue
        row = {"group": "|".join((run.model, run.gpu, run.engine, run.weights, run.experts))}
        try:
            predictor.model(run)
            tally.answer(row)
            runs.append(run)
        except Unanswerable as reason:
            tally.refuse(row, str(reason))
    return runs


def as_rows(runs: Sequence[MeasuredRun], predictor: Predictor) -> list[Row]:
    """The runs, prepared for many predictions."""
    return rows(runs, predictor, MEAN_OF_NOMINAL) if runs else []


def unscreened(name: str, found: Sequence[Row]) -> list[Row]:
    """Rows without the screened ones; prints how many these are, by reason."""
    reasons = screened(found)
    print(f"{name}: {len(reasons)} screened out, by reason: {dict(Counter(reasons.values()))}")
    return [row for row in found if row.run.id not in reasons]


@dataclass(frozen=True)
class Taught:
    """This project's runs, and the fits that leave some of them out."""

    rows: list[Row]
    shipped: CoefficientSet

    @property
    def parameters(self) -> Parameters:
        """Parameters of the fit."""
        return Parameters(self.shipped)

    @cached_property
    def start(self) -> list[float]:
        """Fit of all rows."""
        return fit(self.rows, self.parameters)

    @cached_property
    def left_out(self) -> list[Left]:
        """Every row, predicted without the rows of its model."""
        return leave_out(self.rows, self.rows, self.parameters, self.start, model)

    def without(self, kind: Callable[[Row], str], rows: Sequence[Row]) -> dict[str, CoefficientSet]:
        """Coefficients by model or GPU of these rows, each from a fit without that one.

        The shipped coefficients have seen no row of an unknown one.
        """
        known = {kind(row) for row in self.rows}
        sets = {}
        for name in sorted({kind(row) for row in rows}):
            others = [row for row in self.rows if kind(row) != name]
            unseen = name not in known
            sets[name] = self.shipped if unseen else taught_by(others, self.parameters, self.start)
        return sets

    @cached_property
    def errors(self) -> Errors:
        """Errors of every row, predicted without the rows of its model."""
        return errors_of(self.left_out)

    @cached_property
    def unseen_hardware(self) -> Errors:
        """Errors of every row, predicted without the rows of its model and of its generation."""
        fitted = self.rows, self.rows, self.parameters, self.start
        return errors_of(leave_out(*fitted, model, generation))

    def without_its_errors(self, name: str, coefficients: CoefficientSet) -> CoefficientSet:
        """The same coefficients, with bands that the errors of this model did not make."""
        others = self.errors.without(name)
        if len(others.tpot) == len(self.errors.tpot):
            return coefficients
        own = engines_with_own(self.errors)
        levels = band_levels(others, self.unseen_hardware.without(name), own)
        return coefficients.model_copy(update=levels)
