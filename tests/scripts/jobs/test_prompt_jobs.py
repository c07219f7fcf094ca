"""Stages of prompts in the worker of a queued service, with language models on loopback."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scripts.jobs.queued_service import QueuedService
from tests.scripts.jobs.test_job_worker import failed, final
from tests.scripts.model_stand_in import Model

NewService = Callable[..., QueuedService]


@pytest.fixture
def model() -> Iterator[Model]:
    server = Model()
    yield server
    server.shutdown()
    server.server_close()


def stages(url: str, name: str, on_failure: str) -> str:
    """Environment of a worker with one stage."""
    stage = {
        "url": url,
        "model": "small",
        "instruction": "Do it.",
        "output_tokens": 80,
        "budget_s": 0.5,
        "on_failure": on_failure,
    }
    return json.dumps({"max_characters": 100, name: stage})


def prompts(service: QueuedService) -> list[Any]:
    """Prompts that the engine got."""
    return [item["fields"]["prompt"] for item in service.items]


@pytest.mark.parametrize("kind", ["image", "video"])
def test_the_engine_makes_what_the_model_wrote(
    new_service: NewService, model: Model, kind: str
) -> None:
    service = new_service(kind, PROMPT_STAGES=stages(model.url, "enhance", "refuse"))
    job = service.accept("a  lighthouse")
    service.pod("ok")
    final(service, job, "completed")
    assert prompts(service) == ["A LIGHTHOUSE"]
    assert json.loads(service.row(job)["request"])["prompt"] == "a  lighthouse"


def test_a_slow_model_lets_the_prompt_pass(new_service: NewService, model: Model) -> None:
    model.wait_s = 3
    service = new_service(PROMPT_STAGES=stages(model.url, "enhance", "allow"))
    job = service.accept("a  lighthouse")
    service.pod("ok")
    final(service, job, "completed")
    assert prompts(service) == ["a lighthouse"]


def test_an_unsafe_prompt_fails_at_once(new_service: NewService, model: Model) -> None:
    model.says = lambda _: "unsafe"
    service = new_service(PROMPT_STAGES=stages(model.url, "moderate", "allow"))
    job = service.accept("a lighthouse")
    service.pod("ok")
    failed(service, job, "safety check")
    assert (prompts(service), len(model.requests)) == ([], 1)


def test_a_stage_that_fails_costs_an_attempt_and_the_last_one_the_job(
    new_service: NewService, model: Model
) -> None:
    model.status = 500
    service = new_service(PROMPT_STAGES=stages(model.url, "moderate", "refuse"))
    job = service.accept("a lighthouse")
    service.pod("ok")
    failed(service, job, "the stage moderate of the prompt has no answer")
    assert (prompts(service), len(model.requests)) == ([], 3)
