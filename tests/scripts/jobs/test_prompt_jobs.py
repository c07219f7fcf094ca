"""Stages of prompts and images in the worker of a queued service, with models on loopback."""

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.scripts.jobs.queued_service import QueuedService, until
from tests.scripts.jobs.test_job_worker import failed, final
from tests.scripts.model_stand_in import Model

NewService = Callable[..., QueuedService]


@pytest.fixture
def model() -> Iterator[Model]:
    server = Model()
    yield server
    server.shutdown()
    server.server_close()


def stages(url: str, name: str, on_failure: str, budget_s: float = 0.5, **more: object) -> str:
    """Environment of a worker with one stage."""
    stage = {
        "url": url,
        "model": "small",
        "instruction": "Do it.",
        "output_tokens": 80,
        "budget_s": budget_s,
        "on_failure": on_failure,
    }
    return json.dumps({"max_characters": 100, name: stage, **more})


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


def test_one_job_is_in_its_stages_while_the_engine_works_for_another(
    new_service: NewService, model: Model
) -> None:
    """Two jobs are in progress at once, and the engine still makes one image at a time."""
    model.wait_s = 0.3
    service = new_service(
        AT_ONCE="2", PROMPT_STAGES=stages(model.url, "enhance", "refuse", budget_s=20)
    )
    jobs = [service.accept(f"job {number}") for number in range(8)]
    service.pod("slow 0.3")
    most = 0

    def done() -> bool:
        nonlocal most
        states = [row["state"] for row in service.rows()]
        most = max(most, states.count("in_progress"))
        return states.count("completed") == len(jobs)

    until(done, what="all jobs")
    assert most == 2
    assert {item["together"] for item in service.items} == {1}
    assert sorted(prompts(service)) == [f"JOB {number}" for number in range(8)]


def test_both_jobs_in_hand_go_back_when_the_pod_ends(new_service: NewService, model: Model) -> None:
    service = new_service(
        AT_ONCE="2", PROMPT_STAGES=stages(model.url, "enhance", "refuse", budget_s=20)
    )
    jobs = [service.accept(f"job {number}") for number in range(2)]
    pod = service.pod("slow 30")
    until(lambda: service.items and all(r["state"] == "in_progress" for r in service.rows()))
    assert pod.stop() == 0
    rows = [service.row(job) for job in jobs]
    assert [(row["state"], row["given_back"]) for row in rows] == [("queued", 1)] * 2
    pod.end()
    service.pod("ok")
    for job in jobs:
        final(service, job, "completed")


def test_a_hung_engine_ends_both_workers(new_service: NewService, model: Model) -> None:
    stated = stages(model.url, "enhance", "refuse", budget_s=20)
    service = new_service(AT_ONCE="2", PROMPT_STAGES=stated, ITEM_TIMEOUT_S="1", ATTEMPTS="5")
    service.accept("the other worker has no job")
    pod = service.pod("hang")
    assert pod.worker.wait(60) == 1, "the container starts again with a growing pause"


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


def with_history(
    new_service: NewService, model: Model, on_failure: str = "refuse", most: int = 3
) -> QueuedService:
    model.says = lambda text: json.loads(text)["prompt"].upper()
    settings = stages(model.url, "enhance", on_failure, 10, history=most)
    return new_service(PROMPT_STAGES=settings, OWNER_INDEX="by-owner")


def earlier(
    service: QueuedService, prompt: str, age_s: int, owner: str = "alice", **values: object
) -> None:
    """A completed job of some seconds ago, or one with other values; no message waits for it."""
    now = int(time.time())
    row = {
        "id": uuid.uuid4().hex,
        "owner": owner,
        "state": "completed",
        "request": json.dumps({"prompt": prompt, "seed": 7}),
        "created_at": now - age_s,
        "expires_at": now + 600,
        **values,
    }
    service.aws(f"table {service.name}", "put_item", Item=row)


def texts(model: Model) -> list[Any]:
    """Texts that the model got."""
    return [json.loads(request["messages"][-1]["content"]) for request in model.requests]


def test_the_model_reads_the_newest_prompts_of_the_same_owner_alone(
    new_service: NewService, model: Model
) -> None:
    service = with_history(new_service, model)
    for age_s, prompt in ((50, "one"), (40, "two"), (30, "three"), (20, "four  and\n more")):
        earlier(service, prompt, age_s)
    earlier(service, "a secret", 10, owner="bob")
    earlier(service, "later", -60)
    job = service.accept("the same in blue")
    service.pod("ok")
    final(service, job, "completed")
    expected = {"earlier": ["four and more", "three", "two"], "prompt": "the same in blue"}
    assert texts(model) == [expected]
    assert prompts(service) == ["THE SAME IN BLUE"]


def test_another_owner_has_another_history(new_service: NewService, model: Model) -> None:
    service = with_history(new_service, model)
    earlier(service, "a secret", 10)
    job = service.accept("the same", owner="bob")
    service.pod("ok")
    final(service, job, "completed")
    assert texts(model) == [{"earlier": [], "prompt": "the same"}]


def test_refused_waiting_and_expired_prompts_are_no_context(
    new_service: NewService, model: Model
) -> None:
    """Guard: the words that a stage has refused must not come back as context."""
    service = with_history(new_service, model, most=4)
    earlier(service, "expired", 50, expires_at=int(time.time()) - 1)
    earlier(service, "kept", 40)
    earlier(service, "refused", 30, state="failed")
    earlier(service, "at work", 20, state="in_progress")
    job = service.accept("the same")
    service.pod("ok")
    final(service, job, "completed")
    assert {"earlier": ["kept"], "prompt": "the same"} in texts(model)
    assert not [text for text in texts(model) if {"refused", "expired"} & {*text["earlier"]}]


def test_earlier_prompts_are_bounded(new_service: NewService, model: Model) -> None:
    """One request reads so many rows, whatever they are, and cuts each prompt."""
    service = with_history(new_service, model, most=2)
    earlier(service, "beyond", 40)
    earlier(service, "x" * 150, 30)
    earlier(service, "refused", 20, state="failed")
    job = service.accept("the same")
    service.pod("ok")
    final(service, job, "completed")
    assert texts(model) == [{"earlier": ["x" * 100], "prompt": "the same"}]


@pytest.mark.parametrize(("on_failure", "state"), [("allow", "completed"), ("refuse", "failed")])
def test_a_history_that_cannot_be_read_is_a_failure_of_the_stage(
    new_service: NewService, model: Model, on_failure: str, state: str
) -> None:
    service = with_history(new_service, model, on_failure)
    service.environment["OWNER_INDEX"] = "missing"
    job = service.accept("a house")
    service.pod("ok")
    final(service, job, state)
    assert model.requests == []
    assert prompts(service) == (["a house"] if on_failure == "allow" else [])
    causes = {e["cause"] for e in service.events if e["event"] == "prompt_stage_failed"}
    assert causes == {"HistoryError"}


def test_no_log_has_a_prompt(new_service: NewService, model: Model) -> None:
    service = with_history(new_service, model, "allow")
    earlier(service, "a lighthouse", 10)
    model.status = 500
    job = service.accept("a windmill")
    service.pod("ok")
    final(service, job, "completed")
    logs = json.dumps(service.events)
    assert "prompt_stage_failed" in logs
    assert "lighthouse" not in logs
    assert "windmill" not in logs


def reviewed(new_service: NewService, model: Model, on_failure: str = "refuse") -> QueuedService:
    return new_service(PROMPT_STAGES=stages(model.url, "review", on_failure, 10))


def test_a_safe_image_is_stored_as_the_model_saw_it(new_service: NewService, model: Model) -> None:
    model.says = lambda _: "safe"
    service = reviewed(new_service, model)
    job = service.accept("a lighthouse, large")
    service.pod("ok")
    final(service, job, "completed")
    (request,) = model.requests
    ((part,),) = (request["messages"][-1]["content"],)
    start, _, seen = part["image_url"]["url"].partition(",")
    assert (part["type"], start) == ("image_url", "data:image/png;base64")
    assert base64.b64decode(seen) == service.stored(job)


@pytest.mark.parametrize("on_failure", ["allow", "refuse"])
def test_an_unsafe_image_fails_its_job_and_is_stored_nowhere(
    new_service: NewService, model: Model, on_failure: str
) -> None:
    model.says = lambda _: "unsafe"
    service = reviewed(new_service, model, on_failure)
    job = service.accept()
    service.pod("ok")
    failed(service, job, "image is refused: the safety check")
    assert len(service.items) == 1


@pytest.mark.parametrize(("on_failure", "attempts"), [("allow", 1), ("refuse", 3)])
def test_an_image_without_a_verdict_passes_or_costs_an_attempt(
    new_service: NewService, model: Model, on_failure: str, attempts: int
) -> None:
    model.says = lambda _: "it is nice"
    service = reviewed(new_service, model, on_failure)
    job = service.accept()
    service.pod("ok")
    if on_failure == "allow":
        final(service, job, "completed")
        assert service.stored(job)
    else:
        failed(service, job, "the stage review of the prompt has no answer")
    assert len(service.items) == attempts
