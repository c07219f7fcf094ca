"""ASGI middleware that bounds the texts of a request for vectors.

The engine loads it with --middleware, in front of its own handlers. ADMISSION_IN_FLIGHT is the
number of texts that may be computed or wait; beyond it the answer is 503. ADMISSION_SEQUENCES is
the number of texts of one request. EMBEDDING_TOKENS is the number of tokens of one text, where a
request states ids; the engine counts those of words. EMBEDDING_BYTES is the size of a request.
EMBEDDING_DIMENSIONS is the number of elements of a vector; it is empty where nothing states it.
"""

from __future__ import annotations

import json
import os
from typing import Any

from admission import Application, Message, Receive, Send, again, refuse

PATH = "/v1/embeddings"
"""Path of requests. The load balancer forwards no other that computes."""
FIELDS = ("dimensions", "encoding_format", "input", "model", "truncate_prompt_tokens", "user")
"""Fields of a request. Guard: the engine also takes messages, with addresses that it would fetch,
and `padding`, which makes each text as long as the longest."""
FORMATS = ("base64", "float")


class RequestError(Exception):
    """Request that is refused with 400."""


class Embeddings:
    """Counter of the texts of running requests; one event loop serves them all."""

    def __init__(self, app: Application) -> None:
        self._app = app
        self._in_flight = int(os.environ["ADMISSION_IN_FLIGHT"])
        self._texts = int(os.environ["ADMISSION_SEQUENCES"])
        self._tokens = int(os.environ["EMBEDDING_TOKENS"])
        self._bytes = int(os.environ["EMBEDDING_BYTES"])
        dimensions = os.environ.get("EMBEDDING_DIMENSIONS", "")
        self._dimensions = int(dimensions) if dimensions else None
        self._held = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        body = await bounded(receive, self._bytes)
        if body is None:
            return
        if len(body) > self._bytes:
            message = f"The request has more than {self._bytes} bytes."
            await refuse(send, 413, "RequestTooLargeError", message)
            return
        try:
            texts = self._checked(body)
        except RequestError as fault:
            await refuse(send, 400, "BadRequestError", str(fault))
            return
        if self._held + texts > self._in_flight:
            message = "The engine is at its limit. Retry later."
            await refuse(send, 503, "ServiceUnavailableError", message)
            return
        self._held += texts
        try:
            await self._app(scope, again(body, receive), send)
        finally:
            self._held -= texts

    def _checked(self, body: bytes) -> int:
        """Return the number of texts of a request. Raises RequestError."""
        request = parsed(body)
        for name in request:
            if name not in FIELDS:
                raise RequestError(f"{name} is not accepted; the fields are {', '.join(FIELDS)}")
        found = texts(request.get("input"))
        if len(found) > self._texts:
            raise RequestError(f"input has {len(found)} texts; at most {self._texts}")
        longest = max(len(each) for each in found if isinstance(each, list)) if ids(found) else 0
        if longest > self._tokens:
            raise RequestError(f"input has a text of {longest} tokens; at most {self._tokens}")
        if request.get("encoding_format", FORMATS[0]) not in FORMATS:
            raise RequestError(f"encoding_format is none of {', '.join(FORMATS)}")
        self._dimensions_are_known(request.get("dimensions"))
        return len(found)

    def _dimensions_are_known(self, dimensions: object) -> None:
        if dimensions is None:
            return
        if type(dimensions) is not int or dimensions < 1:
            raise RequestError("dimensions is not a positive whole number")
        if self._dimensions is not None and dimensions > self._dimensions:
            raise RequestError(f"dimensions is {dimensions}; at most {self._dimensions}")


async def bounded(receive: Receive, most: int) -> bytes | None:
    """Return the body of a request, or its start once it exceeds this many bytes; None where the
    caller left before its end."""
    body, more = b"", True
    while more and len(body) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def parsed(body: bytes) -> dict[str, Any]:
    """Return the fields of a request. Raises RequestError for what is no JSON object.

    Guard: whatever this program cannot read must not reach the engine.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError("the request is not JSON") from None
    if not isinstance(request, dict):
        raise RequestError("the request is not a JSON object")
    return request


def texts(given: object) -> list[str] | list[list[int]]:
    """Return the texts of a request, as words or as ids of tokens. Raises RequestError."""
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list) and given:
        if all(type(each) is int for each in given):
            return [given]
        if all(isinstance(each, str) for each in given):
            return given
        if all(isinstance(each, list) and each for each in given) and all(
            type(token) is int for each in given for token in each
        ):
            return given
    raise RequestError("input is no text, and no list of texts or of ids of tokens")


def ids(given: list[str] | list[list[int]]) -> bool:
    """True where a request states ids of tokens."""
    return isinstance(given[0], list)
