"""The search before an engine is called, and the prompt that an engine gets."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from templates.scripts.application.application_search import bounded, searched, with_passages

SEARCH = {"type": "function", "function": {"name": "file_search"}}
OTHER = {"type": "function", "function": {"name": "weather"}}
QUESTION = {"role": "user", "content": "When are invoices paid?"}


class Params(SimpleNamespace):
    def model_copy(self, update: dict[str, Any]) -> "Params":
        return Params(**{**vars(self), **update})


def params(messages: list[dict[str, Any]], tools: list[Any] | None = None, **more: Any) -> Params:
    given = {"tool_choice": "auto", "parallel_tool_calls": True, "stream": True, **more}
    return Params(model="m", messages=messages, tools=tools, **given)


def call(given: Params) -> tuple[Any, list[Params]]:
    """What the method returns, as a list for a stream, and the calls of an engine."""
    calls = list[Params]()

    async def engine(provider: object, params: Params) -> str:
        calls.append(params)
        return "answered"

    async def run() -> Any:
        found = await searched(engine, lambda event: event)(None, given)
        return found if isinstance(found, str) else [event async for event in found]

    return asyncio.run(run()), calls


def result(identity: str, text: str = "passages") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": identity, "content": [{"type": "text", "text": text}]}


def called(identity: str) -> dict[str, Any]:
    return {"role": "assistant", "tool_calls": [{"id": identity, "type": "function"}]}


def test_a_search_begins_without_an_engine_and_with_the_users_words() -> None:
    events, calls = call(params([{"role": "system", "content": "be brief"}, QUESTION], [SEARCH]))
    (tool,) = events[0]["choices"][0]["delta"]["tool_calls"]
    assert json.loads(tool["function"]["arguments"]) == {"query": QUESTION["content"]}
    assert tool["function"]["name"] == "file_search" and calls == []
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_the_engine_gets_the_passages_and_no_tool() -> None:
    messages = [QUESTION, called("search_1"), result("search_1")]
    found, (made,) = call(params(messages, [SEARCH]))
    assert found == "answered"
    assert made.messages == [{"role": "user", "content": f"passages\n{QUESTION['content']}"}]
    assert made.tools is None and made.tool_choice is None and made.parallel_tool_calls is None


def test_functions_of_the_caller_stay() -> None:
    messages = [QUESTION, called("search_1"), result("search_1")]
    _, (made,) = call(params(messages, [SEARCH, OTHER]))
    assert made.tools == [OTHER] and made.tool_choice == "auto"


def test_no_search_where_the_caller_wants_none() -> None:
    for given in (params([QUESTION]), params([QUESTION], [SEARCH], tool_choice="none")):
        found, (made,) = call(given)
        assert found == "answered" and made.messages == [QUESTION] and made.tools is None


def test_passages_of_earlier_messages_are_left_out() -> None:
    later = {"role": "user", "content": [{"type": "text", "text": "And the office?"}]}
    answer = {"role": "assistant", "content": "In thirty days."}
    before = [QUESTION, called("search_1"), result("search_1", "old"), answer, later]
    events, calls = call(params(before, [SEARCH]))
    assert calls == [] and events
    now = [*before, called("search_2"), result("search_2", "new")]
    assert with_passages(now) == [
        QUESTION,
        answer,
        {"role": "user", "content": [{"type": "text", "text": "new"}, *later["content"]]},
    ]


def test_results_of_the_callers_functions_are_kept() -> None:
    messages = [QUESTION, called("call_1"), result("call_1", "rain")]
    assert with_passages(messages) == messages


def test_a_repeated_warning_is_there_once() -> None:
    warned = "W\n<untrusted_tool_output>\n{}\n</untrusted_tool_output>"
    text = "\n".join(warned.format(part) for part in ("a", "b", "c"))
    messages = [QUESTION, called("search_1"), result("search_1", text)]
    (made,) = with_passages(messages)
    assert made["content"].startswith(warned.format("a\nb\nc"))


def test_a_search_returns_no_more_than_the_service_is_sized_for() -> None:
    for wanted, expected in ((None, 5), (3, 3), (50, 5)):
        tool, seen = Params(max_num_results=wanted, vector_store_ids=["documents"]), list[Any]()

        async def search(executor: object, *, found: list[Any] = seen, **given: Any) -> None:
            found.append(given["response_file_search_tool"])

        bound = bounded(search, "documents-1", 5)
        asyncio.run(bound(None, query="q", response_file_search_tool=tool))
        assert seen[0].max_num_results == expected
        assert seen[0].vector_store_ids == ["documents-1"]
