"""Keep the chunks of documents as their bucket has the documents: `work`, or `again`.

It runs in OGX's image with asyncpg, boto3 and pypdf. A message of the queue says that an object
has changed. Its worker reads the object as it is now, and lets its chunks be those of that
version. So a message may come twice, late or in another order, and a lost worker loses nothing:
its message returns. A document that cannot be read goes to the dead letters after RECEIVES
attempts, by the queue itself. The log names documents by an identity and has no text of theirs.

`again` sends one message for each object of the bucket: for those that were there before the
queue, and after another embedding model or another length of chunks.

QUEUE_URL is the queue, VISIBILITY_S its time for a message, and DOCUMENTS_BUCKET the bucket.
CHUNK_BYTES and OVERLAP_BYTES are the lengths of a chunk and DOCUMENT_BYTES the longest document.
WORKERS is the number of processes that work.
`context_vectors.py` and `application_database.py` name the other variables. The exit code is 0, 1
where a part is out of reach, or 2 for wrong arguments.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_plus

import boto3
from application_database import DATABASE_ERRORS, FAULTS, connected, login_of
from application_secret import AWS_ERRORS, CLIENT, code_of, report
from botocore.config import Config
from botocore.exceptions import ClientError
from context_chunks import chunks
from context_text import DocumentError, text_of
from context_vectors import Documents, EmbeddingError, Embeddings, document_id
from job_stop import ORDER, together

WAIT_S = 10
"""Long poll for a message. It ends within the time that a pod has to stop. Basis: assumed."""
AGAIN_S, REFUSED_S = 60, 5
"""Seconds after which a message returns: where a part does not answer, and where the document has
no text that can be read."""
MARGIN_S = 60
"""Seconds before the end of a message's time at which its document is given up."""
MISSING = ("NoSuchKey", "404", "MethodNotAllowed", "405")
"""Codes of an object that is not there, or whose last version is a mark of its deletion."""


class LateError(Exception):
    """A document took too long."""


def expired(number: int, frame: object) -> None:
    """Handle the alarm: raise LateError in whatever parses a document."""
    raise LateError


class Worker:
    """One worker with its clients."""

    def __init__(self, given: Mapping[str, str], documents: Documents) -> None:
        patience = Config(connect_timeout=5, read_timeout=WAIT_S + 20)
        self._sqs: Any = boto3.client("sqs", region_name=given["AWS_REGION"], config=patience)
        self._s3: Any = boto3.client("s3", region_name=given["AWS_REGION"], config=CLIENT)
        self._queue, self._bucket = given["QUEUE_URL"], given["DOCUMENTS_BUCKET"]
        self._limit_s = int(given["VISIBILITY_S"]) - MARGIN_S
        self._most = int(given["DOCUMENT_BYTES"])
        self._chunk, self._overlap = int(given["CHUNK_BYTES"]), int(given["OVERLAP_BYTES"])
        self._documents, self._embeddings = documents, Embeddings(given)
        self.stopping = False

    async def run(self) -> None:
        """Work until the pod ends. Raises one of `FAULTS`."""
        while not self.stopping:
            for message in await asyncio.to_thread(self._received):
                await self._handle(message)

    def _received(self) -> list[dict[str, Any]]:
        """At most one message."""
        found: list[dict[str, Any]] = self._sqs.receive_message(
            QueueUrl=self._queue, MaxNumberOfMessages=1, WaitTimeSeconds=WAIT_S
        ).get("Messages", [])
        return found

    async def _handle(self, message: dict[str, Any]) -> None:
        """Handle a message: delete it, or let it return. Raises one of `DATABASE_ERRORS`."""
        place = {"QueueUrl": self._queue, "ReceiptHandle": message["ReceiptHandle"]}
        again_s: int | None = AGAIN_S
        try:
            again_s = await self._handled(message["Body"])
        finally:
            if again_s is None:
                self._sqs.delete_message(**place)
            else:
                self._sqs.change_message_visibility(**place, VisibilityTimeout=again_s)

    async def _handled(self, body: str) -> int | None:
        """Seconds after which a message returns; None where it is done."""
        until = time.monotonic() + self._limit_s
        for key in keys_of(body):
            try:
                await self._kept(key, until)
            except DocumentError as fault:
                report("document_refused", document=document_id(key), reason=str(fault))
                return REFUSED_S
            except (EmbeddingError, LateError, *AWS_ERRORS) as fault:
                reason = str(fault) if isinstance(fault, EmbeddingError) else code_of(fault)
                report("document_not_read", document=document_id(key), reason=reason)
                return AGAIN_S
        return None

    async def _kept(self, key: str, until: float) -> None:
        """Let the chunks of a document be those of its object.

        Guard: the object is read inside the turn. A worker that waited reads the later version.
        """
        async with self._documents.turn(key):
            found = self._object(key)
            if found is None:
                await self._documents.remove(key)
                report("document_removed", document=document_id(key))
                return
            version, content = found
            version = f"{version} {self._chunk} {self._overlap}"
            if await self._documents.version(key) == version:
                return
            texts = self._chunks(key, content, until)
            vectors = await asyncio.to_thread(self._embeddings.of, texts, until)
            await self._documents.replace(key, version, texts, vectors)
        report("document_kept", document=document_id(key), chunks=len(texts))

    def _object(self, key: str) -> tuple[str, bytes] | None:
        """Version and content of an object; None where it is gone. Raises DocumentError."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as fault:
            if code_of(fault) in MISSING:
                return None
            raise
        with found["Body"] as body:
            if found["ContentLength"] > self._most:
                raise DocumentError("too long")
            return str(found.get("VersionId", found["ETag"])), body.read()

    def _chunks(self, key: str, content: bytes, until: float) -> list[str]:
        """Chunks of a document. Raises DocumentError or LateError."""
        signal.signal(signal.SIGALRM, expired)
        signal.setitimer(signal.ITIMER_REAL, max(until - time.monotonic(), 1))
        try:
            return list(chunks(text_of(key, content), self._chunk, self._overlap))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def again(self) -> int:
        """Send a message for each object, and return their number. Raises one of `AWS_ERRORS`."""
        count = 0
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
            for each in page.get("Contents", []):
                body = json.dumps({"Records": [{"s3": {"object": {"key": each["Key"]}}}]})
                self._sqs.send_message(QueueUrl=self._queue, MessageBody=body)
                count += 1
        return count


def keys_of(body: str) -> Iterator[str]:
    """Keys of the objects of a message; none for one that S3 sends as a test.

    Guard: S3 writes a key as the form of a web page does, and `again` a key without such signs.
    """
    try:
        records = json.loads(body).get("Records", [])
        found = [str(each["s3"]["object"]["key"]) for each in records]
        written = ["eventName" in each for each in records]
    except (ValueError, KeyError, TypeError, AttributeError):
        report("message_refused")
        return
    for key, by_s3 in zip(found, written, strict=True):
        yield unquote_plus(key) if by_s3 else key


async def started(words: Sequence[str], given: Mapping[str, str]) -> None:
    """Run one of the two. Raises one of `FAULTS`."""
    async with connected(given, login_of(given)) as connection:
        documents = Documents(connection, given)
        worker = Worker(given, documents)
        if words[0] == "again":
            report("sent", messages=worker.again())
            return
        await documents.start()
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, setattr, worker, "stopping", True
        )
        report("started")
        await worker.run()


def main(words: Sequence[str], given: Mapping[str, str]) -> int:
    """Run one of the two, and return the exit code."""
    if list(words) not in (["work"], ["again"]):
        report("wrong_arguments")
        return 2
    if list(words) == ["work"]:
        return together(int(given["WORKERS"]), lambda: run(words, given))
    return run(words, given)


def run(words: Sequence[str], given: Mapping[str, str]) -> int:
    """Run one of the two in this process, and return the exit code."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ORDER)
    try:
        asyncio.run(started(words, given))
    except (*FAULTS, *DATABASE_ERRORS) as fault:
        report("worker_ended", reason=code_of(fault))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
