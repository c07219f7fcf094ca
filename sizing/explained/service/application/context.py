"""Explanations of the documents that requests search."""

from sizing.explained.entry import CATALOG, Basis, Entry, Registry, setting
from sizing.plan.service.application.context import ContextPlan

CODE = "sizing/service/application/context.py"
FIELDS = "sizing/workload/context/context.py"
WORK = CATALOG + "application_work.csv"
OURS = "{s.application.context."
GIVEN = "{w.context."
MEASURED = ("by bench/documents.py, with a stand-in of the engine; measure it with your documents",)


def _given(meaning: str, field: str) -> Entry:
    source = f"the workload file: context.{field}"
    return Entry(meaning, f"context.{field}", "{v}", Basis.given, source)


def _measured(meaning: str, item: str, symbols: str = "the highest of the measurements") -> Entry:
    return Entry(meaning, symbols, "{v}", Basis.measured, f"{WORK}, {item}", remarks=MEASURED)


CONTEXT: Registry = {
    ContextPlan: {
        "dimensions": Entry(
            "elements of a vector",
            "those of the model",
            "{v}",
            Basis.vendor,
            CATALOG + "models.csv",
        ),
        "documents": _given("documents that are kept", "documents"),
        "chunks_per_document": Entry(
            "chunks of a document of mean length",
            "max(ceil((bytes / 4 - overlap) / (chunk - overlap)), 1)",
            "max(ceil(("
            + GIVEN
            + "document_bytes} / {context_fields.BYTES_PER_TOKEN} - "
            + GIVEN
            + "overlap_tokens}) / ("
            + GIVEN
            + "chunk_tokens} - "
            + GIVEN
            + "overlap_tokens})), 1)",
            Basis.assumed,
            FIELDS,
            remarks=("4 bytes a token are usual for English text",),
        ),
        "chunks": Entry(
            "chunks of all documents, each with one vector",
            "documents x chunks of one",
            OURS + "documents} * " + OURS + "chunks_per_document}",
        ),
        "chunk_bytes": Entry(
            "bytes of a chunk at most",
            "context.chunk_tokens x 4",
            GIVEN + "chunk_tokens} * {context_fields.BYTES_PER_TOKEN}",
            Basis.assumed,
            FIELDS,
        ),
        "overlap_bytes": Entry(
            "bytes that a chunk repeats of the one before",
            "context.overlap_tokens x 4",
            GIVEN + "overlap_tokens} * {context_fields.BYTES_PER_TOKEN}",
            Basis.assumed,
            FIELDS,
        ),
        "bytes_once": _measured(
            "bytes of a chunk's row without its vector and its text", "chunk_row_bytes"
        ),
        "vector_copies": _measured("copies of a vector in its row", "chunk_vector_copies"),
        "text_copies": _measured(
            "copies of the text of a chunk in its row and the index of its words",
            "chunk_text_copies",
        ),
        "row_bytes": Entry(
            "bytes of a chunk's row, with the index of its words",
            "ceil(constant + elements x 4 x copies + bytes of a chunk x copies)",
            "ceil("
            + OURS
            + "bytes_once} + "
            + OURS
            + "dimensions} * {context.VECTOR_BYTES} * "
            + OURS
            + "vector_copies} + "
            + OURS
            + "chunk_bytes} * "
            + OURS
            + "text_copies})",
            Basis.measured,
            WORK,
            remarks=MEASURED,
        ),
        "vector_index_bytes": Entry(
            "bytes of a chunk's vector in its index",
            "ceil(8,192 / max(floor(8,168 / (elements x 4 + 264)), 1))",
            "ceil({context.DISK_PAGE_BYTES} / max(floor({context.PAGE_BYTES} / ("
            + OURS
            + "dimensions} * {context.VECTOR_BYTES} + {context.ELEMENT_BYTES})), 1))",
            Basis.measured,
            CODE,
            remarks=("no vector spans two pages, so that a longer one may take twice as much",),
        ),
        "index_bytes": Entry(
            "bytes of the index of vectors",
            "chunks x bytes of one in the index",
            OURS + "chunks} * " + OURS + "vector_index_bytes}",
        ),
        "stored_bytes": Entry(
            "bytes of all chunks with their indexes",
            "chunks x (bytes of a row + bytes in the index of vectors)",
            OURS + "chunks} * (" + OURS + "row_bytes} + " + OURS + "vector_index_bytes})",
        ),
        "memory_acu": Entry(
            "capacity units whose memory holds the index of vectors",
            "ceil(2 x bytes of the index / (2 GiB x 2/3)) / 2",
            "ceil(2 * " + OURS + "index_bytes} / ({context.ACU_BYTES} * 2 / 3)) / 2",
            Basis.assumed,
            CODE,
            remarks=("the lowest capacity of the database, so that no search waits for it",),
        ),
        "share": _given("share of requests that search", "share"),
        "retrieved_chunks": _given("chunks that a search adds at most", "retrieved_chunks"),
        "searched_tokens": Entry(
            "tokens that one search adds to a prompt at most",
            "chunks x (tokens of a chunk + 60) + 200",
            OURS
            + "retrieved_chunks} * ("
            + GIVEN
            + "chunk_tokens} + {context_fields.PASSAGE_TOKENS}) + {context_fields.SEARCH_TOKENS}",
            Basis.measured,
            FIELDS,
        ),
        "retrieved_tokens": Entry(
            "mean tokens of documents in a prompt",
            "share x tokens of a search",
            OURS + "share} * " + OURS + "searched_tokens}",
            remarks=("no other request has them, so that no cache saves them",),
        ),
        "searches_per_s": Entry(
            "searches a second at the busiest moment",
            "requests/s x share",
            "{s.application.requests_per_s} * " + OURS + "share}",
        ),
        "chunks_per_s": Entry(
            "chunks a second while new documents arrive",
            "documents of a day x chunks of one / seconds of a working day",
            GIVEN + "documents_per_day} * " + OURS + "chunks_per_document} / {vectors.INGESTION_S}",
            Basis.assumed,
            "sizing/service/application/vectors.py",
        ),
        "cpu_s_per_search": _measured(
            "CPU seconds of the application for one search", "cpu_s_per_search"
        ),
        "passage_copies": _measured(
            "copies of the text of passages in the rows of a response",
            "passage_copies",
            "the median of the measurements",
        ),
        "passage_row_bytes": Entry(
            "bytes of rows that the passages of a request take",
            "ceil(chunks x bytes of one x copies x share)",
            "ceil("
            + OURS
            + "retrieved_chunks} * "
            + OURS
            + "chunk_bytes} * "
            + OURS
            + "passage_copies} * "
            + OURS
            + "share})",
            Basis.measured,
            WORK,
        ),
        "cpu_s_per_chunk": _measured("CPU seconds of a worker for one chunk", "cpu_s_per_chunk"),
        "document_s": Entry(
            "seconds of a worker for one document of mean length",
            "chunks x CPU seconds of one + requests of 32 chunks x their time + 0.2",
            OURS
            + "chunks_per_document} * "
            + OURS
            + "cpu_s_per_chunk} + ceil("
            + OURS
            + "chunks_per_document} / {context.TEXTS}) * {w.context.embedding.budget_ms} / 1000"
            " + 1 / {context.OTHER_PER_S}",
            Basis.assumed,
            CODE,
        ),
        "workers_needed": Entry(
            "workers that keep up with new documents",
            "ceil(documents/s x seconds of one / 0.6), at least 1",
            "max(1, ceil("
            + GIVEN
            + "documents_per_day} / {vectors.INGESTION_S} * "
            + OURS
            + "document_s} * 10 / 6))",
            Basis.assumed,
            CODE,
        ),
        "workers_per_pod": setting(
            "workers of one pod", "one for each CPU of its node", Basis.vendor, CODE
        ),
        "pods": Entry(
            "pods of workers",
            "ceil(workers / 2)",
            "ceil(" + OURS + "workers_needed} / {context.WORKERS_PER_POD})",
        ),
        "worker_mib": _measured("MiB of one worker", "ingestion_mib"),
        "memory_mib": Entry(
            "MiB of a pod of workers",
            "workers x MiB of one + 1,024 for files and their texts",
            "ceil({context.WORKERS_PER_POD} * " + OURS + "worker_mib} + {context.POD_MIB})",
            Basis.measured,
            WORK,
        ),
        "first_h": Entry(
            "hours in which the workers read all documents",
            "documents x seconds of one / workers / 3,600",
            OURS
            + "documents} * "
            + OURS
            + "document_s} / ("
            + OURS
            + "pods} * {context.WORKERS_PER_POD}) / 3600",
        ),
        "document_bytes_most": setting("bytes of a file at most", "fixed", Basis.assumed, CODE),
        "visibility_s": setting(
            "seconds for which a message belongs to its worker", "fixed", Basis.assumed, CODE
        ),
        "receives": setting("attempts on a document", "fixed", Basis.assumed, CODE),
        "letters_days": setting(
            "days for which messages and dead letters are kept", "the most", Basis.vendor, CODE
        ),
        "connections_per_process": setting(
            "connections of a process to the documents at most", "fixed", Basis.assumed, CODE
        ),
    },
}
