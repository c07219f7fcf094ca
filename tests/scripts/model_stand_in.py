"""A stand-in for the language model of a stage: OpenAI's API on loopback, with stated faults."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[str], str]


class Model(ThreadingHTTPServer):
    """Server whose answer to a prompt is `says(prompt)`, after `wait_s` and with a status."""

    daemon_threads = True

    def __init__(self, says: Answer = str.upper) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.says, self.wait_s, self.status, self.drip_s = says, 0.0, 200, 0.0
        self.raw: bytes | None = None
        self.requests: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/chat/completions"


class Handler(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        request = json.loads(self.rfile.read(length))
        self.server.requests.append({"path": self.path, **request})
        time.sleep(self.server.wait_s)
        text = self.server.says(request["messages"][-1]["content"])
        body = json.dumps({"choices": [{"message": {"content": text}}]}).encode()
        body = body if self.server.raw is None else self.server.raw
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(self.server.drip_s)
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        pass
