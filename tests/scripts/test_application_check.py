"""Requests that are refused before OGX sees them."""

import asyncio
import base64
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from templates.scripts.application.application_check import DEEPEST, FORM_BYTES, Check

MODEL, CONTEXT, MOST, FILE = "engine/model-1", 2_048, 4_096, 10_000
GOOD: dict[str, Any] = {"model": MODEL, "input": "hello"}


async def answered(
    body: bytes,
    path: str = "/v1/responses",
    kind: str = "application/json",
    chunks: int = 1,
    **headers: str,
) -> tuple[int, dict[str, Any], bytes]:
    """Status and body of the answer, and what reached the application."""
    sent, reached = list[MutableMapping[str, Any]](), bytearray()
    size = -(-len(body) // chunks) or 1
    parts = [body[at : at + size] for at in range(0, max(1, len(body)), size)]

    async def receive() -> MutableMapping[str, Any]:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        reached.extend(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    stated = {"content-type": kind, **{k.replace("_", "-"): v for k, v in headers.items()}}
    scope = {
        "type": "http",
        "path": path,
        "headers": [(k.encode(), v.encode()) for k, v in stated.items()],
    }
    check = Check(
        app,
        models=frozenset({MODEL}),
        context_tokens=CONTEXT,
        body_bytes=MOST,
        file_bytes=FILE,
    )
    await check(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]), bytes(reached)


def ask(given: Any, path: str = "/v1/responses", **headers: str) -> tuple[int, dict[str, Any]]:
    code, answer, reached = asyncio.run(answered(json.dumps(given).encode(), path, **headers))
    assert (code == 200) == bool(reached)
    return code, answer.get("error", {})


@pytest.mark.parametrize("chunks", [1, 3])
def test_a_good_request_arrives_whole(chunks: int) -> None:
    body = json.dumps(GOOD | {"max_output_tokens": CONTEXT, "n": 1}).encode()
    code, _, reached = asyncio.run(answered(body, chunks=chunks))
    assert (code, reached) == (200, body)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"tools": [{"type": "mcp", "server_url": "http://a"}]}, 400, "tools.0.type"),
        ({"tools": [{"type": "function"}, {"type": "web_search"}]}, 400, "tools.1.type"),
        ({"tools": {"type": "mcp"}}, 400, "tools"),
        ({"input": [{"content": [{"image_url": "https://a/b.png"}]}]}, 400, None),
        ({"input": [{"content": [{"file_url": "//a/b.pdf"}]}]}, 400, None),
        ({"input": [{"content": [{"image_url": {"url": "http://a"}}]}]}, 400, None),
        ({"model": "engine/another"}, 404, "model"),
        ({"model": None}, 404, "model"),
        ({"max_output_tokens": CONTEXT + 1}, 400, "max_output_tokens"),
        ({"max_tokens": 0}, 400, "max_tokens"),
        ({"max_tokens": True}, 400, "max_tokens"),
        ({"max_completion_tokens": "9"}, 400, "max_completion_tokens"),
        ({"n": 2}, 400, "n"),
    ],
)
def test_what_is_refused_names_its_field(
    change: dict[str, Any], code: int, field: str | None
) -> None:
    found, error = ask(GOOD | change)
    assert found == code and error["message"] and error["type"] == "invalid_request_error"
    if field is not None:
        assert error["param"] == field
    elif "input" in change:
        assert error["param"].startswith("input.0.content.0.") and error["param"].endswith("url")


def test_data_of_a_picture_and_functions_of_the_caller_are_accepted() -> None:
    picture = {"image_url": "data:image/png;base64,AAAA"}
    functions = [{"type": "function", "name": "f"}]
    assert ask(GOOD | {"input": [{"content": [picture]}], "tools": functions})[0] == 200


def test_other_paths_need_no_model_and_name_no_address() -> None:
    items = {"items": [{"content": [{"image_url": "http://a"}]}]}
    assert ask({"metadata": {}}, "/v1/conversations")[0] == 200
    assert ask(items, "/v1/conversations/conv_1/items")[0] == 400


@pytest.mark.parametrize("body", [b"[1]", b"{", b'"text"', b"\xff", b"[" * 5_000])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert asyncio.run(answered(body[:MOST]))[0] == 400


def test_a_body_is_bounded_in_bytes_and_levels() -> None:
    assert ask(GOOD | {"input": "a" * MOST})[0] == 413
    assert asyncio.run(answered(b"{}", content_length=str(MOST + 1)))[0] == 413
    deep: Any = "x"
    for _ in range(DEEPEST + 2):
        deep = [deep]
    assert ask(GOOD | {"input": deep})[0] == 400


def test_a_file_has_a_limit_of_its_own_and_only_where_files_go() -> None:
    form, body = "multipart/form-data; boundary=x", b"a" * (FILE + FORM_BYTES)
    assert asyncio.run(answered(body, "/v1/files", form))[0] == 200
    assert asyncio.run(answered(body + b"a", "/v1/files", form))[0] == 413
    assert asyncio.run(answered(b"a", "/v1/responses", form))[0] == 400


def test_a_compressed_body_and_an_early_end_are_refused() -> None:
    assert ask(GOOD, content_encoding="zstd")[0] == 415


def token(claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"Bearer e30.{body}.c2ln"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "alice"}, 200),
        ({"sub": "auth0|alice@example.com"}, 200),
        ({"sub": "alice bob"}, 401),
        ({"sub": "alice\tbob"}, 401),
        ({"sub": " alice"}, 401),
        ({"sub": ""}, 401),
        ({"sub": 5}, 401),
        ({}, 200),
        ([], 200),
    ],
)
def test_a_subject_is_one_word(claims: Any, code: int) -> None:
    """Guard: OGX takes `alice bob` for both. It refuses itself a token without a subject."""
    assert ask(GOOD, authorization=token(claims))[0] == code


def test_a_websocket_is_closed_before_it_opens() -> None:
    sent = list[MutableMapping[str, Any]]()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def never(*_: object) -> Any:
        raise AssertionError("nothing is read and nothing is passed on")

    check = Check(never, models=frozenset(), context_tokens=0, body_bytes=1, file_bytes=0)
    asyncio.run(check({"type": "websocket"}, never, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
