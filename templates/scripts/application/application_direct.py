"""Let callers search the documents, and compute vectors, without an answer of an engine.

It runs inside OGX's server. Callers read and search one store by its public name, and nobody makes,
changes or deletes one. OGX searches and answers with its own code. Texts for vectors are as bounded
as the engine of the service of vectors bounds them, because OGX passes them on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from application_check import EMBEDDINGS, MOST_RESULTS, STORE, VECTORS, RefusedError, Scope
from application_search import QUERY_CHARACTERS

STORES = "/v1/vector_stores"
SEARCH = f"{STORES}/{STORE}/search"
READ = frozenset({("GET", STORES), ("GET", f"{STORES}/{STORE}"), ("POST", SEARCH)})
"""Methods and paths of searches. All others would change documents, or read them one by one."""
FIELDS = {
    SEARCH: frozenset({"query", "max_num_results"}),
    EMBEDDINGS: frozenset({"dimensions", "encoding_format", "input", "model", "user"}),
}
"""Fields of requests. Filters and other ways of search have no index, and a rewritten query would
be a call of an engine."""
FORMATS = ("base64", "float")
PUBLIC = ("embedding_model", "embedding_dimension")
"""Notes of OGX on a store that callers may read."""
Method = Callable[..., Awaitable[Any]]


@dataclass(frozen=True)
class Direct:
    """What callers may request without an answer of an engine.

    `model` makes the vectors, by its name for callers, and is empty where nobody requests any.
    `texts` and `text_bytes` bound the texts of one request, and `dimensions` a vector.
    """

    searches: bool
    model: str = ""
    texts: int = 0
    text_bytes: int = 0
    dimensions: int = 0

    def opens(self, scope: Scope, path: str) -> bool:
        """True for a method and a path that callers may use."""
        if path.startswith(VECTORS):
            return self.searches and (scope["method"], path) in READ
        return bool(self.model) and (scope["method"], path) == ("POST", EMBEDDINGS)

    def check(self, path: str, given: Mapping[str, Any]) -> None:
        """Refuse a body that would cost more than the service is sized for. Raises RefusedError."""
        for field in given:
            if field not in FIELDS[path]:
                raise RefusedError(400, "the field is not accepted", field)
        if path == SEARCH:
            check_search(given)
        else:
            self._check_texts(given)

    def _check_texts(self, given: Mapping[str, Any]) -> None:
        if given.get("model") != self.model:
            raise RefusedError(404, f"unknown model; vectors are made by {self.model}", "model")
        texts = given.get("input")
        texts = [texts] if isinstance(texts, str) else texts
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
            raise RefusedError(400, "a text, or a list of texts", "input")
        if len(texts) > self.texts:
            raise RefusedError(400, f"at most {self.texts} texts", "input")
        if max(len(text.encode(errors="replace")) for text in texts) > self.text_bytes:
            raise RefusedError(400, f"at most {self.text_bytes} bytes of a text", "input")
        if given.get("encoding_format", FORMATS[0]) not in FORMATS:
            raise RefusedError(400, f"one of {', '.join(FORMATS)}", "encoding_format")
        wanted = given.get("dimensions", self.dimensions)
        if type(wanted) is not int or not 1 <= wanted <= self.dimensions:
            raise RefusedError(400, f"a number from 1 to {self.dimensions}", "dimensions")


def check_search(given: Mapping[str, Any]) -> None:
    """Refuse a search of more than a question. Raises RefusedError."""
    query = given.get("query")
    if not isinstance(query, str) or not 1 <= len(query) <= QUERY_CHARACTERS:
        raise RefusedError(400, f"a text of 1 to {QUERY_CHARACTERS} characters", "query")
    most = given.get("max_num_results", 1)
    if type(most) is not int or not 1 <= most <= MOST_RESULTS:
        raise RefusedError(400, f"a number from 1 to {MOST_RESULTS}", "max_num_results")


def searched_directly(search: Method, store: str, most: int) -> Method:
    """Method that searches the store by its public name, for at most so many passages."""

    async def search_documents(router: Any, vector_store_id: str, request: Any) -> Any:
        if vector_store_id != STORE:
            return await search(router, vector_store_id=vector_store_id, request=request)
        wanted = min(request.max_num_results, most)
        bound = request.model_copy(update={"max_num_results": wanted})
        return await search(router, vector_store_id=store, request=bound)

    return search_documents


def retrieved(retrieve: Method, store: str) -> Method:
    """Method that reads the store by its public name, without its internal one."""

    async def retrieve_documents(router: Any, vector_store_id: str) -> Any:
        if vector_store_id != STORE:
            return await retrieve(router, vector_store_id=vector_store_id)
        found = await retrieve(router, vector_store_id=store)
        notes = {name: text for name, text in found.metadata.items() if name in PUBLIC}
        return found.model_copy(update={"id": STORE, "name": STORE, "metadata": notes})

    return retrieve_documents


def listed(page: Callable[..., Any]) -> Method:
    """Method that lists the one store by its public name; `page` makes a page of a list."""

    async def list_documents(router: Any, **given: Any) -> Any:
        if given.get("after") or given.get("before"):
            return page(data=[], has_more=False, first_id="", last_id="")
        found = await router.openai_retrieve_vector_store(vector_store_id=STORE)
        return page(data=[found], has_more=False, first_id=STORE, last_id=STORE)

    return list_documents
