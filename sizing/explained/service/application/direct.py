"""Explanations of searches and vectors that users request without an answer."""

from sizing.explained.entry import CATALOG, Basis, Entry, Leaf, Registry
from sizing.plan.service.application.direct import DirectPlan

CODE = "sizing/service/application/direct.py"
FIELDS = "{s.application.context.direct."
DOCUMENTS = "{s.application.context."
GIVEN = "{w.context.direct."
COURSE = "the requests have the course of the service's others over the day"


def has_direct(leaf: Leaf) -> bool:
    """True where users search or request vectors without an answer."""
    application = leaf.sized.application
    return application is not None and application.direct is not None


def with_direct(leaf: Leaf, each: str, what: str) -> str:
    """Bytes of a request or an answer, with those of searches and vectors without an answer."""
    return f"({each} + {FIELDS}{what}_bytes_per_request}})" if has_direct(leaf) else each


def _ratio(meaning: str, field: str) -> Entry:
    return Entry(
        meaning,
        f"context.direct.{field} / traffic.requests_per_user_per_day",
        f"{GIVEN}{field}}} / {{w.traffic.requests_per_user_per_day}}",
        Basis.given,
        f"the workload file: context.direct.{field}",
        remarks=(COURSE,),
    )


DIRECT: Registry = {
    DirectPlan: {
        "searches_per_request": _ratio(
            "searches without an answer for one request of the service",
            "searches_per_user_per_day",
        ),
        "embeddings_per_request": _ratio(
            "texts for vectors for one request of the service", "embeddings_per_user_per_day"
        ),
        "searches_per_s": Entry(
            "searches without an answer a second at the busiest moment",
            "requests/s x searches of one",
            "{s.application.requests_per_s} * " + FIELDS + "searches_per_request}",
        ),
        "embeddings_per_s": Entry(
            "texts for vectors a second at the busiest moment",
            "requests/s x texts of one",
            "{s.application.requests_per_s} * " + FIELDS + "embeddings_per_request}",
        ),
        "cpu_s_per_embedding": Entry(
            "CPU seconds of the application for the vector of a text",
            "the highest of the measurements",
            "{v}",
            Basis.measured,
            f"{CATALOG}application_work.csv, cpu_s_per_embedding",
            remarks=("by bench/documents.py; each text counts as if it came alone",),
        ),
        "search_bytes": Entry(
            "bytes of the answer to a search at most",
            "chunks x (bytes of one + 600) + 500",
            DOCUMENTS
            + "retrieved_chunks} * ("
            + DOCUMENTS
            + "chunk_bytes} + {direct.PASSAGE_BYTES}) + {direct.SEARCH_BYTES}",
            Basis.measured,
            CODE,
        ),
        "embedding_bytes": Entry(
            "bytes of a vector in an answer",
            "elements x 22",
            DOCUMENTS + "dimensions} * {direct.ELEMENT_TEXT_BYTES}",
            Basis.measured,
            CODE,
            remarks=("written in decimals; a caller that requests base64 gets a quarter",),
        ),
        "sent_bytes_per_request": Entry(
            "bytes of searches and texts for one request of the service",
            "searches x request_bytes + texts x bytes of a chunk",
            FIELDS
            + "searches_per_request} * {w.request.request_bytes} + "
            + FIELDS
            + "embeddings_per_request} * "
            + DOCUMENTS
            + "chunk_bytes}",
            Basis.assumed,
            CODE,
            remarks=("a text has a chunk's bytes at most",),
        ),
        "answer_bytes_per_request": Entry(
            "bytes of passages and vectors for one request of the service",
            "searches x bytes of an answer + texts x bytes of a vector",
            FIELDS
            + "searches_per_request} * "
            + FIELDS
            + "search_bytes} + "
            + FIELDS
            + "embeddings_per_request} * "
            + FIELDS
            + "embedding_bytes}",
            Basis.measured,
            CODE,
        ),
    },
}
