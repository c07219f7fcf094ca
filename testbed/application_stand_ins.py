"""Stand-ins of what an application calls: an issuer of tokens and an engine, in this process."""

import base64
import json
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

ARGUMENTS = '{"city": "Oslo"}'
"""Arguments of a call of a function."""
CHUNK_BYTES = 4
"""Text of one event of a stream: about one token of English."""


class StandIn:
    """Answers of a server in this process, which ends at the exit of its context."""

    _server: "StandInServer"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._server.url


class TokenIssuer(StandIn):
    """An issuer of RS256 tokens whose public keys are served from entry to exit.

    Its address is the claim `iss` of its tokens.
    """

    def __enter__(self) -> Self:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._key.public_key().public_numbers()
        modulus, exponent = (_base64url(_big_endian(value)) for value in (numbers.n, numbers.e))
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": modulus, "e": exponent}
        self._server = StandInServer(_KeysHandler)
        self._server.keys = json.dumps({"keys": [key]}).encode()
        self._server.start()
        return self

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/jwks.json"

    def token(self, subject: str, audience: str, **claims: object) -> str:
        """Signed token that is valid for an hour, with other claims where they are given."""
        now = int(time.time())
        whose = {"iss": self.url, "sub": subject, "aud": audience}
        body = {**whose, "iat": now, "exp": now + 3600, **claims}
        header = {"alg": "RS256", "typ": "JWT", "kid": "1"}
        parts = [_base64url(json.dumps(part).encode()) for part in (header, body)]
        signed = ".".join(parts)
        return (
            f"{signed}.{_base64url(self._key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"
        )


class EngineStandIn(StandIn):
    """An engine with OpenAI's chat completions that answers every request with one text.

    OpenAI's API is below `/v1` of its address. `text`, `reasoning`, `function`, a function that it
    calls instead of an answer, `prompt_tokens`, `delay_s`, `event_delay_s`, `refusal`, the status
    of every answer, and `events`, after which a stream breaks off, may change between requests.
    `requests` counts chat completions, `ended` those that were answered whole, `most_at_once` is
    the most at work, `bodies` are the last of them, `callers` their tokens, and `paths` counts
    every request.
    """

    def __init__(
        self, model: str, text: str = "An answer.", chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        self.model = model
        self.text = text
        self.chunk_bytes = chunk_bytes
        self.delay_s = 0.0
        self.event_delay_s = 0.0
        self.reasoning = self.function = ""
        self.prompt_tokens = 5
        self.refusal = 0
        self.events: int | None = None
        self.requests = self.ended = self.most_at_once = 0
        self.at_work = set[object]()
        self.bodies: deque[dict[str, Any]] = deque(maxlen=100)
        self.callers: deque[str] = deque(maxlen=100)
        self.paths: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._server = StandInServer(_EngineHandler)
        self._server.engine = self
        self._server.start()
        return self


class StandInServer(ThreadingHTTPServer):
    """HTTP on a free port, in threads of this process."""

    daemon_threads = True
    keys: bytes
    engine: EngineStandIn

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._open: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open = [one for one in self._open if one.fileno() != -1] + [connection]
        return connection, address

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """End the server and the connections that callers keep open."""
        self.shutdown()
        self.server_close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report a fault, unless it is a caller that went away or was killed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class StandInHandler(BaseHTTPRequestHandler):
    """Answers of JSON over connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: StandInServer

    def answer(self, body: bytes, code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class _KeysHandler(StandInHandler):
    def do_GET(self) -> None:
        self.answer(self.server.keys)


class _EngineHandler(StandInHandler):
    wbufsize = -1

    def do_GET(self) -> None:
        engine = self._counted()
        model = {"id": engine.model, "object": "model", "created": 1, "owned_by": "vllm"}
        match self.path:
            case "/health":
                self.answer(b"{}")
            case "/v1/models":
                self.answer(json.dumps({"object": "list", "data": [model]}).encode())
            case _:
                self.answer(b"{}", 404)

    def do_POST(self) -> None:
        engine = self._counted()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/chat/completions":
            self.answer(b"{}", 404)
            return
        engine.requests += 1
        engine.bodies.append(body)
        engine.callers.append(self.headers.get("Authorization", ""))
        if engine.refusal:
            self.answer(b'{"error": {"message": "refused"}}', engine.refusal)
            return
        engine.at_work.add(self)
        engine.most_at_once = max(engine.most_at_once, len(engine.at_work))
        try:
            if engine.delay_s:
                time.sleep(engine.delay_s)
            self._complete(engine, body)
        finally:
            engine.at_work.discard(self)

    def _complete(self, engine: EngineStandIn, body: Mapping[str, Any]) -> None:
        if body.get("stream"):
            self._stream(engine, body)
            return
        message: dict[str, Any] = {"role": "assistant", "content": engine.text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        if engine.function:
            message |= {"content": None, "tool_calls": [_call(engine.function, ARGUMENTS)]}
            choice["finish_reason"] = "tool_calls"
        engine.ended += 1
        self.answer(_completion("chat.completion", body, [choice], _usage(engine)))

    def _stream(self, engine: EngineStandIn, body: Mapping[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if engine.reasoning:
            choice = {"index": 0, "delta": {"role": "assistant", "reasoning": engine.reasoning}}
            self._event(_chunk(body, [{**choice, "finish_reason": None}]))
        text = "" if engine.function else engine.text
        if engine.function:
            halves = (
                _call(engine.function, ARGUMENTS[:5]),
                {"function": {"arguments": ARGUMENTS[5:]}},
            )
            for half in halves:
                delta = {"role": "assistant", "tool_calls": [{"index": 0, **half}]}
                self._event(_chunk(body, [{"index": 0, "delta": delta, "finish_reason": None}]))
        for number, start in enumerate(range(0, len(text), engine.chunk_bytes)):
            if number == engine.events:
                self.close_connection = True
                return
            part = text[start : start + engine.chunk_bytes]
            choice = {"index": 0, "delta": {"role": "assistant", "content": part}}
            self._event(_chunk(body, [{**choice, "finish_reason": None}]))
            if engine.event_delay_s:
                time.sleep(engine.event_delay_s)
        reason = "tool_calls" if engine.function else "stop"
        self._event(_chunk(body, [{"index": 0, "delta": {}, "finish_reason": reason}]))
        if (body.get("stream_options") or {}).get("include_usage"):
            self._event(_completion("chat.completion.chunk", body, [], _usage(engine)))
        engine.ended += 1
        self._event(b"[DONE]")
        self.wfile.write(b"0\r\n\r\n")

    def _event(self, data: bytes) -> None:
        event = b"data: " + data + b"\n\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.flush()

    def _counted(self) -> EngineStandIn:
        engine = self.server.engine
        engine.paths[self.path] = engine.paths.get(self.path, 0) + 1
        return engine


def _call(name: str, arguments: str) -> dict[str, Any]:
    """Call of a function, or its beginning."""
    function = {"name": name, "arguments": arguments}
    return {"id": "call_1", "type": "function", "function": function}


def _usage(engine: EngineStandIn) -> dict[str, int]:
    prompt, answer = engine.prompt_tokens, -(-len(engine.text) // engine.chunk_bytes)
    counts = {"prompt_tokens": prompt, "completion_tokens": answer}
    return {**counts, "total_tokens": prompt + answer}


def _chunk(body: Mapping[str, Any], choices: Sequence[Mapping[str, Any]]) -> bytes:
    return _completion("chat.completion.chunk", body, choices, None)


def _completion(
    kind: str,
    body: Mapping[str, Any],
    choices: Sequence[Mapping[str, Any]],
    usage: Mapping[str, int] | None,
) -> bytes:
    whole = {"id": "chatcmpl-1", "object": kind, "created": 1, "model": body["model"]}
    counted = {} if usage is None else {"usage": usage}
    return json.dumps({**whole, "choices": choices, **counted}).encode()


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _big_endian(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
