"""Requests of several callers, each of which waits for its answer before it sends the next."""

import http.client
import json
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from setting import DATABASE, ROLE, SERVED, Setting, cpu_s

from testbed.application_services import PYTHON

ROOT = Path(__file__).parents[2]
CALLERS = 8
"""Requests at once: more than the connections of a pool, so that OGX's core is never idle."""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a batch of requests took."""

    requests: int
    cpu_s: float
    wall_s: float

    @property
    def cpu_s_per_request(self) -> float:
        return self.cpu_s / self.requests

    @property
    def requests_per_s(self) -> float:
        return self.requests / self.wall_s


class Texts:
    """Texts of exactly so many bytes, English prose of this repository's pages in ASCII."""

    def __init__(self) -> None:
        pages = sorted((ROOT / "docs").glob("*.md"))
        prose = " ".join(" ".join(page.read_text("utf-8").split()) for page in pages)
        self._prose = prose.encode("ascii", "ignore").decode()
        self._random = random.Random(0)

    def prose(self, size: int) -> str:
        start = self._random.randrange(len(self._prose) - size)
        return self._prose[start : start + size]

    def random(self, size: int) -> str:
        """Text that does not compress, as ciphertext or base64."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return "".join(self._random.choices(letters, k=size))


class Caller:
    """One connection to a server of OpenAI's API, with a token where one is given."""

    def __init__(self, url: str, token: str = "") -> None:
        self._server = http.client.HTTPConnection(str(urlsplit(url).netloc), timeout=120)
        self._headers = {"Content-Type": "application/json"}
        self._headers |= {"Authorization": f"Bearer {token}"} if token else {}

    def conversation(self) -> str:
        """Identity of a new conversation."""
        return str(json.loads(self.post("/v1/conversations", {}))["id"])

    def response(self, conversation: str, text: str, *, stream: bool = False) -> None:
        body = {"model": SERVED, "input": text, "conversation": conversation, "stream": stream}
        answer = self.post("/v1/responses", body)
        # Guard: OGX answers a failure of a streamed response with status 200.
        if stream and b'"type":"response.completed"' not in answer.replace(b'": ', b'":'):
            raise AssertionError(f"not completed: {answer[-500:]!r}")

    def completion(self, text: str, *, model: str = SERVED, stream: bool = False) -> None:
        messages = [{"role": "user", "content": text}]
        self.post("/v1/chat/completions", {"model": model, "messages": messages, "stream": stream})

    def post(self, path: str, body: object, expected: int = 200) -> bytes:
        """Answer to a request. Raises AssertionError where its status is not the expected one."""
        self._server.request("POST", path, json.dumps(body), headers=self._headers)
        answer = self._server.getresponse()
        content = answer.read()
        if answer.status != expected:
            raise AssertionError(f"{path} answered {answer.status}: {content[:500]!r}")
        return content


def spent(running: Setting, url: str, work: Sequence[Callable[[Caller], int]]) -> Spent:
    """CPU time of OGX and wall time of all work, done by `CALLERS` callers at once.

    A piece of work returns how many requests it sent.
    """
    queue = iter(work)

    def until_done(caller: Caller) -> int:
        return sum(piece(caller) for piece in _shared(queue))

    callers = [Caller(url) for _ in range(min(CALLERS, len(work)))]
    cpu, begun = cpu_s(running.pid), time.perf_counter()
    with ThreadPoolExecutor(len(callers)) as threads:
        sent = sum(threads.map(until_done, callers))
    return Spent(requests=sent, cpu_s=cpu_s(running.pid) - cpu, wall_s=time.perf_counter() - begun)


def _shared(queue: Iterator[Callable[[Caller], int]]) -> Iterator[Callable[[Caller], int]]:
    """Next piece of a list that several threads share; `next` of a list's iterator is atomic."""
    return iter(lambda: next(queue, None), None)  # type: ignore[arg-type,return-value]


def first_turns(
    running: Setting, conversations: Sequence[str], text: str, *, stream: bool
) -> Spent:
    """One response in each conversation, which exists already."""

    def turn(name: str) -> Callable[[Caller], int]:
        def send(caller: Caller) -> int:
            caller.response(name, text, stream=stream)
            return 1

        return send

    return spent(running, running.application.url, [turn(name) for name in conversations])


def conversations(running: Setting, count: int) -> list[str]:
    """Identities of new conversations."""
    caller = Caller(running.application.url)
    return [caller.conversation() for _ in range(count)]


def dialogues(running: Setting, names: Sequence[str], turns: int, text: Callable[[], str]) -> Spent:
    """So many turns in each conversation, one after the other, with a new answer for each."""

    def dialogue(name: str) -> Callable[[Caller], int]:
        def send(caller: Caller) -> int:
            for _ in range(turns):
                running.engine.text = text()
                caller.response(name, text())
            return turns

        return send

    return spent(running, running.application.url, [dialogue(name) for name in names])


def completions(
    running: Setting, url: str, model: str, text: str, count: int, *, stream: bool
) -> Spent:
    """So many chat completions at an address."""

    def send(caller: Caller) -> int:
        caller.completion(text, model=model, stream=stream)
        return 1

    return spent(running, url, [send] * count)


def limited(
    running: Setting, repeats: int, requests: int, events: int
) -> tuple[list[float], float]:
    """CPU seconds of the limit of tokens for one answer, and its writing statements for one."""
    postgres = running.postgres
    where = {
        "DATABASE_HOST": postgres.host,
        "DATABASE_PORT": str(postgres.port),
        "DATABASE": DATABASE,
        "DATABASE_TLS": "disable",
        "ROLE": ROLE,
    }
    program = Path(__file__).with_name("limited.py")
    words = [str(PYTHON), str(program), *map(str, (repeats, requests, events))]
    with tempfile.NamedTemporaryFile("w") as password:
        password.write(ROLE)
        password.flush()
        running.rows("SELECT pg_stat_statements_reset()")
        environment = {**where, "SECRET_FILE": password.name}
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, check=True)
    found = json.loads(done.stdout)
    which = "query ~ 'token_counts' AND query ~* '(insert|update)' AND query !~* 'create'"
    [[calls]] = running.rows(f"SELECT sum(calls) FROM pg_stat_statements WHERE {which}")
    return found["cpu_s"], int(calls) / found["requests"]
