"""A stand-in for vLLM-Omni 0.30.0: its paths, forms, states and answers, without a model.

Arguments: the port, the kind (image or video), and the file of its log. FAULTS is a JSON list with
one behaviour for each item in order, and SEED adds random ones; the last one repeats. Behaviours
are ok, slow (`slow 5` for 5 s), error, hang, die and garbage. A prompt that contains `forbidden` is
always refused; a clip with `forbidden later` is refused after its start. An item's bytes depend on
its prompt, seed and size alone. Where CLIP names a file, every clip is that file, unless its prompt
has `unreadable`.
"""

import base64
import hashlib
import json
import os
import random
import sys
import threading
import time
import uuid
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WEIGHTS = {"ok": 74, "slow": 12, "error": 5, "die": 4, "hang": 2, "garbage": 3}
"""Weights of random behaviours. A refusal depends on the prompt, as it does in an engine."""
PATHS = {"image": ("/v1/images/generations", "/v1/images/edits"), "video": ("/v1/videos",)}
PAUSES_S = {"slow": 1, "hang": 600, "die": 0.3}
"""Seconds before a behaviour shows."""


STARTS = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "webp": b"RIFF\0\0\0\0WEBP",
    "h264": b"\0\0\0\x18ftypmp42",
}
"""First bytes of a file of each format."""


def item(form: str, prompt: str, seed: object, size: str) -> bytes:
    """Bytes of an item; a prompt with `large` makes one of 17 MiB, in three parts."""
    if form == "h264" and "CLIP" in os.environ and "unreadable" not in prompt:
        return Path(os.environ["CLIP"]).read_bytes()
    start = STARTS[form]
    digest = hashlib.sha256(json.dumps([prompt, str(seed), size]).encode()).digest()
    return start + digest * (557_056 if "large" in prompt else 64)


class Engine(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, kind: str, log: Path) -> None:
        super().__init__(("127.0.0.1", port), Answers)
        self.kind, self.log = kind, log
        self.clips: dict[str, dict[str, Any]] = {}
        self.lock = threading.Lock()
        self.working = 0
        self._behaviours = json.loads(os.environ.get("FAULTS", "[]"))
        if seed := os.environ.get("SEED"):
            chance = random.Random(int(seed))
            self._behaviours += chance.choices(list(WEIGHTS), list(WEIGHTS.values()), k=5_000)
        self._next = 0

    def behaviour(self, prompt: str) -> str:
        if "forbidden" in prompt:
            return "refuse"
        with self.lock:
            index = min(self._next, len(self._behaviours) - 1)
            self._next += 1
        return self._behaviours[index]

    def note(self, **facts: object) -> None:
        with self.lock, self.log.open("a") as log:
            log.write(json.dumps(facts) + "\n")


class Answers(BaseHTTPRequestHandler):
    server: Engine
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the test's output."""

    def do_GET(self) -> None:
        clips = self.server.clips
        match self.path.strip("/").split("/"):
            case ["health"]:
                self._json(200, {"status": "healthy"})
            case ["v1", "videos"]:
                listed = [shown(clip) for clip in clips.values()]
                self._json(200, {"object": "list", "data": listed, "has_more": False})
            case ["v1", "videos", number] if number in clips:
                clip = clips[number]
                failed = clip["status"] == "failed"
                self._json(clip["error"]["code"] if failed else 200, shown(clip))
            case ["v1", "videos", number, "content"] if number in clips:
                self._bytes(200, clips[number]["bytes"], "video/mp4")
            case _:
                self._json(404, {"detail": "Video not found"})

    def do_DELETE(self) -> None:
        number = self.path.rpartition("/")[2]
        self.server.note(deleted=number)
        if self.server.clips.pop(number, None) is None:
            self._json(404, {"detail": "Video not found"})
            return
        self._json(200, {"id": number, "deleted": True, "object": "video.deleted"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_json = self.headers["Content-Type"] == "application/json"
        if is_json is not (self.path == "/v1/images/generations"):
            self._json(422, {"detail": "not the form of this path"})
            return
        if self.path not in PATHS[self.server.kind]:
            self._json(404, {"detail": "Not Found"})
            return
        fields = json.loads(body) if is_json else parsed_form(self.headers["Content-Type"], body)
        behaviour = self.server.behaviour(fields["prompt"])
        with self.server.lock:
            self.server.working += 1
        together = self.server.working
        self.server.note(path=self.path, fields=fields, behaviour=behaviour, together=together)
        try:
            if self.server.kind == "image":
                self._image(fields, behaviour)
            else:
                self._clip(fields, behaviour)
        finally:
            with self.server.lock:
                self.server.working -= 1

    def _image(self, fields: dict[str, Any], behaviour: str) -> None:
        if fault := fault_of(behaviour):
            self._json(fault["code"], {"error": {**fault, "type": "BadRequestError"}})
            return
        done = item(fields["output_format"], fields["prompt"], fields["seed"], fields["size"])
        shown = "bm9uZQ==" if behaviour == "garbage" else base64.b64encode(done).decode()
        answer = {
            "created": int(time.time()),
            "data": [{"b64_json": shown}],
            "output_format": fields["output_format"],
        }
        self._json(200, answer)

    def _clip(self, fields: dict[str, Any], behaviour: str) -> None:
        if behaviour == "refuse" and "later" not in fields["prompt"]:
            self._json(400, {"error": {**(fault_of(behaviour) or {}), "type": "BadRequestError"}})
            return
        number = f"video_gen_{uuid.uuid4().hex}"
        clip = {"id": number, "object": "video", "status": "queued", "error": None, "bytes": b""}
        self.server.clips[number] = clip
        threading.Thread(target=self._work, args=(clip, fields, behaviour), daemon=True).start()
        self._json(200, shown(clip))

    def _work(self, clip: dict[str, Any], fields: dict[str, Any], behaviour: str) -> None:
        clip["status"] = "in_progress"
        if fault := fault_of(behaviour):
            clip |= {"status": "failed", "error": fault}
            return
        done = item("h264", fields["prompt"], fields["seed"], fields["size"])
        clip["bytes"] = b"" if behaviour == "garbage" else done
        clip["status"] = "completed"

    def _json(self, status: int, answer: object) -> None:
        self._bytes(status, json.dumps(answer).encode(), "application/json")

    def _bytes(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def fault_of(behaviour: str) -> dict[str, Any] | None:
    """Error of a behaviour, after its pause; None where the item is made."""
    name, _, seconds = behaviour.partition(" ")
    if name in PAUSES_S:
        time.sleep(float(seconds or PAUSES_S[name]))
    if name == "die":
        os._exit(137)
    faults = {"error": (500, "CUDA out of memory"), "refuse": (400, "the prompt is forbidden")}
    if behaviour not in faults:
        return None
    code, message = faults[behaviour]
    return {"code": code, "message": message}


def shown(clip: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in clip.items() if key != "bytes"}


def parsed_form(kind: str, body: bytes) -> dict[str, Any]:
    """Fields of a form; a file is its name, type and digest."""
    whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    fields: dict[str, Any] = {}
    for part in whole.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if file := part.get_filename():
            digest = hashlib.sha256(content).hexdigest()
            fields[str(name)] = [file, part.get_content_type(), digest]
        else:
            fields[str(name)] = content.decode()
    return fields


if __name__ == "__main__":
    Engine(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])).serve_forever()
