"""Searches and vectors without an answer that are refused before OGX sees them."""

import asyncio
import json
import sys
from collections.abc import MutableMapping
from importlib import import_module
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from templates.scripts.application import application_check, application_search
from templates.scripts.application.application_check import STORE, Check
from tests.scripts.test_application_check import ALONE, FILE

PROGRAMS = {"application_check": application_check, "application_search": application_search}
with patch.dict(sys.modules, PROGRAMS):
    program: Any = import_module("templates.scripts.application.application_direct")
STORES, EMBEDDINGS = "/v1/vector_stores", "/v1/embeddings"
SEARCH = f"{STORES}/{STORE}/search"
VECTORS = {"model": "vectors/m", "texts": 3, "text_bytes": 10, "dimensions": 4}
ALL = program.Direct(searches=True, **VECTORS)
TEXTS = {"model": "vectors/m", "input": "text"}


def code(direct: Any, path: str, given: Any = None, method: str = "") -> int:
    """Status of the answer; 200 where the request is passed on."""
    sent = list[int]()
    body = b"" if given is None else json.dumps(given).encode()

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message.get("status", 0))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == body, "the body is passed on as it is"
        await send({"type": "http.response.start", "status": 200, "headers": []})

    verb = method or ("GET" if given is None else "POST")
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": verb, "path": path, "headers": headers}
    check = Check(app, routes=ALONE, body_bytes=4_096, file_bytes=FILE, direct=direct)
    asyncio.run(check(scope, receive, send))
    return sent[0]


@pytest.mark.parametrize(
    ("direct", "opened"),
    [
        (None, set[str]()),
        (program.Direct(searches=True), {STORES, f"{STORES}/{STORE}", SEARCH}),
        (program.Direct(searches=False, **VECTORS), {EMBEDDINGS}),
        (ALL, {STORES, f"{STORES}/{STORE}", SEARCH, EMBEDDINGS}),
    ],
)
def test_only_what_is_stated_is_open(direct: Any, opened: set[str]) -> None:
    calls: dict[str, Any] = {
        STORES: None,
        f"{STORES}/{STORE}": None,
        SEARCH: {"query": "invoices"},
        EMBEDDINGS: TEXTS,
    }
    found = {path for path, given in calls.items() if code(direct, path, given) == 200}
    assert found == opened
    assert {code(direct, path, calls[path]) for path in calls.keys() - opened} <= {404}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", STORES),
        ("POST", f"{STORES}/{STORE}"),
        ("DELETE", f"{STORES}/{STORE}"),
        ("GET", SEARCH),
        ("GET", f"{STORES}/{STORE}-123"),
        ("GET", f"{STORES}/{STORE}/files"),
        ("POST", f"{STORES}/{STORE}/files"),
        ("POST", f"{STORES}/{STORE}-123/search"),
        ("POST", "/v1/vector-io/query"),
        ("POST", "/v1/vector-io/insert"),
        ("DELETE", EMBEDDINGS),
        ("POST", f"{EMBEDDINGS}/more"),
    ],
)
def test_nothing_else_is_open(method: str, path: str) -> None:
    assert code(ALL, path, None if method in ("GET", "DELETE") else {}, method) == 404


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 200),
        ({"input": ["a", "b", "c"], "encoding_format": "base64", "dimensions": 4}, 200),
        ({"input": ["a", "b", "c", "d"]}, 400),
        ({"input": "a" * 10}, 200),
        ({"input": "a" * 11}, 400),
        ({"input": "\u00e9" * 6}, 400),
        ({"input": ["a", "a" * 11]}, 400),
        ({"input": []}, 400),
        ({"input": [1, 2]}, 400),
        ({"input": [[1]]}, 400),
        ({"input": None}, 400),
        ({"encoding_format": "bytes"}, 400),
        ({"encoding_format": ["float"]}, 400),
        ({"dimensions": 5}, 400),
        ({"dimensions": 0}, 400),
        ({"dimensions": True}, 400),
        ({"padding": True}, 400),
        ({"truncate_prompt_tokens": 1}, 400),
        ({"messages": []}, 400),
        ({"model": "engine/model-1"}, 404),
        ({"model": ["vectors/m"]}, 404),
    ],
)
def test_texts_are_bounded(change: dict[str, Any], expected: int) -> None:
    assert code(ALL, EMBEDDINGS, TEXTS | change) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"query": "invoices", "max_num_results": 50}, 200),
        ({"query": "a" * 2_000}, 200),
        ({"query": "a" * 2_001}, 400),
        ({"query": ""}, 400),
        ({"query": ["a", "b"]}, 400),
        ({}, 400),
        ({"query": "a", "max_num_results": 51}, 400),
        ({"query": "a", "max_num_results": True}, 400),
        ({"query": "a", "filters": {}}, 400),
        ({"query": "a", "ranking_options": {}}, 400),
        ({"query": "a", "rewrite_query": True}, 400),
        ({"query": "a", "search_mode": "keyword"}, 400),
    ],
)
def test_searches_are_bounded(given: dict[str, Any], expected: int) -> None:
    assert code(ALL, SEARCH, given) == expected


class Found(SimpleNamespace):
    def model_copy(self, update: dict[str, Any]) -> "Found":
        return Found(**{**vars(self), **update})


def test_the_store_has_its_public_name_alone() -> None:
    seen = list[Any]()

    async def search(router: object, *, vector_store_id: str, request: Any) -> None:
        seen.append((vector_store_id, request.max_num_results))

    async def retrieve(router: object, *, vector_store_id: str) -> Found:
        notes = {"embedding_model": "m", "provider_vector_store_id": vector_store_id}
        return Found(id=vector_store_id, name=vector_store_id, metadata=notes)

    async def run() -> Found:
        method = program.searched_directly(search, "documents-1", 5)
        for name, wanted in ((STORE, 50), (STORE, 2), ("documents-1", 50)):
            await method(None, vector_store_id=name, request=Found(max_num_results=wanted))
        read = program.retrieved(retrieve, "documents-1")

        async def of_router(**given: Any) -> Any:
            return await read(None, **given)

        router = SimpleNamespace(openai_retrieve_vector_store=of_router)
        page: Found = await program.listed(Found)(
            router, limit=20, order="desc", after=None, before=None
        )
        nothing = await program.listed(Found)(router, after=STORE)
        assert nothing.data == [] and not nothing.has_more
        return page

    page = asyncio.run(run())
    assert seen == [("documents-1", 5), ("documents-1", 2), ("documents-1", 50)]
    (store,) = page.data
    assert (store.id, store.name, store.metadata) == (STORE, STORE, {"embedding_model": "m"})
    assert not page.has_more
