"""What a request of the load balancer says, and the form of an answer to it.

It runs in AWS Lambda without any other library.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

BEARER = re.compile(r"(?i:bearer) +[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
"""Header of one signed token; the group is its claims."""
OWNER_CHARACTERS = 255
"""Most characters of a subject. Basis: vendor (OpenID Connect Core 1.0, section 2)."""

Answer = dict[str, Any]
Event = dict[str, Any]
"""Request in the form of an Application Load Balancer with all values of each header."""


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


def headers_of(event: Event) -> dict[str, list[str]]:
    """Values of each header by its name in lower case."""
    headers: dict[str, list[str]] = {}
    for name, values in (event.get("multiValueHeaders") or {}).items():
        headers.setdefault(name.lower(), []).extend(values)
    return headers


def query_of(event: Event, name: str) -> list[str]:
    """Values of a field of the query, as the caller wrote them."""
    values: list[str] = (event.get("multiValueQueryStringParameters") or {}).get(name) or []
    return values


def owner_of(headers: dict[str, list[str]], issuer: str) -> str:
    """Subject of the caller's token, whose signature was verified before this function ran.

    Guard: of two tokens, the load balancer may have verified the other one.
    """
    stated = headers.get("authorization", [])
    token = BEARER.fullmatch(stated[0]) if len(stated) == 1 else None
    claims = _claims(token[1]) if token else {}
    subject, until = claims.get("sub"), claims.get("exp")
    current = isinstance(until, (int, float)) and until > time.time()
    named = isinstance(subject, str) and 0 < len(subject) <= OWNER_CHARACTERS
    if not (current and named and claims.get("iss") == issuer):
        raise RefusedError(
            401,
            "One bearer token of the issuer with a subject is required.",
            code="invalid_token",
            headers={"www-authenticate": "Bearer"},
        )
    return str(subject)


def _claims(text: str) -> dict[str, Any]:
    """Claims of a token; none where they cannot be read."""
    try:
        claims = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def body_of(event: Event, headers: dict[str, list[str]], most: int) -> dict[str, Any]:
    """Return the JSON object of the body. Raises RefusedError."""
    text = event.get("body") or ""
    plain = text.encode("utf-8", "surrogatepass")
    body = base64.b64decode(text) if event.get("isBase64Encoded") else plain
    if len(body) > most:
        raise RefusedError(413, f"The body is larger than {most} bytes.", code="body_too_large")
    kind = ", ".join(headers.get("content-type", [])).partition(";")[0].strip().lower()
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
    stated = {"content-type": "application/json", **(headers or {})}
    return {
        "statusCode": status,
        "multiValueHeaders": {name: [value] for name, value in stated.items()},
        "body": "" if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }
