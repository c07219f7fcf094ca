"""The server of OGX, behind the check of its requests; uvicorn calls `create` in each process.

It runs in OGX's image. MODEL is the own model's name for callers, CONTEXT_TOKENS its context, or 0
where it is not known, and BODY_BYTES and FILE_BYTES the largest request and file. ROUTED_MODELS has
the contexts of other models by name, and EASY the rule by which a smaller one answers; both are
absent without routes. OGX_CONFIG is the
path of OGX's configuration. FEEDBACK_STREAM is the stream of feedback, where it is taken.
TOKENS_PER_USER_PER_MIN is the limit of a user's tokens, or absent. Where it is stated, each call of
an engine counts, and DATABASE_HOST, DATABASE_PORT, DATABASE, DATABASE_TLS, ROLE and SECRET_FILE say
where the counts are. CACHE_HOST is the cache of answers, or absent; CACHE_DEADLINE_MS and
CACHE_LARGEST_BYTES are the time that a request waits for it, and the largest answer in it.
DOCUMENTS is the store of documents that requests may search, or absent, and PASSAGES the most that
a search returns. DIRECT says which searches and vectors callers may request without an answer, by
the fields of `application_direct.Direct`, or is absent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from application_answers import Asking, cached
from application_cache import Answers
from application_check import STORE, App, Check
from application_direct import Direct, listed, retrieved, searched_directly
from application_feedback import Collecting
from application_records import Stream
from application_route import Routes
from application_search import bounded, searched
from application_tokenizer import without_internet
from application_tokens import Counts, TokenLimit, counted
from ogx.core.routers.vector_io import VectorIORouter as Stores
from ogx.core.server.server import create_app
from ogx.providers.inline.responses.builtin.responses.openai_responses import (
    OpenAIResponsesImpl as Responses,
)
from ogx.providers.inline.responses.builtin.responses.tool_executor import ToolExecutor
from ogx.providers.remote.inference.vllm.vllm import VLLMInferenceAdapter as Engines
from ogx_api import OpenAIChatCompletionChunk as Chunk
from ogx_api import VectorStoreListResponse as Page
from starlette.middleware import Middleware

ENDS = ("response.completed", "response.incomplete")
"""Events with which an answer ends."""
as_well_as_it_can = Responses._persist_streaming_state


async def keep(self: Responses, **state: Any) -> None:
    """Store what a response has so far; at its end, raise what prevents that.

    Guard: OGX 1.5.0 logs such a fault and answers, so that a caller has a response that nobody
    kept. It stores a response before it adds it to its conversation, so this fault leaves nothing
    there. A later one, between the items and the history of the conversation, leaves the items.
    """
    if state["stream_chunk"].type not in ENDS:
        await as_well_as_it_can(self, **state)
        return
    state["force_background"] = state.pop("is_background_response")
    await self._persist_streaming_state_unlocked(**state)


def limit_tokens(application: Any, counts: Counts) -> None:
    """Count the tokens of every call of an engine.

    Guard: the last layer of OGX is behind its verification of the token. A call is tried once,
    because one that fails may have computed tokens; only its caller tries it again.
    """
    Engines.openai_chat_completion = counted(Engines.openai_chat_completion)
    Engines.get_extra_client_params = lambda _: {"max_retries": 0}
    application.user_middleware.append(Middleware(TokenLimit, counts=counts))


def search_documents(store: str, passages: int) -> None:
    """Search the documents of a store before an engine is called, for at most so many passages.

    Guard: it is outside the limit of tokens, which counts no search, and outside the cache of
    answers, so that an answer is kept for the passages that it rests on.
    """
    Engines.openai_chat_completion = searched(Engines.openai_chat_completion, Chunk.model_validate)
    name = "_execute_file_search_via_vector_store"
    setattr(ToolExecutor, name, bounded(getattr(ToolExecutor, name), store, passages))


def open_documents(store: str, passages: int) -> None:
    """Let callers read and search the documents by their public name."""
    Stores.openai_search_vector_store = searched_directly(
        Stores.openai_search_vector_store, store, passages
    )
    Stores.openai_retrieve_vector_store = retrieved(Stores.openai_retrieve_vector_store, store)
    Stores.openai_list_vector_stores = listed(Page)


def keep_answers(application: Any, answers: Answers, most_bytes: int) -> None:
    """Answer calls of an engine from a cache, where it has an answer.

    Guard: it is outside the limit of tokens, so that an answer of the cache takes none.
    """
    Engines.openai_chat_completion = cached(Engines.openai_chat_completion, answers, most_bytes)
    application.user_middleware.append(Middleware(Asking))


def routes(given: Mapping[str, str]) -> Routes:
    """Models of the application, and the rule that chooses among them."""
    contexts = {given["MODEL"]: int(given["CONTEXT_TOKENS"])}
    contexts |= json.loads(given.get("ROUTED_MODELS", "{}"))
    return Routes(given["MODEL"], contexts, json.loads(given.get("EASY", "null")))


def create() -> App:
    """Application of OGX behind the check."""
    Responses._persist_streaming_state = keep
    given = os.environ
    store = given.get("DOCUMENTS", "")
    if store:
        without_internet()
    application = create_app()
    if limit := int(given.get("TOKENS_PER_USER_PER_MIN", "0")):
        limit_tokens(application, Counts(given, limit))
    if given.get("CACHE_HOST"):
        answers = Answers(given, int(given["CACHE_DEADLINE_MS"]) / 1000)
        keep_answers(application, answers, int(given["CACHE_LARGEST_BYTES"]))
    if store:
        search_documents(store, int(given["PASSAGES"]))
    direct = Direct(**json.loads(given["DIRECT"])) if given.get("DIRECT") else None
    if direct is not None and direct.searches:
        open_documents(store, int(given["PASSAGES"]))
    app = Check(
        application,
        routes=routes(given),
        body_bytes=int(given["BODY_BYTES"]),
        file_bytes=int(given["FILE_BYTES"]),
        stores=frozenset({STORE} if store else ()),
        direct=direct,
    )
    return Collecting(app, Stream(given).put) if given.get("FEEDBACK_STREAM") else app
