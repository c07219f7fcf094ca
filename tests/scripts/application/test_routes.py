"""Two models behind one server of OGX: routes by name, by length and by header, and its refusals.

The server runs with the rendered values of the two example files, on PostgreSQL, with stand-ins of
the engines. OpenAI's own client calls it.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sizewright.reading.stack.plan import read_plan
from sizing.plan.whole import Plan
from templates.render import render
from testbed.application_services import PYTHON
from testbed.application_stand_ins import EngineStandIn, TokenIssuer
from tests.scripts.application.ogx_service import OgxService, Server, status
from tests.scripts.application.test_conversations import audience

ROOT = Path(__file__).parents[3]
FILES = [ROOT / "workloads" / f"{name}.yaml" for name in ("assistant", "assistant-small")]
DRIVER = Path(__file__).with_name("routes_driver.py")
OWN, SMALL = "engine/qwen3-8b", "assistant-small/qwen3-1.7b"
LIMIT, CONTEXT, SMALL_CONTEXT, PROMPT_BYTES = 40_960, 4_096, 2_048, 600
SHORT, LONG = "What time is it?", "word " * (PROMPT_BYTES // 5)
ANSWER, PROMPT_TOKENS = "An answer of the engine.", 5
USED = PROMPT_TOKENS + len(ANSWER) // 4
NAMES = ("MODEL", "CONTEXT_TOKENS", "BODY_BYTES", "FILE_BYTES", "TOKENS_PER_USER_PER_MIN")


@dataclass
class Routed:
    """A server whose application has two engines."""

    service: OgxService
    issuer: TokenIssuer
    large: EngineStandIn
    small: EngineStandIn
    server: Server
    driver: "subprocess.Popen[str]"
    audience: str

    def ask(self, kind: str, user: str = "reader", token: str = "", **given: Any) -> dict[str, Any]:
        """Answer that the client gets."""
        headers = given.pop("headers", {})
        call = {
            "url": self.server.url,
            "token": token or self.token(user),
            "kind": kind,
            "id": given.pop("id", None),
            "fields": given,
            "headers": headers,
        }
        assert self.driver.stdin is not None and self.driver.stdout is not None
        self.driver.stdin.write(json.dumps(call) + "\n")
        self.driver.stdin.flush()
        answer: dict[str, Any] = json.loads(self.driver.stdout.readline())
        return answer

    def token(self, user: str) -> str:
        return self.issuer.token(user, self.audience)

    def counted(self, user: str) -> int:
        total = "SELECT coalesce(sum(tokens), 0) FROM application.token_counts"
        return int(self.service.sql(f"{total} WHERE owner_principal = '{user}'")[0][0])

    def answered_by(self, expected: str, kind: str = "responses", **given: Any) -> dict[str, Any]:
        """Answer of a request that exactly this model's engine gets, by its own name."""
        engine, other = (self.small, self.large) if expected == SMALL else (self.large, self.small)
        before = engine.requests, other.requests
        answer = self.ask(kind, **given)
        assert (answer["status"], answer.get("model")) == (200, expected), answer
        assert (engine.requests, other.requests) == (before[0] + 1, before[1])
        assert engine.bodies[-1]["model"] == engine.model
        return answer


def environment(plan: Plan) -> dict[str, str]:
    """Values of a rendered pod that decide which model answers, and what is refused."""
    rendered = render(plan)["kubernetes/assistant/application-deployment.yaml"]
    (container,) = yaml.safe_load(rendered)["spec"]["template"]["spec"]["containers"]
    stated = {each["name"]: each["value"] for each in container["env"]}
    return {name: stated[name] for name in (*NAMES, "ROUTED_MODELS", "EASY")}


@contextmanager
def routed(service: OgxService) -> Iterator[Routed]:
    plan = read_plan(FILES, ROOT / "Pulumi.dev.yaml")
    gateway = plan.services[0].gateway
    assert gateway is not None and gateway.token is not None
    with (
        EngineStandIn("qwen3-8b", ANSWER) as large,
        EngineStandIn("qwen3-1.7b", ANSWER) as small,
        TokenIssuer() as issuer,
        subprocess.Popen(
            [str(PYTHON), str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as driver,
    ):
        rendered = render(plan)["kubernetes/assistant/application-config.yaml"]
        files: dict[str, str] = yaml.safe_load(rendered)["data"]
        for there, here in {
            "http://assistant.assistant.svc:8000": large.url,
            "http://assistant-small.assistant-small.svc:8000": small.url,
            gateway.token.jwks_url: issuer.jwks_url,
            gateway.token.issuer: issuer.url,
        }.items():
            files = {name: text.replace(there, here) for name, text in files.items()}
        setup, password = service.folder / "setup.yaml", service.folder / "password"
        setup.write_text(files["setup.yaml"])
        service.environment |= {"SECRET_FILE": str(password), "KEEP_ALIVE_S": "60"}
        service.environment |= {"PROCESSES": "1", "HOST": "127.0.0.1"} | environment(plan)
        assert service.run("application_setup", SETUP_CONFIG=str(setup))[0] == 0
        assert service.run("application_secret")[0] == 0
        server = Server(service, files["config.yaml"])
        try:
            server.start()
            yield Routed(service, issuer, large, small, server, driver, audience(plan))
        finally:
            server.kill()
            driver.kill()


def the_client_sees_both_models_and_names_either(all_of: Routed) -> None:
    assert all_of.ask("models")["models"] == sorted((OWN, SMALL))
    stated = {"x-route": "stated"}
    all_of.answered_by(OWN, model=OWN, input=SHORT, headers=stated)
    all_of.answered_by(SMALL, model=SMALL, input=LONG)
    chat = [{"role": "user", "content": LONG}]
    all_of.answered_by(SMALL, "chat", model=SMALL, messages=chat)
    all_of.answered_by(OWN, "chat", model=OWN, messages=chat)


def a_short_prompt_gets_the_small_model_and_a_long_one_does_not(all_of: Routed) -> None:
    all_of.answered_by(SMALL, model=OWN, input=SHORT)
    all_of.answered_by(OWN, model=OWN, input=LONG)
    chat = [{"role": "user", "content": SHORT}]
    all_of.answered_by(SMALL, "chat", model=OWN, messages=chat)
    all_of.answered_by(OWN, model=OWN, input=SHORT, max_output_tokens=SMALL_CONTEXT)


def a_conversation_goes_on_with_the_named_model(all_of: Routed) -> None:
    """What OGX adds to a prompt is not in the request: it may be long."""
    first = all_of.answered_by(SMALL, model=OWN, input=SHORT)
    all_of.answered_by(OWN, model=OWN, input=SHORT, previous_response_id=first["id"])
    assert len(all_of.large.bodies[-1]["messages"]) > 1
    kept = all_of.ask("conversations")["id"]
    for _ in range(2):
        all_of.answered_by(OWN, model=OWN, input=SHORT, conversation=kept)
    all_of.answered_by(SMALL, model=SMALL, input=SHORT, conversation=kept)
    assert all_of.ask("items", id=kept)["items"] == 6


def each_call_counts_with_the_context_of_its_model(all_of: Routed) -> None:
    for user, model, context in (("of-small", SMALL, SMALL_CONTEXT), ("of-own", OWN, CONTEXT)):
        engine = all_of.small if model == SMALL else all_of.large
        engine.events = 2
        chat = [{"role": "user", "content": LONG}]
        all_of.ask("responses", user, model=model, input=LONG)
        engine.events = None
        assert all_of.counted(user) == context, user
        all_of.ask("chat", user, model=model, messages=chat)
        assert all_of.counted(user) == context + USED
    all_of.ask("responses", "of-both", model=OWN, input=SHORT)
    all_of.ask("responses", "of-both", model=OWN, input=LONG)
    assert all_of.counted("of-both") == 2 * USED


def a_model_without_engine_fails_alone(all_of: Routed) -> None:
    ready = {"ENGINE_HEALTH": f"{all_of.large.url}/health"}
    ready["PORT"] = all_of.server.url.rpartition(":")[2]
    all_of.small._server.stop()
    failed = all_of.ask("chat", model=SMALL, messages=[{"role": "user", "content": LONG}])
    assert failed["status"] >= 500, failed
    all_of.answered_by(OWN, model=OWN, input=LONG)
    stated = {"x-route": "stated"}
    all_of.answered_by(OWN, model=OWN, input=SHORT, headers=stated)
    assert set(all_of.ask("models")["models"]) >= {OWN}
    code, lines = all_of.service.run("application_ready", **ready)
    assert code == 0, lines


def each_refusal_has_its_status(all_of: Routed) -> None:
    """No request is answered 403: what a user may not see does not exist for them.

    The load balancer and OGX answer a token that lacks a claim by 401.
    """
    user, before = "refused", all_of.large.requests + all_of.small.requests
    theirs = all_of.ask("conversations", "another")["id"]
    response = all_of.ask("responses", "another", model=SMALL, input=SHORT)["id"]
    before += 1
    with TokenIssuer() as forger:
        forged = forger.token(user, all_of.audience, iss=all_of.issuer.url)
    good: dict[str, Any] = {"model": OWN, "input": LONG}
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (401, "unsigned", good),
        (401, forged, good),
        (401, all_of.issuer.token(user, "another"), good),
        (401, all_of.issuer.token("two words", all_of.audience), good),
        (400, "", good | {"max_output_tokens": CONTEXT + 1}),
        (400, "", good | {"model": SMALL, "max_output_tokens": SMALL_CONTEXT + 1}),
        (400, "", good | {"temperature": "hot"}),
        (400, "", good | {"background": True}),
        (404, "", good | {"model": "engine/qwen3-1.7b"}),
        (404, "", good | {"model": "qwen3-8b"}),
        (404, "", good | {"conversation": theirs}),
        (404, "", good | {"previous_response_id": response}),
        (413, "", good | {"input": "a" * 2_000_000}),
    ]
    for code, token, fields in cases:
        answer = all_of.ask("responses", user, token, **fields)
        assert answer["status"] == code, (fields, answer)
        assert answer["says"], answer
    conversation = f"{all_of.server.url}/v1/conversations/{theirs}"
    for method in ("GET", "DELETE"):
        assert status(conversation, all_of.token(user), method=method) == 404
    assert status(f"{all_of.server.url}/v1/models") == 401
    assert all_of.large.requests + all_of.small.requests == before
    all_of.large.prompt_tokens = CONTEXT - len(ANSWER) // 4
    answers = [all_of.ask("responses", user, **good) for _ in range(LIMIT // CONTEXT * 2 + 1)]
    all_of.large.prompt_tokens = PROMPT_TOKENS
    assert {each["status"] for each in answers} == {200, 429}
    refused = next(each for each in answers if each["status"] == 429)
    assert json.loads(refused["says"])["error"]["code"] == "rate_limit_exceeded"


def the_header_decides_where_it_is_the_rule(all_of: Routed, service: OgxService) -> None:
    rule = {"model": SMALL, "header": ["x-easy", "yes"]}
    service.environment["EASY"] = json.dumps(rule)
    all_of.server.kill()
    all_of.server.start()
    all_of.answered_by(OWN, model=OWN, input=SHORT)
    all_of.answered_by(SMALL, model=OWN, input=LONG, headers={"x-easy": "yes"})
    all_of.answered_by(OWN, model=OWN, input=LONG, headers={"x-easy": "no"})


def test_one_application_routes_to_two_models(new_service: Callable[[], OgxService]) -> None:
    """One application, because its start takes longer than all requests."""
    service = new_service()
    with routed(service) as all_of:
        the_client_sees_both_models_and_names_either(all_of)
        a_short_prompt_gets_the_small_model_and_a_long_one_does_not(all_of)
        a_conversation_goes_on_with_the_named_model(all_of)
        each_call_counts_with_the_context_of_its_model(all_of)
        each_refusal_has_its_status(all_of)
        the_header_decides_where_it_is_the_rule(all_of, service)
        a_model_without_engine_fails_alone(all_of)
