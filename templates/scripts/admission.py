"""ASGI middleware that refuses requests which this version of the engine would accept without
bound.

The engine loads it with --middleware, in front of its own handlers. ADMISSION_IN_FLIGHT is the
number of sequences that may run or wait; beyond it the answer is 503. ADMISSION_SEQUENCES is the
number of sequences that one request may contain; beyond it the answer is 400. It is empty for any
number.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

PATHS = (
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/images/generations",
    "/v1/responses",
)
"""Paths that occupy the engine."""
RETRY_S = 1


class Admission:
    """Counter of the sequences of running requests; one event loop serves them all."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._in_flight = int(os.environ["ADMISSION_IN_FLIGHT"])
        sequences = os.environ.get("ADMISSION_SEQUENCES", "")
        self._sequences = int(sequences) if sequences else None
        self._held = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] not in PATHS:
            await self._app(scope, receive, send)
            return
        body = await whole(receive)
        if body is None:
            return
        requested = sequences(body)
        if self._sequences is not None and requested > self._sequences:
            message = f"{requested} sequences in one request; at most {self._sequences}"
            await refuse(send, 400, "BadRequestError", message)
        elif self._held + requested > self._in_flight:
            message = "The engine is at its limit. Retry later."
            await refuse(send, 503, "ServiceUnavailableError", message)
        else:
            await self._counted(requested, scope, again(body, receive), send)

    async def _counted(self, requested: int, scope: Message, receive: Receive, send: Send) -> None:
        self._held += requested
        try:
            await self._app(scope, receive, send)
        finally:
            self._held -= requested


async def whole(receive: Receive) -> bytes | None:
    """Return the body of a request; None where the caller left before its end."""
    parts = list[bytes]()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def again(body: bytes, receive: Receive) -> Receive:
    """Return a receiver that repeats the body, and then passes on the caller's events."""
    left = [body]

    async def replay() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return replay


def sequences(body: bytes) -> int:
    """Number of sequences, prompts x answers; 1 for requests that the engine itself refuses."""
    try:
        request = json.loads(body)
    except ValueError:
        return 1
    if not isinstance(request, dict):
        return 1
    return prompts(request) * answers(request.get("n"))


def prompts(request: dict[str, Any]) -> int:
    """Number of prompts of a request; a list of token ids is one prompt."""
    requested = 0
    for name in ("prompt", "prompt_embeds"):
        prompt = request.get(name)
        if isinstance(prompt, list):
            ids = bool(prompt) and all(type(token) is int for token in prompt)
            requested += 1 if ids else len(prompt)
        elif prompt is not None:
            requested += 1
    return max(requested, 1)


def answers(n: object) -> int:
    """Number of answers to each prompt. Guard: the engine reads "5" and 5.0 as numbers too."""
    try:
        if isinstance(n, float | str):
            n = int(float(n))
        return max(n, 1) if isinstance(n, int) else 1
    except OverflowError:
        return sys.maxsize
    except ValueError:
        return 1


async def refuse(send: Send, status: int, kind: str, message: str) -> None:
    """Send an error in the engine's own form."""
    body = json.dumps({"error": {"message": message, "type": kind, "code": status}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if status == 503:
        headers.append((b"retry-after", str(RETRY_S).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
