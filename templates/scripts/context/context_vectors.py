"""Vectors of documents: made by the embedding service, and kept as OGX keeps them.

It runs in OGX's image with asyncpg. DOCUMENTS is OGX's store of vectors, EMBEDDING_MODEL and
DIMENSIONS are those of its vectors, and EMBEDDING_URL is the address of the service below `/v1`.
TEXTS is the number of texts of one request for vectors.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from application_database import in_schema
from ogx.providers.remote.vector_io.pgvector.config import PGVectorHNSWVectorIndex
from ogx.providers.remote.vector_io.pgvector.pgvector import PGVectorIndex
from ogx.providers.utils.memory.vector_store import ChunkForDeletion
from ogx_api import VectorStore
from ogx_api.vector_io.models import ChunkMetadata, EmbeddedChunk
from pgvector.asyncpg import register_vector

VERSIONS = in_schema("document_versions")
"""Table of the version of each document whose chunks are kept."""
ANSWER_S, PAUSE_S = 60, 2
OVERLOADED = (429, 502, 503, 504)
"""States of an engine that answers later."""


class EmbeddingError(Exception):
    """The embedding service gives no vectors now."""


class Lean(EmbeddedChunk):  # type: ignore[misc]
    """Chunk whose row has its vector once.

    Guard: OGX would write it into the document of the row too, as text four times as long. No
    search reads that copy.
    """

    def model_dump(self, **options: Any) -> dict[str, Any]:
        return {**super().model_dump(**options), "embedding": []}


class Embeddings:
    """Embedding service."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._url = f"{given['EMBEDDING_URL']}/embeddings"
        self._texts = int(given["TEXTS"])
        self.model, self.dimensions = given["EMBEDDING_MODEL"], int(given["DIMENSIONS"])

    def of(self, texts: Sequence[str], until: float) -> list[list[float]]:
        """Vectors of texts, in their order. Raises EmbeddingError at a time of the clock."""
        most = self._texts
        parts = [texts[start : start + most] for start in range(0, len(texts), most)]
        return [vector for part in parts for vector in self._answered(part, until)]

    def _answered(self, texts: Sequence[str], until: float) -> list[list[float]]:
        while True:
            try:
                return self._vectors(texts)
            except HTTPError as fault:
                fault.close()
                if fault.code not in OVERLOADED:
                    raise EmbeddingError(f"status {fault.code}") from None
            except (OSError, HTTPException, ValueError, KeyError, TypeError) as fault:
                reason = type(fault).__name__
                if time.monotonic() + PAUSE_S > until:
                    raise EmbeddingError(reason) from None
            if time.monotonic() + PAUSE_S > until:
                raise EmbeddingError("no answer in time")
            time.sleep(PAUSE_S)

    def _vectors(self, texts: Sequence[str]) -> list[list[float]]:
        """Vectors of one request. Its engine cuts what is longer than its context."""
        body = {"model": self.model, "input": list(texts), "truncate_prompt_tokens": -1}
        data = json.dumps({**body, "encoding_format": "float"}).encode()
        request = Request(self._url, data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=ANSWER_S) as answer:
            found = json.load(answer)["data"]
        vectors: list[list[float]] = [
            each["embedding"] for each in sorted(found, key=lambda each: int(each["index"]))
        ]
        sizes = {len(vector) for vector in vectors}
        if len(vectors) != len(texts) or sizes != {self.dimensions}:
            raise EmbeddingError(f"{len(vectors)} vectors of {sorted(sizes)} elements")
        return vectors


class One:
    """Pool of connections with one connection, for OGX's code."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        yield self._connection


class Documents:
    """Chunks of documents in OGX's store, by one connection."""

    def __init__(self, connection: Any, given: Mapping[str, str]) -> None:
        self._database, self._store = connection, given["DOCUMENTS"]
        self._model, self._dimensions = given["EMBEDDING_MODEL"], int(given["DIMENSIONS"])
        store = VectorStore(
            identifier=self._store,
            provider_id="pgvector",
            embedding_model=self._model,
            embedding_dimension=self._dimensions,
        )
        self._index = PGVectorIndex(
            store, self._dimensions, self._pool, "COSINE", PGVectorHNSWVectorIndex()
        )

    async def _pool(self) -> Any:
        return One(self._database)

    async def start(self) -> None:
        """Make the table where it is missing."""
        await register_vector(self._database)
        await self._index.initialize()

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Turn to change a document: one worker at a time. It ends with the connection too."""
        await self._database.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", key)
        try:
            yield
        finally:
            if not self._database.is_closed():
                await self._database.execute(
                    "SELECT pg_advisory_unlock(hashtextextended($1, 0))", key
                )

    async def version(self, key: str) -> str | None:
        """Version of a document whose chunks are kept; None where there is none."""
        found: str | None = await self._database.fetchval(
            f"SELECT version FROM {VERSIONS} WHERE store = $1 AND key = $2", self._store, key
        )
        return found

    async def replace(
        self, key: str, version: str, texts: Sequence[str], vectors: Sequence[Sequence[float]]
    ) -> None:
        """Let the chunks of a document be those of a version, all at once."""
        identity = document_id(key)
        made = [
            Lean(
                content=text,
                chunk_id=f"{identity}-{number}",
                metadata={"document_id": identity, "filename": key},
                chunk_metadata=ChunkMetadata(document_id=identity),
                embedding=list(vector),
                embedding_model=self._model,
                embedding_dimension=self._dimensions,
            )
            for number, (text, vector) in enumerate(zip(texts, vectors, strict=True))
        ]
        async with self._database.transaction():
            await self._remove(key)
            await self._index.add_chunks(made)
            await self._database.execute(
                f"INSERT INTO {VERSIONS} (store, key, version, chunks) VALUES ($1, $2, $3, $4)",
                self._store,
                key,
                version,
                len(made),
            )

    async def remove(self, key: str) -> None:
        """Delete the chunks of a document."""
        async with self._database.transaction():
            await self._remove(key)

    async def _remove(self, key: str) -> None:
        count = await self._database.fetchval(
            f"DELETE FROM {VERSIONS} WHERE store = $1 AND key = $2 RETURNING chunks",
            self._store,
            key,
        )
        identity = document_id(key)
        old = [
            ChunkForDeletion(chunk_id=f"{identity}-{number}", document_id=identity)
            for number in range(count or 0)
        ]
        if old:
            await self._index.delete_chunks(old)


def document_id(key: str) -> str:
    """Identity of a document in answers and in the log, which has no name."""
    return f"file-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
