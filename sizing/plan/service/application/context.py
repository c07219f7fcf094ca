"""Documents that requests search: how many, what they take, and who keeps them."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import CONFIG_MAP, CONTAINER, DEPLOYMENT, SQS_QUEUE, Reaches
from sizing.plan.service.application.direct import DirectPlan
from sizing.values.exact import Number
from sizing.values.strict import absent

ENVIRONMENT = f"{CONTAINER}.0.env"


class ContextPlan(Part):
    """Documents in the database of an application, and the workers that keep them."""

    service: str
    """Service of the vectors."""
    model: Annotated[str, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Model of the vectors."""
    dimensions: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT), Reaches(CONFIG_MAP, "data")]
    """Elements of a vector."""
    documents: int
    """Documents that are kept."""
    chunks_per_document: int
    """Chunks of a document of mean length."""
    chunks: int
    """Chunks of all documents, each with one vector."""
    chunk_bytes: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Bytes of a chunk at most."""
    overlap_bytes: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Bytes that a chunk repeats of the one before, at most."""
    bytes_once: Number
    """Bytes of a chunk's row and the index of its words, without vector and text, as measured."""
    vector_copies: Number
    """Copies of a vector in its row, as measured."""
    text_copies: Number
    """Copies of the text of a chunk in its row and the index of its words, as measured."""
    row_bytes: int
    """Bytes of a chunk's row, with the index of its words."""
    vector_index_bytes: int
    """Bytes of a chunk's vector in the index of vectors."""
    index_bytes: int
    """Bytes of the index of vectors. A search is fast while the database has it in memory."""
    stored_bytes: int
    """Bytes of all chunks, with their indexes."""
    memory_acu: Number
    """Capacity units whose memory holds the index of vectors."""
    share: Number
    """Share of requests that search."""
    retrieved_chunks: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Chunks that a search adds to a prompt at most."""
    searched_tokens: int
    """Tokens that one search adds to a prompt at most."""
    retrieved_tokens: Number
    """Mean tokens of documents in a prompt. They are computed for each request again."""
    searches_per_s: Number
    """Searches a second at the busiest moment, each with the vector of a question."""
    chunks_per_s: Number
    """Chunks a second while new documents arrive."""
    cpu_s_per_search: Number
    """CPU seconds of the application for one search, the highest measured."""
    passage_copies: Number
    """Copies of the text of passages in the rows of a response, as measured."""
    passage_row_bytes: int
    """Bytes of rows that the passages of a request take, with its share."""
    cpu_s_per_chunk: Number
    """CPU seconds of a worker for one chunk, the highest measured."""
    document_s: Number
    """Seconds of a worker for one document of mean length."""
    workers_needed: int
    """Workers that keep up with new documents."""
    workers_per_pod: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Workers of one pod, each a process."""
    pods: Annotated[int, Reaches(DEPLOYMENT, "spec.replicas")]
    """Pods of workers, each on a node of its own."""
    worker_mib: Number
    """MiB of one worker, the most measured."""
    memory_mib: Annotated[
        int,
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.requests.memory"),
        Reaches(DEPLOYMENT, f"{CONTAINER}.0.resources.limits.memory"),
    ]
    """MiB that a pod of workers requests and may use."""
    first_h: Number
    """Hours in which the workers read all documents, such as at the beginning."""
    document_bytes_most: Annotated[int, Reaches(DEPLOYMENT, ENVIRONMENT)]
    """Bytes of a file at most. Longer ones go to the dead letters."""
    visibility_s: Annotated[
        int, Reaches(SQS_QUEUE, "visibilityTimeoutSeconds"), Reaches(DEPLOYMENT, ENVIRONMENT)
    ]
    """Seconds for which a message belongs to its worker. A lost worker's message returns then."""
    receives: Annotated[int, Reaches(SQS_QUEUE, "redrivePolicy")]
    """Attempts on a document before its message goes to the dead letters."""
    letters_days: Annotated[int, Reaches(SQS_QUEUE, "messageRetentionSeconds")]
    """Days for which messages and dead letters are kept."""
    connections_per_process: Annotated[int, Reaches(CONFIG_MAP, "data")]
    """Connections of a process of the application to the documents at most."""
    direct: Annotated[DirectPlan | None, Field(exclude_if=absent)] = None
    """Searches and vectors that users request without an answer; left out where none are
    accepted."""
