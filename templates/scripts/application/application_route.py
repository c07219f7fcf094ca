"""Choose the model that answers a request, before OGX sees it.

It runs inside OGX's server with the standard library alone. A request names a model. Where it names
the application's own and is easy, a smaller one answers, and the answer names that one. A header of
the request decides what is easy, or the bytes of its prompt. Each request is judged by itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

STATED = (b"x-route", "stated")
"""Header by which a caller gets the model that the request names."""
PROMPT = ("input", "instructions", "messages", "tools", "text", "response_format")
"""Fields of a request that become its prompt."""
EARLIER = ("conversation", "previous_response_id")
"""Fields that name earlier turns, whose length only OGX knows."""
TEXT = frozenset(
    {
        "function",
        "function_call",
        "function_call_output",
        "input_text",
        "message",
        "output_text",
        "refusal",
        "text",
    }
)
"""Types of the parts of a prompt whose bytes bound their tokens. A picture is none of them."""


class Routes:
    """Models of an application, and which one answers a request."""

    def __init__(
        self, own: str, contexts: Mapping[str, int], easy: Mapping[str, Any] | None = None
    ) -> None:
        """`contexts` are the tokens of each model's context, 0 where it is not known.

        `easy` has the smaller model, and `prompt_bytes` or a `header` with its value.
        """
        self.contexts, self._own, self._easy = contexts, own, easy or {}

    def chosen(self, given: Mapping[str, Any], headers: Mapping[bytes, str], limit: int) -> str:
        """Model that answers a request, whose answer has at most `limit` tokens; 0 for no limit."""
        stated: str = given["model"]
        if not self._easy or stated != self._own or headers.get(STATED[0]) == STATED[1]:
            return stated
        smaller: str = self._easy["model"]
        context = self.contexts[smaller]
        if "header" in self._easy:
            name, value = self._easy["header"]
            is_easy = headers.get(name.encode()) == value and (not context or limit <= context)
            return smaller if is_easy else stated
        if any(given.get(field) is not None for field in EARLIER):
            return stated
        size = prompt_bytes(given)
        is_short = size <= self._easy["prompt_bytes"] and size + limit <= context
        return smaller if is_short and only_text(given) else stated


def prompt_bytes(given: Mapping[str, Any]) -> int:
    """Bytes of a request's prompt as compact JSON; the names of its fields count too.

    Guard: a token has at least one byte, so these bytes bound the tokens of the prompt.
    """
    parts = {field: given[field] for field in PROMPT if given.get(field) is not None}
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return len(text.encode(errors="surrogatepass"))


def only_text(given: Mapping[str, Any]) -> bool:
    """True where each part of the prompt is text, which is in the request itself."""
    parts = [given.get(field) for field in ("input", "messages")]
    return all(kind in TEXT for kind in kinds(parts))


def kinds(value: Any) -> Iterator[Any]:
    """Types of all parts of a prompt. A part with an address or an id has none of text."""
    if isinstance(value, dict):
        if "type" in value:
            yield value["type"] if isinstance(value["type"], str) else ""
        for name, each in value.items():
            if str(name).endswith(("url", "file_id", "_data")):
                yield ""
            yield from kinds(each)
    elif isinstance(value, list):
        for each in value:
            yield from kinds(each)
