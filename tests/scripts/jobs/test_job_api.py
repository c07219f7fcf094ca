"""The function's answers: which jobs it accepts, and what each owner sees."""

import base64
import json
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizing.service.items.jobs import FUNCTION_S
from testbed.aws_services import PYTHON, AwsServices
from tests.scripts.jobs.queued_service import Driver, QueuedService, fetched, token

NewService = Callable[..., QueuedService]
FORMS = {"message", "type", "param", "code"}


@pytest.fixture
def video(new_service: NewService) -> QueuedService:
    return new_service("video")


@pytest.fixture
def image(new_service: NewService) -> QueuedService:
    return new_service("image")


@pytest.mark.parametrize("kind", ["image", "video"])
def test_an_accepted_job_has_a_row_and_a_message(new_service: NewService, kind: str) -> None:
    service = new_service(kind)
    now = int(time.time())
    answer = service.request("POST", service.path, {"prompt": "a lighthouse"})
    assert answer.status == 202
    job = answer.body["id"]
    assert answer.headers["location"] == f"{service.path}/{job}"
    assert answer.body | {"created_at": 0, "expires_at": 0} == {
        "id": job,
        "object": kind,
        "model": "model-1",
        "status": "queued",
        "progress": 0,
        "error": None,
        "size": "832x480",
        "created_at": 0,
        "started_at": None,
        "completed_at": None,
        "expires_at": 0,
        **({"num_frames": 81} if kind == "video" else {}),
    }
    row = service.row(job)
    assert len(job) == 32 and int(job, 16)
    assert (row["owner"], row["state"], row["given_back"]) == ("alice", "queued", 0)
    assert now <= row["created_at"] <= now + 5
    assert row["expires_at"] - row["created_at"] == 14 * 86_400, "SQS keeps no job longer"
    assert row["ttl"] - row["created_at"] == 33 * 86_400
    (message,) = service.take()
    assert json.loads(message["Body"]) == {"id": job}


def test_the_engine_gets_the_sized_item_where_the_job_says_nothing(video: QueuedService) -> None:
    """Guard: the engine's own defaults may be larger than the item that was sized."""
    job = video.accept()
    assert json.loads(video.row(job)["request"]) == {
        "prompt": "a lighthouse",
        "size": "832x480",
        "num_frames": 81,
        "fps": 16,
        "num_inference_steps": 20,
        "seed": int(job[:8], 16),
    }


ACCEPTED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("video", {"size": "480x832"}, {"size": "480x832"}),
    ("video", {"size": "1280x720", "num_frames": 35}, {"num_frames": 35}),
    ("video", {"seconds": "5"}, {"num_frames": 80, "fps": 16}),
    ("video", {"seconds": 3, "fps": 24}, {"num_frames": 72, "fps": 24}),
    ("video", {"seed": 0, "negative_prompt": ""}, {"seed": 0, "negative_prompt": ""}),
    ("image", {"n": 1, "model": "model-1", "num_inference_steps": 1}, {"num_inference_steps": 1}),
    ("image", {"size": "64x64", "seed": 2**63 - 1}, {"size": "64x64", "seed": 2**63 - 1}),
]


@pytest.mark.parametrize(("kind", "fields", "stored"), ACCEPTED)
def test_accepted_fields_reach_the_row(
    new_service: NewService, kind: str, fields: dict[str, Any], stored: dict[str, Any]
) -> None:
    service = new_service(kind)
    request = json.loads(service.row(service.accept(**fields))["request"])
    assert stored.items() <= request.items()
    assert not request.keys() & {"n", "model", "seconds"}, "fields that the engine must not get"


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("video", {"prompt": ""}, "prompt", "a text of 1 to 8000 characters"),
    ("video", {"prompt": "x" * 8_001}, "prompt", "a text of 1 to 8000 characters"),
    ("video", {"prompt": ["x"]}, "prompt", "a text"),
    ("video", {"prompt": "\ud800"}, "prompt", "a text"),
    ("video", {"negative_prompt": 7}, "negative_prompt", "a text"),
    ("video", {"model": "model-2"}, "model", "model-1"),
    ("video", {"size": "large"}, "size", "WIDTHxHEIGHT"),
    ("video", {"size": "830x480"}, "size", "multiples of 8"),
    ("video", {"size": "56x480"}, "size", "at least 64"),
    ("video", {"size": "\u0668\u0663\u0662x480"}, "size", "WIDTHxHEIGHT"),
    ("video", {"size": "840x480"}, "size", "no more pixels in total than 832x480 and 81 frames"),
    ("video", {"size": "1280x720", "num_frames": 36}, "size", "no more pixels in total"),
    ("video", {"num_frames": 82}, "num_frames", "a whole number from 1 to 81"),
    ("video", {"num_frames": 0}, "num_frames", "a whole number from 1 to 81"),
    ("video", {"num_frames": True}, "num_frames", "a whole number"),
    ("video", {"num_frames": 5.0}, "num_frames", "a whole number"),
    ("video", {"seconds": "6"}, "seconds", "a whole number from 1 to 5"),
    ("video", {"seconds": 4, "fps": 24}, "seconds", "a whole number from 1 to 3"),
    ("video", {"seconds": "1.5"}, "seconds", "a whole number"),
    ("video", {"seconds": "1", "num_frames": 5}, "seconds", "either seconds or num_frames"),
    ("video", {"fps": 61}, "fps", "a whole number from 1 to 60"),
    ("video", {"num_inference_steps": 21}, "num_inference_steps", "from 1 to 20"),
    ("video", {"seed": -1}, "seed", "a whole number from 0 to"),
    ("video", {"seed": 2**63}, "seed", "a whole number from 0 to"),
    ("video", {"n": 1}, "n", "one of: fps, model, negative_prompt"),
    ("video", {"extra_params": {}}, "extra_params", "one of: fps"),
    ("video", {"lora": {"path": "x"}}, "lora", "one of: fps"),
    ("video", {"image_reference": {"image_url": "x"}}, "image_reference", "one of: fps"),
    ("video", {"input_reference": "0" * 32}, "input_reference", "one of: fps"),
    ("image", {"num_frames": 1}, "num_frames", "one of: model, n, negative_prompt"),
    ("image", {"n": 2}, "n", "a whole number from 1 to 1"),
    ("image", {"owner": "bob"}, "owner", "one of: model"),
    ("image", {"size": "832x488"}, "size", "no more pixels in total than 832x480"),
]


@pytest.mark.parametrize(("kind", "fields", "param", "expected"), REFUSED)
def test_a_refusal_names_the_field_and_the_expected_value(
    new_service: NewService, kind: str, fields: dict[str, Any], param: str, expected: str
) -> None:
    service = new_service(kind)
    answer = service.request("POST", service.path, {"prompt": "a lighthouse", **fields})
    assert answer.status == 400
    assert set(answer.error) == FORMS and answer.error["type"] == "invalid_request_error"
    assert answer.error["param"] == param
    assert expected in answer.error["message"], answer.error
    assert service.rows() == [] and service.waiting() == 0


def test_a_refusal_does_not_repeat_the_prompt(image: QueuedService) -> None:
    answer = image.request("POST", image.path, {"prompt": "my secret", "size": "no"})
    assert answer.status == 400 and "secret" not in json.dumps(answer.body)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 60_000, b"1" * 5_000]
)
def test_a_body_that_is_no_json_object_is_refused(image: QueuedService, raw: bytes) -> None:
    answer = image.request("POST", image.path, raw=raw)
    assert (answer.status, answer.error["code"]) == (400, "invalid_json")


def test_a_missing_prompt_is_named(image: QueuedService) -> None:
    answer = image.request("POST", image.path, {})
    assert (answer.error["param"], answer.error["code"]) == ("prompt", "missing_required_parameter")


def test_the_body_has_a_limit(image: QueuedService) -> None:
    """A body of exactly the limit is read; one more byte is not."""
    text = json.dumps({"prompt": "a lighthouse"}).encode()
    fits = image.request("POST", image.path, raw=text.ljust(65_536))
    assert fits.status == 202
    answer = image.request("POST", image.path, raw=text.ljust(65_537))
    assert (answer.status, answer.error["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("kind", [None, "text/plain", "multipart/form-data; boundary=x"])
def test_other_content_types_are_refused(image: QueuedService, kind: str | None) -> None:
    answer = image.request("POST", image.path, {"prompt": "x"}, headers={"content-type": kind})
    assert answer.status == 415
    charset = {"content-type": "Application/JSON; charset=utf-8"}
    assert image.request("POST", image.path, {"prompt": "x"}, headers=charset).status == 202


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic YWxpY2U6eA==",
        "Bearer x",
        "Bearer a.!!!.c",
        "Bearer a.bm9uZQ.c",
        token(""),
        token(7),
        token(None),
        token("x" * 256),
        token(iss="another"),
        token(iss=None),
        token(exp=1),
        token(exp=None),
        token(exp="9999999999"),
        token(exp=float("nan")),
        f"{token()}, {token('bob')}",
        f"{token()} x",
        [],
        [token(), token()],
        [token(), token("bob")],
        ["Basic YWxpY2U6eA==", token()],
    ],
)
def test_nobody_is_served_without_a_subject(
    image: QueuedService, authorization: str | list[str] | None
) -> None:
    job = image.accept()
    headers = {"authorization": authorization}
    for method, path in (
        ("POST", image.path),
        ("GET", f"{image.path}/{job}"),
        ("GET", "/v1/models"),
    ):
        answer = image.request(method, path, {"prompt": "x"}, headers=headers)
        assert (answer.status, answer.error["code"]) == (401, "invalid_token")
        assert answer.headers["www-authenticate"] == "Bearer"
    assert len(image.rows()) == 1


def test_a_header_in_another_spelling_is_a_second_token(image: QueuedService) -> None:
    answer = image.request("GET", "/v1/models", headers={"Authorization": token("bob")})
    assert (answer.status, answer.error["code"]) == (401, "invalid_token")
    alone = {"authorization": None, "AUTHORIZATION": token("bob").replace("Bearer", "bearer")}
    assert image.request("GET", "/v1/models", headers=alone).status == 200


def test_paths_and_methods(image: QueuedService) -> None:
    job = image.accept()
    for path in ("/", "/v1/videos", f"{image.path}/{job}/other", "/v1/uploads", f"{image.path}/"):
        assert image.request("GET", path).status == 404, path
    for method, path, allowed in (
        ("GET", image.path, "POST"),
        ("DELETE", f"{image.path}/{job}", "GET"),
        ("POST", f"{image.path}/{job}/content", "GET"),
        ("POST", "/v1/models", "GET"),
    ):
        answer = image.request(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)
    models = image.request("GET", "/v1/models").body
    assert [model["id"] for model in models["data"]] == ["model-1"]


def test_without_workers_new_jobs_are_refused_and_old_ones_are_shown(
    new_service: NewService,
) -> None:
    service = new_service("video", TAKES_IMAGES="true")
    job = service.accept()
    service.environment["ACCEPTS"] = "false"
    for path, body in ((service.path, {"prompt": "x"}), ("/v1/uploads", {"content_type": "x"})):
        answer = service.request("POST", path, body)
        assert (answer.status, answer.error["code"]) == (503, "no_workers")
        assert answer.error["message"] == "This service has no workers, so that it accepts no jobs."
    assert len(service.rows()) == 1 and service.waiting() == 1
    assert service.request("GET", f"{service.path}/{job}").body["status"] == "queued"
    assert service.request("GET", "/v1/models").status == 200


def test_another_owner_and_a_guess_see_nothing(image: QueuedService) -> None:
    job = image.accept()
    assert image.request("GET", f"{image.path}/{job}").status == 200
    guesses = [(job, "bob"), (uuid.uuid4().hex, "alice"), (job.upper(), "alice"), ("x", "alice")]
    answers = [
        image.request("GET", f"{image.path}/{guess}{end}", owner=owner)
        for guess, owner in guesses
        for end in ("", "/content")
    ]
    assert {(answer.status, json.dumps(answer.body)) for answer in answers} == {
        (404, json.dumps(answers[0].body))
    }


def test_an_expired_job_is_gone_before_the_table_removes_it(image: QueuedService) -> None:
    job = image.accept()
    image.change(job, expires_at=int(time.time()))
    assert image.request("GET", f"{image.path}/{job}").status == 404
    assert image.request("GET", f"{image.path}/{job}/content").status == 404


def test_a_short_retention_is_the_life_of_a_waiting_job(new_service: NewService) -> None:
    service = new_service("image", EXPIRE_DAYS="3", ROW_DAYS="6")
    row = service.row(service.accept())
    assert row["expires_at"] - row["created_at"] == 3 * 86_400
    assert row["ttl"] - row["created_at"] == 6 * 86_400


def test_the_owner_sees_the_states(image: QueuedService) -> None:
    job = image.accept()
    image.change(job, state="in_progress", started_at=5)
    seen = image.request("GET", f"{image.path}/{job}").body
    assert (seen["status"], seen["started_at"], seen["progress"]) == ("in_progress", 5, 0)
    image.change(job, state="failed", error="the engine answers 400: no", completed_at=6)
    seen = image.request("GET", f"{image.path}/{job}").body
    assert seen["error"] == {"code": "generation_failed", "message": "the engine answers 400: no"}
    assert (seen["status"], seen["completed_at"]) == ("failed", 6)


def test_content_is_a_short_redirect_once_it_exists(image: QueuedService) -> None:
    job = image.accept()
    for state in ("queued", "in_progress", "failed"):
        image.change(job, state=state)
        answer = image.request("GET", f"{image.path}/{job}/content")
        assert (answer.status, answer.error["code"]) == (409, "not_completed")
    key = f"{job[:2]}/{job}/item.png"
    body = base64.b64encode(b"the image").decode()
    image.aws("s3", "put_object", Bucket=image.name, Key=key, Body=body)
    image.change(job, state="completed", key=key)
    answer = image.request("GET", f"{image.path}/{job}/content")
    assert (answer.status, answer.body) == (302, None)
    assert answer.headers["cache-control"] == "no-store"
    assert "X-Amz-Expires=600" in answer.headers["location"]
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in answer.headers["location"]
    assert fetched(answer.headers["location"]) == b"the image"


def test_the_same_key_is_the_same_job(image: QueuedService) -> None:
    body, key = {"prompt": "a lighthouse"}, {"idempotency-key": "order 7"}
    first = image.request("POST", image.path, body, headers=key)
    again = image.request("POST", image.path, body, headers=key)
    assert first.body == again.body and first.status == again.status == 202
    assert len(image.rows()) == 1 and image.waiting() == 1
    other = image.request("POST", image.path, body, headers=key, owner="bob")
    assert other.status == 202 and other.body["id"] != first.body["id"]
    changed = image.request("POST", image.path, {"prompt": "another"}, headers=key)
    assert (changed.status, changed.error["code"]) == (409, "idempotency_key_reused")
    image.change(first.body["id"], expires_at=1)
    assert image.request("POST", image.path, body, headers=key).status == 409
    for bad in ("", "x" * 256):
        answer = image.request("POST", image.path, body, headers={"idempotency-key": bad})
        assert (answer.status, answer.error["param"]) == (400, "Idempotency-Key")


def test_a_job_without_its_message_is_sent_when_its_request_is_repeated(
    image: QueuedService,
) -> None:
    """The queue was away between the row and the message: no caller knows the job yet."""
    body, key = {"prompt": "a lighthouse"}, {"idempotency-key": "order 7"}
    there = image.environment["QUEUE_URL"]
    image.environment["QUEUE_URL"] = there + "-away"
    lost = image.request("POST", image.path, body, headers=key)
    assert (lost.status, lost.error["code"]) == (503, "unavailable")
    assert lost.headers["retry-after"] == "5"
    image.environment["QUEUE_URL"] = there
    assert len(image.rows()) == 1 and image.waiting() == 0
    answer = image.request("POST", image.path, body, headers=key)
    (row,) = image.rows()
    assert answer.status == 202 and answer.body["id"] == row["id"]
    (message,) = image.take()
    assert json.loads(message["Body"]) == {"id": row["id"]}


def test_no_answer_names_a_job_that_could_not_be_written(
    image: QueuedService, driver: Driver
) -> None:
    """The log has the error's code, and no text of the request."""
    image.environment["TABLE"] = "away"
    driver.log.write_text("")
    answer = image.request("POST", image.path, {"prompt": "a lighthouse"})
    logged = {"event": "aws_error", "code": "ResourceNotFoundException"}
    assert json.loads(driver.log.read_text()) == logged
    assert answer.status == 503 and "id" not in answer.body
    image.environment["TABLE"] = image.name
    assert image.waiting() == 0


CALLS = """
import json, job_api
configs = [job_api.table().meta.client.meta.config, job_api.queue().meta.config]
configs += [job_api.store().meta.config]
fields = [(c.connect_timeout, c.read_timeout, c.retries["total_max_attempts"]) for c in configs]
print(json.dumps(fields))
"""
MOST_CALLS, PAUSE_S = 6, 1
"""Calls of the longest request: a repeated one with a key and an upload. Longest pause before the
second attempt of a call. Basis: vendor (botocore, standard mode)."""


def test_the_answer_comes_before_the_function_s_time_ends(
    aws: AwsServices, programs_folder: Path
) -> None:
    """Guard: a function that AWS ends writes no answer, and the caller gets 502."""
    done = subprocess.run(
        [str(PYTHON), "-c", CALLS],
        env={**aws.environment, "TABLE": "t", "PYTHONPATH": str(programs_folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    for connect_s, read_s, tries in json.loads(done.stdout):
        longest_s = MOST_CALLS * (tries * (connect_s + read_s) + (tries - 1) * PAUSE_S)
        assert longest_s < FUNCTION_S


def test_an_image_is_uploaded_by_a_form_of_limited_size(new_service: NewService) -> None:
    service = new_service("video", TAKES_IMAGES="true")
    answer = service.request("POST", "/v1/uploads", {"content_type": "image/png"})
    assert answer.status == 201
    upload, fields = answer.body["id"], answer.body["fields"]
    policy = json.loads(base64.b64decode(fields["policy"]))
    conditions = policy["conditions"]
    assert ["content-length-range", 1, 1_000_000] in conditions
    assert {"Content-Type": "image/png"} in conditions
    assert {"key": fields["key"]} in conditions and {"bucket": service.name} in conditions
    early = service.request("POST", service.path, {"prompt": "x", "input_reference": upload})
    assert (early.status, early.error["param"]) == (400, "input_reference")

    posted(answer.body["url"], fields, b"an image")
    assert service.keys() == {fields["key"]}
    body = {"prompt": "x", "input_reference": upload}
    key = {"idempotency-key": "order 7"}
    job = service.request("POST", service.path, body, headers=key).body["id"]
    assert json.loads(service.row(job)["request"])["input_reference"] == upload
    stolen = service.request("POST", service.path, body, owner="bob")
    assert (stolen.status, stolen.error["param"]) == (400, "input_reference")
    for bad in ("x", "https://example.com/a.png", {"image_url": "https://example.com"}, 7):
        answer = service.request("POST", service.path, {"prompt": "x", "input_reference": bad})
        assert (answer.status, answer.error["param"]) == (400, "input_reference")
    service.aws("s3", "delete_object", Bucket=service.name, Key=fields["key"])
    assert service.request("POST", service.path, body, headers=key).body["id"] == job
    assert service.request("POST", service.path, body).status == 400


@pytest.mark.parametrize(
    "body", [{}, {"content_type": "text/html"}, {"content_type": "image/png", "key": "x"}]
)
def test_a_wrong_upload_is_refused(new_service: NewService, body: dict[str, str]) -> None:
    service = new_service("video", TAKES_IMAGES="true")
    answer = service.request("POST", "/v1/uploads", body)
    assert (answer.status, answer.error["param"]) == (400, "content_type")


def posted(url: str, fields: dict[str, str], content: bytes) -> None:
    """Post a form as a browser does."""
    lines = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = 'Content-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    body = "".join(lines).encode() + f"--x\r\n{head}".encode() + content + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    with urllib.request.urlopen(urllib.request.Request(url, body, kind), timeout=10) as answer:
        assert answer.status in (200, 204)
