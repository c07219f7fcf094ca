"""Refuse requests before OGX and the engines see them.

It runs inside OGX's server with the standard library alone. A request must be a JSON object of
bounded size, or the form of a file. It must not have an address that OGX would call: OGX connects
to the servers of tools that a request names, and reads its images and documents, whatever its
configuration says. The model must be one of the service's, and an answer no longer than the context
of the model that answers. Refusals are in OpenAI's form.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from application_direct import Direct
    from application_route import Routes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JSON, FORM = "application/json", "multipart/form-data"
KIND, OWN = b"content-type", b"x-ogx-"
"""Header of a body's type, and the beginning of those that change OGX for one request."""
FILES = "/v1/files"
FORM_BYTES = 65_536
"""Bytes of a form besides its file. Basis: assumed."""
RESPONSES, CHAT = "/v1/responses", "/v1/chat/completions"
MODEL_PATHS = (RESPONSES, CHAT)
"""Requests that an engine answers."""
STORED = "sizewright.stored"
"""Entry of a request's scope: False where its body states `store: false`."""
NOT_SERVED = "/compact"
"""End of the path of a request that would load a tokenizer from the internet."""
VECTORS, EMBEDDINGS = "/v1/vector", "/v1/embeddings"
"""Beginning of the paths by which callers could change the documents of the service, and path of
vectors alone."""
SHARED = (
    "metadata model parallel_tool_calls prompt_cache_key safety_identifier service_tier store"
    " stream stream_options temperature tool_choice tools top_logprobs top_p user"
)
"""Fields of both kinds of requests that an engine answers."""
FIELDS = {
    RESPONSES: frozenset(
        f"{SHARED} conversation frequency_penalty include input instructions max_output_tokens"
        " max_tool_calls presence_penalty previous_response_id reasoning text truncation".split()
    ),
    CHAT: frozenset(
        f"{SHARED} frequency_penalty logit_bias logprobs max_completion_tokens max_tokens messages"
        " n presence_penalty reasoning_effort response_format seed stop".split()
    ),
}
"""Fields that a request may have. Others reach the engine unchecked, such as extra_body, or are
answered from a queue in memory, such as background."""
OTHER_FIELDS = frozenset({"include", "items", "metadata"})
"""Fields of requests for conversations."""
SEARCH = "file_search"
"""Tool that searches the documents of the service."""
STORE = "documents"
"""Name of the documents of the service for its callers."""
SEARCH_FIELDS = frozenset({"type", "vector_store_ids", "max_num_results"})
MOST_RESULTS = 50
"""Passages that a caller may request. Basis: vendor (OpenAI's API). The server returns no more than
the service is sized for."""
UNREAD = ("metadata", "tools")
"""Fields whose addresses nobody calls: notes of the caller, and functions after their check."""
LIMITS = ("max_output_tokens", "max_completion_tokens", "max_tokens")
"""Fields of a request that limit its answer, in tokens."""
HELD_BYTES = 32 * 2**20
"""Bytes of all bodies at work in one process. Basis: measured (10 bytes of memory for each)."""
IGNORED_BYTES = 16 * 2**20
"""Bytes of a refused body that are read and forgotten. Basis: assumed."""
CONTEXT = "context_tokens"
"""Key of the scope with the context of the model that answers a request."""
DEEPEST = 64
"""Levels of a body. Basis: assumed; a conversation has fewer than ten."""


class RefusedError(Exception):
    """Request that is refused: its status, its message, the field to change, and OpenAI's words."""

    def __init__(
        self,
        status: int,
        message: str,
        field: str | None = None,
        *,
        code: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field
        self.code, self.kind = code, kind
        self.headers: dict[str, str] = {}


class Check:
    """ASGI application in front of another one, whose requests it checks."""

    def __init__(
        self,
        app: App,
        *,
        routes: Routes,
        body_bytes: int,
        file_bytes: int,
        stores: frozenset[str] = frozenset(),
        direct: Direct | None = None,
    ) -> None:
        self._app, self._routes, self._stores = app, routes, stores
        self._direct = direct
        self._body_bytes, self._file_bytes, self._held = body_bytes, file_bytes, 0

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
            body, own = await self._checked(scope, receive)
            if self._held + len(body) > HELD_BYTES:
                raise RefusedError(503, "too many large requests at once; try again")
        except RefusedError as refused:
            await refuse(send, refused)
            return
        headers = [each for each in scope["headers"] if not each[0].lower().startswith(OWN)]
        self._held += len(body)
        try:
            await self._app({**scope, "headers": headers, **own}, replayed(body, receive), send)
        finally:
            self._held -= len(body)

    async def _checked(self, scope: Scope, receive: Receive) -> tuple[bytes, dict[str, Any]]:
        """Body of a request, and what its fields say for later layers. Raises RefusedError."""
        listed = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        headers, path = dict(listed), scope["path"].rstrip("/")
        check_subject(headers.get(b"authorization", ""))
        if path.endswith(NOT_SERVED) or (is_direct(path) and not self._opens(scope, path)):
            raise RefusedError(404, "this service does not answer that")
        if headers.get(b"content-encoding", "identity") != "identity":
            raise RefusedError(415, "a compressed body is not accepted")
        kinds = [value.partition(";")[0].strip().lower() for name, value in listed if name == KIND]
        is_file = kinds == [FORM] and path == FILES
        if is_file and not self._file_bytes:
            raise RefusedError(404, "this service takes no files")
        limit = self._file_bytes + FORM_BYTES if is_file else self._body_bytes
        body = await read(receive, headers.get(b"content-length", "0"), limit)
        if body and not is_file:
            if kinds != [JSON]:
                raise RefusedError(415, f"the body must be {JSON}")
            return self._check_json(path, body, headers)
        return body, {}

    def _opens(self, scope: Scope, path: str) -> bool:
        return self._direct is not None and self._direct.opens(scope, path)

    def _check_json(
        self, path: str, body: bytes, headers: Mapping[bytes, str]
    ) -> tuple[bytes, dict[str, Any]]:
        """Body with the model that answers, its context, and whether the caller lets its answer be
        stored. Raises RefusedError."""
        try:
            given = json.loads(body)
        except (ValueError, RecursionError):
            raise RefusedError(400, "the body is no JSON") from None
        if not isinstance(given, dict):
            raise RefusedError(400, "the body is no JSON object")
        if self._direct is not None and is_direct(path):
            self._direct.check(path, given)
            return body, {}
        check_fields(given, FIELDS.get(path, OTHER_FIELDS))
        check_tools(given, self._stores if path == RESPONSES else frozenset())
        for field in addresses({k: v for k, v in given.items() if k not in UNREAD}):
            raise RefusedError(400, "the address of an image, document or server is refused", field)
        own = {STORED: given.get("store") is not False}
        if path not in MODEL_PATHS:
            return body, own
        model = self._answering(given, headers)
        if model != given["model"]:
            body = json.dumps({**given, "model": model}).encode()
        return body, {**own, CONTEXT: self._routes.contexts[model]}

    def _answering(self, given: dict[str, Any], headers: Mapping[bytes, str]) -> str:
        """Model that answers a request. Raises RefusedError."""
        model, contexts = given.get("model"), self._routes.contexts
        if not isinstance(model, str) or model not in contexts:
            known = ", ".join(sorted(contexts))
            raise RefusedError(404, f"unknown model; this service has {known}", "model")
        limits = {field: given[field] for field in LIMITS if given.get(field) is not None}
        for field, limit in limits.items():
            if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
                raise RefusedError(400, "a number of tokens is at least 1", field)
            if contexts[model] and limit > contexts[model]:
                raise RefusedError(400, f"at most {contexts[model]} tokens", field)
        if given.get("n") not in (None, 1):
            raise RefusedError(400, "one answer for each request", "n")
        return self._routes.chosen(given, headers, max(limits.values(), default=0))


def is_direct(path: str) -> bool:
    """True for the paths of documents and vectors, without an answer of an engine."""
    return path.startswith((VECTORS, EMBEDDINGS))


def check_subject(authorization: str) -> None:
    """Refuse a subject with spaces: OGX takes each part of it for a user. Raises RefusedError.

    OGX verifies the token later; one that cannot be read is left to it.
    """
    subject = subject_of(authorization)
    if subject is not None and subject.split() != [subject]:
        raise RefusedError(401, "the subject of the token has spaces, or is no text")


def subject_of(authorization: str) -> str | None:
    """Subject that a token states, verified or not; None for a token that cannot be read.

    It is empty where the subject is no text.
    """
    _, _, token = authorization.partition(" ")
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        subject = json.loads(base64.urlsafe_b64decode(padded))["sub"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return subject if isinstance(subject, str) else ""


async def read(receive: Receive, length: str, most: int) -> bytes:
    """Whole body of a request. Raises RefusedError for one that is too long or ends early."""
    whole, more = bytearray(), True
    if length.isdigit() and int(length) > most:
        await ignore(receive)
        raise RefusedError(413, f"more than {most} bytes")
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RefusedError(400, "the body ends early")
        whole += message.get("body", b"")
        more = message.get("more_body", False)
        if len(whole) > most:
            await ignore(receive)
            raise RefusedError(413, f"more than {most} bytes")
    return bytes(whole)


async def ignore(receive: Receive) -> None:
    """Read what a caller still sends, within bounds: few callers read an answer before its end."""
    left, more = IGNORED_BYTES, True
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message.get("more_body", False)


def check_fields(given: dict[str, Any], known: frozenset[str]) -> None:
    """Refuse fields that nobody has checked. Raises RefusedError."""
    for field in given:
        if field not in known:
            raise RefusedError(400, "the field is not accepted", field)


def check_tools(given: dict[str, Any], stores: frozenset[str] = frozenset()) -> None:
    """Refuse tools that OGX would run itself, but for a search of `stores`. The caller runs
    functions. Raises RefusedError.
    """
    tools = given.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list):
        raise RefusedError(400, "tools are a list", "tools")
    for place, tool in enumerate(tools):
        if stores and isinstance(tool, dict) and tool.get("type") == SEARCH:
            check_search(tool, stores, f"tools.{place}")
        elif not isinstance(tool, dict) or tool.get("type") != "function":
            raise RefusedError(400, "only functions are accepted", f"tools.{place}.type")


def check_search(tool: dict[str, Any], stores: frozenset[str], path: str) -> None:
    """Refuse a search of anything but the stores of documents. Raises RefusedError."""
    for field in tool:
        if field not in SEARCH_FIELDS:
            raise RefusedError(400, "the field is not accepted", f"{path}.{field}")
    named = tool.get("vector_store_ids")
    if not isinstance(named, list) or len(named) != 1 or named[0] not in stores:
        known = ", ".join(sorted(stores))
        raise RefusedError(404, f"this service has {known}", f"{path}.vector_store_ids")
    most = tool.get("max_num_results", 1)
    if not isinstance(most, int) or isinstance(most, bool) or not 1 <= most <= MOST_RESULTS:
        expected = f"a number from 1 to {MOST_RESULTS}"
        raise RefusedError(400, expected, f"{path}.max_num_results")


def addresses(value: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    """Paths of the fields that name an address to call. Data of an image are no address.

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


async def refuse(send: Send, refused: RefusedError) -> None:
    """Answer a refused request."""
    words = {"type": refused.kind, "param": refused.field, "code": refused.code}
    error = {"message": refused.message, **words}
    await answer(send, refused.status, {"error": error}, refused.headers)


async def answer(
    send: Send, status: int, value: object, others: Mapping[str, str] | None = None
) -> None:
    """Answer a request by JSON, with other headers where some are given."""
    body = json.dumps(value).encode()
    stated = {"content-type": JSON, "content-length": str(len(body)), **(others or {})}
    headers = [(name.encode(), text.encode()) for name, text in stated.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
