"""Errors of a full replica's rate, from a table of runs at unlimited supply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from capacity_table import read_table
from error_bands import Error
from fleet_answers import as_sized
from fleet_questions import offline_questions
from tally import Tally

from sizewright.measured.prediction import Predictor
from sizing.catalog.bands import MEDIAN
from sizing.catalog.coefficients import CoefficientSet
from sizing.replica.rate import FULL

SPLIT = "calibration"
"""Rows of the table that may decide a band. The other rows test it."""


def full_load_errors(
    path: Path, predictor: Predictor, coefficients: CoefficientSet
) -> Sequence[Error]:
    """Predicted over measured rate of each run at unlimited supply, whatever the coefficients saw.

    The fit used no row of the table. Raises InputError for a file that is no such table.
    """
    tally = Tally()
    table = [row for row in read_table(path, tally) if row["split"] == SPLIT]
    found = []
    for question in offline_questions(table, predictor, tally):
        steps = replace(question.steps, coefficients=coefficients)
        rate = as_sized(replace(question, steps=steps), MEDIAN) / FULL
        group = tuple(question.group.split("|"))
        found.append(Error(rate / question.holds_per_s, group, question.model_key, question.engine))
    return found
