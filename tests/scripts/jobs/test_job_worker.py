"""What a worker does with one job: each fault of an engine, a worker or a node, one by one."""

import base64
import hashlib
import json
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.scripts.jobs.engine_stand_in import item
from tests.scripts.jobs.queued_service import QueuedService, fetched, until

NewService = Callable[..., QueuedService]
SIZE = "832x480"
INPUT = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\1\0\xff\1\0\r\n--x"
"""Start of a file of 512 x 512 pixels, with the characters that end a part of a form."""


def expected(service: QueuedService, job: str) -> bytes:
    """Bytes of the job's item."""
    request = json.loads(service.row(job)["request"])
    return item(service.environment["FORMAT"], request["prompt"], request["seed"], request["size"])


def final(service: QueuedService, job: str, state: str) -> None:
    until(lambda: service.row(job)["state"] == state, what=f"{job} {state}")
    until(lambda: service.waiting() == 0, what="an empty queue")


def completed(service: QueuedService, job: str) -> dict[str, Any]:
    """Row of a job whose object, digest and size are its own."""
    final(service, job, "completed")
    row, content = service.row(job), expected(service, job)
    assert service.stored(job) == content
    assert (row["bytes"], row["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert service.keys() == {row["key"]} and service.letters() == []
    return row


def failed(service: QueuedService, job: str, reason: str) -> None:
    """The job failed for that reason, its dead letter has it, and it has no object."""
    final(service, job, "failed")
    assert reason in service.row(job)["error"]
    assert service.keys() == set()
    letters = service.letters()
    assert letters == [{"id": job, "model": "model-1", "reason": service.row(job)["error"]}]


def test_an_image_is_made_once_and_its_owner_fetches_it(new_service: NewService) -> None:
    service = new_service("image")
    job = service.accept("a lighthouse", negative_prompt="fog", seed=7, num_inference_steps=3)
    service.pod("ok")
    row = completed(service, job)
    assert row["key"] == f"{job[:2]}/{job}/item.png"
    assert row["started_at"] <= row["completed_at"] <= int(time.time())
    assert row["expires_at"] - row["completed_at"] == 30 * 86_400
    assert row["ttl"] - row["completed_at"] == 33 * 86_400
    fields = {
        "prompt": "a lighthouse",
        "negative_prompt": "fog",
        "seed": 7,
        "num_inference_steps": 3,
        "size": SIZE,
        "n": 1,
        "response_format": "b64_json",
        "output_format": "png",
    }
    (call,) = service.items
    assert call == {
        "path": "/v1/images/generations",
        "fields": fields,
        "behaviour": "ok",
        "together": 1,
    }
    answer = service.request("GET", f"{service.path}/{job}/content")
    assert fetched(answer.headers["location"]) == expected(service, job)
    assert service.request("GET", f"{service.path}/{job}").body["status"] == "completed"


@pytest.mark.parametrize(
    ("form", "ending", "content"), [("jpeg", "jpg", "image/jpeg"), ("webp", "webp", "image/webp")]
)
def test_an_image_has_the_format_of_the_service(
    new_service: NewService, form: str, ending: str, content: str
) -> None:
    service = new_service("image", FORMAT=form)
    job = service.accept("a lighthouse")
    service.pod("ok")
    assert completed(service, job)["key"] == f"{job[:2]}/{job}/item.{ending}"
    head = service.aws("s3", "head_object", Bucket=service.name, Key=service.row(job)["key"])
    assert head["ContentType"] == content


def test_a_clip_is_made_once_and_the_engine_keeps_no_file(new_service: NewService) -> None:
    service = new_service("video")
    job = service.accept("waves", seconds="2", fps=16, seed=7)
    service.pod("slow")
    row = completed(service, job)
    assert row["key"] == f"{job[:2]}/{job}/item.mp4"
    fields = {
        "prompt": "waves",
        "seed": "7",
        "num_inference_steps": "20",
        "size": SIZE,
        "num_frames": "32",
        "fps": "16",
    }
    made, deleted = service.engine_calls
    assert made == {"path": "/v1/videos", "fields": fields, "behaviour": "slow", "together": 1}
    assert deleted["deleted"].startswith("video_gen_")


@pytest.mark.parametrize(("kind", "name"), [("image", "image"), ("video", "input_reference")])
def test_an_input_image_reaches_the_engine(new_service: NewService, kind: str, name: str) -> None:
    service = new_service(kind, TAKES_IMAGES="true")
    form = service.request("POST", "/v1/uploads", {"content_type": "image/webp"}).body
    content = base64.b64encode(INPUT).decode()
    place = {"Bucket": service.name, "Key": form["fields"]["key"]}
    service.aws("s3", "put_object", **place, Body=content, ContentType="image/webp")
    job = service.accept(input_reference=form["id"])
    gone = service.accept("gone", input_reference=form["id"])
    service.pod("ok")
    until(lambda: service.row(gone)["state"] == "completed")
    path = {"image": "/v1/images/edits", "video": "/v1/videos"}[kind]
    (call, _) = service.items
    digest = hashlib.sha256(INPUT).hexdigest()
    assert (call["path"], call["fields"][name]) == (path, ["input.webp", "image/webp", digest])
    assert service.stored(job) == expected(service, job)

    late = service.accept("late", input_reference=form["id"])
    service.aws("s3", "delete_object", **place)
    until(lambda: service.row(late)["state"] in ("failed", "completed"))
    assert service.row(late).get("error") in (None, "its input image has expired")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a text", "its input is no PNG, JPEG or WebP image"),
        (INPUT[:24] + b"\xff\xff\xff" * 2, "its input image has 16777216x16777216 pixels"),
    ],
)
def test_a_file_that_would_end_the_engine_fails_the_job(
    new_service: NewService, content: bytes, reason: str
) -> None:
    service = new_service("video", TAKES_IMAGES="true")
    form = service.request("POST", "/v1/uploads", {"content_type": "image/webp"}).body
    place = {"Bucket": service.name, "Key": form["fields"]["key"]}
    body = base64.b64encode(content).decode()
    service.aws("s3", "put_object", **place, Body=body, ContentType="image/webp")
    job = service.accept(input_reference=form["id"])
    service.pod("ok")
    final(service, job, "failed")
    assert reason in service.row(job)["error"] and service.items == []


def test_a_large_clip_is_uploaded_in_parts_with_a_checksum(new_service: NewService) -> None:
    service = new_service("video")
    job = service.accept("a large clip")
    service.pod("ok")
    row = completed(service, job)
    head = service.aws("s3", "head_object", Bucket=service.name, Key=row["key"], PartNumber=1)
    assert head["PartsCount"] == 3
    whole = service.aws(
        "s3", "head_object", Bucket=service.name, Key=row["key"], ChecksumMode="ENABLED"
    )
    assert whole["Metadata"]["sha256"] == row["sha256"] and whole["ContentType"] == "video/mp4"


@pytest.mark.parametrize(
    ("kind", "prompt"),
    [("image", "forbidden"), ("video", "forbidden"), ("video", "forbidden later")],
)
def test_a_refused_job_fails_at_once(new_service: NewService, kind: str, prompt: str) -> None:
    service = new_service(kind)
    job = service.accept(prompt)
    service.pod("ok")
    failed(service, job, "the engine answers 400: the prompt is forbidden")
    assert len(service.items) == 1


@pytest.mark.parametrize(
    ("kind", "fault", "reason"),
    [
        ("image", "garbage", "the engine's answer is no image"),
        ("video", "garbage", "the engine's answer is no video"),
        ("video", "error", "the engine answers 500: CUDA out of memory"),
    ],
)
def test_a_fault_is_tried_again_until_the_attempts_are_used(
    new_service: NewService, kind: str, fault: str, reason: str
) -> None:
    lucky, hopeless = new_service(kind), new_service(kind)
    jobs = [service.accept() for service in (lucky, hopeless)]
    lucky.pod(fault, fault, "ok")
    hopeless.pod(fault)
    completed(lucky, jobs[0])
    failed(hopeless, jobs[1], reason)
    assert [call["behaviour"] for call in lucky.items] == [fault, fault, "ok"]
    assert [call["behaviour"] for call in hopeless.items] == [fault] * 3


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_hung_engine_ends_the_worker(new_service: NewService, kind: str) -> None:
    """Restarts with growing pauses keep a stuck engine from using up the attempts of many jobs."""
    service = new_service(kind, ITEM_TIMEOUT_S="1", ATTEMPTS="2")
    job = service.accept()
    pod = service.pod("hang")
    assert pod.worker.wait(30) == 1
    assert service.row(job)["state"] == "queued"
    assert service.row(job)["error"] == "no result within 1 s"
    pod.start_worker()
    assert pod.worker.wait(30) == 1
    failed(service, job, "no result within 1 s")


@pytest.mark.parametrize("kind", ["image", "video"])
def test_an_engine_that_dies_costs_an_attempt(new_service: NewService, kind: str) -> None:
    """Guard: a job that kills every engine must not run for ever."""
    service = new_service(kind, ATTEMPTS="2")
    job = service.accept()
    pod = service.pod("die")
    for _ in range(2):
        pod.engine.wait(30)
        pod.start_engine()
    final(service, job, "failed")
    assert "the engine" in service.row(job)["error"] and service.row(job)["given_back"] == 0
    assert len(service.items) == 2


def test_a_worker_without_an_engine_takes_no_job(new_service: NewService) -> None:
    service = new_service("image")
    job = service.accept()
    pod = service.pod("ok")
    pod.engine.kill()
    pod.engine.wait()
    pod.stop(signal.SIGKILL)
    pod.start_worker()
    time.sleep(3)
    assert service.row(job)["state"] == "queued" and service.events == []
    pod.start_engine()
    completed(service, job)
    assert service.row(job)["given_back"] == 0


def test_an_engine_that_is_away_costs_no_attempt(new_service: NewService) -> None:
    """The engine ends between two jobs: the second one goes back and waits for the new engine."""
    service = new_service("image", ATTEMPTS="1")
    first = service.accept()
    pod = service.pod("ok")
    final(service, first, "completed")
    pod.engine.kill()
    pod.engine.wait()
    job = service.accept("another")
    until(lambda: service.row(job)["given_back"] == 1)
    pod.start_engine()
    final(service, job, "completed")
    assert service.row(job)["given_back"] == 1
    assert [event["event"] for event in service.events] == ["completed", "given_back", "completed"]


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_drained_worker_gives_its_job_back_at_once(new_service: NewService, kind: str) -> None:
    """With one attempt and a long visibility, only a real return lets the next worker have it."""
    service = new_service(kind, ATTEMPTS="1", VISIBILITY_S="600", HEARTBEAT_S="200")
    job = service.accept()
    for number in (1, 2):
        pod = service.pod("hang")
        until(lambda number=number: len(service.items) == number)
        begun = time.monotonic()
        assert pod.stop() == 0
        assert time.monotonic() - begun < 5
        assert service.row(job)["given_back"] == number
        pod.engine.kill()
    service.pod("ok")
    completed(service, job)


def test_an_idle_worker_ends_after_its_long_poll(new_service: NewService) -> None:
    """Guard: a message that arrives in a poll that nobody waits for would cost an attempt."""
    service = new_service("image", ATTEMPTS="1", VISIBILITY_S="600", HEARTBEAT_S="200")
    first = service.accept()
    pod = service.pod("ok")
    final(service, first, "completed")
    time.sleep(0.5)
    pod.worker.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    job = service.accept("late")
    assert pod.worker.wait(20) == 0
    assert (service.row(job)["state"], service.row(job)["given_back"]) == ("queued", 1)


def test_a_killed_worker_costs_an_attempt_and_the_last_one_fails_the_job(
    new_service: NewService,
) -> None:
    service = new_service("image", ATTEMPTS="1", VISIBILITY_S="2")
    job = service.accept()
    pod = service.pod("hang")
    until(lambda: len(service.items) == 1)
    pod.stop(signal.SIGKILL)
    pod.start_worker()
    failed(service, job, "1 attempts were lost: their workers ended")
    assert len(service.items) == 1


@pytest.mark.parametrize("attempts", ["1", "3"])
def test_a_result_of_a_lost_worker_is_taken_over(new_service: NewService, attempts: str) -> None:
    """The worker was killed between the upload and the mark: nothing is made again."""
    service = new_service("image", ATTEMPTS=attempts)
    job = service.accept()
    row, content = service.row(job), expected(service, job)
    facts = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "created-at": str(row["created_at"]),
    }
    service.aws(
        "s3",
        "put_object",
        Bucket=service.name,
        Key=f"{job[:2]}/{job}/item.png",
        Body=base64.b64encode(content).decode(),
        Metadata=facts,
    )
    assert len(service.take(visibility_s=0)) == 1
    service.pod("error")
    completed(service, job)
    assert service.items == []


def test_an_object_of_an_older_job_is_not_a_result(new_service: NewService) -> None:
    """An id returns with its idempotency key, when the table has removed the expired row."""
    service = new_service("image")
    job = service.accept()
    place = {"Bucket": service.name, "Key": f"{job[:2]}/{job}/item.png"}
    facts = {"sha256": "0" * 64, "created-at": "1"}
    old = base64.b64encode(b"an older result").decode()
    service.aws("s3", "put_object", **place, Body=old, Metadata=facts)
    service.pod("ok")
    completed(service, job)


def test_the_first_of_two_results_stays(new_service: NewService) -> None:
    """Two workers ran the job at once: the second one adopts the first one's object."""
    service = new_service("image")
    job = service.accept()
    service.pod("slow")
    until(lambda: len(service.items) == 1)
    other = b"\x89PNG of another worker"
    digest = hashlib.sha256(other).hexdigest()
    service.aws(
        "s3",
        "put_object",
        Bucket=service.name,
        Key=f"{job[:2]}/{job}/item.png",
        Body=base64.b64encode(other).decode(),
        Metadata={"sha256": digest, "created-at": str(service.row(job)["created_at"])},
    )
    final(service, job, "completed")
    assert service.stored(job) == other
    assert (service.row(job)["sha256"], service.row(job)["bytes"]) == (digest, len(other))


@pytest.mark.parametrize("gone", [True, False])
def test_a_result_that_comes_too_late_leaves_no_object(new_service: NewService, gone: bool) -> None:
    """Another worker failed the job, or its row has expired, while the engine was working."""
    service = new_service("image")
    job = service.accept()
    service.pod("slow")
    until(lambda: len(service.items) == 1)
    if gone:
        service.aws(f"table {service.name}", "delete_item", Key={"id": job})
    else:
        service.change(job, state="failed", error="too many attempts")
    until(lambda: service.waiting() == 0)
    assert service.keys() == set()
    assert [row["state"] for row in service.rows()] == ([] if gone else ["failed"])


def test_a_heartbeat_keeps_a_long_job_with_its_worker(new_service: NewService) -> None:
    service = new_service("image", VISIBILITY_S="2", HEARTBEAT_S="1")
    job = service.accept()
    service.pod("slow 5")
    until(lambda: len(service.items) == 1)
    service.pod("error")
    completed(service, job)
    assert len(service.items) == 1, "the second worker did not get the message"


def test_a_second_message_of_a_job_changes_nothing(new_service: NewService) -> None:
    service = new_service("image")
    job = service.accept()
    url = service.environment["QUEUE_URL"]
    for body in (json.dumps({"id": job}), json.dumps({"id": "0" * 32}), "not ours", "[]"):
        service.aws("sqs", "send_message", QueueUrl=url, MessageBody=body)
    service.pod("ok")
    completed(service, job)
    assert len(service.items) == 1


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"expires_at": 1}, "it expired in the queue"),
        ({"model": "model-0", "expires_at": 1}, "it expired in the queue"),
        (
            {"given_back": -3, "error": "the engine answers 500: x"},
            "3 attempts were lost: the engine",
        ),
    ],
)
def test_a_job_that_must_not_run_fails_without_the_engine(
    new_service: NewService, values: dict[str, Any], reason: str
) -> None:
    service = new_service("image")
    job = service.accept()
    service.change(job, **values)
    service.pod("ok")
    final(service, job, "failed")
    assert reason in service.row(job)["error"] and service.items == []
    assert [letter["id"] for letter in service.letters()] == [job]


def test_a_job_of_another_model_waits_for_a_worker_of_that_model(new_service: NewService) -> None:
    """During a rollout old and new workers take from one queue: neither fails the other's jobs."""
    service = new_service("image", ATTEMPTS="1", VISIBILITY_S="2")
    job = service.accept()
    service.change(job, model="model-0")
    service.pod("ok")
    until(lambda: service.row(job)["given_back"] == 1)
    until(lambda: service.take() == [], what="a pause of the job")
    time.sleep(3)
    row = service.row(job)
    assert (row["state"], row["given_back"]) == ("queued", 1), "it is not taken again at once"
    assert service.items == [] and service.letters() == [] and service.waiting() == 1
    (event,) = service.events
    assert event == {"event": "given_back", "job": job, "cause": "another model"}


def test_a_job_of_a_model_that_never_comes_names_it(new_service: NewService) -> None:
    service = new_service("image", ATTEMPTS="1")
    job = service.accept()
    for _ in range(20):
        assert len(service.take(visibility_s=0)) == 1
    service.change(job, given_back=20, model="model-0")
    service.pod("ok")
    final(service, job, "failed")
    assert service.row(job)["error"] == "it was given back 20 times; no worker has model-0"


def test_a_job_that_always_goes_back_fails_before_the_queue_takes_it(
    new_service: NewService,
) -> None:
    """Guard: the queue's own redrive knows no reason and marks no row."""
    service = new_service("image", ATTEMPTS="1")
    job = service.accept()
    for _ in range(20):
        assert len(service.take(visibility_s=0)) == 1
    service.change(job, given_back=20)
    service.pod("ok")
    failed(service, job, "it was given back 20 times")
    assert service.items == []


def test_a_failed_job_reaches_the_dead_letters_after_a_crash(new_service: NewService) -> None:
    """The worker was killed between the mark and the dead letter."""
    service = new_service("image")
    job = service.accept()
    service.change(job, state="failed", error="the reason")
    service.pod("ok")
    failed(service, job, "the reason")


def test_clips_of_a_killed_worker_are_deleted(new_service: NewService) -> None:
    service = new_service("video", VISIBILITY_S="2")
    job = service.accept()
    pod = service.pod("hang", "ok")
    until(lambda: len(service.items) == 1)
    pod.stop(signal.SIGKILL)
    pod.start_worker()
    completed(service, job)
    calls = [next(iter(call)) for call in service.engine_calls]
    assert calls == ["path", "deleted", "path", "deleted"]


def test_the_logs_have_no_text_of_a_request(new_service: NewService) -> None:
    service = new_service("image", ATTEMPTS="1")
    jobs = [service.accept(f"{word} secret") for word in ("fine", "forbidden")]
    pod = service.pod("ok")
    for job, state in zip(jobs, ("completed", "failed"), strict=True):
        final(service, job, state)
    log = pod.log.read_text()
    assert {event["event"] for event in service.events} == {"completed", "failed"}
    assert "secret" not in log and "alice" not in log and "forbidden" not in log
