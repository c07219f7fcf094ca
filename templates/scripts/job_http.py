"""What a request of the load balancer says, and the form of an answer to it.

It runs in AWS Lambda without any other library.
"""

from __future__ import annotations

import base64
import json
from typing import Any

OWNER_CHARACTERS = 255
"""Most characters of a subject. Basis: vendor (OpenID Connect Core 1.0, section 2)."""

Answer = dict[str, Any]
Event = dict[str, Any]
"""Request in the form of an Application Load Balancer with one value for each header."""


class RefusedError(Exception):
    """Answer that is an error of the caller, in OpenAI's form."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "invalid_value",
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.error = {"message": message, "type": kind, "param": param, "code": code}


def only(method: str, allowed: str) -> None:
    if method != allowed:
        message = f"This path accepts {allowed} only."
        raise RefusedError(405, message, code="method_not_allowed", headers={"allow": allowed})


def owner_of(headers: dict[str, str]) -> str:
    """Subject of the caller's token, whose signature was verified before this function ran."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    parts = token.strip().split(".")
    subject: object = None
    if scheme.lower() == "bearer" and len(parts) == 3:
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
            subject = claims.get("sub") if isinstance(claims, dict) else None
        except (ValueError, RecursionError):
            subject = None
    if not isinstance(subject, str) or not 0 < len(subject) <= OWNER_CHARACTERS:
        raise RefusedError(
            401,
            "A bearer token with a subject is required.",
            code="invalid_token",
            headers={"www-authenticate": "Bearer"},
        )
    return subject


def body_of(event: Event, headers: dict[str, str], most: int) -> dict[str, Any]:
    """Return the JSON object of the body. Raises RefusedError."""
    text = event.get("body") or ""
    plain = text.encode("utf-8", "surrogatepass")
    body = base64.b64decode(text) if event.get("isBase64Encoded") else plain
    if len(body) > most:
        raise RefusedError(413, f"The body is larger than {most} bytes.", code="body_too_large")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        message = "The content type is not application/json."
        raise RefusedError(415, message, code="unsupported_content_type")
    return parsed(body)


def parsed(text: bytes) -> dict[str, Any]:
    """Return the JSON object of a body. Raises RefusedError."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError(400, "The body is not JSON.", code="invalid_json") from None
    if not isinstance(body, dict):
        raise RefusedError(400, "The body is not a JSON object.", code="invalid_json")
    return body


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Answer:
    """Answer in the form that the load balancer expects."""
    return {
        "statusCode": status,
        "headers": {"content-type": "application/json", **(headers or {})},
        "body": "" if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
