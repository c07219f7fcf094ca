"""Function behind the load balancer: it accepts jobs and shows their owner the state and result.

It runs in AWS Lambda with the boto3 of the runtime. The load balancer has already verified the
token's signature and claims. The owner of a job is the token's `sub`. No prompt and
no token is ever logged.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import time
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from job_http import (
    Answer,
    Event,
    RefusedError,
    answer,
    body_of,
    headers_of,
    only,
    owner_of,
    query_of,
)
from job_request import ID, Service, accepted

PATHS = {"image": "/v1/images/generations", "video": "/v1/videos"}
UPLOADS, MODELS = "/v1/uploads", "/v1/models"
IMAGES = ("image/jpeg", "image/png", "image/webp")
"""Content types of uploaded images."""
DAY_S = 86_400
RETRY_S = 5
"""Seconds after which a caller may try again where AWS did not answer. Basis: assumed."""
CONNECT_S, READ_S, TRIES = 1, 2, 2
"""Patience with one call of AWS. Basis: assumed; the longest request makes six calls, and the
function's own time must not end before the answer."""
KEY_CHARACTERS = 255
"""Most characters of an idempotency key. Basis: assumed."""
FORM_BYTES = 4_096
"""Largest body of a request for an upload. Basis: assumed; it has one short field."""


@cache
def service() -> Service:
    """What the environment says about this service."""
    return Service(
        kind=os.environ["KIND"],
        model=os.environ["MODEL"],
        takes_images=os.environ["TAKES_IMAGES"] == "true",
        **json.loads(os.environ["LIMITS"]),
    )


@cache
def table() -> Any:
    return boto3.resource("dynamodb", config=_patience()).Table(os.environ["TABLE"])


@cache
def queue() -> Any:
    return boto3.client("sqs", config=_patience())


@cache
def store() -> Any:
    """Return a client whose signed addresses name the bucket's own region."""
    style = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
    return boto3.client("s3", config=_patience().merge(style))


def _number(name: str) -> int:
    return int(os.environ[name])


def _patience() -> Config:
    retries = {"mode": "standard", "total_max_attempts": TRIES}
    return Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries=retries)


def handler(event: Event, context: object) -> Answer:
    """Return the answer to one request of the load balancer."""
    try:
        return routed(event)
    except RefusedError as refused:
        return answer(refused.status, {"error": refused.error}, refused.headers)
    except (BotoCoreError, ClientError) as fault:
        code = getattr(fault, "response", {}).get("Error", {}).get("Code", type(fault).__name__)
        print(json.dumps({"event": "aws_error", "code": code}))
        away = RefusedError(503, "The service is not available. Retry later.", code="unavailable")
        return answer(503, {"error": away.error}, {"retry-after": str(RETRY_S)})


def routed(event: Event) -> Answer:
    """Answer by path and method; nothing is answered without an owner."""
    headers = headers_of(event)
    owner = owner_of(headers, os.environ["ISSUER"])
    path, method = event["path"], event["httpMethod"]
    jobs = PATHS[service().kind]
    if path == jobs:
        only(method, "POST")
        _has_workers()
        keys = headers.get("idempotency-key")
        body = body_of(event, headers, _number("BODY_BYTES"))
        return create(body, None if keys is None else ", ".join(keys), owner)
    if path == UPLOADS and service().takes_images:
        only(method, "POST")
        _has_workers()
        return upload(body_of(event, headers, FORM_BYTES), owner)
    if path == MODELS:
        only(method, "GET")
        model = {"id": service().model, "object": "model", "created": 0, "owned_by": "self"}
        return answer(200, {"object": "list", "data": [model]})
    if found := re.fullmatch(rf"{re.escape(jobs)}/([^/]+)(/content)?", path):
        only(method, "GET")
        row = own_row(found[1], owner)
        return content(row, variant_of(event)) if found[2] else answer(200, view(row))
    raise RefusedError(404, "There is nothing at this path.", code="not_found")


def _has_workers() -> None:
    """Raise RefusedError where nothing would do a new job."""
    if os.environ["ACCEPTS"] != "true":
        message = "This service has no workers, so that it accepts no jobs."
        raise RefusedError(503, message, code="no_workers")


def create(body: dict[str, Any], key: str | None, owner: str) -> Answer:
    """Accept a job: the row first, then the message, then the answer.

    A crash before the answer leaves at most a row or a message that no caller knows. A message
    without a row is dropped by the worker, so the row comes first. A row without a message is
    sent when the caller repeats the request with its key, because it has no `sent_at`. A second
    message after a crash in between runs no second result: the object's key is the job's id.
    """
    request = accepted(body, service())
    job = job_id(owner, key)
    # Guard: a repeated attempt makes the same item.
    request.setdefault("seed", int(job[:8], 16))
    # Guard: an upload expires, and a repeated request must still find its job.
    if "input_reference" in request and (key is None or _row(job) is None):
        _uploaded(request["input_reference"], owner)
    now = int(time.time())
    # Guard: SQS drops a message that waits longer, and its row would stay queued for ever.
    life_s = min(_number("EXPIRE_DAYS") * DAY_S, _number("KEPT_S"))
    row = {
        "id": job,
        "owner": owner,
        "state": "queued",
        "request": json.dumps(request, sort_keys=True),
        "model": service().model,
        "created_at": now,
        "expires_at": now + life_s,
        "ttl": now + _number("ROW_DAYS") * DAY_S,
        "given_back": 0,
    }
    try:
        table().put_item(Item=row, ConditionExpression="attribute_not_exists(id)")
    except ClientError as fault:
        if fault.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        row = _repeated(row)
    if "sent_at" not in row:
        queue().send_message(QueueUrl=os.environ["QUEUE_URL"], MessageBody=json.dumps({"id": job}))
        table().update_item(
            Key={"id": job},
            UpdateExpression="SET sent_at = :now",
            ConditionExpression="attribute_exists(id)",
            ExpressionAttributeValues={":now": now},
        )
    return answer(202, view(row), {"location": f"{PATHS[service().kind]}/{job}"})


def job_id(owner: str, key: str | None) -> str:
    """Return a new id; the same owner and idempotency key always have the same one."""
    if key is None:
        return secrets.token_hex(16)
    if not 0 < len(key) <= KEY_CHARACTERS:
        message = f"The idempotency key does not have 1 to {KEY_CHARACTERS} characters."
        raise RefusedError(400, message, param="Idempotency-Key")
    return hashlib.sha256(json.dumps([owner, key]).encode()).hexdigest()[:32]


def _repeated(row: dict[str, Any]) -> dict[str, Any]:
    """Return the job of an earlier request with the same owner and key."""
    earlier = _row(row["id"])
    if earlier is None or earlier["request"] != row["request"] or _expired(earlier):
        message = "The idempotency key belongs to another request or to an expired job."
        raise RefusedError(409, message, code="idempotency_key_reused", param="Idempotency-Key")
    return earlier


def own_row(job: str, owner: str) -> dict[str, Any]:
    """Return the row of a job. Another owner's job and an expired one do not exist."""
    row = _row(job) if ID.fullmatch(job) else None
    if row is None or row["owner"] != owner or _expired(row):
        raise RefusedError(404, "There is no such job.", code="not_found")
    return row


def _row(job: str) -> dict[str, Any] | None:
    found: dict[str, Any] | None = (
        table().get_item(Key={"id": job}, ConsistentRead=True).get("Item")
    )
    return found


def _expired(row: dict[str, Any]) -> bool:
    """True for a row that the table still has: DynamoDB removes rows hours or days late."""
    return bool(row["expires_at"] <= time.time())


def view(row: dict[str, Any]) -> dict[str, Any]:
    """What a caller sees of its job, in the form of OpenAI's video object."""
    request = json.loads(row["request"])
    done = row["state"] == "completed"
    times = ("created_at", "started_at", "completed_at", "expires_at")
    failed = {"code": "generation_failed", "message": row.get("error", "unknown")}
    shown = {
        "id": row["id"],
        "object": service().kind,
        "model": row["model"],
        "status": row["state"],
        "progress": 100 if done else 0,
        "error": failed if row["state"] == "failed" else None,
        "size": request["size"],
        **{name: int(row[name]) if name in row else None for name in times},
    }
    frames = {"num_frames": request["num_frames"]} if "num_frames" in request else {}
    made = states(row)
    return shown | frames | ({"variants": made} if made else {})


def states(row: dict[str, Any]) -> dict[str, str]:
    """State of each variant of a job by name: those that it has, else those that it gets."""
    if "variants" in row:
        return dict.fromkeys(row["variants"], "completed")
    state = "failed" if "variants_error" in row or row["state"] == "failed" else "queued"
    return dict.fromkeys(json.loads(os.environ["VARIANTS"]), state)


def variant_of(event: Event) -> str:
    """Variant that a request asks for; the result itself has the name of its kind."""
    stated = query_of(event, "variant") or [service().kind]
    return stated[0] if len(stated) == 1 else ""


def key_of(row: dict[str, Any], variant: str) -> str:
    """Key of a variant of a job. Raises RefusedError where it does not exist."""
    if row["state"] != "completed":
        message = f"The job is {row['state']}; it has no content."
        raise RefusedError(409, message, code="not_completed")
    if variant == service().kind:
        return str(row["key"])
    known = states(row)
    if variant not in known:
        message = f"`variant` has a wrong value; expected {' or '.join([service().kind, *known])}."
        raise RefusedError(400, message, param="variant")
    if known[variant] != "completed":
        message = f"The variant {variant} is {known[variant]}; it has no content."
        raise RefusedError(409, message, code="not_completed")
    return str(row["variants"][variant]["key"])


def content(row: dict[str, Any], variant: str) -> Answer:
    """Redirect to a signed address of the result, or of a variant of it."""
    place = {"Bucket": os.environ["BUCKET"], "Key": key_of(row, variant)}
    life_s = _number("URL_S")
    address = store().generate_presigned_url("get_object", Params=place, ExpiresIn=life_s)
    return answer(302, None, {"location": address, "cache-control": "no-store"})


def upload_key(owner: str, number: str) -> str:
    """Key of an uploaded image; each owner has a prefix."""
    return f"uploads/{hashlib.sha256(owner.encode()).hexdigest()[:16]}/{number}"


def upload(body: dict[str, Any], owner: str) -> Answer:
    """Return the form with which the caller posts one image of limited size to the bucket."""
    kind = body.get("content_type")
    if set(body) != {"content_type"} or kind not in IMAGES:
        message = f"`content_type` is the only field; expected one of: {', '.join(IMAGES)}."
        raise RefusedError(400, message, param="content_type")
    number, most, life_s = secrets.token_hex(16), _number("UPLOAD_BYTES"), _number("URL_S")
    form = store().generate_presigned_post(
        os.environ["BUCKET"],
        upload_key(owner, number),
        Fields={"Content-Type": kind},
        Conditions=[{"Content-Type": kind}, ["content-length-range", 1, most]],
        ExpiresIn=life_s,
    )
    expires = int(time.time()) + life_s
    shown = {"id": number, "object": "upload", "expires_at": expires, "most_bytes": most}
    return answer(201, shown | form)


def _uploaded(number: str, owner: str) -> None:
    """Raise RefusedError where the owner has not uploaded that image."""
    try:
        store().head_object(Bucket=os.environ["BUCKET"], Key=upload_key(owner, number))
    except ClientError as fault:
        if fault.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        message = (
            "`input_reference` names no upload of yours; expected an id whose form was posted."
        )
        raise RefusedError(400, message, param="input_reference") from None
