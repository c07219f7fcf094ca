"""Documents that requests search: what they take, and what they do to prompts and databases."""

from copy import deepcopy
from math import isclose
from typing import Any

import pytest
from pydantic import ValidationError

from sizing.catalog import load_catalog
from sizing.plan.service.application.context import ContextPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.application.context import vector_index_bytes
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.values.units import GIB
from sizing.workload import Workload
from tests.components.plans import APPLIED, applied_site

RAG: dict[str, Any] = APPLIED | {
    "request": APPLIED["request"] | {"context_tokens": 8_192},
    "traffic": APPLIED["traffic"] | {"peak_ratio": 3},
    "capacity": {"method": "calibrated", "load": "peak"},
    "hardware": {"instance_type": "g6e.xlarge"},
    "model": {"name": "qwen3-8b", "precision": "fp8"},
    "context": {
        "documents": 10_000,
        "document_bytes": 12_000,
        "documents_per_day": 500,
        "embedding": {"model": "bge-m3", "hardware": "g6.xlarge"},
    },
}


def changed(**changes: object) -> dict[str, Any]:
    """Workload with other fields of its context; a field that is None is left out."""
    whole = deepcopy(RAG)
    whole["context"] = {
        name: value for name, value in (whole["context"] | changes).items() if value is not None
    }
    return whole


def sized(given: dict[str, Any]) -> Plan:
    return size([Workload.model_validate(given)], applied_site(), load_catalog())


def services(given: dict[str, Any]) -> tuple[ServicePlan, ...]:
    return sized(given).services


def context_of(given: dict[str, Any]) -> ContextPlan:
    context = services(given)[0].context
    assert context is not None
    return context


def test_the_numbers_of_documents() -> None:
    context = context_of(RAG)
    assert context.chunks_per_document == 9, "ceil((3,000 - 40) / 360)"
    assert context.chunks == 90_000 and context.dimensions == 1_024
    assert context.searched_tokens == 5 * (400 + 60) + 200
    assert context.index_bytes == 90_000 * 8_192
    assert context.row_bytes == 2_010 + 4_506 + 6_720 and context.memory_acu == 1
    assert context.stored_bytes == 90_000 * (13_236 + 8_192)


@pytest.mark.parametrize(
    ("dimensions", "each"), [(384, 2_048), (768, 4_096), (1_024, 8_192), (2_000, 8_192)]
)
def test_no_vector_spans_two_pages(dimensions: int, each: int) -> None:
    """Measured: 2,062 bytes for 384 elements and 8,206 for 1,024."""
    assert vector_index_bytes(dimensions) == each


def test_retrieved_tokens_need_more_gpus_and_a_cache_saves_none() -> None:
    alone = {name: value for name, value in RAG.items() if name != "context"}
    (without,) = services(alone)
    with_documents, _ = services(RAG)
    rarely, _ = services(changed(share=0.1))
    before, after, between = (
        each.pool.gpus_needed if each.pool else 0 for each in (without, with_documents, rarely)
    )
    assert before < between < after
    calibrated = (without.calibrated, with_documents.calibrated, rarely.calibrated)
    assert all(each is not None for each in calibrated)
    prompts = [each.prompt_tokens for each in calibrated if each is not None]
    cached = [each.cached_tokens for each in calibrated if each is not None]
    assert prompts[1] - prompts[0] == 2_500 and prompts[2] - prompts[0] == 250
    assert len(set(cached)) == 1


def test_the_service_of_vectors_has_questions_and_chunks() -> None:
    parent, vectors = services(RAG)
    assert vectors.name == "applied-embedding" and vectors.callers == ("applied",)
    assert vectors.gateway is None and vectors.pool is not None
    questions = parent.traffic.requests_per_s_peak or 0
    chunks = 500 * 9 / (8 * 3_600)
    assert isclose(vectors.traffic.requests_per_s_peak or 0, questions + chunks, rel_tol=1e-5)
    mean = parent.traffic.requests_per_s_mean + 500 * 9 / 86_400
    assert isclose(vectors.traffic.requests_per_s_mean, mean, rel_tol=1e-5)


DIRECT = {"searches_per_user_per_day": 2, "embeddings_per_user_per_day": 5}


def test_searches_and_vectors_without_an_answer_have_the_course_of_requests() -> None:
    """A user sends 10 requests in a day."""
    parent, vectors = services(changed(direct=DIRECT))
    _, before = services(RAG)
    direct = parent.application.direct if parent.application else None
    assert direct is not None and parent.traffic.requests_per_s_peak is not None
    assert (direct.searches_per_request, direct.embeddings_per_request) == (0.2, 0.5)
    peak, mean = parent.traffic.requests_per_s_peak, parent.traffic.requests_per_s_mean
    assert isclose(direct.searches_per_s, 0.2 * peak, rel_tol=1e-9)
    added = vectors.traffic.requests_per_s_mean - before.traffic.requests_per_s_mean
    assert isclose(added, 0.7 * mean, rel_tol=1e-5)
    chunks = 500 * 9 / (8 * 3_600)
    assert isclose(vectors.traffic.requests_per_s_peak or 0, 1.7 * peak + chunks, rel_tol=1e-5)


def test_what_users_request_without_an_answer_reaches_every_part() -> None:
    plain, opened = services(RAG)[0], services(changed(direct=DIRECT))[0]
    before, after = plain.application, opened.application
    assert before is not None and after is not None and after.direct is not None
    direct, documents = after.direct, after.context
    assert documents is not None
    cpu = 0.2 * float(documents.cpu_s_per_search) + 0.5 * float(direct.cpu_s_per_embedding)
    assert isclose(after.cpu_s_per_request - before.cpu_s_per_request, cpu, rel_tol=1e-9)
    assert isclose(after.writes_per_s - before.writes_per_s, direct.searches_per_s, rel_tol=1e-9)
    assert direct.search_bytes == 5 * (1_600 + 600) + 500
    assert direct.embedding_bytes == 1_024 * 22
    answers = 0.2 * direct.search_bytes + 0.5 * direct.embedding_bytes
    assert isclose(direct.answer_bytes_per_request, answers, rel_tol=1e-9)
    egress = (opened.network.egress_mbit_per_s or 0) - (plain.network.egress_mbit_per_s or 0)
    mean = opened.traffic.requests_per_s_mean
    assert isclose(egress, mean * answers * 8 / 10**6, rel_tol=1e-9)
    assert plain.gateway is not None and opened.gateway is not None
    assert (opened.gateway.capacity_units or 0) > (plain.gateway.capacity_units or 0)


@pytest.mark.parametrize(
    ("direct", "paths"),
    [
        (None, set[str]()),
        ({"embeddings_per_user_per_day": 5}, {"/v1/embeddings"}),
        (
            {"searches_per_user_per_day": 2},
            {
                "/v1/vector_stores",
                "/v1/vector_stores/documents",
                "/v1/vector_stores/documents/search",
            },
        ),
    ],
)
def test_only_what_is_stated_is_forwarded(
    direct: dict[str, object] | None, paths: set[str]
) -> None:
    before, after = services(RAG)[0].gateway, services(changed(direct=direct))[0].gateway
    assert before is not None and after is not None
    assert set(after.paths) - set(before.paths) == paths


@pytest.mark.parametrize("documents_per_day", [0, 500, 200_000])
@pytest.mark.parametrize("field", [*DIRECT])
def test_more_of_them_never_need_fewer_gpus(field: str, documents_per_day: int) -> None:
    """Guard: short questions among long chunks make the mean text shorter."""
    gpus, pods = list[int](), list[int]()
    for each in (None, 0.01, 1, 10, 100, 1_000):
        direct = None if each is None else {field: each}
        parent, vectors = services(changed(direct=direct, documents_per_day=documents_per_day))
        assert vectors.pool is not None and parent.application is not None
        gpus.append(vectors.pool.gpus_needed)
        pods.append(parent.application.pods_total)
    assert gpus == sorted(gpus) and gpus[-1] > gpus[0]
    assert pods == sorted(pods) and pods[-1] > pods[0]


def test_documents_fill_the_database_and_its_memory() -> None:
    small, large = services(RAG)[0], services(changed(documents=1_000_000))[0]
    assert small.database is not None and large.database is not None
    added = large.database.stored_bytes - small.database.stored_bytes
    assert added == 990_000 * 9 * (13_236 + 8_192)
    index = 9_000_000 * 8_192
    assert small.database.min_acu == 2
    assert large.database.min_acu >= index / (2 * GIB * 2 / 3)
    assert large.database.max_acu >= large.database.min_acu


def test_an_index_beyond_the_memory_of_the_database_gets_no_nodes() -> None:
    service = services(changed(documents=8_000_000))[0]
    assert service.application_pods == 0, "its application is not built"
    (reason,) = [each.numbers for each in service.rejected if "vectors" in each.numbers]
    assert "beyond the 256 of the database" in reason


def test_workers_follow_new_documents() -> None:
    few, many = context_of(RAG), context_of(changed(documents_per_day=500_000))
    assert few.workers_needed == few.pods == 1
    arriving = 500_000 / (8 * 3_600)
    assert many.workers_needed >= arriving * float(many.document_s) / 0.6
    assert many.pods == -(-many.workers_needed // 2)
    assert float(many.first_h) < float(few.first_h)
    parts = services(RAG)[0]
    assert parts.application is not None
    assert parts.application_pods == parts.application.pods_total + 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (changed(overlap_tokens=300), ("context", "overlap_tokens")),
        (changed(direct={}), ("context", "direct")),
        (changed(direct={"searches_per_user_per_day": 0}), ("context", "direct")),
        (changed(retrieved_chunks=40), ("request", "context_tokens")),
        (changed(embedding={"model": "llama-3.2-1b"}), ("context", "embedding", "model")),
        (changed(embedding={"model": "no-such"}), ("context", "embedding")),
        (
            changed(embedding={"model": "e5-mistral-7b-instruct"}),
            ("context", "embedding", "model"),
        ),
        (
            changed(chunk_tokens=600, embedding={"model": "bge-large-en-v1.5"}),
            ("context", "chunk_tokens"),
        ),
        ({**RAG, "name": "a-name-of-twenty-two-c"}, ("context", "embedding")),
        (
            {
                **{name: value for name, value in RAG.items() if name != "application"},
                "data": {**RAG["data"], "client": "own", "interaction_bytes": 2_000},
                "access": {},
            },
            ("context",),
        ),
    ],
)
def test_what_cannot_work_is_refused_at_its_field(
    given: dict[str, Any], field: tuple[str, ...]
) -> None:
    with pytest.raises((FieldError, ValidationError)) as refused:
        sized(given)
    fault = refused.value
    if isinstance(fault, ValidationError):
        (error,) = fault.errors()
        fault = error["ctx"]["error"]
        assert isinstance(fault, FieldError)
        found = (*map(str, error["loc"]), *fault.field)
    else:
        found = tuple(map(str, fault.field))
    assert found[: len(field)] == field
