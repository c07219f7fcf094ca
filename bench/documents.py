"""Work and bytes of documents that requests search, measured on this machine.

    python bench/documents.py [--documents N] [--requests N]

It prints rows of `sizing/catalog/data/application_work.csv`. A worker reads documents of random
English words from a bucket, and OGX answers with and without a search. Engine, embedding service
and AWS are stand-ins; OGX and PostgreSQL with pgvector are the real ones. CPU seconds are those of
the worker, and of OGX. Three settings give the bytes of a row: two lengths of vectors, and two of
chunks. Searches and vectors are requested without an answer too. Needs `make testbed` and Linux.
Takes some minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench" / "application")]

from load import Caller  # noqa: E402
from setting import about, cpu_s, memory_mib, today  # noqa: E402

from templates.environment import environment as templates  # noqa: E402
from templates.programs import APPLICATION, CONTEXT, program  # noqa: E402
from testbed.application_services import PYTHON, Application, application_missing  # noqa: E402
from testbed.application_stand_ins import EngineStandIn  # noqa: E402
from testbed.aws_services import AwsServices, aws_missing, free_port  # noqa: E402
from testbed.control_plane import until  # noqa: E402
from testbed.embedding_stand_in import EmbeddingStandIn  # noqa: E402
from testbed.postgres import Postgres, vectors_missing  # noqa: E402

WORDS = (ROOT / "docs" / "sizing.md").read_text(encoding="utf-8").split()
NAME, STORE, TABLE = "documents", "documents-1", "application.vs_documents_1"
DOCUMENT_BYTES, OVERLAP_BYTES = 20_000, 160
QUESTION = "How many GPUs does a service need at its peak?"
LONG, SHORT, WIDE, NARROW = 1_600, 800, 1_024, 384
MAKE = """
import boto3, json, sys
place = {"LocationConstraint": "eu-west-1"}
s3, sqs = boto3.client("s3"), boto3.client("sqs")
for name in ("files", "documents"):
    s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
for number, text in enumerate(json.load(sys.stdin)):
    s3.put_object(Bucket="documents", Key=f"{number}.txt", Body=text.encode())
print(sqs.create_queue(QueueName="documents")["QueueUrl"])
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one setting showed."""

    row_bytes: float
    index_bytes: float
    text_bytes: float
    cpu_s_per_chunk: float
    worker_mib: float
    cpu_s_per_search: list[float]
    passage_copies: float
    cpu_s_per_direct_search: float
    cpu_s_per_embedding: float
    search_bytes: float
    element_bytes: float


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--documents", default=40, type=int)
    given.add_argument("--requests", default=25, type=int, help="of each kind")
    options = given.parse_args()
    if missing := vectors_missing() or application_missing() or aws_missing():
        sys.exit(missing)
    runs = {
        (dimensions, chunk): measured(dimensions, chunk, options.documents, options.requests)
        for dimensions, chunk in ((WIDE, LONG), (NARROW, LONG), (WIDE, SHORT))
    }
    wide, narrow, short = runs.values()
    vector = (wide.row_bytes - narrow.row_bytes) / (4 * (WIDE - NARROW))
    text = (wide.row_bytes - short.row_bytes) / (wide.text_bytes - short.text_bytes)
    searches = [value for run in runs.values() for value in run.cpu_s_per_search]
    chunks = [run.cpu_s_per_chunk for run in runs.values()]
    texts = [run.cpu_s_per_embedding for run in runs.values()]
    found: list[tuple[str, float, float | None, str]] = [
        (
            "chunk_row_bytes",
            wide.row_bytes - 4 * WIDE * vector - text * wide.text_bytes,
            None,
            "bytes",
        ),
        ("chunk_text_copies", text, None, "copies"),
        ("chunk_vector_copies", vector, None, "copies"),
        ("cpu_s_per_chunk", median(chunks), max(chunks), "s"),
        ("cpu_s_per_embedding", median(texts), max(texts), "s"),
        ("cpu_s_per_search", median(searches), max(searches), "s"),
        ("ingestion_mib", wide.worker_mib, None, "MiB"),
        ("passage_copies", mean(run.passage_copies for run in runs.values()), None, "copies"),
    ]
    with Postgres(with_vectors=True) as postgres:
        source = about(postgres).replace("application.py", "documents.py")
    out = csv.writer(sys.stdout, lineterminator="\n")
    for item, value, high, unit in found:
        most = "" if high is None else f"{high:.3g}"
        out.writerow([item, f"{value:.3g}", most, unit, source, today(), "", ""])
    for (dimensions, chunk), run in runs.items():
        words = f"{run.row_bytes:,.0f} bytes of a row, {run.index_bytes:,.0f} of a vector's index"
        sys.stderr.write(f"{dimensions} elements, chunks of {chunk} bytes: {words}\n")
        answer = f"{run.search_bytes:,.0f} bytes besides 5 passages"
        vector = f"{run.element_bytes:.1f} bytes of an element"
        cpu = f"{run.cpu_s_per_direct_search:.4f} s of a search"
        sys.stderr.write(f"without an answer of the engine: {answer}; {vector}; {cpu}\n")


def measured(dimensions: int, chunk: int, documents: int, requests: int) -> Measured:
    """Work and bytes with vectors of a length and chunks of a length."""
    with running(dimensions, documents) as (postgres, engine, vectors, server, folder, given):
        worker = Worker(folder, {**given, "CHUNK_BYTES": str(chunk)})
        cpu, mib, chunks = worker.read(documents)
        postgres.execute("VACUUM ANALYZE", database="service")
        sizes = postgres.execute(
            f"SELECT count(*), pg_table_size('{TABLE}') + pg_indexes_size('{TABLE}')"
            f" - pg_relation_size('{TABLE}_hnsw_idx'), pg_relation_size('{TABLE}_hnsw_idx'),"
            f" avg(octet_length(content_text)) FROM {TABLE}",
            database="service",
        )
        count, rows, index, text = map(float, sizes[0])
        asking = Asking(postgres, server)
        before = asking.bytes
        plain = asking.cpu_s(requests, searches=False)
        between = asking.bytes
        searching = asking.cpu_s(requests, searches=True)
        after = asking.bytes
        passages = 5 * text
        added = ((after - between) - (between - before)) / requests
        assert engine.requests == 2 * requests and chunks == count
        found = asking.direct(requests, f"/v1/vector_stores/{NAME}/search", {"query": QUESTION})
        given_text = {"input": QUESTION * (chunk // len(QUESTION)), "encoding_format": "float"}
        embed = {"model": "vectors/vectors", **given_text}
        # Guard: the vectors of the stand-in are mostly zeros, which are short and quickly read.
        whole = [random.Random(number).gauss(0, dimensions**-0.5) for number in range(dimensions)]
        vectors.vector = lambda _: whole  # type: ignore[method-assign]
        vector = asking.direct(requests, "/v1/embeddings", embed)
    return Measured(
        row_bytes=rows / count,
        index_bytes=index / count,
        text_bytes=text,
        cpu_s_per_chunk=cpu / count,
        worker_mib=mib,
        cpu_s_per_search=[searching - plain],
        passage_copies=added / passages,
        cpu_s_per_direct_search=found[0],
        cpu_s_per_embedding=vector[0],
        search_bytes=found[1] - passages,
        element_bytes=vector[1] / dimensions,
    )


class Worker:
    """One worker as a process, until it has read all documents."""

    def __init__(self, folder: Path, given: dict[str, str]) -> None:
        self._folder, self._given = folder, given

    def read(self, documents: int) -> tuple[float, float, int]:
        """CPU seconds and highest MiB of a worker, and its chunks."""
        file = str(self._folder / "context_worker.py")
        subprocess.run(
            [str(PYTHON), file, "again"], env=self._given, check=True, capture_output=True
        )
        process = subprocess.Popen(
            [str(PYTHON), file, "work"],
            env=self._given,
            stdout=subprocess.PIPE,
            text=True,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        begun, kept = 0.0, list[int]()
        try:
            for text in process.stdout:
                line = json.loads(text) if text.startswith('{"event"') else {}
                if line.get("event") == "started":
                    begun = cpu_s(self._child(process.pid))
                elif line.get("event") == "document_kept":
                    kept.append(line["chunks"])
                if len(kept) == documents:
                    break
            child = self._child(process.pid)
            return cpu_s(child) - begun, memory_mib(child, "VmHWM"), sum(kept)
        finally:
            process.terminate()
            process.wait()

    def _child(self, pid: int) -> int:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


class Asking:
    """A user of OGX."""

    def __init__(self, postgres: Postgres, server: Application) -> None:
        self._postgres, self._pid = postgres, server.workers[0]
        self._caller = Caller(server.url, "none")

    @property
    def bytes(self) -> int:
        """Bytes of all rows of responses."""
        names = ("responses", "conversation_items", "conversation_messages")
        sums = [
            f"(SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM application.{n} t)" for n in names
        ]
        return int(self._postgres.execute(f"SELECT {' + '.join(sums)}", database="service")[0][0])

    def cpu_s(self, requests: int, *, searches: bool) -> float:
        """CPU seconds of OGX for one response."""
        tool = {"type": "file_search", "vector_store_ids": ["documents"]}
        before = cpu_s(self._pid)
        for _ in range(requests):
            conversation = json.loads(self._caller.post("/v1/conversations", {}))["id"]
            body: dict[str, Any] = {"model": "engine/stand-in", "input": QUESTION}
            body |= {"conversation": conversation} | ({"tools": [tool]} if searches else {})
            self._caller.post("/v1/responses", body)
        return (cpu_s(self._pid) - before) / requests

    def direct(self, requests: int, path: str, body: dict[str, Any]) -> tuple[float, float]:
        """CPU seconds of OGX for one request, and bytes of its answer."""
        self._caller.post(path, body)
        before, sizes = cpu_s(self._pid), 0
        for _ in range(requests):
            sizes += len(self._caller.post(path, body))
        return (cpu_s(self._pid) - before) / requests, sizes / requests


@contextmanager
def running(
    dimensions: int, documents: int
) -> Iterator[tuple[Postgres, EngineStandIn, EmbeddingStandIn, Application, Path, dict[str, str]]]:
    """Start everything but a worker, whose folder and environment are the last two."""
    with (
        tempfile.TemporaryDirectory() as name,
        Postgres(with_vectors=True) as postgres,
        AwsServices() as aws,
        EngineStandIn("stand-in") as engine,
        EmbeddingStandIn("vectors", dimensions) as vectors,
    ):
        folder = Path(name)
        for each in (*APPLICATION, *CONTEXT):
            (folder / f"{each}.py").write_text(program(each).text)
        (folder / "password").write_text("app")
        postgres.execute("CREATE ROLE app LOGIN PASSWORD 'app'; CREATE DATABASE service OWNER app")
        postgres.execute(
            "CREATE EXTENSION vector; CREATE SCHEMA application AUTHORIZATION app;"
            "ALTER ROLE app IN DATABASE service SET search_path = application, public;"
            "CREATE TABLE application.document_versions (store text, key text, version text,"
            " chunks integer, PRIMARY KEY (store, key));"
            "ALTER TABLE application.document_versions OWNER TO app",
            database="service",
        )
        choice = random.Random(dimensions)
        texts = [" ".join(choice.choices(WORDS, k=DOCUMENT_BYTES // 6)) for _ in range(documents)]
        queue = subprocess.run(
            [str(PYTHON), "-c", MAKE],
            input=json.dumps(texts),
            env=aws.environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        given = {
            **aws.environment,
            "DATABASE_HOST": postgres.host,
            "DATABASE_PORT": str(postgres.port),
            "DATABASE": "service",
            "DATABASE_TLS": "disable",
            "DATABASE_PASSWORD": "app",
            "PGSSLMODE": "disable",
            "ROLE": "app",
            "SECRET_FILE": str(folder / "password"),
            "BUCKET": "files",
            "OGX_LOG_FORMAT": "json",
            "DOCUMENTS": STORE,
            "PASSAGES": "5",
            "DIRECT": json.dumps(
                {
                    "searches": True,
                    "model": "vectors/vectors",
                    "texts": 32,
                    "text_bytes": LONG,
                    "dimensions": dimensions,
                }
            ),
            "MODEL": "engine/stand-in",
            "CONTEXT_TOKENS": "0",
            "BODY_BYTES": "1000000",
            "FILE_BYTES": "0",
            "QUEUE_URL": queue,
            "VISIBILITY_S": "900",
            "DOCUMENTS_BUCKET": "documents",
            "DOCUMENT_BYTES": "1000000",
            "OVERLAP_BYTES": str(OVERLAP_BYTES),
            "EMBEDDING_URL": f"{vectors.url}/v1",
            "EMBEDDING_MODEL": "vectors",
            "DIMENSIONS": str(dimensions),
            "TEXTS": "32",
            "WORKERS": "1",
        }
        with Application(config(engine, vectors), given, programs=folder) as server:
            until(lambda: bool(server.workers), 60)
            time.sleep(1)
            os.sched_setaffinity(server.workers[0], {0})
            yield postgres, engine, vectors, server, folder, given


def config(engine: EngineStandIn, vectors: EmbeddingStandIn) -> str:
    """Configuration of OGX by the template of the application, without users."""
    context = {
        "provider": "vectors",
        "url": f"{vectors.url}/v1",
        "connections": 2,
        "model": vectors.model,
        "dimensions": vectors.dimensions,
        "store": STORE,
    }
    return (
        templates()
        .get_template("parts/application-config.yaml.j2")
        .render(
            provider="engine",
            model=engine.model,
            region="eu-west-1",
            connections=5,
            application_port=free_port(),
            audience="none",
            engine_url=f"{engine.url}/v1",
            host="127.0.0.1",
            processes=1,
            token=None,
            context=context,
            routed=[],
        )
    )


if __name__ == "__main__":
    main()
