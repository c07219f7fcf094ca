"""The rule by which a smaller model answers, and what reaches OGX then."""

import asyncio
import json
from typing import Any

import pytest

from templates.scripts.application.application_route import Routes, prompt_bytes
from tests.scripts.test_application_check import CONTEXT, MODEL, answered

SMALL, OTHER, SMALL_CONTEXT, BYTES = "small/model-2", "coder/model-3", 400, 100
CONTEXTS = {MODEL: CONTEXT, SMALL: SMALL_CONTEXT, OTHER: 4 * CONTEXT}
BY_LENGTH = Routes(MODEL, CONTEXTS, {"model": SMALL, "prompt_bytes": BYTES})
BY_HEADER = Routes(MODEL, CONTEXTS, {"model": SMALL, "header": ["x-easy", "yes"]})
SHORT: dict[str, Any] = {"model": MODEL, "input": "hello"}
CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
FITTING = "a" * (BYTES - prompt_bytes({"input": ""}))
"""Text of the longest easy prompt."""


def reached(given: dict[str, Any], routes: Routes = BY_LENGTH, **headers: str) -> str:
    """Model of the request that reaches OGX; its other fields are as they were."""
    path = "/v1/chat/completions" if "messages" in given else "/v1/responses"
    body = json.dumps(given).encode()
    code, answer, passed = asyncio.run(answered(body, path, routes=routes, **headers))
    assert code == 200, answer
    after: dict[str, Any] = json.loads(passed)
    assert {**after, "model": given["model"]} == given
    if after == given:
        assert passed == body
    model: str = after["model"]
    return model


@pytest.mark.parametrize(
    "given",
    [
        SHORT,
        CHAT,
        SHORT | {"input": FITTING},
        SHORT | {"conversation": None, "previous_response_id": None},
        SHORT | {"max_output_tokens": SMALL_CONTEXT - BYTES},
        SHORT | {"input": [{"type": "message", "role": "user", "content": "hi"}]},
        CHAT | {"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]},
    ],
)
def test_a_short_prompt_gets_the_smaller_model(given: dict[str, Any]) -> None:
    assert reached(given) == SMALL


@pytest.mark.parametrize(
    "given",
    [
        SHORT | {"input": FITTING + "a"},
        SHORT | {"input": FITTING[:-1] + "\N{EURO SIGN}"},
        SHORT | {"instructions": FITTING},
        SHORT | {"tools": [{"type": "function", "name": FITTING}]},
        SHORT | {"conversation": "conv_1"},
        SHORT | {"previous_response_id": "resp_1"},
        SHORT | {"input": FITTING, "max_output_tokens": SMALL_CONTEXT - BYTES + 1},
        SHORT | {"max_output_tokens": SMALL_CONTEXT + 1},
        SHORT | {"input": [{"type": "item_reference", "id": "msg_1"}]},
        SHORT | {"input": [{"content": [{"type": "input_image", "file_id": "f"}]}]},
        SHORT | {"input": [{"content": [{"image_url": "data:,"}]}]},
        CHAT | {"max_tokens": SMALL_CONTEXT},
        SHORT | {"input": [{"type": ["message"]}]},
    ],
)
def test_the_named_model_answers_what_is_not_easy(given: dict[str, Any]) -> None:
    assert reached(given) == MODEL


def test_a_request_may_name_each_model_and_each_has_its_own_context() -> None:
    for model, context in CONTEXTS.items():
        given = SHORT | {"model": model, "input": FITTING * 2, "max_output_tokens": context}
        assert reached(given) == model
        body = json.dumps(given | {"max_output_tokens": context + 1}).encode()
        code, answer, _ = asyncio.run(answered(body, routes=BY_LENGTH))
        assert (code, answer["error"]["param"]) == (400, "max_output_tokens")
    code, answer, _ = asyncio.run(
        answered(json.dumps(SHORT | {"model": "small/model-1"}).encode(), routes=BY_LENGTH)
    )
    assert (code, answer["error"]["param"]) == (404, "model")


def test_a_header_keeps_the_named_model() -> None:
    assert reached(SHORT, x_route="stated") == MODEL
    assert reached(SHORT, x_route="other") == SMALL


@pytest.mark.parametrize("given", [SHORT, SHORT | {"input": FITTING * 2, "conversation": "c"}])
def test_a_header_decides_alone_where_it_is_the_rule(given: dict[str, Any]) -> None:
    assert reached(given, BY_HEADER, x_easy="yes") == SMALL
    assert reached(given, BY_HEADER) == MODEL
    assert reached(given, BY_HEADER, x_easy="Yes") == MODEL
    assert reached(given, BY_HEADER, x_easy="yes", x_route="stated") == MODEL
    long = given | {"max_output_tokens": SMALL_CONTEXT + 1}
    assert reached(long, BY_HEADER, x_easy="yes") == MODEL


def test_bytes_bound_the_tokens_of_any_text() -> None:
    """Escapes of JSON are no shorter than the text, and an unpaired half of a pair has bytes."""
    for text in ("\N{EURO SIGN}" * 9, "\ud83d", '"\\\n' * 5, "a"):
        assert prompt_bytes({"input": text}) >= len(text.encode(errors="surrogatepass"))
