"""Search the documents once for each request that wants it, before its engine is called.

It runs inside OGX's server. A caller states `tools: [{"type": "file_search", "vector_store_ids":
[STORE]}]` in a request for a response. OGX would let the engine choose the words of the search,
which costs a second call, and needs an engine that writes calls of tools. Here the words are those
of the user's last message. OGX searches with its own code, and answers with its own items.

The passages go in front of the user's message. Those of earlier messages are left out, so that a
prompt has the passages of one search.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

TOOL = "file_search"
"""Name of OGX's tool that searches."""
OWN = "search_"
"""Beginning of the identity of a search that this program has begun."""
QUERY_CHARACTERS = 2_000
"""Characters of a message that are searched for at most. Basis: assumed; about 500 tokens."""
BETWEEN = re.compile(r"\n</untrusted_tool_output>\n[^\n]*\n<untrusted_tool_output>\n")
"""End and beginning of a warning, which OGX repeats around each passage. Basis: vendor (OGX
1.5.0)."""
Call = Callable[[Any, Any], Awaitable[Any]]
"""Method of OGX's provider that calls an engine, with the provider and the request."""


def searched(call: Call, chunk_of: Callable[[dict[str, Any]], Any]) -> Call:
    """Method that begins a search instead of a call, and later calls with its passages.

    `chunk_of` makes an event of a stream.
    """

    async def call_with_passages(provider: Any, params: Any) -> Any:
        tools = list(params.tools or [])
        others = [tool for tool in tools if not is_search(tool)]
        messages = [dumped(message) for message in params.messages]
        wanted = len(others) < len(tools) and params.tool_choice != "none"
        if wanted and params.stream and not is_done(messages):
            return begun(messages, params.model, chunk_of)
        found = {"messages": with_passages(messages), "tools": others or None}
        choice = params.tool_choice if others else None
        parallel = params.parallel_tool_calls if others else None
        return await call(
            provider,
            params.model_copy(
                update={**found, "tool_choice": choice, "parallel_tool_calls": parallel}
            ),
        )

    return call_with_passages


def dumped(message: Any) -> dict[str, Any]:
    """Message as a mapping."""
    if isinstance(message, dict):
        return message
    found: dict[str, Any] = message.model_dump(exclude_none=True)
    return found


def is_search(tool: Any) -> bool:
    return bool(tool.get("function", {}).get("name") == TOOL)


def is_done(messages: list[dict[str, Any]]) -> bool:
    """True where the passages for the last message of the user are there."""
    return any(is_result(message) for message in messages[last_of_user(messages) :])


def is_result(message: dict[str, Any]) -> bool:
    """True for the passages of a search."""
    return message.get("role") == "tool" and str(message.get("tool_call_id", "")).startswith(OWN)


def last_of_user(messages: list[dict[str, Any]]) -> int:
    """Place of the last message of the user; the end where there is none."""
    places = [n for n, message in enumerate(messages) if message.get("role") == "user"]
    return places[-1] if places else len(messages)


def text_of(content: Any) -> str:
    """Text of a message's content."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part["text"]) for part in parts if "text" in part)


async def begun(
    messages: list[dict[str, Any]], model: str, chunk_of: Callable[[dict[str, Any]], Any]
) -> AsyncIterator[Any]:
    """Events with which an engine would have called the tool."""
    last = messages[last_of_user(messages) :][:1]
    query = text_of(last[0].get("content"))[:QUERY_CHARACTERS] if last else ""
    called = {"name": TOOL, "arguments": json.dumps({"query": query}, ensure_ascii=False)}
    identity = f"{OWN}{uuid.uuid4().hex}"
    call = {"index": 0, "id": identity, "type": "function", "function": called}
    whole = {"id": f"chatcmpl-{identity}", "created": int(time.time()), "model": model}
    delta: dict[str, Any] = {"role": "assistant", "tool_calls": [call]}
    for part, reason in ((delta, None), ({}, "tool_calls")):
        choice = {"index": 0, "delta": part, "finish_reason": reason}
        yield chunk_of({**whole, "choices": [choice]})


def with_passages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages whose last one of the user has the passages in front, and no other has any.

    Guard: no call of a tool is left. Templates of some models refuse one.
    """
    last, passages, kept = last_of_user(messages), "", list[dict[str, Any]]()
    place = 0
    for number, message in enumerate(messages):
        if is_result(message):
            text = BETWEEN.sub("\n", text_of(message.get("content")))
            passages = text if number > last else ""
            continue
        calls = message.get("tool_calls") or []
        others = [each for each in calls if not str(each.get("id", "")).startswith(OWN)]
        if len(others) < len(calls):
            if not others and not message.get("content"):
                continue
            rest = {name: value for name, value in message.items() if name != "tool_calls"}
            kept.append(rest | ({"tool_calls": others} if others else {}))
            continue
        place = len(kept) if number == last else place
        kept.append(message)
    if passages:
        kept[place] = {**kept[place], "content": in_front(passages, kept[place].get("content"))}
    return kept


def in_front(passages: str, content: Any) -> Any:
    """Content of a message with passages in front."""
    if isinstance(content, list):
        return [{"type": "text", "text": passages}, *content]
    return f"{passages}\n{content}"


def bounded(
    search: Callable[..., Awaitable[Any]], store: str, most: int
) -> Callable[..., Awaitable[Any]]:
    """Method that searches a store for at most so many passages, for which the service is sized.

    Callers name the documents, and the store has another name for each embedding model.
    """

    async def bounded_search(executor: Any, *, query: str, response_file_search_tool: Any) -> Any:
        wanted = min(response_file_search_tool.max_num_results or most, most)
        changes = {"max_num_results": wanted, "vector_store_ids": [store]}
        tool = response_file_search_tool.model_copy(update=changes)
        return await search(executor, query=query, response_file_search_tool=tool)

    return bounded_search
