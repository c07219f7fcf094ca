"""What do documents take in the database, and how many workers keep them?"""

from fractions import Fraction

from sizing.catalog import Catalog, UnknownName
from sizing.plan.service.application.context import ContextPlan
from sizing.replica.traffic import Rates
from sizing.service.application import direct
from sizing.service.application.vectors import (
    INGESTION_S,
    chunks_per_s,
    direct_ratios,
    vectors_name,
)
from sizing.service.application.work import measured, usual
from sizing.service.stores.aurora import MAX_ACU
from sizing.values.exact import ceiling, exact, plain
from sizing.values.field_error import FieldError
from sizing.values.units import GIB, MIB
from sizing.workload import Workload
from sizing.workload.context.context import BYTES_PER_TOKEN, Context

PAGE_BYTES, ELEMENT_BYTES, MOST_DIMENSIONS = 8_168, 264, 2_000
"""Usable bytes of a page of PostgreSQL, bytes of a vector's neighbours and headers in its index,
and elements of a vector that an index takes. Basis: vendor (pgvector 0.8: a vector does not span
pages, m is 16) and measured (8,206 bytes for 1,024 elements)."""
DISK_PAGE_BYTES = 8_192
VECTOR_BYTES = 4
"""Bytes of one element. Basis: vendor (pgvector: single precision)."""
ACU_BYTES, CACHE_SHARE = 2 * GIB, Fraction(2, 3)
"""Memory of a capacity unit, and the share of it that caches pages. Basis: vendor (Aurora
Serverless v2: about 2 GiB); assumed for the share."""
CONNECTIONS = 2
"""Connections of a process to the documents at most. Basis: assumed; a search takes
milliseconds."""
UTILISATION = Fraction(6, 10)
"""Share of time that a worker works while documents arrive. Basis: assumed."""
TEXTS = 32
"""Texts of one request for vectors. Basis: assumed; the program of the workers has the same
number."""
OTHER_PER_S = 5
"""Documents a second of a worker, as far as their messages, objects and transactions let it. Basis:
assumed; each takes a few round trips."""
WORKERS_PER_POD, POD_MIB = 2, 1_024
"""Workers of a pod, one for each CPU of its node, and MiB of a pod besides those of its workers.
Basis: vendor (m7i.large has two); assumed for the memory, which a file and its text take."""
DOCUMENT_BYTES = 32 * MIB
"""Bytes of a file at most. Basis: assumed; its text and its chunks are in memory."""
VISIBILITY_S, RECEIVES, LETTERS_DAYS = 900, 5, 14
"""Time of a message, attempts, and days of a message. Basis: assumed; vendor for the days (at most
14)."""


def vector_index_bytes(dimensions: int) -> int:
    """Bytes of one vector in its index.

    8,192 / floor(8,168 / (dimensions x 4 + 264))

    Basis: vendor (pgvector: HNSW, whole vectors in pages) and measured.
    """
    fitting = PAGE_BYTES // (dimensions * VECTOR_BYTES + ELEMENT_BYTES)
    return ceiling(Fraction(DISK_PAGE_BYTES, max(fitting, 1)))


def row_bytes(context: Context, dimensions: int, catalog: Catalog) -> int:
    """Bytes of a chunk's row and of the index of its words.

    constant + dimensions x 4 x copies + bytes of a chunk x copies

    Basis: measured on OGX's own table, with English words; the lengths of chunks vary.
    """
    once = measured(catalog, "chunk_row_bytes")
    vector = dimensions * VECTOR_BYTES * measured(catalog, "chunk_vector_copies")
    text = context.chunk_tokens * BYTES_PER_TOKEN * measured(catalog, "chunk_text_copies")
    return ceiling(once + vector + text)


def chunks_of(context: Context) -> int:
    """Chunks of all documents."""
    return context.documents * context.chunks_per_document


def dimensions_of(context: Context, catalog: Catalog) -> int:
    """Elements of a vector. Raises FieldError where an index takes none of them."""
    field, name = ("context", "embedding", "model"), context.embedding.model
    try:
        model = catalog.model(name)
    except UnknownName as unknown:
        hint = unknown.hint or "`sizewright catalog` lists what is known"
        raise FieldError(field, f"unknown name {name!r}", "an embedding model", hint) from unknown
    if not model.is_embedding:
        raise FieldError(field, f"{model.name} makes no vectors", "an embedding model")
    if model.dimensions is None:
        raise FieldError(field, f"the elements of {model.name}'s vectors are not known", "bge-m3")
    if model.dimensions > MOST_DIMENSIONS:
        message = f"{model.name} has {model.dimensions:,} elements, and pgvector indexes"
        raise FieldError(field, f"{message} {MOST_DIMENSIONS:,} at most", "bge-m3")
    if model.context is not None and context.chunk_tokens > model.context:
        message = f"{model.name} reads {model.context:,} tokens of a text"
        expected = f"at most {model.context}"
        raise FieldError(("context", "chunk_tokens"), message, expected)
    return model.dimensions


def stored_bytes(workload: Workload, catalog: Catalog) -> int:
    """Bytes of all chunks in the database; 0 without documents."""
    context = workload.context
    if context is None:
        return 0
    dimensions = dimensions_of(context, catalog)
    each = row_bytes(context, dimensions, catalog) + vector_index_bytes(dimensions)
    return chunks_of(context) * each


def memory_acu(workload: Workload, catalog: Catalog) -> Fraction:
    """Capacity units whose cache holds the index of vectors; 0 without documents.

    ceil(2 x bytes of the index / (2 GiB x 2/3)) / 2

    Basis: arithmetic on an assumed share; scaled in halves, as the service does.
    """
    context = workload.context
    if context is None:
        return Fraction(0)
    index = chunks_of(context) * vector_index_bytes(dimensions_of(context, catalog))
    return Fraction(ceiling(Fraction(2 * index) / (ACU_BYTES * CACHE_SHARE)), 2)


def cpu_s(workload: Workload, catalog: Catalog) -> Fraction:
    """CPU seconds of searches for one request: share x CPU seconds of one.

    Those without an answer, and vectors for users, are added.
    """
    context = workload.context
    if context is None:
        return Fraction(0)
    searches = exact(context.share) * measured(catalog, "cpu_s_per_search")
    return searches + direct.cpu_s(workload, catalog)


def passage_row_bytes(workload: Workload, catalog: Catalog) -> Fraction:
    """Bytes of rows that the passages of a request take: its text x copies x share.

    Basis: measured on the application's own schema.
    """
    context = workload.context
    if context is None:
        return Fraction(0)
    text = context.retrieved_chunks * context.chunk_tokens * BYTES_PER_TOKEN
    return exact(context.share) * text * usual(catalog, "passage_copies")


def writes_per_s(workload: Workload, rates: Rates) -> Fraction:
    """Writes and searches a second that size the database: searches + chunks, each as one.

    Basis: assumed; measure with your own documents.
    """
    context = workload.context
    if context is None:
        return Fraction(0)
    searches, _ = direct_ratios(workload)
    return rates.busiest * (exact(context.share) + searches) + chunks_per_s(context)


def context_plan(workload: Workload, rates: Rates, catalog: Catalog) -> ContextPlan | None:
    """Return the documents of a service; None where it has none.

    workers = ceil(documents/s x seconds of one / 0.6), at least 1; pods = ceil(workers / 2)
    seconds of a document = CPU of its chunks + waits for their vectors + 0.2

    Raises FieldError for a model whose vectors no index takes.
    """
    context = workload.context
    if context is None:
        return None
    dimensions, each = dimensions_of(context, catalog), context.chunks_per_document
    row, index = row_bytes(context, dimensions, catalog), vector_index_bytes(dimensions)
    waits = -(-each // TEXTS) * Fraction(context.embedding.budget_ms, 1_000)
    document_s = each * measured(catalog, "cpu_s_per_chunk") + waits + Fraction(1, OTHER_PER_S)
    arriving = Fraction(context.documents_per_day, INGESTION_S)
    workers = max(1, ceiling(arriving * document_s / UTILISATION))
    pods = ceiling(Fraction(workers, WORKERS_PER_POD))
    first_s = context.documents * document_s / (pods * WORKERS_PER_POD)
    memory = WORKERS_PER_POD * measured(catalog, "ingestion_mib") + POD_MIB
    return ContextPlan(
        service=vectors_name(workload.name),
        model=catalog.model(context.embedding.model).model,
        dimensions=dimensions,
        documents=context.documents,
        chunks_per_document=each,
        chunks=chunks_of(context),
        chunk_bytes=context.chunk_tokens * BYTES_PER_TOKEN,
        overlap_bytes=context.overlap_tokens * BYTES_PER_TOKEN,
        bytes_once=plain(measured(catalog, "chunk_row_bytes")),
        vector_copies=plain(measured(catalog, "chunk_vector_copies")),
        text_copies=plain(measured(catalog, "chunk_text_copies")),
        row_bytes=row,
        vector_index_bytes=index,
        index_bytes=chunks_of(context) * index,
        stored_bytes=chunks_of(context) * (row + index),
        memory_acu=plain(memory_acu(workload, catalog)),
        share=plain(exact(context.share)),
        retrieved_chunks=context.retrieved_chunks,
        searched_tokens=context.searched_tokens,
        retrieved_tokens=plain(context.retrieved_tokens),
        searches_per_s=plain(rates.busiest * exact(context.share)),
        chunks_per_s=plain(chunks_per_s(context)),
        cpu_s_per_search=plain(measured(catalog, "cpu_s_per_search")),
        passage_copies=plain(usual(catalog, "passage_copies")),
        passage_row_bytes=ceiling(passage_row_bytes(workload, catalog)),
        cpu_s_per_chunk=plain(measured(catalog, "cpu_s_per_chunk")),
        document_s=plain(document_s),
        workers_needed=workers,
        workers_per_pod=WORKERS_PER_POD,
        pods=pods,
        worker_mib=plain(measured(catalog, "ingestion_mib")),
        memory_mib=ceiling(memory),
        first_h=plain(first_s / 3_600),
        document_bytes_most=DOCUMENT_BYTES,
        visibility_s=VISIBILITY_S,
        receives=RECEIVES,
        letters_days=LETTERS_DAYS,
        connections_per_process=CONNECTIONS,
        direct=direct.direct_plan(workload, context, dimensions, rates, catalog),
    )


def beyond_memory(plan: ContextPlan) -> list[str]:
    """Limit of the database's memory that the index of vectors exceeds, with its numbers."""
    if plan.memory_acu <= MAX_ACU:
        return []
    index = f"the index of {plan.chunks:,} vectors needs {plan.memory_acu:,.0f} ACU of memory"
    return [f"{index}, beyond the {MAX_ACU} of the database"]
