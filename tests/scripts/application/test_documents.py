"""Documents on PostgreSQL with pgvector, with the configuration of the plan: kept and searched.

Only addresses differ, and the time of a message, which is seconds here. The master of this database
is a superuser, because PostgreSQL has no role like that of Aurora that may make the extension.
"""

import base64
import json
import subprocess
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import yaml

from sizewright.reading.stack.plan import read_plan
from templates.render import render
from testbed.application_services import PYTHON
from testbed.application_stand_ins import EngineStandIn, TokenIssuer
from testbed.control_plane import until
from testbed.embedding_stand_in import EmbeddingStandIn
from testbed.postgres import Postgres, vectors_missing
from tests.scripts.application.ogx_service import OgxService, Server, end, status

pytestmark = pytest.mark.skipif(bool(vectors_missing()), reason=vectors_missing())
ROOT = Path(__file__).parents[3]
RAG = ROOT / "workloads" / "rag.yaml"
DRIVER = Path(__file__).with_name("documents_driver.py")
MESSAGE_S = 8
"""Seconds after which a lost worker's message returns."""
MOON = "The moon is made of green cheese, said the mouse."
INVOICES = "Invoices are paid within thirty days of their receipt."
OFFICE = "The office opens at nine in the morning."
LIFT = "The lift is inspected by an engineer in every spring."
PAGE = f"<html><head><script>var hidden = 1;</script></head><body><p>{OFFICE}</p></body></html>"


def pdf(text: str) -> bytes:
    """A PDF file of one page with one line, compressed as usual."""
    drawn = zlib.compress(f"BT /F1 12 Tf 40 700 Td ({text}) Tj ET".encode())
    stream = f"<</Length {len(drawn)}/Filter/FlateDecode>>stream\n".encode() + drawn
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R"
    parts = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        page + b"/Resources<</Font<</F1 4 0 R>>>>>>",
        font,
        stream + b"\nendstream",
    ]
    whole, places = b"%PDF-1.4\n", list[int]()
    for number, part in enumerate(parts, 1):
        places.append(len(whole))
        whole += b"%d 0 obj" % number + part + b"endobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        whole
        + b"xref\n0 6\n0000000000 65535 f \n"
        + table
        + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % len(whole)
    )


@dataclass
class Library:
    """An application with documents, its workers and its stand-ins."""

    service: OgxService
    engine: EngineStandIn
    vectors: EmbeddingStandIn
    issuer: TokenIssuer
    environment: dict[str, str]
    store: str
    bucket: str
    dead_letters: str
    url: str = ""
    log: list[str] = field(default_factory=list)
    workers: list["subprocess.Popen[str]"] = field(default_factory=list)

    def put(self, key: str, content: bytes) -> None:
        body = base64.b64encode(content).decode()
        self.service.aws("s3", "put_object", Bucket=self.bucket, Key=key, Body=body)

    def delete(self, key: str) -> None:
        """Delete an object, and send the message of S3: the stand-in sends none."""
        self.service.aws("s3", "delete_object", Bucket=self.bucket, Key=key)
        place = {"bucket": {"name": self.bucket}, "object": {"key": quote_plus(key)}}
        record = {"eventName": "ObjectRemoved:DeleteMarkerCreated", "s3": place}
        body = json.dumps({"Records": [record]})
        queue = self.environment["QUEUE_URL"]
        self.service.aws("sqs", "send_message", QueueUrl=queue, MessageBody=body)

    def work(self) -> "subprocess.Popen[str]":
        """Start a worker."""
        worker = self.service.start("context_worker", "work", **self.environment)
        self.workers.append(worker)
        threading.Thread(target=self._read, args=(worker,), daemon=True).start()
        return worker

    def _read(self, worker: "subprocess.Popen[str]") -> None:
        assert worker.stdout is not None
        self.log += worker.stdout

    def again(self) -> None:
        code, lines = self.service.run("context_worker", "again", **self.environment)
        assert code == 0, lines

    def rows(self) -> dict[str, str]:
        """Text of each chunk, by its identity."""
        table = f"vs_{self.store.replace('-', '_')}"
        return dict(self.service.sql(f"SELECT id, content_text FROM application.{table}"))

    def has(self, text: str) -> bool:
        return any(text in each for each in self.rows().values())

    def documents(self) -> dict[str, int]:
        """Chunks of each document, by its key."""
        found = self.service.sql("SELECT key, chunks FROM application.document_versions")
        return {key: int(chunks) for key, chunks in found}

    def letters(self) -> list[str]:
        """Keys of the documents of the dead letters."""
        found = self.service.aws(
            "sqs", "receive_message", QueueUrl=self.dead_letters, MaxNumberOfMessages=10
        )
        bodies = [json.loads(each["Body"]) for each in found.get("Messages", [])]
        return [each["Records"][0]["s3"]["object"]["key"] for each in bodies]

    def token(self, user: str) -> str:
        return self.issuer.token(user, "handbook")

    def answers(self, user: str, *questions: str) -> list[dict[str, Any]]:
        """Answers to questions, each about what was said before."""
        given = {"url": self.url, "model": "engine/qwen3-8b", "token": self.token(user)}
        return self.driven(DRIVER, {**given, "questions": questions})

    def driven(self, driver: Path, given: dict[str, Any]) -> list[dict[str, Any]]:
        """Lines of a driver with OpenAI's own client."""
        done = subprocess.run(
            [str(PYTHON), str(driver)],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


def environment_of(documents: dict[str, str], name: str) -> dict[str, str]:
    """Environment of a rendered pod without its wires."""
    pod = yaml.safe_load(documents[f"kubernetes/handbook/{name}.yaml"])["spec"]["template"]
    stated = {each["name"]: each["value"] for each in pod["spec"]["containers"][0]["env"]}
    return {name: value for name, value in stated.items() if "${wire:" not in value}


@contextmanager
def library(service: OgxService, file: Path = RAG) -> Iterator[Library]:
    plan = read_plan([file], ROOT / "Pulumi.dev.yaml")
    documents, gateway = render(plan), plan.services[0].gateway
    assert gateway is not None and gateway.token is not None
    with (
        EngineStandIn("qwen3-8b", "The answer.") as engine,
        EmbeddingStandIn("bge-m3", 1_024) as vectors,
        TokenIssuer() as issuer,
    ):
        there = {
            "http://handbook.handbook.svc:8000": engine.url,
            "http://handbook-embedding.handbook-embedding.svc:8000": vectors.url,
            gateway.token.jwks_url: issuer.jwks_url,
            gateway.token.issuer: issuer.url,
            "us-east-1": service.environment["AWS_REGION"],
        }
        config = yaml.safe_load(documents["kubernetes/handbook/application-config.yaml"])
        files: dict[str, str] = config["data"]
        for address, here in there.items():
            files = {name: text.replace(address, here) for name, text in files.items()}
        setup = service.folder / "setup.yaml"
        setup.write_text(files["setup.yaml"])
        kept = ("DOCUMENTS", "PASSAGES", "MODEL", "CONTEXT_TOKENS", "BODY_BYTES", "FILE_BYTES")
        answering = environment_of(documents, "application-deployment")
        opened = {name: answering[name] for name in ("DIRECT",) if name in answering}
        service.environment |= {name: answering[name] for name in kept} | opened
        service.environment |= {
            "PGSSLMODE": "disable",
            "SECRET_FILE": str(service.folder / "password"),
            "KEEP_ALIVE_S": "60",
            "PROCESSES": "1",
            "HOST": "127.0.0.1",
        }
        assert service.run("application_setup", SETUP_CONFIG=str(setup))[0] == 0
        assert service.run("application_setup", SETUP_CONFIG=str(setup))[0] == 0, "it runs again"
        assert service.run("application_secret")[0] == 0
        working = environment_of(documents, "application-ingestion")
        names = ("VISIBILITY_S", "DOCUMENT_BYTES", "CHUNK_BYTES", "OVERLAP_BYTES", "TEXTS")
        own = {name: working[name] for name in (*names, "DIMENSIONS", "EMBEDDING_MODEL")}
        queue, letters = queues(service)
        bucket = watched_bucket(service, queue)
        own |= {
            "QUEUE_URL": queue,
            "DOCUMENTS_BUCKET": bucket,
            "EMBEDDING_URL": f"{vectors.url}/v1",
            "WORKERS": "1",
        }
        whole = Library(
            service, engine, vectors, issuer, own, answering["DOCUMENTS"], bucket, letters
        )
        server = Server(service, files["config.yaml"])
        whole.url = server.url
        try:
            server.start()
            yield whole
        finally:
            server.kill()
            for worker in whole.workers:
                end(worker)


def queues(service: OgxService) -> tuple[str, str]:
    """Addresses of a queue and of its dead letters, after two attempts."""
    letters = service.aws("sqs", "create_queue", QueueName=f"{service.name}-letters")["QueueUrl"]
    arn = service.aws("sqs", "get_queue_attributes", QueueUrl=letters, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    attributes = {"VisibilityTimeout": str(MESSAGE_S), "RedrivePolicy": redrive}
    name = f"{service.name}-documents"
    queue = service.aws("sqs", "create_queue", QueueName=name, Attributes=attributes)["QueueUrl"]
    return str(queue), str(letters)


def watched_bucket(service: OgxService, queue: str) -> str:
    """Name of a bucket with versions whose changes are in the queue."""
    name, place = f"{service.name}-docs", {"LocationConstraint": service.environment["AWS_REGION"]}
    service.aws("s3", "create_bucket", Bucket=name, CreateBucketConfiguration=place)
    state = {"Status": "Enabled"}
    service.aws("s3", "put_bucket_versioning", Bucket=name, VersioningConfiguration=state)
    arn = service.aws("sqs", "get_queue_attributes", QueueUrl=queue, AttributeNames=["QueueArn"])
    events = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]
    target = {"QueueArn": arn["Attributes"]["QueueArn"], "Events": events}
    service.aws(
        "s3",
        "put_bucket_notification_configuration",
        Bucket=name,
        NotificationConfiguration={"QueueConfigurations": [target]},
    )
    return name


def documents_of_each_form_are_kept(library: Library) -> None:
    library.put("moon.txt", MOON.encode())
    library.put("finance/invoices.md", f"# Invoices\n\n{INVOICES}".encode())
    library.put("office hours.html", PAGE.encode())
    library.put("lift.pdf", pdf(LIFT))
    library.work()
    until(lambda: len(library.documents()) == 4, 120)
    assert all(library.has(text) for text in (MOON, INVOICES, OFFICE, LIFT))
    assert not library.has("hidden")


def an_answer_has_the_right_passage_in_its_prompt(library: Library) -> None:
    before = library.engine.requests
    questions = ("When are invoices paid?", "And when does the office open?")
    first, _ = library.answers("user-1", *questions)
    assert first["text"] == "The answer."
    assert first["found"][0][0].startswith("file-") and INVOICES in first["found"][0][1]
    assert library.engine.requests == before + 2, "one call of an engine for each answer"
    one, two = list(library.engine.bodies)[-2:]
    assert "tools" not in one and "tool_choice" not in one
    (message,) = one["messages"]
    assert message["role"] == "user" and message["content"].endswith("When are invoices paid?")
    assert INVOICES in message["content"]
    assert [each["role"] for each in two["messages"]] == ["user", "assistant", "user"]
    assert two["messages"][0]["content"] == "When are invoices paid?", "no earlier passages"
    assert OFFICE in two["messages"][2]["content"]
    assert message["content"].count("untrusted_tool_output") == 2
    assert OFFICE in library.answers("user-2", "When does the office open?")[0]["found"][0][1]


def a_request_without_a_search_gets_no_passages(library: Library) -> None:
    body = {"model": "engine/qwen3-8b", "input": "When are invoices paid?"}
    assert status(f"{library.url}/v1/responses", library.token("user-1"), body) == 200
    assert library.engine.bodies[-1]["messages"][0]["content"] == body["input"]


def no_user_changes_documents_or_names_others(library: Library) -> None:
    responses, token = f"{library.url}/v1/responses", library.token("user-1")
    tool: dict[str, Any] = {"type": "file_search", "vector_store_ids": ["documents"]}
    refused: list[tuple[int, list[dict[str, Any]]]] = [
        (404, [{**tool, "vector_store_ids": ["others"]}]),
        (404, [{**tool, "vector_store_ids": [library.store]}]),
        (404, [{**tool, "vector_store_ids": ["documents", "others"]}]),
        (400, [{**tool, "filters": {"type": "eq", "key": "a", "value": "b"}}]),
        (400, [{**tool, "max_num_results": 0}]),
        (400, [tool, {"type": "web_search"}]),
    ]
    before = library.engine.requests
    for code, tools in refused:
        body = {"model": "engine/qwen3-8b", "input": "x", "tools": tools}
        assert status(responses, token, body) == code, tools
    assert library.engine.requests == before
    rows = library.rows()
    name = f"{library.url}/v1/vector_stores/{library.store}"
    calls: list[tuple[str, str, object]] = [
        ("POST", f"{library.url}/v1/vector_stores", {"name": "mine"}),
        ("GET", f"{library.url}/v1/vector_stores", None),
        ("GET", name, None),
        ("DELETE", name, None),
        ("POST", f"{name}/search", {"query": "invoices"}),
        ("POST", f"{library.url}/v1/vector_stores/documents/search", {"query": "invoices"}),
        ("GET", f"{library.url}/v1/vector_stores/documents", None),
        ("POST", f"{library.url}/v1/embeddings", {"model": "vectors/bge-m3", "input": "a"}),
        ("POST", f"{library.url}/v1/vector-io/insert", {"vector_store_id": library.store}),
    ]
    for method, url, body in calls:
        assert status(url, token, body, method) == 404, (method, url)
    assert library.rows() == rows


def a_changed_document_loses_its_old_text(library: Library) -> None:
    longer = " ".join(f"Rule {number} says that rule {number} holds." for number in range(200))
    library.put("rules.txt", longer.encode())
    until(lambda: library.documents().get("rules.txt", 0) > 1, 60)
    library.put("rules.txt", b"There is one rule left.")
    until(lambda: library.documents().get("rules.txt") == 1, 60)
    assert library.has("one rule left") and not library.has("Rule 7 ")
    library.delete("rules.txt")
    until(lambda: "rules.txt" not in library.documents(), 60)
    assert not library.has("one rule left")
    assert sum(library.documents().values()) == len(library.rows())


def a_killed_worker_loses_nothing_and_doubles_nothing(library: Library) -> None:
    text = " ".join(f"Fact {number} is about the number {number}." for number in range(300))
    library.vectors.delay_s = 3
    seen = len(library.vectors.texts)
    library.put("facts.txt", text.encode())
    until(lambda: len(library.vectors.texts) > seen, 60)
    end(library.workers.pop())
    assert "facts.txt" not in library.documents()
    library.vectors.delay_s = 0
    library.work()
    until(lambda: "facts.txt" in library.documents(), 60)
    rows = library.rows()
    library.again()
    library.again()
    library.work()
    library.put("last.txt", b"The last one.")
    until(lambda: "last.txt" in library.documents() and waiting(library) == 0, 60)
    assert {key: value for key, value in library.rows().items() if key in rows} == rows
    assert sum(library.documents().values()) == len(library.rows()) == len(rows) + 1


def waiting(library: Library) -> int:
    """Messages that no worker has done."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    queue = library.environment["QUEUE_URL"]
    found = library.service.aws(
        "sqs", "get_queue_attributes", QueueUrl=queue, AttributeNames=names
    )["Attributes"]
    return sum(int(found[name]) for name in names)


def an_unreadable_document_goes_to_the_dead_letters(library: Library) -> None:
    canary = b"nobody logs this sentence"
    library.put("broken.pdf", canary)
    library.put("bytes.txt", b"\xff\xfe" + canary)
    found = set[str]()

    def both() -> bool:
        found.update(library.letters())
        return found == {"broken.pdf", "bytes.txt"}

    until(both, 120)
    refused = [json.loads(line) for line in library.log if "document_refused" in line]
    assert {each["reason"] for each in refused} == {"no PDF that can be read", "not in UTF-8"}
    whole = "".join(library.log)
    assert canary.decode() not in whole and "broken.pdf" not in whole
    for text in (MOON, INVOICES, OFFICE, LIFT):
        assert text not in whole


def an_embedding_service_that_does_not_answer_costs_no_document(library: Library) -> None:
    library.vectors.refusal = 503
    library.put("late.txt", b"It is late.")
    until(lambda: waiting(library) > 0, 30)
    library.vectors.refusal = 0
    until(lambda: "late.txt" in library.documents(), 60)


def deletions_leave_the_documents_and_drop_those_of_another_model(library: Library) -> None:
    sql, before = library.service.sql, library.rows()
    sql(
        "CREATE TABLE application.vs_documents_old (LIKE application."
        f"vs_{library.store.replace('-', '_')});"
        "INSERT INTO application.document_versions VALUES ('documents-old', 'a.txt', '1', 1);"
        f'ALTER TABLE application.vs_documents_old OWNER TO "{library.service.role}"'
    )
    assert library.service.run("application_rows", "erase", "user-1")[0] == 0
    assert library.service.run("application_rows", "expire", RETENTION_DAYS="1")[0] == 0
    assert library.rows() == before and library.has(MOON)
    assert not sql("SELECT 1 FROM pg_tables WHERE tablename = 'vs_documents_old'")
    assert not sql("SELECT 1 FROM application.document_versions WHERE store = 'documents-old'")
    texts = library.service.texts()
    assert not [name for name, text in texts.items() if "user-1" in text]


def test_documents_are_kept_and_searched(
    new_service_on: Callable[[Postgres], OgxService],
) -> None:
    """Guard: this is one test, because each would wait for a setup of its own."""
    with Postgres(with_vectors=True) as postgres:
        service = new_service_on(postgres)
        postgres.execute(f'ALTER ROLE "{service.master}" SUPERUSER')
        with library(service) as whole:
            documents_of_each_form_are_kept(whole)
            an_answer_has_the_right_passage_in_its_prompt(whole)
            a_request_without_a_search_gets_no_passages(whole)
            no_user_changes_documents_or_names_others(whole)
            a_changed_document_loses_its_old_text(whole)
            a_killed_worker_loses_nothing_and_doubles_nothing(whole)
            an_embedding_service_that_does_not_answer_costs_no_document(whole)
            an_unreadable_document_goes_to_the_dead_letters(whole)
            deletions_leave_the_documents_and_drop_those_of_another_model(whole)
