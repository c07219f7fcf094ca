"""Searches and vectors without an answer, on OGX and PostgreSQL with pgvector."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.control_plane import until
from testbed.postgres import Postgres, vectors_missing
from tests.scripts.application.ogx_service import OgxService, status
from tests.scripts.application.test_documents import INVOICES, MOON, RAG, Library, library

pytestmark = pytest.mark.skipif(bool(vectors_missing()), reason=vectors_missing())
DRIVER = Path(__file__).with_name("direct_driver.py")
OPENED = "  direct: {searches_per_user_per_day: 2, embeddings_per_user_per_day: 5}\n"


def direct(library: Library, user: str, query: str) -> dict[str, Any]:
    given = {"url": library.url, "model": model_of(library), "token": library.token(user)}
    (found,) = library.driven(DRIVER, {**given, "query": query, "texts": [MOON, INVOICES]})
    return found


def model_of(library: Library) -> str:
    return str(json.loads(library.service.environment["DIRECT"])["model"])


def every_user_finds_the_right_passage(library: Library) -> None:
    before = library.engine.requests
    one = direct(library, "user-1", "When are invoices paid?")
    two = direct(library, "user-2", "What did the mouse say of the moon?")
    assert INVOICES in one["found"][0][1] and MOON in two["found"][0][1]
    assert one["listed"] == two["listed"] == ["documents"]
    assert one["store"]["id"] == one["store"]["name"] == "documents"
    assert library.store not in json.dumps(one), "the internal name stays inside"
    assert library.engine.requests == before, "no engine answers"


def a_search_returns_what_the_service_is_sized_for(library: Library) -> None:
    """The driver requests 50 passages."""
    passages = int(library.service.environment["PASSAGES"])
    assert len(library.rows()) > passages
    assert len(direct(library, "user-1", "When are invoices paid?")["found"]) == passages


def vectors_are_those_of_the_service(library: Library) -> None:
    found = direct(library, "user-1", "invoices")
    expected = [library.vectors.vector(text) for text in (MOON, INVOICES)]
    for form in ("vectors", "decimals"):
        for vector, right in zip(found[form], expected, strict=True):
            assert vector == pytest.approx(right, abs=1e-6)
    assert found["model"] == model_of(library)


def nobody_changes_documents_or_reads_others(library: Library) -> None:
    token, rows = library.token("user-1"), library.rows()
    stores = f"{library.url}/v1/vector_stores"
    calls: list[tuple[str, str, object]] = [
        ("POST", stores, {"name": "mine"}),
        ("POST", f"{stores}/documents", {"name": "mine"}),
        ("DELETE", f"{stores}/documents", None),
        ("POST", f"{stores}/documents/files", {"file_id": "file-1"}),
        ("GET", f"{stores}/documents/files", None),
        ("POST", f"{stores}/documents/file_batches", {"file_ids": ["file-1"]}),
        ("GET", f"{stores}/{library.store}", None),
        ("DELETE", f"{stores}/{library.store}", None),
        ("POST", f"{stores}/{library.store}/search", {"query": "invoices"}),
        ("POST", f"{stores}/others/search", {"query": "invoices"}),
        ("GET", f"{stores}/documents%2Ffiles", None),
        ("POST", f"{library.url}/v1/vector-io/insert", {"vector_store_id": library.store}),
        ("POST", f"{library.url}/v1/vector-io/query", {"vector_store_id": library.store}),
        ("GET", f"{library.url}/v1/embeddings", None),
    ]
    for method, url, body in calls:
        assert status(url, token, body, method) == 404, (method, url)
    assert library.rows() == rows
    assert status(stores, "", None) == 401


def too_much_is_refused(library: Library) -> None:
    token, search = library.token("user-1"), f"{library.url}/v1/vector_stores/documents/search"
    given = json.loads(library.service.environment["DIRECT"])
    texts, most = given["texts"], given["text_bytes"]
    embed: dict[str, Any] = {"model": given["model"], "input": "a"}
    refused: list[tuple[int, str, dict[str, Any]]] = [
        (400, search, {"query": "a" * 2_001}),
        (400, search, {"query": "a", "max_num_results": 51}),
        (400, search, {"query": "a", "filters": {"type": "eq", "key": "a", "value": "b"}}),
        (400, search, {"query": "a", "rewrite_query": True}),
        (400, f"{library.url}/v1/embeddings", {**embed, "input": ["a"] * (texts + 1)}),
        (400, f"{library.url}/v1/embeddings", {**embed, "input": "a" * (most + 1)}),
        (413, f"{library.url}/v1/embeddings", {**embed, "input": "a" * 2_000_000}),
        (400, f"{library.url}/v1/embeddings", {**embed, "dimensions": 1_025}),
        (400, f"{library.url}/v1/embeddings", {**embed, "padding": True}),
        (404, f"{library.url}/v1/embeddings", {**embed, "model": "engine/qwen3-8b"}),
    ]
    before = len(library.vectors.texts)
    for code, url, body in refused:
        assert status(url, token, body) == code, (url, list(body))
    assert len(library.vectors.texts) == before
    full = {**embed, "input": ["a" * most] * texts}
    assert status(f"{library.url}/v1/embeddings", token, full) == 200


def test_users_search_and_get_vectors(
    new_service_on: Callable[[Postgres], OgxService], tmp_path: Path
) -> None:
    """Guard: this is one test, because each would wait for a setup of its own."""
    file = tmp_path / "rag.yaml"
    text = RAG.read_text(encoding="utf-8")
    file.write_text(text.replace("  embedding:\n", f"{OPENED}  embedding:\n"), encoding="utf-8")
    with Postgres(with_vectors=True) as postgres:
        service = new_service_on(postgres)
        postgres.execute(f'ALTER ROLE "{service.master}" SUPERUSER')
        with library(service, file) as whole:
            whole.put("moon.txt", MOON.encode())
            whole.put("invoices.md", INVOICES.encode())
            for number in range(6):
                whole.put(f"{number}.txt", f"Rule {number} says that it holds.".encode())
            whole.work()
            until(lambda: len(whole.documents()) == 8, 120)
            every_user_finds_the_right_passage(whole)
            a_search_returns_what_the_service_is_sized_for(whole)
            vectors_are_those_of_the_service(whole)
            nobody_changes_documents_or_reads_others(whole)
            too_much_is_refused(whole)
