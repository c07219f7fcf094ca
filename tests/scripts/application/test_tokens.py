"""The limit of a user's tokens, over two servers of OGX with two processes each.

The servers run with the rendered values of a plan, on PostgreSQL, with a stand-in of the engines.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import yaml

from sizewright.reading.stack.plan import read_plan
from templates.render import render
from testbed.application_stand_ins import EngineStandIn, TokenIssuer
from testbed.control_plane import until
from tests.scripts.application.ogx_service import OgxService, Server, status
from tests.scripts.application.test_conversations import audience, configurations

ROOT = Path(__file__).parents[3]
LIMITED = ROOT / "tests" / "program" / "limited-app.yaml"
LIMIT, CONTEXT = 8_192, 2_048
PROMPT, ANSWER = 300, "An answer of the engine."
USED = PROMPT + len(ANSWER) // 4
SERVED = (LIMIT - CONTEXT) // USED + 1
"""Requests of one user in a minute: each starts while the used tokens leave a whole context."""
MODEL = "engine/qwen3-8b"
NAMES = ("MODEL", "CONTEXT_TOKENS", "BODY_BYTES", "FILE_BYTES", "TOKENS_PER_USER_PER_MIN")
ENOUGH_S = 35
"""Seconds of a minute in which a user can use up the limit."""


@dataclass
class Answer:
    """Answer of a server."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def error(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.text)["error"]
        return found


@dataclass
class Limited:
    """Two servers with a limit of tokens."""

    service: OgxService
    issuer: TokenIssuer
    engine: EngineStandIn
    servers: list[Server]
    audience: str

    def token(self, user: str) -> str:
        return self.issuer.token(user, self.audience)

    def ask(self, user: str, number: int = 0, *, server: int = 0, **fields: object) -> Answer:
        """Answer to one of the four kinds of requests: chat or response, whole or streamed."""
        path, body = form(number)
        url = f"{self.servers[server].url}{path}"
        return sent(url, self.token(user), json.dumps(body | fields).encode())

    def counted(self, user: str) -> int:
        """Tokens of a user in all minutes."""
        total = "SELECT coalesce(sum(tokens), 0) FROM application.token_counts"
        return int(self.service.sql(f"{total} WHERE owner_principal = '{user}'")[0][0])


def form(number: int) -> tuple[str, dict[str, object]]:
    """Path and body of a request of some kind."""
    stream = bool(number & 2)
    if number & 1:
        return "/v1/responses", {"model": MODEL, "input": "hello", "stream": stream}
    messages = [{"role": "user", "content": "hello"}]
    return "/v1/chat/completions", {"model": MODEL, "messages": messages, "stream": stream}


def sent(url: str, token: str, body: bytes) -> Answer:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answered(answer)
    except HTTPError as fault:
        with fault:
            return answered(fault)


def answered(answer: Any) -> Answer:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Answer(answer.status, headers, answer.read().decode())


def limits() -> dict[str, str]:
    """Values of the environment of a rendered pod that decide what is refused."""
    plan = read_plan([LIMITED], ROOT / "Pulumi.dev.yaml")
    rendered = render(plan)["kubernetes/chat-app/application-deployment.yaml"]
    (container,) = yaml.safe_load(rendered)["spec"]["template"]["spec"]["containers"]
    stated = {each["name"]: each["value"] for each in container["env"]}
    return {name: stated[name] for name in NAMES}


@contextmanager
def limited(service: OgxService) -> Iterator[Limited]:
    plan = read_plan([LIMITED], ROOT / "Pulumi.dev.yaml")
    with EngineStandIn("qwen3-8b", ANSWER) as engine, TokenIssuer() as issuer:
        engine.prompt_tokens = PROMPT
        files = configurations(plan, engine, issuer)
        setup = service.folder / "setup.yaml"
        setup.write_text(files["setup.yaml"])
        password = service.folder / "password"
        service.environment |= {"SECRET_FILE": str(password), "KEEP_ALIVE_S": "60"}
        service.environment |= {"PROCESSES": "2", "HOST": "127.0.0.1"} | limits()
        assert service.run("application_setup", SETUP_CONFIG=str(setup))[0] == 0
        assert service.run("application_secret")[0] == 0
        servers = [Server(service, files["config.yaml"]) for _ in range(2)]
        try:
            with ThreadPoolExecutor() as pool:
                list(pool.map(Server.start, servers))
            yield Limited(service, issuer, engine, servers, audience(plan))
        finally:
            for server in servers:
                server.kill()


def wait_for_time() -> None:
    """Wait for a minute with enough seconds."""
    left_s = 60 - time.time() % 60
    if left_s < ENOUGH_S:
        time.sleep(left_s + 0.1)


def many_requests_at_once_never_exceed_the_limit_and_use_it_up(all_of: Limited) -> None:
    """Each kind of request is sent to each server; only a reservation lets it reach an engine."""
    engine, user = all_of.engine, "eager"
    wait_for_time()
    before, engine.delay_s, engine.most_at_once = engine.requests, 1.0, 0
    with ThreadPoolExecutor(32) as pool:
        first = list(pool.map(lambda n: all_of.ask(user, n % 4, server=n // 4 % 2), range(32)))
    engine.delay_s = 0
    assert {each.status for each in first} == {200, 429}
    assert engine.most_at_once == LIMIT // CONTEXT
    served, number = sum(each.status == 200 for each in first), 0
    while (answer := all_of.ask(user, number % 4, server=number // 4 % 2)).status == 200:
        served, number = served + 1, number + 1
    assert (served, engine.requests - before) == (SERVED, SERVED)
    assert all_of.counted(user) == SERVED * USED
    assert all_of.counted(user) + CONTEXT > LIMIT
    refused(answer)
    assert all_of.ask("another").status == 200
    assert all_of.counted("another") == USED


def refused(answer: Answer) -> None:
    """The refusal is one of OpenAI's, and says when the next minute begins."""
    error, headers = answer.error, answer.headers
    assert (answer.status, error["type"]) == (429, "tokens")
    assert (error["code"], error["param"]) == ("rate_limit_exceeded", None)
    left_s = int(headers["retry-after"])
    assert 0 < left_s <= 60
    assert headers["x-ratelimit-reset-tokens"] == f"{left_s}s"
    assert headers["x-ratelimit-limit-tokens"] == str(LIMIT)


def an_answer_states_what_is_left(all_of: Limited) -> None:
    wait_for_time()
    for number in range(4):
        answer = all_of.ask("reader", number)
        remaining = LIMIT - number * USED - CONTEXT
        assert answer.headers["x-ratelimit-remaining-tokens"] == str(remaining), number


def a_stream_has_the_usage_only_where_it_is_requested(all_of: Limited) -> None:
    without = all_of.ask("streamer", 2)
    wanted = all_of.ask("streamer", 2, stream_options={"include_usage": True})
    assert '"usage":{' not in without.text.replace(" ", "")
    assert f'"total_tokens":{USED}' in wanted.text.replace(" ", "")
    assert all_of.counted("streamer") == 2 * USED


def what_reaches_no_engine_takes_nothing(all_of: Limited) -> None:
    user, url, before = "wrong", all_of.servers[0].url, all_of.engine.requests
    token, (path, body) = all_of.token(user), form(1)
    theirs = sent(f"{url}/v1/conversations", all_of.token("another"), b"{}")
    (theirs_id, conversations) = json.loads(theirs.text)["id"], f"{url}/v1/conversations"
    assert status(f"{conversations}/{theirs_id}", token) in (403, 404)
    for code, change in (
        (404, {"model": "another"}),
        (400, {"max_output_tokens": CONTEXT + 1}),
        (400, {"temperature": "hot"}),
        (413, {"input": "a" * 2_000_000}),
        (404, {"conversation": theirs_id}),
        (404, {"previous_response_id": "resp_none"}),
    ):
        request = json.dumps(body | change).encode()
        answer = sent(f"{url}{path}", token, request)
        assert answer.status == code, (change, answer)
    assert status(f"{url}/v1/models", token) == 200
    assert (all_of.counted(user), all_of.engine.requests) == (0, before)


def nobody_spends_the_tokens_of_another(all_of: Limited) -> None:
    user, (path, body) = "victim", form(0)
    url, request = f"{all_of.servers[0].url}{path}", json.dumps(body).encode()
    with TokenIssuer() as forger:
        forged = forger.token(user, all_of.audience, iss=all_of.issuer.url)
    head, claims, _ = all_of.token(user).split(".")
    unsigned = f"{head}.{claims}."
    expired = all_of.issuer.token(user, all_of.audience, exp=1)
    for token in ("", forged, unsigned, expired, all_of.issuer.token(user, "another")):
        assert sent(url, token, request).status == 401
    rows = "SELECT count(*) FROM application.token_counts WHERE owner_principal = 'victim'"
    assert all_of.service.sql(rows) == [["0"]]


def a_broken_answer_keeps_its_reservation(all_of: Limited) -> None:
    all_of.engine.events = 2
    for number, user in ((2, "broken-chat"), (3, "broken-response")):
        answer = all_of.ask(user, number)
        assert "error" in answer.text
        assert all_of.counted(user) == CONTEXT
    all_of.engine.events = None
    with opened(all_of, "gone", 2) as stream:
        assert stream.readline().startswith(b"data: ")
    until(lambda: not all_of.engine.at_work, 30)
    time.sleep(1)
    assert all_of.counted("gone") == CONTEXT


@contextmanager
def opened(all_of: Limited, user: str, number: int) -> Iterator[HTTPResponse]:
    """Answer that is read as it comes, while the engine takes its time."""
    path, body = form(number)
    all_of.engine.event_delay_s = 0.3
    server = HTTPConnection(str(urlsplit(all_of.servers[1].url).netloc), timeout=60)
    headers = {"Authorization": f"Bearer {all_of.token(user)}", "Content-Type": "application/json"}
    try:
        server.request("POST", path, json.dumps(body), headers)
        answer = server.getresponse()
        assert answer.status == 200
        yield answer
    finally:
        all_of.engine.event_delay_s = 0
        server.close()


def a_stream_passes_as_it_comes(all_of: Limited) -> None:
    """The first text arrives before the engine has made the last."""
    for number in (2, 3):
        before = all_of.engine.ended
        with opened(all_of, "patient", number) as stream:
            while b"An a" not in stream.readline():
                pass
            assert all_of.engine.ended == before
            stream.read()
        assert all_of.engine.ended == before + 1
    assert all_of.counted("patient") == 2 * USED


def a_call_that_an_engine_refuses_is_tried_once_and_takes_nothing(all_of: Limited) -> None:
    """Guard: a whole answer may be computed before its 400, so that it keeps its reservation."""
    engine = all_of.engine
    for refusal, number, tokens in ((503, 0, 0), (503, 2, 0), (400, 2, 0), (400, 0, CONTEXT)):
        user, before, engine.refusal = f"refused-{refusal}-{number}", engine.requests, refusal
        answer = all_of.ask(user, number)
        assert answer.status == refusal, answer
        assert engine.requests == before + 1
        assert all_of.counted(user) == tokens
    user, before, engine.refusal = "failed", engine.requests, 500
    assert all_of.ask(user, 0).status == 500
    assert (engine.requests, all_of.counted(user)) == (before + 1, CONTEXT)
    engine.refusal = 0


def a_second_call_of_an_engine_has_its_own_reservation(all_of: Limited) -> None:
    """OGX summarises a thought by another call, whose tokens count too."""
    wait_for_time()
    all_of.engine.reasoning = "a thought"
    thought: dict[str, Any] = {"reasoning": {"effort": "low", "summary": "concise"}}
    before = all_of.engine.requests
    assert all_of.ask("thinker", 1, **thought).status == 200
    assert all_of.engine.requests == before + 2
    assert all_of.counted("thinker") == 2 * USED
    most = LIMIT - CONTEXT
    change = f"UPDATE application.token_counts SET tokens = {most}"
    all_of.service.sql(f"{change} WHERE owner_principal = 'thinker'")
    answer = all_of.ask("thinker", 3, **thought)
    assert all_of.engine.requests == before + 3, "the summary reaches no engine"
    assert "response.failed" in answer.text and "rate_limit_exceeded" in answer.text
    assert all_of.counted("thinker") == most + USED
    all_of.engine.reasoning = ""


def counts_expire_and_are_erased_with_their_user(all_of: Limited) -> None:
    service = all_of.service
    add = "INSERT INTO application.token_counts SELECT"
    hours = "floor(extract(epoch FROM now())) - 3600 * 3"
    service.sql(f"{add} {hours}, 'old-' || n, 1 FROM generate_series(1, 5) n")
    assert all_of.counted("another") == USED
    code, lines = service.run("application_rows", "expire")
    assert code == 0 and lines[-1]["deleted"]["token_counts"] == 5, lines
    assert all_of.counted("another") == USED
    assert service.run("application_rows", "erase", "another")[0] == 0
    assert all_of.counted("another") == 0


def without_the_database_nothing_is_answered(all_of: Limited) -> None:
    before = all_of.engine.requests
    all_of.service.postgres.kill()
    answer = all_of.ask("another", 0)
    all_of.service.postgres.start()
    assert (answer.status, answer.error["type"]) == (503, "server_error")
    assert all_of.engine.requests == before
    until(lambda: all_of.ask("another", 0).status == 200, 60)


def an_answer_that_cannot_be_settled_keeps_its_reservation(all_of: Limited) -> None:
    all_of.engine.delay_s = 2
    with ThreadPoolExecutor(1) as pool:
        before = all_of.engine.requests
        pending = pool.submit(all_of.ask, "unsettled", 0)
        until(lambda: all_of.engine.requests == before + 1, 30)
        all_of.service.postgres.kill()
        answer = pending.result()
    all_of.engine.delay_s = 0
    all_of.service.postgres.start()
    assert answer.status == 200
    assert all_of.counted("unsettled") == CONTEXT


def test_the_tokens_of_a_user_over_two_servers(new_service: Callable[[], OgxService]) -> None:
    """Guard: this is one test, because two processes of a test run would each start servers."""
    with limited(new_service()) as all_of:
        many_requests_at_once_never_exceed_the_limit_and_use_it_up(all_of)
        an_answer_states_what_is_left(all_of)
        a_stream_has_the_usage_only_where_it_is_requested(all_of)
        what_reaches_no_engine_takes_nothing(all_of)
        nobody_spends_the_tokens_of_another(all_of)
        a_broken_answer_keeps_its_reservation(all_of)
        a_stream_passes_as_it_comes(all_of)
        a_call_that_an_engine_refuses_is_tried_once_and_takes_nothing(all_of)
        a_second_call_of_an_engine_has_its_own_reservation(all_of)
        counts_expire_and_are_erased_with_their_user(all_of)
        without_the_database_nothing_is_answered(all_of)
        an_answer_that_cannot_be_settled_keeps_its_reservation(all_of)
