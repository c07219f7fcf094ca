"""Which documents does a service answer from, and what does a request get of them?"""

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from sizing.values.exact import ceiling, exact
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import Count, Positive, PositiveCount, Ratio
from sizing.workload.engines.traits import EMBEDDINGS_PATH
from sizing.workload.hardware import AUTO, TypeName
from sizing.workload.kinds import Precision
from sizing.workload.model import ModelName
from sizing.workload.request import Request, mean_tokens
from sizing.workload.source import ModelSource

if TYPE_CHECKING:
    from sizing.workload.whole import Workload

BYTES_PER_TOKEN = 4
"""Bytes of text for one token. Basis: assumed, usual for English text."""
PASSAGE_TOKENS, SEARCH_TOKENS = 60, 200
"""Tokens around each passage, and around all of them, in a prompt. Basis: measured (OGX 1.5.0: 175
bytes with a name of 40 characters, and 750 bytes, with 3 to 4 bytes a token)."""
SEARCH_PATHS = (
    "/v1/vector_stores",
    "/v1/vector_stores/documents",
    "/v1/vector_stores/documents/search",
)
"""Paths of searches without an answer. Basis: vendor (OpenAI's API)."""
BUDGET_MS = 200
"""Milliseconds for the vector of a question at most, where none are stated. Basis: assumed."""


class Vectors(Strict):
    """Model that makes the vectors of documents and questions. It becomes a service of its own."""

    model: ModelName
    """Embedding model of the catalog, by short name or Hugging Face id."""
    precision: Annotated[Precision | None, Field(exclude_if=absent)] = None
    """Precision of the weights. When left out, the catalog's native precision applies."""
    source: Annotated[ModelSource | None, Field(exclude_if=absent)] = None
    """Source of the model's files. When left out, you fill its bucket of weights yourself."""
    hardware: TypeName = AUTO
    """Instance type of its nodes, or auto. No lock keeps the choice of auto."""
    budget_ms: Annotated[PositiveCount, Field(le=20_000)] = BUDGET_MS
    """Milliseconds for the vector of a question, at the percentile of the service's latency."""


class Direct(Strict):
    """Requests for the documents and their service of vectors, without an answer of an engine."""

    searches_per_user_per_day: Annotated[Ratio, Field(ge=0)] = Decimal(0)
    """Mean searches of the documents by a user in a day. With 0, none are accepted."""
    embeddings_per_user_per_day: Annotated[Ratio, Field(ge=0)] = Decimal(0)
    """Mean texts in a day for which a user requests vectors. Each has the length of a chunk at
    most. With 0, none are accepted."""

    @model_validator(mode="after")
    def _opens_something(self) -> Self:
        if not (self.searches_per_user_per_day or self.embeddings_per_user_per_day):
            expected = "searches_per_user_per_day or embeddings_per_user_per_day above 0"
            raise FieldError((), "opens nothing", expected, "or no such key")
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of requests that the application answers. Basis: vendor (OpenAI's API)."""
        searches = SEARCH_PATHS if self.searches_per_user_per_day else ()
        return (*searches, *((EMBEDDINGS_PATH,) if self.embeddings_per_user_per_day else ()))


class Context(Strict):
    """Documents that requests may search before they are answered."""

    documents: PositiveCount
    """Documents that are kept."""
    document_bytes: Positive
    """Mean bytes of the text of one document."""
    documents_per_day: Count = Field(default=0, ge=0)
    """Documents that are new or changed on one day."""
    chunk_tokens: Annotated[PositiveCount, Field(ge=32, le=2_048)] = 400
    """Tokens of one chunk of a document at most, which is what a search returns."""
    overlap_tokens: Annotated[Count, Field(ge=0)] = 40
    """Tokens that a chunk repeats of the one before."""
    retrieved_chunks: Annotated[PositiveCount, Field(le=50)] = 5
    """Chunks that a search adds to a prompt at most. The service is sized as if each adds so
    many."""
    share: Annotated[Ratio, Field(gt=0, le=1)] = Decimal(1)
    """Share of requests that search, from 0 to 1."""
    embedding: Vectors
    """Model of the vectors, and its service."""
    direct: Annotated[Direct | None, Field(exclude_if=absent)] = None
    """Searches and vectors that users request without an answer. When left out, the application
    accepts none."""

    @model_validator(mode="after")
    def _overlap_is_a_part(self) -> Self:
        if 2 * self.overlap_tokens > self.chunk_tokens:
            expected = f"at most {self.chunk_tokens // 2}, half of chunk_tokens"
            raise FieldError(("overlap_tokens",), "more than half of a chunk", expected)
        return self

    @property
    def chunks_per_document(self) -> int:
        """Chunks of a document of mean length.

        ceil((bytes / 4 - overlap) / (chunk - overlap)), at least 1. Basis: arithmetic.
        """
        tokens = exact(self.document_bytes) / BYTES_PER_TOKEN
        new = self.chunk_tokens - self.overlap_tokens
        return max(ceiling((tokens - self.overlap_tokens) / new), 1)

    @property
    def searched_tokens(self) -> int:
        """Tokens that one search adds to a prompt at most.

        chunks x (tokens of a chunk + 60) + 200. Basis: arithmetic on measured forms.
        """
        return self.retrieved_chunks * (self.chunk_tokens + PASSAGE_TOKENS) + SEARCH_TOKENS

    @property
    def retrieved_tokens(self) -> Fraction:
        """Mean tokens that searches add to a prompt: share x tokens of a search."""
        return exact(self.share) * self.searched_tokens


class RetrievingRequest(Request):
    """Request whose prompt has passages of documents. They are of one turn, and never cached."""

    passages: Decimal = Field(exclude=True)
    """Mean tokens of passages in a prompt."""
    searching: Decimal = Field(exclude=True)
    """Share of prompts that have them."""

    @property
    def retrieved_tokens(self) -> Decimal:
        return self.passages

    @property
    def retrievals(self) -> tuple[tuple[Decimal, Decimal], ...]:
        if self.searching >= 1:
            return ((self.passages, Decimal(1)),)
        each = self.passages / self.searching
        return ((Decimal(0), 1 - self.searching), (each, self.searching))


def check_context(workload: "Workload") -> None:
    """Check that an application searches, and that a prompt holds what it finds.

    Raises FieldError.
    """
    context, request = workload.context, workload.request
    if context is None:
        return
    if workload.application is None:
        message = "the application searches the documents, and the workload has none"
        raise FieldError(("context",), message, "application: {api: ogx}")
    if workload.route is not None:
        message = "passages would also lengthen the prompts of other models, which no file states"
        raise FieldError(("route",), message, "none, or a workload without context")
    target = None if workload.latency is None else workload.latency.ttft_ms
    if target is not None and context.embedding.budget_ms >= target:
        message = "a search may take as long as the target of the first token"
        expected = f"less than {target}, latency.ttft_ms"
        raise FieldError(("context", "embedding", "budget_ms"), message, expected)
    if request.input_tokens is None or request.output_tokens is None:
        message = "missing, and the passages of documents come on top of them"
        raise FieldError(("request", "input_tokens"), message, "tokens of a question")
    prompt = mean_tokens(request.input_tokens) + request.history_tokens
    needed = ceiling(exact(prompt + mean_tokens(request.output_tokens)) + context.searched_tokens)
    if request.context_tokens is None:
        message = "missing, and the passages of documents lengthen prompts"
        raise FieldError(("request", "context_tokens"), message, f"at least {needed}")
    if request.context_tokens < needed:
        message = f"{context.searched_tokens} tokens of passages do not fit with a mean request"
        hint = "or fewer context.retrieved_chunks, or smaller context.chunk_tokens"
        raise FieldError(("request", "context_tokens"), message, f"at least {needed}", hint)
