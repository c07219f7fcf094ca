"""The cache of answers over two servers of OGX, on PostgreSQL and Redis.

The servers run with the rendered values of a plan and a stand-in of the engines. They connect by
TLS, as a user with the rights that the cache in AWS gives.
"""

import hashlib
import hmac
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, quote

import pytest
import yaml

from components.service.application.answer_cache import ACCESS
from sizewright.reading.stack.plan import read_plan
from sizing.plan.whole import Plan
from templates.render import render
from testbed.application_services import PYTHON
from testbed.application_stand_ins import ARGUMENTS, EngineStandIn, TokenIssuer
from testbed.control_plane import until
from testbed.redis import Redis, redis_missing
from tests.scripts.application.ogx_service import OgxService, Server
from tests.scripts.application.test_conversations import audience, configurations

ROOT = Path(__file__).parents[3]
MODEL, USER = "engine/qwen3-8b", "sizewright-dev-faq-app"
ANSWER = 'A whole answer, with "quotes", an emoji \N{GRINNING FACE} and a\nnew line.'
TOOL = {"name": "weather", "parameters": {"type": "object", "properties": {}}}
WHOLE_CHAT, WHOLE_RESPONSE, CHAT, RESPONSE = range(4)


@dataclass
class Answer:
    """Answer of a server: its text, its id, its calls of functions and its tokens."""

    status: int
    text: str = ""
    id: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    tokens: int | None = None


@dataclass
class Answering:
    """Two servers with a cache of answers."""

    service: OgxService
    issuer: TokenIssuer
    engine: EngineStandIn
    redis: Redis
    servers: list[Server]
    audience: str

    def ask(
        self,
        user: str,
        kind: int,
        text: str,
        *,
        server: int = 0,
        control: str = "",
        **fields: object,
    ) -> Answer:
        """Answer to a request of a kind: chat or response, whole or streamed."""
        path, body = form(kind, text)
        token = self.issuer.token(user, self.audience)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        headers |= {"Cache-Control": control} if control else {}
        url = f"{self.servers[server].url}{path}"
        request = urllib.request.Request(url, json.dumps(body | fields).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return read(kind, answer.read().decode())
        except HTTPError as fault:
            with fault:
                return Answer(fault.code, fault.read().decode())

    def calls(self, work: Callable[[], object]) -> int:
        """Calls of an engine during some work."""
        before = self.engine.requests
        work()
        return self.engine.requests - before

    def kept(self, user: str) -> int:
        """Answers of a user in the cache."""
        return int(self.redis.ask("HLEN", key(user))[0])

    def wait_until_kept(self, user: str, count: int) -> None:
        """An answer is kept after its caller has it."""
        until(lambda: self.kept(user) == count, 5)


def key(user: str) -> str:
    return "answers:" + hashlib.sha256(user.encode()).hexdigest()


def form(kind: int, text: str) -> tuple[str, dict[str, object]]:
    stream = kind in (CHAT, RESPONSE)
    if kind in (WHOLE_RESPONSE, RESPONSE):
        return "/v1/responses", {"model": MODEL, "input": text, "stream": stream}
    body = {"model": MODEL, "messages": [{"role": "user", "content": text}], "stream": stream}
    counted = {"stream_options": {"include_usage": True}} if stream else {}
    return "/v1/chat/completions", body | counted


def read(kind: int, text: str) -> Answer:
    match kind:
        case 0:
            return of_chat(json.loads(text))
        case 1:
            return of_response(json.loads(text))
        case 2:
            return of_chunks(events(text))
    ended = [e["response"] for e in events(text) if e.get("type") == "response.completed"]
    return of_response(ended[0]) if ended else Answer(200, text)


def events(text: str) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def of_chat(whole: dict[str, Any]) -> Answer:
    (choice,) = whole["choices"]
    calls = [
        (each["function"]["name"], each["function"]["arguments"])
        for each in choice["message"].get("tool_calls") or ()
    ]
    text, usage = choice["message"]["content"] or "", whole["usage"]
    return Answer(200, text, whole["id"], calls, usage["total_tokens"])


def of_chunks(chunks: list[dict[str, Any]]) -> Answer:
    found = Answer(200, id=chunks[0].get("id", ""))
    for chunk in chunks:
        if "error" in chunk:
            return Answer(500, json.dumps(chunk))
        for choice in chunk["choices"]:
            found.text += choice["delta"].get("content") or ""
            for each in choice["delta"].get("tool_calls") or ():
                found.calls = [("", "")] if not found.calls else found.calls
                name, arguments = found.calls[0]
                own = each["function"]
                more = (own.get("name") or "", own.get("arguments") or "")
                found.calls = [(name + more[0], arguments + more[1])]
        if chunk.get("usage"):
            found.tokens = chunk["usage"]["total_tokens"]
    return found


def of_response(whole: dict[str, Any]) -> Answer:
    texts = [
        part["text"]
        for item in whole["output"]
        if item["type"] == "message"
        for part in item["content"]
    ]
    calls = [(i["name"], i["arguments"]) for i in whole["output"] if i["type"] == "function_call"]
    usage = whole.get("usage") or {}
    return Answer(200, "".join(texts), whole["id"], calls, usage.get("total_tokens"))


def environment(plan: Plan, redis: Redis) -> dict[str, str]:
    """Values of the environment of a rendered pod, with the addresses of this machine."""
    rendered = render(plan)["kubernetes/faq-app/application-deployment.yaml"]
    (container,) = yaml.safe_load(rendered)["spec"]["template"]["spec"]["containers"]
    stated = {each["name"]: each["value"] for each in container["env"]}
    limits = ("MODEL", "CONTEXT_TOKENS", "BODY_BYTES", "FILE_BYTES")
    kept = {name: stated[name] for name in stated if name in limits or name.startswith("CACHE_")}
    here = {
        "CACHE_HOST": redis.host,
        "CACHE_PORT": str(redis.port),
        "CACHE_NAME": USER,
        "CACHE_USER": USER,
        "CACHE_AUTHORITIES": str(redis.authorities),
        # Guard: a machine that runs other tests too does not always answer in the plan's 30 ms.
        "CACHE_DEADLINE_MS": "1500",
    }
    return kept | here


@contextmanager
def answering(service: OgxService) -> Iterator[Answering]:
    plan = read_plan([ROOT / "workloads" / "faq-app.yaml"], ROOT / "Pulumi.dev.yaml")
    with (
        EngineStandIn("qwen3-8b", ANSWER) as engine,
        TokenIssuer() as issuer,
        Redis(USER, ACCESS) as redis,
    ):
        files = configurations(plan, engine, issuer)
        setup, password = service.folder / "setup.yaml", service.folder / "password"
        setup.write_text(files["setup.yaml"])
        service.environment |= {"SECRET_FILE": str(password), "KEEP_ALIVE_S": "60"}
        service.environment |= {"PROCESSES": "1", "HOST": "127.0.0.1"} | environment(plan, redis)
        assert service.run("application_setup", SETUP_CONFIG=str(setup))[0] == 0
        assert service.run("application_secret")[0] == 0
        servers = [Server(service, files["config.yaml"]) for _ in range(2)]
        try:
            for server in servers:
                server.start()
            whole = Answering(service, issuer, engine, redis, servers, audience(plan))
            connected(whole)
            yield whole
        finally:
            for server in servers:
                server.kill()


def connected(all_of: Answering) -> None:
    """Wait until both servers are connected: they begin with their first request."""
    for server in range(2):

        def is_answered(server: int = server) -> bool:
            return not all_of.calls(lambda: all_of.ask("first", CHAT, "hello", server=server))

        until(is_answered, 30)


def an_identical_request_reaches_an_engine_once(all_of: Answering) -> None:
    """Each kind, on either server: the same text and tokens, another id, and a row of its own."""
    for kind in range(4):
        user = f"asker-{kind}"
        first = all_of.ask(user, kind, "What is a cache?")
        all_of.wait_until_kept(user, 1)
        before = all_of.service.count("responses")
        again = [all_of.ask(user, kind, "What is a cache?", server=n) for n in (0, 1)]
        assert all_of.calls(lambda k=kind, u=user: all_of.ask(u, k, "What is a cache?")) == 0, kind
        for each in (first, *again):
            assert (each.status, each.text, each.tokens) == (200, ANSWER, first.tokens), kind
        assert first.tokens
        assert len({first.id, *(each.id for each in again)}) == 3
        rows = all_of.service.count("responses") - before
        assert rows == (3 if kind in (WHOLE_RESPONSE, RESPONSE) else 0)


def a_stream_and_a_whole_answer_are_one(all_of: Answering) -> None:
    """An answer that was streamed is given whole, and the other way round."""
    for first, second in ((CHAT, WHOLE_CHAT), (WHOLE_CHAT, CHAT), (RESPONSE, WHOLE_RESPONSE)):
        user = f"both-{first}-{second}"
        one = all_of.ask(user, first, "Is it whole?")
        all_of.wait_until_kept(user, 1)
        assert all_of.calls(lambda s=second, u=user: all_of.ask(u, s, "Is it whole?")) == 0
        other = all_of.ask(user, second, "Is it whole?")
        assert (one.text, one.tokens) == (other.text, other.tokens)


def a_stream_has_its_usage_only_where_it_is_requested(all_of: Answering) -> None:
    for attempt in range(2):
        found = all_of.ask("counter", CHAT, "How much?", stream_options=None)
        assert found.tokens is None and found.text == ANSWER, attempt
        all_of.wait_until_kept("counter", 1)


def nobody_gets_the_answer_of_another(all_of: Answering) -> None:
    text = "What is my secret?"
    all_of.ask("alice", CHAT, text)
    all_of.wait_until_kept("alice", 1)
    all_of.engine.text = "Bob's own answer."
    assert all_of.ask("bob", CHAT, text).text == "Bob's own answer."
    assert all_of.ask("alice", CHAT, text).text == ANSWER
    all_of.engine.text = ANSWER


def whatever_decides_an_answer_is_in_its_key(all_of: Answering) -> None:
    same = {"messages": [{"role": "user", "content": "Why?"}]}
    changes: list[dict[str, object]] = [
        {},
        {"temperature": 0.5},
        {"top_p": 0.5},
        {"seed": 1},
        {"max_tokens": 7},
        {"stop": ["x"]},
        {"presence_penalty": 0.5},
        {"logit_bias": {"1": 1}},
        {"response_format": {"type": "json_object"}},
        {"tools": [{"type": "function", "function": TOOL}]},
        {"messages": [{"role": "system", "content": "Be short."}, *same["messages"]]},
    ]
    for change in changes:
        assert all_of.calls(lambda c=change: all_of.ask("changer", CHAT, "Why?", **c)) == 1, change
    all_of.wait_until_kept("changer", len(changes))
    for change in ({}, {"temperature": 0.5}, {"metadata": {"a": "b"}}):
        assert all_of.calls(lambda c=change: all_of.ask("changer", CHAT, "Why?", **c)) == 0, change


def thoughts_and_calls_of_functions_are_kept(all_of: Answering) -> None:
    tools = [{"type": "function", "function": TOOL}]
    flat = [{"type": "function", **TOOL}]
    all_of.engine.function = "weather"
    for kind in range(4):
        user, given = f"caller-{kind}", {"tools": flat if kind & 1 else tools}
        first = all_of.ask(user, kind, "How warm?", **given)
        all_of.wait_until_kept(user, 1)
        again = all_of.ask(user, kind, "How warm?", **given)
        assert all_of.calls(lambda k=kind, u=user, g=given: all_of.ask(u, k, "How warm?", **g)) == 0
        assert first.calls == again.calls == [("weather", ARGUMENTS)], kind
    all_of.engine.function, all_of.engine.reasoning = "", "a thought"
    thought = {"reasoning": {"effort": "low"}}
    for expected in (1, 0):
        found = all_of.calls(lambda: all_of.ask("thinker", RESPONSE, "Think.", **thought))
        assert found == expected
        all_of.wait_until_kept("thinker", 1)
    all_of.engine.reasoning = ""


def a_request_that_forbids_it_is_neither_kept_nor_answered(all_of: Answering) -> None:
    ways: list[dict[str, Any]] = [
        {"store": False},
        {"control": "no-store"},
        {"control": "max-age=0, No-Cache"},
    ]
    for kind in (CHAT, RESPONSE):
        for number, way in enumerate(ways):
            user = f"private-{kind}-{number}"
            for _ in range(2):
                ask = lambda u=user, k=kind, w=way: all_of.ask(u, k, "A secret?", **w)  # noqa: E731
                assert all_of.calls(ask) == 1, way
            time.sleep(0.1)
            assert all_of.kept(user) == 0
            all_of.ask(user, kind, "A secret?")
            all_of.wait_until_kept(user, 1)
            assert all_of.calls(ask) == 1, "a kept answer is not given either"


def only_whole_answers_are_kept(all_of: Answering) -> None:
    all_of.engine.events = 2
    for kind in (CHAT, RESPONSE):
        all_of.ask("broken", kind, "Break off.")
    all_of.engine.events, all_of.engine.refusal = None, 400
    for kind in (WHOLE_CHAT, CHAT):
        assert all_of.ask("broken", kind, "Refuse.").status == 400
    all_of.engine.refusal, all_of.engine.text = 0, "long " * 30_000
    assert len(all_of.ask("broken", CHAT, "Be long.").text) == 150_000
    all_of.engine.text = ANSWER
    time.sleep(0.2)
    assert all_of.kept("broken") == 0


def the_answers_of_a_user_expire_together(all_of: Answering) -> None:
    all_of.ask("old", CHAT, "First?")
    all_of.wait_until_kept("old", 1)
    assert 3_590 < int(all_of.redis.ask("TTL", key("old"))[0]) <= 3_600
    all_of.redis.ask("EXPIRE", key("old"), "2")
    all_of.ask("old", CHAT, "Second?")
    all_of.wait_until_kept("old", 2)
    assert int(all_of.redis.ask("TTL", key("old"))[0]) <= 2
    assert all_of.calls(lambda: all_of.ask("old", CHAT, "First?")) == 0
    until(lambda: all_of.kept("old") == 0, 10)
    assert all_of.calls(lambda: all_of.ask("old", CHAT, "First?")) == 1


def an_erased_user_leaves_nothing(all_of: Answering) -> None:
    for user in ("leaving", "staying"):
        all_of.ask(user, RESPONSE, "Remember me.")
        all_of.wait_until_kept(user, 1)
    code, lines = all_of.service.run("application_rows", "erase", "leaving")
    assert code == 0, lines
    assert (lines[-1]["deleted"]["answers"], lines[-1]["left"]) == (1, 0)
    assert (all_of.kept("leaving"), all_of.kept("staying")) == (0, 1)
    found = all_of.redis.ask("--no-raw", "KEYS", "*")
    assert found and not [line for line in found if "leaving" in line or key("leaving") in line]
    all_of.redis.kill()
    code, lines = all_of.service.run("application_rows", "erase", "staying")
    assert (code, lines[-1]["event"]) == (1, "rows_failed")
    all_of.redis.start()
    connected(all_of)


def without_the_cache_engines_answer(all_of: Answering) -> None:
    """The cache is slow, then down, then there again and empty. No request fails or waits."""

    def seconds(expected_calls: int) -> float:
        begin = time.monotonic()
        for kind in range(4):
            found = Answer(0)

            def ask(kind: int = kind) -> None:
                nonlocal found
                found = all_of.ask("steady", kind, f"Still there, {kind}?")

            assert all_of.calls(ask) == expected_calls, kind
            assert (found.status, found.text) == (200, ANSWER)
        return time.monotonic() - begin

    seconds(1)
    all_of.wait_until_kept("steady", 4)
    usual_s = seconds(0)
    all_of.redis.ask("CLIENT", "PAUSE", "9000", "ALL")
    assert seconds(1) < usual_s + 6
    time.sleep(9)
    connected(all_of)
    assert seconds(0) < usual_s + 6
    all_of.redis.kill()
    assert seconds(1) < usual_s + 6
    all_of.redis.start()
    connected(all_of)
    seconds(1)
    all_of.wait_until_kept("steady", 4)
    seconds(0)


@pytest.mark.skipif(bool(redis_missing()), reason=redis_missing())
def test_answers_to_identical_requests(new_service: Callable[[], OgxService]) -> None:
    """Guard: this is one test, because two processes of a test run would each start servers."""
    with answering(new_service()) as all_of:
        an_identical_request_reaches_an_engine_once(all_of)
        a_stream_and_a_whole_answer_are_one(all_of)
        a_stream_has_its_usage_only_where_it_is_requested(all_of)
        nobody_gets_the_answer_of_another(all_of)
        whatever_decides_an_answer_is_in_its_key(all_of)
        thoughts_and_calls_of_functions_are_kept(all_of)
        a_request_that_forbids_it_is_neither_kept_nor_answered(all_of)
        only_whole_answers_are_kept(all_of)
        the_answers_of_a_user_expire_together(all_of)
        an_erased_user_leaves_nothing(all_of)
        without_the_cache_engines_answer(all_of)


def test_a_token_is_signed_for_its_cache_and_its_user(programs_folder: Path) -> None:
    """The signature is computed again by the rules of Signature Version 4."""
    secret, name = "a-secret", "sizewright-prod-faq"
    program = "import os; from application_cache import token; print(token(os.environ))"
    found = subprocess.run(
        [str(PYTHON), "-c", program],
        env={
            "PYTHONPATH": str(programs_folder),
            "AWS_ACCESS_KEY_ID": "AKID",
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_SESSION_TOKEN": "a/session+token=",
            "AWS_REGION": "eu-west-1",
            "CACHE_NAME": name,
            "CACHE_USER": "the-user",
        },
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    host, _, query = found.partition("/?")
    unsigned, _, signature = query.partition("&X-Amz-Signature=")
    values = dict(parse_qsl(unsigned))
    day = values["X-Amz-Date"][:8]
    assert host == name
    assert (values["Action"], values["User"]) == ("connect", "the-user")
    assert (values["ResourceType"], values["X-Amz-Expires"]) == ("ServerlessCache", "900")
    assert values["X-Amz-Security-Token"] == "a/session+token="
    scope = f"{day}/eu-west-1/elasticache/aws4_request"
    assert values["X-Amz-Credential"] == f"AKID/{scope}"
    ordered = "&".join(f"{quote(k, '')}={quote(v, '')}" for k, v in sorted(values.items()))
    nothing = hashlib.sha256(b"").hexdigest()
    canonical = f"GET\n/\n{ordered}\nhost:{name}\n\nhost\n{nothing}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signed = f"AWS4-HMAC-SHA256\n{values['X-Amz-Date']}\n{scope}\n{digest}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    assert signature == hmac.digest(key, signed.encode(), "sha256").hex()
