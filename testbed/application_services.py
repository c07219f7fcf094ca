"""What an application of OGX needs, on this machine: PostgreSQL, tokens, an engine, and OGX itself.

PostgreSQL and OGX are the real programs. The engine and the issuer of tokens are stand-ins in
this process. Everything listens on the loopback address, and nothing outlives this process.
"""

import base64
import csv
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from testbed.aws_services import FOLDER, free_port
from testbed.control_plane import WITH_PARENT, until

PYTHON = FOLDER / "ogx" / "bin" / "python"
"""Python with OGX, asyncpg, boto3 and the client of OpenAI, without this project's packages."""
POSTGRES = Path("/usr/lib/postgresql")
"""Folder of Debian's PostgreSQL, with one folder per major version."""
MASTER = "master"
"""Superuser of the cluster; it may set any password and make any role."""
START_LIMIT_S = 120
AS_USER = (
    "import ctypes, os, sys; group, user = map(int, sys.argv[1:3]);"
    "os.setgroups([]); os.setgid(group); os.setuid(user);"
    "ctypes.CDLL(None).prctl(1, 9); os.execv(sys.argv[3], sys.argv[3:])"
)
"""Command of root that becomes another user, and then ends a program with its parent.

Guard: the kernel forgets the parent's signal at the change of a user, so that it is set after it.
"""
AS_GROUP = (
    "import ctypes, os, signal, subprocess, sys;"
    "end = lambda *_: os.killpg(0, signal.SIGKILL);"
    "signal.signal(signal.SIGTERM, end);"
    "ctypes.CDLL(None).prctl(1, signal.SIGTERM);"
    "sys.exit(subprocess.call(sys.argv[1:]))"
)
"""Command that leads a process group and ends all of it with its parent.

Guard: workers of a server outlive a server that is killed, so that the group is ended, not it.
"""
CHUNK_BYTES = 4
"""Text of one event of a stream: about one token of English."""


def postgres_missing() -> str:
    """Reason why PostgreSQL cannot run here; empty where it can."""
    if not list(POSTGRES.glob("*/bin/initdb")):
        return "no PostgreSQL: install Debian's package postgresql"
    if os.getuid() == 0 and _postgres_user() is None:
        return "no user postgres: PostgreSQL does not run as root"
    return ""


def application_missing() -> str:
    """Reason why OGX cannot run here; empty where it can."""
    ready = (FOLDER / ".ready-ogx").is_file()
    return "" if ready else "no OGX: run `make testbed` with Python 3.12 or 3.13"


class Postgres:
    """A cluster with the superuser `master`, empty at entry and removed at exit.

    Connections over TCP need a password. Nothing is flushed to disk: a killed server loses no
    transaction, but a machine without power would.
    """

    def __init__(self, settings: Mapping[str, str] | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.password = "master-password"
        self._settings = {"fsync": "off", "max_connections": "100", **(settings or {})}
        self._programs = max(POSTGRES.glob("*/bin/initdb"), key=_major).parent
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # Guard: this is not pytest's folder, because a Unix socket's path is limited to 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="sizewright-pg-"))
        user = _postgres_user() if os.getuid() == 0 else None
        self._user = () if user is None else (str(user[1]), str(user[0]))
        try:
            self._make_cluster()
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def start(self) -> None:
        """Start the server, and wait until it answers. Raises TimeoutError with its log."""
        flags = [f"--{name}={value}" for name, value in self._settings.items()]
        data = str(self.folder / "data")
        log = self.folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command("postgres", "-D", data, "-k", str(self.folder), *flags),
                stdout=output,
                stderr=output,
                cwd=self.folder,
                process_group=0,
            )
        try:
            until(self._answers, START_LIMIT_S)
        except (TimeoutError, ChildProcessError) as fault:
            raise TimeoutError(f"PostgreSQL does not answer: {log.read_text()[-2000:]}") from fault

    def kill(self) -> None:
        """End the server and its backends at once, as a crash does."""
        if self._process is None:
            return
        pids = [self._process.pid, *descendants(self._process.pid)]
        _kill(pids)
        self._process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30)
        self._process = None

    @property
    def pid(self) -> int:
        """Process id of the server. Raises RuntimeError while it does not run."""
        if self._process is None:
            raise RuntimeError("PostgreSQL does not run")
        return self._process.pid

    @property
    def version(self) -> str:
        return self.execute("SHOW server_version")[0][0]

    def execute(self, sql: str, *, database: str = "postgres", role: str = "") -> list[list[str]]:
        """Rows of the last statement as texts; NULL is an empty text.

        Statements run one by one as `master`, or as the role. Raises RuntimeError with the
        message of the server.
        """
        words = ["-h", str(self.folder), "-p", str(self.port), "-U", role or MASTER, "-d", database]
        flags = ["-X", "-q", "-t", "--csv", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [str(self._programs / "psql"), *words, *flags],
            input=sql,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return list(csv.reader(done.stdout.splitlines()))

    def _make_cluster(self) -> None:
        password = self.folder / "password"
        password.write_text(self.password)
        if self._user:
            group, user = map(int, self._user)
            os.chown(self.folder, user, group)
            os.chown(password, user, group)
        self.folder.chmod(0o755)
        access = ["--auth-local=trust", "--auth-host=scram-sha-256", f"--pwfile={password}"]
        flags = ["-U", MASTER, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", *access]
        command = self._command("initdb", "-D", str(self.folder / "data"), *flags)
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
        if done.returncode:
            raise RuntimeError(f"no cluster was made: {done.stderr}")
        address = {"listen_addresses": self.host, "port": str(self.port)}
        self._settings = {**address, **self._settings}

    def _command(self, program: str, *words: str) -> list[str]:
        """Command of a program that ends with this process, as another user for root."""
        named = [str(self._programs / program), *words]
        if self._user:
            return [sys.executable, "-c", AS_USER, *self._user, *named]
        return [sys.executable, "-c", WITH_PARENT, *named]

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ChildProcessError("PostgreSQL ended")
        try:
            self.execute("SELECT 1")
        except RuntimeError:
            return False
        return True

    def _remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class TokenIssuer:
    """An issuer of RS256 tokens whose public keys are served from entry to exit."""

    def __enter__(self) -> Self:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = self._key.public_key().public_numbers()
        modulus, exponent = (_base64url(_big_endian(value)) for value in (numbers.n, numbers.e))
        key = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1", "n": modulus, "e": exponent}
        self._server = _Server(_KeysHandler)
        self._server.keys = json.dumps({"keys": [key]}).encode()
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """Claim `iss` of its tokens."""
        return self._server.url

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


class EngineStandIn:
    """An engine with OpenAI's chat completions that answers every request with one text.

    `text`, `delay_s` and `event_delay_s` may change between requests. `requests` counts chat
    completions, `bodies` are the last of them, and `paths` counts every request.
    """

    def __init__(
        self, model: str, text: str = "An answer.", chunk_bytes: int = CHUNK_BYTES
    ) -> None:
        self.model = model
        self.text = text
        self.chunk_bytes = chunk_bytes
        self.delay_s = 0.0
        self.event_delay_s = 0.0
        self.requests = 0
        self.bodies: deque[dict[str, Any]] = deque(maxlen=100)
        self.paths: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._server = _Server(_EngineHandler)
        self._server.engine = self
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """Address of the server; OpenAI's API is below `/v1`."""
        return self._server.url


class Application:
    """A server of OGX with the text of a configuration, from entry to exit.

    The server gets the given environment and no other, but for PATH and a home of its own.
    """

    def __init__(self, config: str, environment: Mapping[str, str] | None = None) -> None:
        self._config = config
        server = yaml.safe_load(config)["server"]
        self.url = f"http://127.0.0.1:{server['port']}"
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="sizewright-ogx-"))
        (self.folder / "config.yaml").write_text(self._config)
        try:
            self.start()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def start(self) -> None:
        """Start the server, and wait until it answers. Raises TimeoutError with its log."""
        program = [str(PYTHON.parent / "ogx"), "run", str(self.folder / "config.yaml")]
        home = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "TMPDIR": str(self.folder)}
        with (self.folder / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", AS_GROUP, *program, "--insecure"],
                env={**home, **self._environment},
                stdout=output,
                stderr=output,
                cwd=self.folder,
                process_group=0,
            )
        try:
            until(self._answers, START_LIMIT_S)
        except (TimeoutError, ChildProcessError) as fault:
            raise TimeoutError(f"OGX does not answer: {self.log[-4000:]}") from fault

    def kill(self) -> None:
        """End the server and its workers at once, as a lost node does."""
        if self._process is None:
            return
        pids = self.pids
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30)
        self._process = None

    @property
    def pids(self) -> list[int]:
        """Process ids of the server and its workers; none while it does not run."""
        return descendants(self._process.pid) if self._process is not None else []

    @property
    def log(self) -> str:
        """What the server printed since the entry."""
        return (self.folder / "log").read_text(errors="replace")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise ChildProcessError("OGX ended")
        try:
            with urllib.request.urlopen(f"{self.url}/v1/health", timeout=5):
                return True
        except OSError:
            return False

    def _remove(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class _Server(ThreadingHTTPServer):
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


class _Handler(BaseHTTPRequestHandler):
    """Answers of JSON over connections that stay open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def answer(self, body: bytes, code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


class _KeysHandler(_Handler):
    def do_GET(self) -> None:
        self.answer(self.server.keys)


class _EngineHandler(_Handler):
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
        if engine.delay_s:
            time.sleep(engine.delay_s)
        if body.get("stream"):
            self._stream(engine, body)
            return
        message = {"role": "assistant", "content": engine.text}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.answer(_completion("chat.completion", body, [choice], _usage(engine)))

    def _stream(self, engine: EngineStandIn, body: Mapping[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for start in range(0, len(engine.text), engine.chunk_bytes):
            part = engine.text[start : start + engine.chunk_bytes]
            choice = {"index": 0, "delta": {"role": "assistant", "content": part}}
            self._event(_chunk(body, [{**choice, "finish_reason": None}]))
            if engine.event_delay_s:
                time.sleep(engine.event_delay_s)
        self._event(_chunk(body, [{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        if (body.get("stream_options") or {}).get("include_usage"):
            self._event(_completion("chat.completion.chunk", body, [], _usage(engine)))
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


def descendants(pid: int) -> list[int]:
    """Process ids of the children of a process, and of theirs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [found for child in children for found in (int(child), *descendants(int(child)))]


def _kill(pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _usage(engine: EngineStandIn) -> dict[str, int]:
    tokens = -(-len(engine.text) // engine.chunk_bytes)
    return {"prompt_tokens": 5, "completion_tokens": tokens, "total_tokens": 5 + tokens}


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


def _postgres_user() -> tuple[int, int] | None:
    """User and group id of the user of PostgreSQL; none where the machine has no such user."""
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        return None
    return entry.pw_uid, entry.pw_gid


def _major(initdb: Path) -> int:
    """Version of PostgreSQL in the path of a program of it."""
    return int(initdb.parents[1].name)


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _big_endian(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
