"""Lines of `size` on the stages of prompts."""

from sizewright.report.stages import stages
from tests.components.plans import CHAT, PROMPTED, plan_of


def test_a_parent_names_its_stages_and_a_stage_its_caller() -> None:
    parent, moderate, _, chat = plan_of(PROMPTED, CHAT).services
    assert dict(stages(parent)) == {
        "prompt": "normalised, at most 2,000 characters; studio-moderate within 1,500 ms, else 503;"
        " studio-enhance within 2,500 ms, else unchanged"
    }
    assert dict(stages(moderate)) == {"callers": "the pods of studio alone; no load balancer"}
    assert not [*stages(chat)]
