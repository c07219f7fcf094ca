"""Requests that are refused before OGX sees them."""

import asyncio
import base64
import json
from collections.abc import MutableMapping
from typing import Any

import pytest

from templates.scripts.application import application_check
from templates.scripts.application.application_check import DEEPEST, FORM_BYTES, Check
from templates.scripts.application.application_route import Routes

MODEL, CONTEXT, MOST, FILE = "engine/model-1", 2_048, 4_096, 10_000
ALONE = Routes(MODEL, {MODEL: CONTEXT})
GOOD: dict[str, Any] = {"model": MODEL, "input": "hello"}
CHAT: dict[str, Any] = {"model": MODEL, "messages": []}


async def answered(
    body: bytes,
    path: str = "/v1/responses",
    kind: str = "application/json",
    chunks: int = 1,
    routes: Routes = ALONE,
    **headers: str,
) -> tuple[int, dict[str, Any], bytes]:
    """Status and body of the answer, and what reached the application."""
    sent, reached = list[MutableMapping[str, Any]](), bytearray()
    size = -(-len(body) // chunks) or 1
    parts = [body[at : at + size] for at in range(0, max(1, len(body)), size)]

    async def receive() -> MutableMapping[str, Any]:
        part = parts.pop(0) if parts else b""
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
        routes=routes,
        body_bytes=MOST,
        file_bytes=FILE,
    )
    await check(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]), bytes(reached)


def ask(given: Any, path: str = "", **headers: str) -> tuple[int, dict[str, Any]]:
    path = path or ("/v1/chat/completions" if "messages" in given else "/v1/responses")
    code, answer, reached = asyncio.run(answered(json.dumps(given).encode(), path, **headers))
    assert (code == 200) == bool(reached)
    return code, answer.get("error", {})


@pytest.mark.parametrize("chunks", [1, 3])
def test_a_good_request_arrives_whole(chunks: int) -> None:
    body = json.dumps(GOOD | {"max_output_tokens": CONTEXT}).encode()
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
        ({"max_output_tokens": True}, 400, "max_output_tokens"),
        ({"max_output_tokens": "9"}, 400, "max_output_tokens"),
        ({"model": []}, 404, "model"),
        ({"extra_body": {"n": 64, "ignore_eos": True}}, 400, "extra_body"),
        ({"tokenizer_encoding": "o200k_base"}, 400, "tokenizer_encoding"),
        ({"context_management": [{"type": "compaction"}]}, 400, "context_management"),
        ({"background": True}, 400, "background"),
        ({"messages": [], "max_tokens": 0}, 400, "max_tokens"),
        ({"messages": [], "max_completion_tokens": CONTEXT + 1}, 400, "max_completion_tokens"),
        ({"messages": [], "n": 2}, 400, "n"),
    ],
)
def test_what_is_refused_names_its_field(
    change: dict[str, Any], code: int, field: str | None
) -> None:
    found, error = ask((CHAT if "messages" in change else GOOD) | change)
    assert found == code and error["message"] and error["type"] == "invalid_request_error"
    assert error["code"] is None
    if field is not None:
        assert error["param"] == field
    elif "input" in change:
        assert error["param"].startswith("input.0.content.0.") and error["param"].endswith("url")


def test_data_of_a_picture_and_functions_of_the_caller_are_accepted() -> None:
    picture = {"image_url": "data:image/png;base64,AAAA"}
    functions = [{"type": "function", "name": "f"}]
    assert ask(GOOD | {"input": [{"content": [picture]}], "tools": functions})[0] == 200


def test_notes_and_functions_of_the_caller_may_have_addresses() -> None:
    function = {"type": "function", "parameters": {"properties": {"default_url": "http://a"}}}
    assert ask(GOOD | {"metadata": {"source_url": "http://a"}, "tools": [function]})[0] == 200


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain", ""]
)
def test_a_body_is_json_by_its_header_too(kind: str) -> None:
    """Guard: OGX reads the same bytes as a form where the header says so."""
    both = b'{"model":"engine/model-1","metadata":{"x":"&model=engine%2Fother&input=a&y="}}'
    assert asyncio.run(answered(both, kind=kind))[0] == 415


def test_a_request_that_would_load_a_tokenizer_is_not_served() -> None:
    assert ask(GOOD, "/v1/responses/compact")[0] == 404
    assert ask(GOOD, "/v1/responses/compact/")[0] == 404


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
    assert asyncio.run(answered(b"a", "/v1/responses", form))[0] == 415


def test_a_compressed_body_is_refused() -> None:
    assert ask(GOOD, content_encoding="zstd")[0] == 415


def check_of(app: Any, file_bytes: int = FILE) -> Check:
    return Check(
        app,
        routes=ALONE,
        body_bytes=MOST,
        file_bytes=file_bytes,
    )


def test_a_service_without_files_takes_none() -> None:
    sent = list[MutableMapping[str, Any]]()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def never(*_: object) -> Any:
        raise AssertionError("nothing is read and nothing is passed on")

    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    scope = {"type": "http", "path": "/v1/files", "headers": headers}
    asyncio.run(check_of(never, file_bytes=0)(scope, never, send))
    assert sent[0]["status"] == 404


def test_a_request_changes_nothing_of_ogx_by_its_headers() -> None:
    seen = list[bytes]()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(name for name, _ in scope["headers"])

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    headers = [(b"X-OGX-Provider-Data", b"{}"), (b"accept", b"*/*")]
    scope = {"type": "http", "path": "/v1/models", "headers": headers}
    asyncio.run(check_of(app)(scope, receive, receive))
    assert seen == [b"accept"]


def test_a_caller_that_goes_away_reaches_nobody() -> None:
    sent = list[MutableMapping[str, Any]]()

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def gone() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def never(*_: object) -> Any:
        raise AssertionError("nothing is passed on")

    asyncio.run(
        check_of(never)({"type": "http", "path": "/v1/responses", "headers": []}, gone, send)
    )
    assert sent[0]["status"] == 400


def test_bodies_at_work_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application_check, "HELD_BYTES", 10)
    assert ask(GOOD)[0] == 503


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

    check = Check(never, routes=ALONE, body_bytes=1, file_bytes=0)
    asyncio.run(check({"type": "websocket"}, never, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
