"""One queued service for a test: its function, its AWS resources, and pods of engine and worker."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from templates.programs import JOB_WORKER, RENDITION_WORKER
from testbed.aws_services import PYTHON, ffmpeg, free_port
from testbed.control_plane import WITH_PARENT

STAND_IN = Path(__file__).with_name("engine_stand_in.py")
LIMITS = {"width": 832, "height": 480, "iterations": 20}
ATTEMPTS, SPARE_RECEIVES = 3, 20
PATHS = {"image": "/v1/images/generations", "video": "/v1/videos"}


class CallError(Exception):
    """Error of an AWS call, by its code."""


class Driver:
    """The process with the function's code."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process, self.log = process, log

    def line(self, **line: object) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "fault" in answer:
            raise CallError(answer["fault"])
        return answer["answer"]

    def call(self, service: str, operation: str, **arguments: object) -> Any:
        return self.line(call=[service, operation, arguments])


@dataclass(frozen=True)
class Answer:
    """The function's answer."""

    status: int
    headers: dict[str, str]
    body: Any
    """Parsed JSON; None where there is no body."""

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.body["error"]
        return error


class QueuedService:
    """A service with its own names."""

    def __init__(
        self,
        driver: Driver,
        programs: Path,
        folder: Path,
        kind: str,
        environment: Mapping[str, str],
    ) -> None:
        self._driver, self._programs, self.folder = driver, programs, folder
        self.kind = kind
        self.name = f"{kind}-{uuid.uuid4().hex[:12]}"
        letters = self._queue("letters", {})
        redrive = {
            "deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:123456789012:{self.name}-letters",
            "maxReceiveCount": int(environment.get("ATTEMPTS", ATTEMPTS)) + SPARE_RECEIVES,
        }
        queue = self._queue("jobs", {"RedrivePolicy": json.dumps(redrive)})
        self._make_table(environment.get("OWNER_INDEX"))
        driver.call(
            "s3",
            "create_bucket",
            Bucket=self.name,
            CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
        )
        clip = {"frames": 81, "fps": 16} if kind == "video" else {"frames": 1, "fps": None}
        self.environment = {
            "QUEUE_URL": queue,
            "DEAD_LETTERS_URL": letters,
            "TABLE": self.name,
            "BUCKET": self.name,
            "KIND": kind,
            "FORMAT": "h264" if kind == "video" else "png",
            "MODEL": "model-1",
            "LIMITS": json.dumps({**LIMITS, **clip}),
            "EXPIRE_DAYS": "30",
            "ROW_DAYS": "33",
            "KEPT_S": "1209600",
            "URL_S": "600",
            "BODY_BYTES": "65536",
            "ISSUER": "test",
            "ACCEPTS": "true",
            "TAKES_IMAGES": "false",
            "UPLOAD_BYTES": "1000000",
            "VARIANTS": "[]",
            "AT_ONCE": "1",
            "ATTEMPTS": str(ATTEMPTS),
            "RECEIVES": str(redrive["maxReceiveCount"]),
            "VISIBILITY_S": "5",
            "HEARTBEAT_S": "1",
            "ITEM_TIMEOUT_S": "20",
            **environment,
        }
        self.pods = list[Pod]()
        self.renderers = list[Renderer]()

    def with_renditions(self, variants: list[dict[str, object]], **changes: str) -> None:
        """Add the queue of renditions, for pods and renderers that start later."""
        letters = self._queue("rendition-letters", {})
        self.environment["RENDITIONS_URL"] = self._queue("renditions", {})
        self.environment["VARIANTS"] = json.dumps([each["name"] for each in variants])
        self.renditions = {
            **self.environment,
            "QUEUE_URL": self.environment["RENDITIONS_URL"],
            "DEAD_LETTERS_URL": letters,
            "VARIANTS": json.dumps(variants),
            "THREADS": "1",
            "CLIP_TIMEOUT_S": "20",
            "RECEIVES": "50",
            "FFMPEG": str(ffmpeg()),
            **changes,
        }

    def _queue(self, name: str, attributes: dict[str, str]) -> str:
        made = self.aws(
            "sqs", "create_queue", QueueName=f"{self.name}-{name}", Attributes=attributes
        )
        url: str = made["QueueUrl"]
        return url

    def _make_table(self, index: str | None) -> None:
        """Make the table, with the index of the component where a service has one."""
        types = {"id": "S"} if index is None else {"id": "S", "owner": "S", "created_at": "N"}
        keys = [("owner", "HASH"), ("created_at", "RANGE")]
        kept = ["expires_at", "request", "state"]
        by_owner = {
            "IndexName": index,
            "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in keys],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": kept},
        }
        indexes: dict[str, object] = {} if index is None else {"GlobalSecondaryIndexes": [by_owner]}
        self.aws(
            "dynamodb",
            "create_table",
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": kind} for name, kind in types.items()
            ],
            **indexes,
        )

    def aws(self, service: str, operation: str, **arguments: object) -> Any:
        """Result of a call of AWS. Raises CallError."""
        return self._driver.call(service, operation, **arguments)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str | list[str] | None] | None = None,
        raw: bytes | None = None,
        owner: str = "alice",
    ) -> Answer:
        """Return the function's answer to a request in the load balancer's form.

        A header may have several values; one that is None is left out.
        """
        stated: dict[str, str | list[str] | None] = {
            "authorization": token(owner),
            "content-type": "application/json",
        }
        stated |= dict(headers or {})
        content = json.dumps(body).encode() if raw is None else raw
        place = urlsplit(path)
        event = {
            "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:test"}},
            "httpMethod": method,
            "path": place.path,
            "multiValueQueryStringParameters": parse_qs(place.query),
            "multiValueHeaders": {
                name: value if isinstance(value, list) else [value]
                for name, value in stated.items()
                if value is not None
            },
            "body": base64.b64encode(content).decode() if method == "POST" else "",
            "isBase64Encoded": method == "POST",
        }
        answer = self._driver.line(env=self.environment, event=event)
        assert set(answer) == {"statusCode", "multiValueHeaders", "body", "isBase64Encoded"}
        shown = {name: value for name, (value,) in answer["multiValueHeaders"].items()}
        parsed = json.loads(answer["body"]) if answer["body"] else None
        return Answer(answer["statusCode"], shown, parsed)

    @property
    def path(self) -> str:
        return PATHS[self.kind]

    def accept(
        self, prompt: str = "a lighthouse", *, owner: str = "alice", **fields: object
    ) -> str:
        """Id of a new job."""
        answer = self.request("POST", self.path, {"prompt": prompt, **fields}, owner=owner)
        assert answer.status == 202, answer
        job: str = answer.body["id"]
        return job

    def row(self, job: str) -> dict[str, Any]:
        row: dict[str, Any] = self.aws(f"table {self.name}", "get_item", Key={"id": job})["Item"]
        return row

    def rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.aws(f"table {self.name}", "scan")["Items"]
        return rows

    def change(self, job: str, **values: object) -> None:
        """Change attributes of a row."""
        self.aws(
            f"table {self.name}",
            "update_item",
            Key={"id": job},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames={f"#{name}": name for name in values},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

    def stored(self, job: str) -> bytes | None:
        ending = {"jpeg": "jpg", "h264": "mp4"}.get(form := self.environment["FORMAT"], form)
        try:
            found = self.aws(
                "s3", "get_object", Bucket=self.name, Key=f"{job[:2]}/{job}/item.{ending}"
            )
        except CallError:
            return None
        return base64.b64decode(found["Body"])

    def keys(self) -> set[str]:
        listed = self.aws("s3", "list_objects_v2", Bucket=self.name)
        assert not listed["IsTruncated"]
        return {entry["Key"] for entry in listed.get("Contents", [])}

    def letters(self, of: str = "environment") -> list[dict[str, Any]]:
        """Take all dead letters out of the queue of an environment."""
        letters = list[dict[str, Any]]()
        url = getattr(self, of)["DEAD_LETTERS_URL"]
        while taken := self.take(url):
            letters += [json.loads(message["Body"]) for message in taken]
            for message in taken:
                receipt = message["ReceiptHandle"]
                self.aws("sqs", "delete_message", QueueUrl=url, ReceiptHandle=receipt)
        return letters

    def take(self, url: str | None = None, visibility_s: int = 30) -> list[dict[str, Any]]:
        """Up to ten messages, with their counts of receives."""
        messages: list[dict[str, Any]] = self.aws(
            "sqs",
            "receive_message",
            QueueUrl=url or self.environment["QUEUE_URL"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=visibility_s,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        return messages

    def waiting(self, of: str = "environment") -> int:
        """Messages of the queue of an environment, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = getattr(self, of)["QUEUE_URL"]
        found = self.aws("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=names)
        return sum(int(value) for value in found["Attributes"].values())

    def pod(self, *faults: str, seed: int | None = None) -> "Pod":
        """Start an engine with its worker."""
        pod = Pod(self, self._programs, len(self.pods), list(faults), seed)
        self.pods.append(pod)
        return pod

    def renderer(self) -> "Renderer":
        """Start a worker of renditions."""
        renderer = Renderer(self, self._programs, len(self.renderers))
        self.renderers.append(renderer)
        return renderer

    def end(self) -> None:
        for process in (*self.pods, *self.renderers):
            process.end()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Lines of the logs of all workers."""
        logs = [each.log.read_text() for each in (*self.pods, *self.renderers)]
        return [json.loads(line) for log in logs for line in log.splitlines()]

    @property
    def engine_calls(self) -> list[dict[str, Any]]:
        """Lines of the logs of all engines."""
        logs = [pod.engine_log for pod in self.pods if pod.engine_log.exists()]
        return [json.loads(line) for log in logs for line in log.read_text().splitlines()]

    @property
    def items(self) -> list[dict[str, Any]]:
        """Items that engines were to make."""
        return [call for call in self.engine_calls if "path" in call]


class Pod:
    """An engine and its worker, each a process."""

    def __init__(
        self,
        service: QueuedService,
        programs: Path,
        number: int,
        faults: list[str],
        seed: int | None,
    ) -> None:
        self._service, self._programs, self._faults, self._seed = service, programs, faults, seed
        self.log = service.folder / f"{service.name}-{number}.log"
        self.log.touch()
        self.engine_log = service.folder / f"{service.name}-{number}-engine.log"
        self._port = free_port()
        self._starts = 0
        self.start_engine()
        self.start_worker()

    def start_engine(self) -> None:
        """Start the engine; one with a seed continues with other random behaviours."""
        first = self._faults if self._seed is None or self._starts == 0 else []
        stated = {"FAULTS": json.dumps(first)}
        if self._seed is not None:
            stated["SEED"] = str(self._seed + 1_000 * self._starts)
        if "CLIP" in self._service.environment:
            stated["CLIP"] = self._service.environment["CLIP"]
        self._starts += 1
        arguments = [str(STAND_IN), str(self._port), self._service.kind, str(self.engine_log)]
        self.engine = started([sys.executable, "-S", *arguments], stated, subprocess.DEVNULL)

    def start_worker(self) -> None:
        file = self._programs / f"{JOB_WORKER[0]}.py"
        stated = {"ENGINE_URL": f"http://127.0.0.1:{self._port}", "PYTHONUNBUFFERED": "1"}
        with self.log.open("a") as log:
            environment = {**self._service.environment, **stated}
            self.worker = started([str(PYTHON), str(file)], environment, log)

    def stop(self, number: signal.Signals = signal.SIGTERM, limit_s: float = 30) -> int:
        """Send the worker a signal and return its exit code."""
        os.kill(self.worker.pid, number)
        return self.worker.wait(limit_s)

    def kill_worker(self) -> None:
        """End the worker with all its processes, as the end of a container does."""
        with suppress(ProcessLookupError):
            os.killpg(self.worker.pid, signal.SIGKILL)

    def end(self) -> None:
        self.kill_worker()
        self.engine.kill()
        for process in (self.worker, self.engine):
            process.wait()


class Renderer:
    """A worker of renditions, which is a process."""

    def __init__(self, service: QueuedService, programs: Path, number: int) -> None:
        self._service, self._file = service, programs / f"{RENDITION_WORKER[0]}.py"
        self.log = service.folder / f"{service.name}-renderer-{number}.log"
        self._folder = service.folder / f"{service.name}-renderer-{number}"
        self._folder.mkdir()
        self.log.touch()
        self.start()

    def start(self) -> None:
        stated = {"TMPDIR": str(self._folder), "PYTHONUNBUFFERED": "1"}
        environment = {**self._service.renditions, **stated}
        with self.log.open("a") as log:
            self.worker = started([str(PYTHON), str(self._file)], environment, log)

    def stop(self, number: signal.Signals = signal.SIGTERM, limit_s: float = 30) -> int:
        """Send the worker a signal and return its exit code."""
        os.kill(self.worker.pid, number)
        return self.worker.wait(limit_s)

    def end(self) -> None:
        self.worker.kill()
        self.worker.wait()


def started(
    command: list[str], environment: dict[str, str], output: Any
) -> "subprocess.Popen[bytes]":
    """Start a process that ends with this one."""
    return subprocess.Popen(
        [sys.executable, "-c", WITH_PARENT, *command],
        env=environment,
        stdout=output,
        start_new_session=True,
    )


def until(condition: Callable[[], object], limit_s: float = 40, what: str = "") -> None:
    """Wait until a condition holds. Raises AssertionError after the limit."""
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"not within {limit_s} s: {what}"
        time.sleep(0.05)


def fetched(address: str) -> bytes:
    """Content behind a signed address."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        content: bytes = answer.read()
        return content


def token(owner: object = "alice", **claims: object) -> str:
    """Token in the form of a signed one; the load balancer has verified its signature."""
    usual = {"sub": owner, "iss": "test", "exp": time.time() + 600}
    payload = json.dumps({**usual, **claims}).encode()
    parts = (b'{"alg":"RS256"}', payload, b"signature")
    return "Bearer " + ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts)
