"""Refuse requests before OGX and the engines see them.

It runs inside OGX's server with the standard library alone. A request must be a JSON object of
bounded size, or the form of a file. It must not have an address that OGX would call: OGX connects
to the servers of tools that a request names, and reads its pictures and papers, whatever its
configuration says. The model must be the service's, and an answer no longer than its context.
Refusals are in OpenAI's form.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON, FORM = "application/json", "multipart/form-data"
FILES = "/v1/files"
FORM_BYTES = 65_536
"""Bytes of a form besides its file. Basis: assumed."""
MODEL_PATHS = ("/v1/responses", "/v1/chat/completions")
"""Requests that an engine answers."""
LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")
"""Fields of a request that limit its answer, in tokens."""
DEEPEST = 64
"""Levels of a body. Basis: assumed; a conversation has fewer than ten."""


class RefusedError(Exception):
    """Request that is refused: its status, its message and the field to change."""

    def __init__(self, status: int, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field


class Check:
    """ASGI application in front of another one, whose requests it checks."""

    def __init__(
        self,
        app: App,
        *,
        models: frozenset[str],
        context_tokens: int,
        body_bytes: int,
        file_bytes: int,
    ) -> None:
        self._app, self._models = app, models
        self._context_tokens, self._body_bytes = context_tokens, body_bytes
        self._file_bytes = file_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it.

        Guard: the messages of a WebSocket would not be checked, so that none is opened.
        """
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1003})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            body = await self._checked(scope, receive)
        except RefusedError as refused:
            await answer(send, refused)
            return
        await self._app(scope, replayed(body, receive), send)

    async def _checked(self, scope: Scope, receive: Receive) -> bytes:
        """Body of a request. Raises RefusedError."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        check_subject(headers.get(b"authorization", ""))
        if headers.get(b"content-encoding", "identity") != "identity":
            raise RefusedError(415, "a compressed body is not accepted")
        kind = headers.get(b"content-type", JSON).partition(";")[0].strip().lower()
        is_file = kind == FORM and scope["path"].startswith(FILES)
        limit = self._file_bytes + FORM_BYTES if is_file else self._body_bytes
        body = await read(receive, headers.get(b"content-length", "0"), limit)
        if body and not is_file:
            self._check_json(scope["path"].rstrip("/"), body)
        return body

    def _check_json(self, path: str, body: bytes) -> None:
        try:
            given = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, "the body is no JSON") from None
        if not isinstance(given, dict):
            raise RefusedError(400, "the body is no JSON object")
        check_tools(given)
        for field in addresses(given):
            raise RefusedError(400, "the address of a picture, paper or server is refused", field)
        if path in MODEL_PATHS:
            self._check_model(given)

    def _check_model(self, given: dict[str, Any]) -> None:
        if given.get("model") not in self._models:
            known = ", ".join(sorted(self._models))
            raise RefusedError(404, f"unknown model; this service has {known}", "model")
        for field in LIMITS:
            limit = given.get(field)
            if limit is None:
                continue
            if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
                raise RefusedError(400, "a number of tokens is at least 1", field)
            if self._context_tokens and limit > self._context_tokens:
                raise RefusedError(400, f"at most {self._context_tokens} tokens", field)
        if given.get("n") not in (None, 1):
            raise RefusedError(400, "one answer for each request", "n")


def check_subject(authorization: str) -> None:
    """Refuse a subject with spaces: OGX takes each part of it for a user. Raises RefusedError.

    OGX verifies the token later; one that cannot be read is left to it.
    """
    _, _, token = authorization.partition(" ")
    parts = token.split(".")
    if len(parts) != 3:
        return
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        subject = json.loads(base64.urlsafe_b64decode(padded))["sub"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    if not isinstance(subject, str) or subject.split() != [subject]:
        raise RefusedError(401, "the subject of the token has spaces, or is no text")


async def read(receive: Receive, length: str, most: int) -> bytes:
    """Whole body of a request. Raises RefusedError for one that is too long or ends early."""
    whole, more = bytearray(), True
    if length.isdigit() and int(length) > most:
        raise RefusedError(413, f"more than {most} bytes")
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "the body ends early")
        whole += message.get("body", b"")
        more = message.get("more_body", False)
        if len(whole) > most:
            raise RefusedError(413, f"more than {most} bytes")
    return bytes(whole)


def check_tools(given: dict[str, Any]) -> None:
    """Refuse tools that OGX would run itself. The caller runs functions. Raises RefusedError."""
    tools = given.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        raise RefusedError(400, "tools are a list", "tools")
    for place, tool in enumerate(tools):
        if not isinstance(tool, dict) or tool.get("type") != "function":
            raise RefusedError(400, "only functions are accepted", f"tools.{place}.type")


def addresses(value: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    """Paths of the fields that name an address to call. Data of a picture are no address.

    Raises RefusedError for a body that is too deep.
    """
    if depth > DEEPEST:
        raise RefusedError(400, "the body has too many levels")
    if isinstance(value, dict):
        for name, each in value.items():
            below = f"{path}.{name}".strip(".")
            if str(name).endswith("url") and isinstance(each, str) and not is_data(each):
                yield below
            yield from addresses(each, below, depth + 1)
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from addresses(each, f"{path}.{place}".strip("."), depth + 1)


def is_data(address: str) -> bool:
    return address.strip().lower().startswith("data:")


def replayed(body: bytes, receive: Receive) -> Receive:
    """Receiver that gives a body that was read, and then what follows."""
    given = False

    async def next_message() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message


async def answer(send: Send, refused: RefusedError) -> None:
    """Answer a refused request."""
    error = {"message": refused.message, "type": "invalid_request_error", "param": refused.field}
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", JSON.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
