"""Leaving rows out, and their weights: made-up rows of three models on two GPU generations."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import leave_out as module
import pytest
from leave_out import generation, gpu, leave_out, model
from steps_fit import Parameters, Row, evidence, normal_equations, total_cost

from sizing.catalog import load_catalog
from sizing.catalog.coefficients import CoefficientSet
from tests.bench.made_up import run
from tests.sizing.made_up import replica

LAST = load_catalog().coefficients
RUN = run(8, 200, 20)


def row(model_key: str, family: str, name: str = "", **changes: Any) -> Row:
    """A run of that architecture on a GPU of that generation."""
    base = replica({"weights_ms": 10.0})
    steps = replace(base, card=replace(base.card, family=family, name=name or family))
    made = Row(RUN, steps, None, 1000.0, 501.0, (model_key, family), 1.0, model_key)
    return replace(made, **changes)


ROWS = [
    row("a", "hopper"),
    row("a", "blackwell"),
    row("b", "hopper"),
    row("b", "hopper"),
    row("c", "blackwell"),
]


class Fitted(Parameters):
    """Coefficients that identify their fit by the milliseconds of every step."""

    def coefficients(self, vector: Sequence[float]) -> CoefficientSet:
        vllm = self.last.engines["vllm"].model_copy(update={"step_ms": vector[0]})
        return self.last.model_copy(update={"engines": {"vllm": vllm}})


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> list[list[Row]]:
    """Rows of each fit, in the order of the fits; the n-th fit predicts steps of n seconds."""
    fits: list[list[Row]] = []

    def fit(rows: Sequence[Row], *_: object, **__: object) -> list[float]:
        fits.append(list(rows))
        return [1000.0 * len(fits)]

    monkeypatch.setattr(module, "fit", fit)
    return fits


def reported(rows: Sequence[Row]) -> list[tuple[str, str]]:
    return [(each.model_key, each.model.card.family) for each in rows]


def test_no_row_of_a_model_teaches_its_own_prediction(taught: list[list[Row]]) -> None:
    left = leave_out(ROWS, ROWS, Fitted(LAST), [0.0], model)
    assert [{each.model_key for each in rows} for rows in taught] == [
        {"b", "c"},
        {"a", "c"},
        {"a", "b"},
    ]
    assert [len(rows) for rows in taught] == [3, 3, 4]
    assert [each.row.model_key for each in left] == ["a", "a", "b", "b", "c"]
    seconds = [int(each.answer.terms.step_ms // 1000) for each in left]
    assert seconds == [1, 1, 2, 2, 3]


def test_neither_its_model_nor_its_generation_teaches_a_row(taught: list[list[Row]]) -> None:
    left = leave_out(ROWS, ROWS, Fitted(LAST), [0.0], model, generation)
    requested = [("a", "blackwell"), ("a", "hopper"), ("b", "hopper"), ("c", "blackwell")]
    assert [reported(rows) for rows in taught] == [
        [("b", "hopper"), ("b", "hopper")],
        [("c", "blackwell")],
        [("a", "blackwell"), ("c", "blackwell")],
        [("a", "hopper"), ("b", "hopper"), ("b", "hopper")],
    ]
    assert reported([each.row for each in left]) == [*requested[:3], requested[2], requested[3]]
    for (kind, family), rows in zip(requested, taught, strict=True):
        assert all(each.model_key != kind for each in rows)
        assert all(each.model.card.family != family for each in rows)


def test_what_no_taught_row_had_counts_as_not_measured(taught: list[list[Row]]) -> None:
    """Rows are models a and b on hopper, a and c on blackwell; each fit lacks one generation."""
    by_model = leave_out(ROWS, ROWS, Fitted(LAST), [0.0], model)
    by_generation = leave_out(ROWS, ROWS, Fitted(LAST), [0.0], generation)
    assert all(each.answer.evidence.is_measured for each in by_model)
    assert not any(each.answer.evidence.is_measured for each in by_generation)


def test_predicted_rows_need_not_be_taught(taught: list[list[Row]]) -> None:
    """Only kept rows are fitted, and a screened row is still predicted."""
    left = leave_out(ROWS, ROWS[2:], Fitted(LAST), [0.0], model)
    assert len(left) == len(ROWS)
    assert [reported(rows) for rows in taught] == [
        reported(ROWS[2:]),
        reported(ROWS[4:]),
        reported(ROWS[2:4]),
    ]


def test_kinds_of_a_row() -> None:
    made = row("a", "hopper", "NVIDIA H200 SXM 141GB")
    assert (model(made), generation(made), gpu(made)) == ("a", "hopper", "NVIDIA H200 SXM 141GB")


def test_rows_weigh_as_much_as_their_groups() -> None:
    """Five rows of four groups, of one model, GPU, engine and format each."""
    assert evidence(ROWS) == 4 / 5
    assert evidence(ROWS[2:4]) == 1 / 2
    assert evidence([ROWS[2]] * 100) == 1 / 100


def test_a_run_that_is_repeated_costs_as_one() -> None:
    """Nine repeats of one run weigh as much against the priors as one run."""
    parameters = Parameters(LAST)
    once, often, other = (
        total_cost(rows, parameters, parameters.centre)
        for rows in (ROWS[:1], ROWS[:1] * 9, [ROWS[0], ROWS[4]])
    )
    assert once > 0
    assert often == pytest.approx(once)
    assert other == pytest.approx(2 * once)
    (matrix, slope), (same_matrix, same_slope) = (
        normal_equations(rows, parameters, parameters.centre) for rows in (ROWS[:1], ROWS[:1] * 9)
    )
    assert any(slope)
    assert same_slope == pytest.approx(slope)
    assert all(same == pytest.approx(line) for same, line in zip(same_matrix, matrix, strict=True))
