"""Answer an identical request of the same user from a cache, instead of by an engine.

It runs inside OGX's server, around the method of OGX's provider that calls an engine, and behind
OGX's verification of the token. So each request still has its own response, rows and id.

The key is the verified user with everything that decides an answer. Whether it is streamed does not
decide it: an answer is kept whole, and given as it is requested. Only an answer that is complete
and has no unknown part is kept. A request with `store: false`, or with `Cache-Control: no-store` or
`no-cache`, is neither answered from the cache nor kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from typing import Any

from application_cache import Answers
from application_check import MODEL_PATHS, STORED, App, Receive, Scope, Send
from application_secret import report
from openai.types.chat import ChatCompletion, ChatCompletionChunk

Call = Callable[[Any, Any], Awaitable[Any]]
"""Method of OGX's provider that calls an engine, with the provider and the request."""
FORBIDDING = ("no-store", "no-cache")
"""Words of the header Cache-Control that forbid a cache. Basis: vendor (RFC 9111)."""
NOT_IN_KEY = {"stream", "stream_options", "metadata", "store"}
"""Fields of a request that do not change an answer."""
ENDED = ("stop", "length", "tool_calls")
"""Reasons for which a complete answer ends."""
TEXTS = ("reasoning", "reasoning_content", "refusal", "content")
"""Texts of a message, in the order in which an engine makes them."""
KNOWN = {"index", "delta", "message", "finish_reason", "stop_reason"}
"""Parts of a choice."""
REPORT_S = 60
"""Seconds between two reports of hits."""

ASKER: ContextVar[str | None] = ContextVar("asker", default=None)
"""User whose request may be answered from the cache."""


class Asking:
    """ASGI application between OGX's verification of a token and its answer."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with its user where the cache may be used."""
        before = ASKER.set(asker(scope) if scope["type"] == "http" else None)
        try:
            await self._app(scope, receive, send)
        finally:
            ASKER.reset(before)


def asker(scope: Scope) -> str | None:
    """User whom OGX has verified; None where the request must not use the cache."""
    owner = scope.get("principal")
    if scope["path"].rstrip("/") not in MODEL_PATHS or not scope.get(STORED, True):
        return None
    controls = [value for name, value in scope["headers"] if name.lower() == b"cache-control"]
    stated = b",".join(controls).decode("latin-1").lower()
    if any(word in stated for word in FORBIDDING):
        return None
    return owner if isinstance(owner, str) and owner else None


class Whole:
    """Answer that is put together from its parts. It is kept only where every part is known."""

    def __init__(self, most_bytes: int) -> None:
        self._left = self._most_bytes = most_bytes
        self._message = dict[str, str]()
        self._tools = dict[int, dict[str, Any]]()
        self._about = dict[str, Any]()
        self._is_known = True

    def add(self, part: dict[str, Any], field: str) -> None:
        """Add a chunk of a stream, whose message is its `delta`, or a whole answer."""
        self._about.update({k: part[k] for k in ("model", "usage") if part.get(k)})
        for choice in part["choices"]:
            self._about.update({k: v for k, v in choice.items() if k == "finish_reason" and v})
            if choice["index"] or choice.keys() - KNOWN:
                self._is_known = False
            else:
                self._add_message(choice[field])

    def _add_message(self, message: dict[str, Any]) -> None:
        for name, value in message.items():
            if name in TEXTS and isinstance(value, str):
                self._left -= len(value)
                if self._left >= 0:
                    self._message[name] = self._message.get(name, "") + value
            elif name == "tool_calls":
                for place, tool in enumerate(value):
                    self._add_tool(tool, place)
            elif name != "role" and value:
                self._is_known = False

    def _add_tool(self, tool: dict[str, Any], place: int) -> None:
        function, index = tool.get("function") or {}, tool.get("index", place)
        self._left -= len(function.get("arguments", ""))
        if tool.get("type", "function") != "function" or self._left < 0:
            self._is_known = False
            return
        known = self._tools.setdefault(index, {"id": "", "name": "", "arguments": ""})
        known["id"] = tool.get("id") or known["id"]
        for name in ("name", "arguments"):
            known[name] += function.get(name) or ""

    @property
    def kept(self) -> bytes | None:
        """Answer as the cache keeps it; None for one that it does not keep."""
        whole = self._is_known and self._left >= 0 and "usage" in self._about
        if not whole or self._about.get("finish_reason") not in ENDED:
            return None
        tools = [self._tools[index] for index in sorted(self._tools)]
        found = {**self._about, "message": self._message, "tools": tools}
        try:
            text = json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            return None
        return text if len(text) <= self._most_bytes else None


class Kept:
    """Answer from the cache, as an engine would give it, with an id of its own."""

    def __init__(self, text: bytes) -> None:
        found = json.loads(text)
        self._message, self._tools = found["message"], found["tools"]
        self._reason, self._usage = found["finish_reason"], found["usage"]
        self._about = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": found["model"],
        }

    def completion(self) -> ChatCompletion:
        message = {"role": "assistant", "content": None, **self._message}
        if self._tools:
            message["tool_calls"] = [called(tool) for tool in self._tools]
        choice = {"index": 0, "message": message, "finish_reason": self._reason}
        whole = {"object": "chat.completion", "choices": [choice], "usage": self._usage}
        return ChatCompletion.model_validate({**self._about, **whole})

    async def chunks(self, *, with_usage: bool) -> AsyncIterator[ChatCompletionChunk]:
        """Events of a stream: the role, each text, the tools, the end, and the usage."""
        for delta in self._deltas():
            yield self._chunk([{"index": 0, "delta": delta, "finish_reason": None}])
        yield self._chunk([{"index": 0, "delta": {}, "finish_reason": self._reason}])
        if with_usage:
            yield self._chunk([], usage=self._usage)

    def _deltas(self) -> Iterator[dict[str, Any]]:
        yield {"role": "assistant", "content": ""}
        for name in TEXTS:
            if name in self._message:
                yield {name: self._message[name]}
        for index, tool in enumerate(self._tools):
            yield {"tool_calls": [{"index": index, **called(tool)}]}

    def _chunk(self, choices: list[Any], **others: Any) -> ChatCompletionChunk:
        whole = {"object": "chat.completion.chunk", "choices": choices, **others}
        return ChatCompletionChunk.model_validate({**self._about, **whole})


def called(tool: dict[str, Any]) -> dict[str, Any]:
    """Call of a function in the form of OpenAI."""
    function = {"name": tool["name"], "arguments": tool["arguments"]}
    return {"id": tool["id"], "type": "function", "function": function}


def digest_of(provider: Any, params: Any) -> str:
    """Digest of everything that decides an answer, the service of the engines included.

    Guard: two services may have models of one name.
    """
    # Guard: a message of a subclass has fields that its declared type lacks.
    given = params.model_dump(
        mode="json", exclude=NOT_IN_KEY, exclude_none=True, serialize_as_any=True, warnings=False
    )
    service = str(getattr(provider, "__provider_id__", ""))
    return hashlib.sha256(json.dumps([service, given], sort_keys=True).encode()).hexdigest()


class Cached:
    """Calls of an engine, some of which the cache answers."""

    def __init__(self, call: Call, answers: Answers, most_bytes: int) -> None:
        self._call, self._answers, self._most_bytes = call, answers, most_bytes
        self._keeping = set[asyncio.Task[None]]()
        self._counts = {"hits": 0, "misses": 0}
        self._reported_at = time.monotonic()

    async def answer(self, provider: Any, params: Any) -> Any:
        """Answer of the cache, or of an engine."""
        owner = ASKER.get()
        if owner is None:
            return await self._call(provider, params)
        digest, options = digest_of(provider, params), params.stream_options or {}
        is_wanted = bool(options.get("include_usage"))
        kept = read(await self._answers.find(owner, digest))
        self._count("misses" if kept is None else "hits")
        if kept is not None:
            return kept.chunks(with_usage=is_wanted) if params.stream else kept.completion()
        if params.stream:
            # Guard: the engine states the usage of a stream only where it is requested.
            counting = {"stream_options": {**options, "include_usage": True}}
            chunks = await self._call(provider, params.model_copy(update=counting))
            return self._passed(chunks, owner, digest, is_wanted=is_wanted)
        found = await self._call(provider, params)
        whole = Whole(self._most_bytes)
        whole.add(found.model_dump(exclude_none=True), "message")
        self._keep(owner, digest, whole)
        return found

    async def _passed(
        self, chunks: AsyncIterator[Any], owner: str, digest: str, *, is_wanted: bool
    ) -> AsyncIterator[Any]:
        """Chunks of a stream as they come. A stream that breaks off is not kept."""
        whole = Whole(self._most_bytes)
        async for chunk in chunks:
            whole.add(chunk.model_dump(exclude_none=True), "delta")
            if is_wanted or chunk.choices or chunk.usage is None:
                yield chunk
        self._keep(owner, digest, whole)

    def _keep(self, owner: str, digest: str, whole: Whole) -> None:
        """Keep an answer, for which its caller does not wait."""
        if (answer := whole.kept) is not None:
            task = asyncio.create_task(self._answers.keep(owner, digest, answer))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    def _count(self, name: str) -> None:
        self._counts[name] += 1
        if time.monotonic() - self._reported_at >= REPORT_S:
            report("cache", **self._counts)
            self._reported_at = time.monotonic()


def read(text: bytes | None) -> Kept | None:
    """Answer of the cache; None where there is none, or it cannot be read."""
    try:
        return None if text is None else Kept(text)
    except (ValueError, KeyError, TypeError):
        report("cache_unreadable")
        return None


def cached(call: Call, answers: Answers, most_bytes: int) -> Call:
    """Method that calls an engine only where the cache has no answer."""
    answering = Cached(call, answers, most_bytes)

    async def cached_call(provider: Any, params: Any) -> Any:
        return await answering.answer(provider, params)

    return cached_call
