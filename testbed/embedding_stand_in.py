"""A stand-in of an embedding service, in this process: texts with the same words are near."""

import base64
import hashlib
import json
import math
import re
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class EmbeddingStandIn:
    """OpenAI's embeddings below `/v1` of its address, from entry to exit.

    A vector counts the words of a text, each at a place that its digest gives. `delay_s` and
    `refusal`, the status of every answer, may change between requests. `texts` are all texts.
    """

    def __init__(self, model: str, dimensions: int) -> None:
        self.model, self.dimensions = model, dimensions
        self.delay_s, self.refusal = 0.0, 0
        self.texts = list[str]()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stand_in = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def vector(self, text: str) -> list[float]:
        """Vector of length 1 that counts the words of a text."""
        counts = [0.0] * self.dimensions
        for word in re.findall(r"\w+", text.lower()):
            digest = hashlib.sha256(word.encode()).digest()
            counts[int.from_bytes(digest[:4], "big") % self.dimensions] += 1
        length = math.sqrt(sum(each * each for each in counts)) or 1.0
        return [each / length for each in counts]


def packed(vector: list[float]) -> str:
    """Vector as the engine writes it in base64: elements of four bytes."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    stand_in: EmbeddingStandIn


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_GET(self) -> None:
        model = {"id": self.server.stand_in.model, "object": "model", "created": 1}
        self._answer({"object": "list", "data": [{**model, "owned_by": "vllm"}]})

    def do_POST(self) -> None:
        service = self.server.stand_in
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if service.refusal:
            self._answer({"error": {"message": "refused"}}, service.refusal)
            return
        given = body["input"]
        texts = [given] if isinstance(given, str) else given
        service.texts += texts
        time.sleep(service.delay_s)
        form = packed if body.get("encoding_format") == "base64" else list
        found = [
            {"object": "embedding", "index": number, "embedding": form(service.vector(text))}
            for number, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        self._answer({"object": "list", "model": body["model"], "data": found, "usage": usage})

    def _answer(self, value: Any, code: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
