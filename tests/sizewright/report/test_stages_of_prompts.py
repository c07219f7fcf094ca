"""Lines of `size` on the stages of prompts."""

from sizewright.report.stages import stages
from tests.components.plans import CHAT, PROMPTED, QUEUED, plan_of, queued_plan


def test_a_parent_names_its_stages_and_a_stage_its_caller() -> None:
    parent, moderate, _, chat = plan_of(PROMPTED, CHAT).services
    assert dict(stages(parent)) == {
        "prompt": "normalised, at most 2,000 characters; studio-moderate within 1,500 ms, else 503;"
        " studio-enhance within 2,500 ms, else unchanged"
    }
    assert dict(stages(moderate)) == {"callers": "the pods of studio alone; no load balancer"}
    assert not [*stages(chat)]


def test_a_history_and_a_review_are_named() -> None:
    enhance = PROMPTED["prompt"]["enhance"]
    review = {"model": "gemma-3-4b", "hardware": "g6e.xlarge", "budget_ms": 3_000}
    prompt = {"tokens": 40, "history": 3, "enhance": enhance, "review": review}
    parent, *_ = queued_plan(workload=QUEUED | {"prompt": prompt}).services
    (line,) = dict(stages(parent)).values()
    assert "with at most 3 earlier prompts of its user; queued-enhance within" in line
    assert line.endswith("queued-review within 3,000 ms, else 503")
