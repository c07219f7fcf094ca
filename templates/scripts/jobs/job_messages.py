"""What every worker has: its queue with dead letters, its table and its bucket.

Messages come one by one. They are invisible while they are handled, then deleted or visible again.

It runs next to the workers with boto3, without any other library.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from job_store import Row, Rows, Store, code_of, id_of

WAIT_S = 10
"""Long poll for a message. It ends within the time that a pod has to stop. Basis: assumed."""
AWS_ERRORS = (BotoCoreError, ClientError)
Outcome = Callable[[str, int], "int | None"]
"""Handling of a job by its id and the receives of its message: seconds until it may run again, None
where its message is no longer needed."""


def _aws_options(given: Mapping[str, str]) -> dict[str, Any]:
    """Options of a worker's clients: its region, and patience longer than the poll."""
    retries = {"mode": "standard", "max_attempts": 5}
    config = Config(connect_timeout=5, read_timeout=WAIT_S + 20, retries=retries)
    return {"region_name": given["AWS_REGION"], "config": config}


class Messages:
    """Queue of a worker."""

    def __init__(self, client: Any, given: Mapping[str, str]) -> None:
        self._queue, self._url = client, given["QUEUE_URL"]
        self._visibility_s = int(given["VISIBILITY_S"])
        self._heartbeat_s = int(given["HEARTBEAT_S"])

    def handle_next(self, outcome: Outcome) -> bool:
        """Wait for a message and handle it; False where AWS did not answer."""
        try:
            messages = self._received()
        except AWS_ERRORS as fault:
            report("aws_error", code=code_of(fault))
            return False
        for message in messages:
            self._handle(message, outcome)
        return True

    def _received(self) -> list[dict[str, Any]]:
        """At most one message."""
        messages: list[dict[str, Any]] = self._queue.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=WAIT_S,
            VisibilityTimeout=self._visibility_s,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        return messages

    def _handle(self, message: dict[str, Any], outcome: Outcome) -> None:
        """Handle one message: delete it, or make it visible after some seconds."""
        job, receives = id_of(message), int(message["Attributes"]["ApproximateReceiveCount"])
        with self._held(message):
            again_s = None if job is None else outcome(job, receives)
        place = self._place(message)
        try:
            if again_s is None:
                self._queue.delete_message(**place)
            else:
                self._queue.change_message_visibility(**place, VisibilityTimeout=again_s)
        except AWS_ERRORS as fault:
            # Guard: after a long pause another worker has the message, and this receipt is void.
            report("aws_error", job=job, code=code_of(fault))

    def _place(self, message: dict[str, Any]) -> dict[str, Any]:
        return {"QueueUrl": self._url, "ReceiptHandle": message["ReceiptHandle"]}

    @contextmanager
    def _held(self, message: dict[str, Any]) -> Iterator[None]:
        """Keep the message invisible while its job runs."""
        done = threading.Event()
        more = {**self._place(message), "VisibilityTimeout": self._visibility_s}

        def beat() -> None:
            while not done.wait(self._heartbeat_s):
                try:
                    self._queue.change_message_visibility(**more)
                except AWS_ERRORS as fault:
                    report("heartbeat_failed", code=code_of(fault))

        heart = threading.Thread(target=beat, daemon=True)
        heart.start()
        try:
            yield
        finally:
            done.set()
            heart.join()


class QueueWorker:
    """Clients of a worker, and the end of a job that failed."""

    def __init__(self, given: Mapping[str, str]) -> None:
        options = _aws_options(given)
        self._queue = boto3.client("sqs", **options)
        self._messages = Messages(self._queue, given)
        self._rows = Rows(boto3.resource("dynamodb", **options).Table(given["TABLE"]))
        self._store = Store(boto3.client("s3", **options), given["BUCKET"])
        self._letters = given["DEAD_LETTERS_URL"]
        self._heartbeat_s = int(given["HEARTBEAT_S"])
        self._attempts = int(given["ATTEMPTS"])
        self._receives = int(given["RECEIVES"])

    def _bury(self, row: Row, reason: str) -> None:
        """Send the job to the dead letters; after a crash in between it is there twice."""
        letter = {"id": row["id"], "model": row["model"], "reason": reason}
        self._queue.send_message(QueueUrl=self._letters, MessageBody=json.dumps(letter))
        report("failed", job=row["id"])


def report(event: str, **facts: object) -> None:
    """Print one line of the log; no text of a request is in it."""
    print(json.dumps({"event": event, **facts}), flush=True)
