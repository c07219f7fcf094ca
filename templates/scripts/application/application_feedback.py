"""Take what users say about answers: `POST /v1/feedback`.

It runs inside OGX's server with pydantic, in front of the check of requests. A user judges a
response that OGX keeps for them. OGX must have it with the user's own token: one that is not
valid gets 401, and a response of somebody else or of nobody 404. The feedback is one line of JSON
in a stream, and it is answered once the stream has it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from application_check import (
    RESPONSES,
    App,
    Receive,
    RefusedError,
    Scope,
    Send,
    answer,
    read,
    refuse,
    replayed,
    subject_of,
)
from application_judgement import Feedback
from pydantic import ValidationError

FEEDBACK = "/v1/feedback"
BODY_BYTES = 65_536
"""Bytes of a request at most. Basis: arithmetic (a comment of 4,000 characters, each escaped as two
units of UTF-16 in 12 bytes)."""
ENDED = ("completed", "incomplete")
"""States of a response that a user may judge."""
Put = Callable[[bytes], Awaitable[None]]
"""Function that keeps a line, and raises StreamError where it cannot."""


class StreamError(Exception):
    """The stream did not take a line."""


class Collecting:
    """ASGI application that takes feedback, and hands every other request on."""

    def __init__(self, app: App, put: Put) -> None:
        self._app, self._put = app, put

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take feedback, or hand a request on."""
        if scope["type"] != "http" or scope["path"].rstrip("/") != FEEDBACK:
            await self._app(scope, receive, send)
            return
        try:
            given = await self._taken(scope, receive)
        except RefusedError as refused:
            await refuse(send, refused)
            return
        await answer(send, 201, {"object": "feedback", "response_id": given.response_id})

    async def _taken(self, scope: Scope, receive: Receive) -> Feedback:
        """Keep the feedback of a request. Raises RefusedError."""
        if scope["method"] != "POST":
            raise RefusedError(405, "feedback is sent by POST")
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0").decode("latin-1")
        given = read_feedback(await read(receive, length, BODY_BYTES))
        response = await self._response(scope, given.response_id)
        if response.get("status") not in ENDED:
            raise RefusedError(409, "the response did not end", "response_id")
        # Guard: OGX has verified the token by now, so that its subject is the user.
        user = subject_of(headers.get(b"authorization", b"").decode("latin-1"))
        if user is None:
            raise RefusedError(401, "the token names no user")
        try:
            await self._put(line(given, response, user, datetime.now(UTC)))
        except StreamError:
            raise RefusedError(503, "the feedback was not kept; send it again") from None
        return given

    async def _response(self, scope: Scope, identity: str) -> dict[str, Any]:
        """The user's own response, from OGX. Raises RefusedError with OGX's status."""
        path, whole, status = f"{RESPONSES}/{identity}", bytearray(), 500
        request = {**scope, "method": "GET", "path": path, "raw_path": path.encode()}
        kept = [each for each in scope["headers"] if not each[0].lower().startswith(b"content-")]

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            whole.extend(message.get("body", b""))

        request |= {"query_string": b"", "headers": kept}
        await self._app(request, replayed(b"", gone), send)
        if status != 200:
            known = {401: "the token is not valid", 404: "you have no such response"}
            raise RefusedError(status, known.get(status, "the response cannot be read"))
        found: dict[str, Any] = json.loads(whole)
        return found


async def gone() -> dict[str, Any]:
    """Message of a caller who sends no more."""
    return {"type": "http.disconnect"}


def read_feedback(body: bytes) -> Feedback:
    """Feedback of a body. Raises RefusedError, which names the first wrong field."""
    try:
        return Feedback.model_validate_json(body)
    except ValidationError as fault:
        first = fault.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or None
        raise RefusedError(400, first["msg"].removeprefix("Value error, "), field) from None


def line(given: Feedback, response: dict[str, Any], user: str, now: datetime) -> bytes:
    """One line of the stream: who said what about which answer, and when."""
    record = {
        "time": now.isoformat(timespec="seconds"),
        "user": user,
        **given.model_dump(),
        "model": response["model"],
        "answered_at": datetime.fromtimestamp(response["created_at"], UTC).isoformat(),
    }
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
