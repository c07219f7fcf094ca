"""One item from the engine's API on the loopback address, as bytes in a file.

The engine is vLLM-Omni 0.30.0. Images come from one request, which lasts until the image is done.
Clips are jobs of the engine: a form starts one, its state is polled, its content is read, and then
it is deleted. The engine keeps the files of clips until then.
"""

from __future__ import annotations

import base64
import fcntl
import json
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from prompt_stages import Earlier, FailedError, RefusedError, Stages, data_uri

CHUNK_BYTES = 1 << 20
ANSWER_BYTES = 1 << 28
"""Largest answer that is not a clip. Basis: assumed; an uncompressed 8K image has 133 MB."""
SHORT_S = 10
"""Time of a request that makes nothing, in seconds. Basis: assumed."""
FIRST_POLL_S, LAST_POLL_S = 0.05, 2.0
"""Pauses between two looks at a clip's state; each is twice the one before."""
MARKS = {
    "png": (0, b"\x89PNG\r\n\x1a\n"),
    "jpeg": (0, b"\xff\xd8\xff"),
    "webp": (8, b"WEBP"),
    "h264": (4, b"ftyp"),
}
"""Bytes near the start of a file of each format, and their position."""


class AbsentError(Exception):
    """The engine accepts no connection; the job has not reached it."""


class RejectedError(Exception):
    """The engine will never do this job; the text is its reason."""


class BrokenError(Exception):
    """The attempt is lost; another may succeed."""


class DiedError(BrokenError):
    """The connection ended during the attempt."""


class HungError(BrokenError):
    """The item took longer than allowed."""


class Engine:
    """The engine's API for items of one kind."""

    def __init__(
        self,
        url: str,
        kind: str,
        form: str,
        item_timeout_s: float,
        stages: Stages | None,
    ) -> None:
        self._stages = stages
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port
        self._kind, self._form, self._timeout_s = kind, form, item_timeout_s

    def healthy(self) -> bool:
        """True where the engine answers and its processes live."""
        try:
            return self._call("GET", "/health", time.monotonic() + SHORT_S)[0] == 200
        except (AbsentError, BrokenError):
            return False

    def cleared(self) -> bool:
        """Delete clips of a worker that was killed; they would delay the next item."""
        if self._kind != "video":
            return True
        try:
            status, answer = self._call("GET", "/v1/videos", time.monotonic() + SHORT_S)
        except (AbsentError, BrokenError):
            return False
        for clip in _object(answer).get("data", []) if status == 200 else []:
            self._delete(clip["id"])
        return status == 200

    def make(
        self,
        request: dict[str, Any],
        image: tuple[str, bytes] | None,
        out: IO[bytes],
        earlier: Earlier | None = None,
    ) -> None:
        """Write the item to the file. Raises AbsentError, RejectedError or BrokenError.

        `earlier` reads earlier prompts of the job's owner, for the stage that may use them.
        """
        fields = {key: request[key] for key in request if key != "input_reference"}
        if self._stages is not None:
            with attempted():
                fields["prompt"] = self._stages.passed(fields["prompt"], earlier)
        with self._alone():
            until = time.monotonic() + self._timeout_s
            if self._kind == "video":
                self._clip(fields, image, until, out)
            else:
                out.write(self._image(fields, image, until))
        out.flush()
        start, mark = MARKS[self._form]
        out.seek(start)
        if out.read(len(mark)) != mark:
            raise BrokenError(f"the engine's answer is no {self._kind}")
        out.seek(0)
        if self._stages is not None and self._stages.reviews:
            with attempted():
                self._stages.reviewed([data_uri(base64.b64encode(out.read()).decode())])
            out.seek(0)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The engine for one job: another worker of the pod waits here until the item is made.

        Guard: the lock ends with its process, whatever happens to it.
        """
        with (Path(tempfile.gettempdir()) / f"engine-{self._port}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _image(
        self, fields: dict[str, Any], image: tuple[str, bytes] | None, until: float
    ) -> bytes:
        fields |= {"n": 1, "response_format": "b64_json", "output_format": self._form}
        path, body, content = "/v1/images/generations", json.dumps(fields).encode(), JSON
        if image is not None:
            path, (content, body) = "/v1/images/edits", form(fields, "image", image)
        status, answer = self._call("POST", path, until, body=body, content=content)
        _check(status, answer)
        try:
            return base64.b64decode(_object(answer)["data"][0]["b64_json"], validate=True)
        except (KeyError, IndexError, TypeError, ValueError):
            raise BrokenError("the engine's answer has no image") from None

    def _clip(
        self,
        fields: dict[str, Any],
        image: tuple[str, bytes] | None,
        until: float,
        out: IO[bytes],
    ) -> None:
        content, body = form(fields, "input_reference", image)
        status, answer = self._call("POST", "/v1/videos", until, body=body, content=content)
        _check(status, answer)
        path = f"/v1/videos/{_object(answer).get('id')}"
        try:
            self._finished(path, until)
            status, answer = self._call("GET", f"{path}/content", until, out=out)
            _check(status, answer)
        except AbsentError as fault:
            # Guard: this job was with the engine when it ended, perhaps because of it.
            raise DiedError("the engine ended during the attempt") from fault
        finally:
            self._delete(path.rpartition("/")[2])

    def _finished(self, path: str, until: float) -> None:
        """Return when the clip is done.

        Guard: the answer about a failed clip has the code of its error, not 200.
        """
        pause_s = FIRST_POLL_S
        while True:
            status, answer = self._call("GET", path, until)
            state = _object(answer).get("status")
            if status == 200 and state == "completed":
                return
            if status == 404 and state is None:
                raise DiedError("the engine has lost the clip")
            if status != 200 or state == "failed":
                _check(max(status, 400), answer)
            if time.monotonic() + pause_s > until:
                raise HungError(f"no result within {self._timeout_s:g} s")
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, LAST_POLL_S)

    def _delete(self, clip: str) -> None:
        """Delete a clip, which also ends its work. An engine that cannot do so keeps it."""
        try:
            self._call("DELETE", f"/v1/videos/{clip}", time.monotonic() + SHORT_S)
        except (AbsentError, BrokenError):
            print(json.dumps({"event": "clip_not_deleted"}), flush=True)

    def _call(
        self,
        method: str,
        path: str,
        until: float,
        *,
        body: bytes | None = None,
        content: str = "",
        out: IO[bytes] | None = None,
    ) -> tuple[int, bytes]:
        """Status and body of an answer; with `out`, a good body goes there."""
        left_s = max(until - time.monotonic(), 0.1)
        connection = HTTPConnection(self._host, self._port, timeout=left_s)
        try:
            connection.connect()
        except OSError as fault:
            raise AbsentError("the engine accepts no connection") from fault
        try:
            headers = {"Content-Type": content} if content else {}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            parts, size = list[bytes](), 0
            while chunk := answer.read(CHUNK_BYTES):
                size += len(chunk)
                if time.monotonic() > until:
                    raise TimeoutError
                if out is not None and answer.status == 200:
                    out.write(chunk)
                elif size <= ANSWER_BYTES:
                    parts.append(chunk)
                else:
                    raise BrokenError("the engine's answer is too large")
            return answer.status, b"".join(parts)
        except TimeoutError:
            raise HungError(f"no result within {self._timeout_s:g} s") from None
        except (OSError, HTTPException) as fault:
            raise DiedError("the engine closed the connection") from fault
        finally:
            connection.close()


@contextmanager
def attempted() -> Iterator[None]:
    """Raise a refusal of a stage as RejectedError, and a failure that refuses as BrokenError."""
    try:
        yield
    except RefusedError as fault:
        raise RejectedError(str(fault)) from fault
    except FailedError as fault:
        raise BrokenError(str(fault)) from fault


JSON = "application/json"


def form(fields: dict[str, Any], name: str, image: tuple[str, bytes] | None) -> tuple[str, bytes]:
    """Content type and body of a form, with a file where an image is given."""
    boundary = secrets.token_hex(24)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    if image is not None:
        kind, content = image
        ending = kind.rpartition("/")[2]
        head = f'Content-Disposition: form-data; name="{name}"; filename="input.{ending}"'
        parts.append(f"--{boundary}\r\n{head}\r\nContent-Type: {kind}\r\n\r\n".encode())
        parts.append(content + b"\r\n")
    parts.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(parts)


def _object(answer: bytes) -> dict[str, Any]:
    try:
        found = json.loads(answer)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _check(status: int, answer: bytes) -> None:
    """Raise for an answer that is an error."""
    if status >= 400:
        found = _object(answer)
        error = found.get("error")
        said = error.get("message") if isinstance(error, dict) else found.get("detail")
        reason = f"the engine answers {status}: {str(said or 'no reason')[:300]}"
        passing = status >= 500 or status in (408, 429)
        raise BrokenError(reason) if passing else RejectedError(reason)
