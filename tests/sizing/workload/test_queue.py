"""Sizes of a queued item are those that the program of jobs accepts."""

import ast
from typing import Any

import pytest
from pydantic import ValidationError

from sizing.catalog import load_catalog
from sizing.workload import Workload
from sizing.workload.items.queue import LEAST_PIXELS, PIXEL_STEP
from templates.programs import program
from tests.components.plans import QUEUED, STUDIO
from tests.sizing.workload.test_workload import blamed


def test_the_program_has_the_same_numbers() -> None:
    numbers: dict[str, Any] = {}
    for node in ast.parse(program("job_request").text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Tuple):
            names = [ast.unparse(each) for each in node.targets[0].elts]
            numbers |= dict(zip(names, ast.literal_eval(node.value), strict=True))
    assert (numbers["LEAST_PIXELS"], numbers["PIXEL_STEP"]) == (LEAST_PIXELS, PIXEL_STEP) == (64, 8)


@pytest.mark.parametrize(
    ("field", "pixels"), [("width", 1_028), ("height", 1_079), ("width", 56), ("height", 32)]
)
def test_an_item_that_no_job_may_have_is_refused(field: str, pixels: int) -> None:
    wrong = {"request": {"width": 1_024, "height": 1_024, field: pixels}}
    with pytest.raises(ValidationError) as found:
        Workload.model_validate(QUEUED | wrong)
    assert blamed(found.value) == [f"request.{field}"]
    fault = found.value.errors()[0]["ctx"]["error"]
    assert fault.expected == "a multiple of 8, at least 64"
    assert Workload.model_validate(STUDIO | wrong).jobs is None, "no job, no limit"


def test_the_usual_size_of_each_model_is_a_job() -> None:
    """Guard: a workload that states no size has that of its model."""
    for model in load_catalog().media_models:
        assert not {model.width % PIXEL_STEP, model.height % PIXEL_STEP} - {0}, model.model
