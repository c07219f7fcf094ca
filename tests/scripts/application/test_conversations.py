"""Conversations of many users over two servers of OGX, with the configuration of the plan.

Only addresses differ: those of the database, the engine, the issuer, and the servers themselves.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from sizewright.reading.stack.plan import read_plan
from sizing.plan.whole import Plan
from templates.render import render
from testbed.application_services import PYTHON
from testbed.application_stand_ins import EngineStandIn, TokenIssuer
from testbed.control_plane import WITH_PARENT, until
from tests.scripts.application.feedback_bucket import FeedbackBucket
from tests.scripts.application.ogx_service import OgxService, Server, called, status

ROOT = Path(__file__).parents[3]
DRIVER = Path(__file__).with_name("conversations_driver.py")
USERS, CONVERSATIONS, TURNS = 50, 20, 1
"""50 users with 20 conversations each."""
ANSWER = "An answer of the engine."
DAY_S = 86_400


@dataclass
class Answered:
    """Answer that a user has seen."""

    user: str
    conversation: str
    question: str
    response: str


@dataclass
class Talk:
    """An application after all its users have talked."""

    plan: Plan
    service: OgxService
    issuer: TokenIssuer
    engine: EngineStandIn
    feedback: FeedbackBucket
    url: str
    answered: list[Answered] = field(default_factory=list)

    def token(self, user: str, **claims: object) -> str:
        return self.issuer.token(user, audience(self.plan), **claims)

    def owned(self, user: str) -> list[Answered]:
        return [each for each in self.answered if each.user == user]


def audience(plan: Plan) -> str:
    application = plan.services[0].application
    assert application is not None
    return application.audience


def limits(plan: Plan) -> dict[str, str]:
    """Limits of a request in the environment of a rendered pod."""
    rendered = render(plan)["kubernetes/chat-app/application-deployment.yaml"]
    (container,) = yaml.safe_load(rendered)["spec"]["template"]["spec"]["containers"]
    stated = {each["name"]: each["value"] for each in container["env"]}
    return {name: stated[name] for name in ("MODEL", "CONTEXT_TOKENS", "BODY_BYTES", "FILE_BYTES")}


def configurations(plan: Plan, engine: EngineStandIn, issuer: TokenIssuer) -> dict[str, str]:
    """Rendered configurations with the addresses of this machine, and nothing else changed."""
    name = plan.services[0].name
    rendered = render(plan)[f"kubernetes/{name}/application-config.yaml"]
    gateway = plan.services[0].gateway
    assert gateway is not None and gateway.token is not None
    addresses = {
        f"http://{name}.{name}.svc:8000": engine.url,
        gateway.token.jwks_url: issuer.jwks_url,
        gateway.token.issuer: issuer.url,
    }
    files: dict[str, str] = yaml.safe_load(rendered)["data"]
    for there, here in addresses.items():
        files = {name: text.replace(there, here) for name, text in files.items()}
    return files


@contextmanager
def talked(service: OgxService, folder: Path) -> Iterator[Talk]:
    """Everyone has talked while a server and the database were killed."""
    plan = read_plan([ROOT / "workloads" / "chat-app.yaml"], ROOT / "Pulumi.dev.yaml")
    serving = plan.services[0].serving
    assert serving is not None
    with EngineStandIn(serving.model, ANSWER) as engine, TokenIssuer() as issuer:
        files = configurations(plan, engine, issuer)
        setup = service.folder / "setup.yaml"
        setup.write_text(files["setup.yaml"])
        password = service.folder / "password"
        feedback = FeedbackBucket(service)
        service.environment |= feedback.environment
        service.environment |= {"SECRET_FILE": str(password), "KEEP_ALIVE_S": "60"}
        service.environment |= {"PROCESSES": "1", "HOST": "127.0.0.1"} | limits(plan)
        assert service.run("application_setup", SETUP_CONFIG=str(setup))[0] == 0
        assert service.run("application_secret")[0] == 0
        servers = [Server(service, files["config.yaml"]) for _ in range(2)]
        try:
            for server in servers:
                server.start()
            whole = Talk(plan, service, issuer, engine, feedback, servers[1].url)
            whole.answered = _talked(whole, servers, folder / "answered")
            yield whole
        finally:
            for server in servers:
                server.kill()


def _talked(whole: Talk, servers: list[Server], file: Path) -> list[Answered]:
    """Answers that the users have seen, in spite of the failures."""
    file.touch()
    serving = whole.plan.services[0].serving
    assert serving is not None
    given = {
        "urls": [server.url for server in servers],
        "model": f"engine/{serving.model}",
        "tokens": {f"user-{n:02}": whole.token(f"user-{n:02}") for n in range(USERS)},
        "conversations": CONVERSATIONS,
        "turns": TURNS,
        "file": str(file),
    }
    command = [sys.executable, "-c", WITH_PARENT, str(PYTHON), str(DRIVER)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as driver:
        assert driver.stdin is not None
        driver.stdin.write(json.dumps(given))
        driver.stdin.close()
        expected = USERS * CONVERSATIONS * TURNS
        _reached(file, expected // 4)
        servers[0].kill()
        _reached(file, expected // 2)
        whole.service.postgres.kill()
        whole.service.postgres.start()
        servers[0].start()
        assert driver.wait(600) == 0
    return [Answered(*json.loads(line)) for line in file.read_text().splitlines()]


def _reached(file: Path, count: int) -> None:
    until(lambda: len(file.read_text().splitlines()) >= count, 300)


def no_answer_that_a_user_has_seen_is_lost(talk: Talk) -> None:
    assert len(talk.answered) == USERS * CONVERSATIONS * TURNS
    rows = talk.service.sql(
        "SELECT conversation_id, owner_principal, item_data::text"
        " FROM application.conversation_items"
    )
    kept = dict[str, str]()
    for conversation, owner, item in rows:
        kept[conversation] = kept.get(conversation, "") + f"{owner} {item}\n"
    responses = dict(talk.service.sql("SELECT id, owner_principal FROM application.responses"))
    for each in talk.answered:
        assert each.question in kept[each.conversation] and ANSWER in kept[each.conversation]
        assert responses[each.response] == each.user
    owners = talk.service.sql(
        "SELECT DISTINCT owner_principal FROM application.openai_conversations"
    )
    assert {owner for [owner] in owners} == {each.user for each in talk.answered}


def no_user_sees_or_changes_what_another_has(talk: Talk) -> None:
    (mine, *_), stranger = talk.owned("user-00"), talk.token("user-01")
    own = talk.token("user-00")
    conversation = f"{talk.url}/v1/conversations/{mine.conversation}"
    response = f"{talk.url}/v1/responses/{mine.response}"
    item = {"items": [{"type": "message", "role": "user", "content": "mine now"}]}
    follow = {"model": "engine/qwen3-8b", "input": "what was said?"}
    before = talk.service.texts()
    calls: list[tuple[str, object, str]] = [
        (conversation, None, "GET"),
        (f"{conversation}/items", None, "GET"),
        (f"{conversation}/items", item, "POST"),
        (conversation, {"metadata": {"a": "b"}}, "POST"),
        (conversation, None, "DELETE"),
        (response, None, "GET"),
        (f"{response}/input_items", None, "GET"),
        (response, None, "DELETE"),
        (f"{talk.url}/v1/responses", {**follow, "conversation": mine.conversation}, "POST"),
        (f"{talk.url}/v1/responses", {**follow, "previous_response_id": mine.response}, "POST"),
    ]
    for url, body, method in calls:
        assert status(url, stranger, body, method) in (400, 403, 404), (method, url)
        assert status(url, "", body, method) == 401
    assert talk.service.texts() == before
    assert status(conversation, own) == 200 and status(response, own) == 200


def tokens_of_others_are_refused(talk: Talk) -> None:
    for claims in ({"aud": "another"}, {"iss": "https://another.example"}, {"exp": 1}):
        assert status(f"{talk.url}/v1/models", talk.token("user-00", **claims)) == 401
    assert status(f"{talk.url}/v1/models", talk.token("user-00")) == 200


def a_response_that_must_not_be_stored_leaves_nothing(talk: Talk) -> None:
    canary = "nobody may keep this sentence"
    model = {"model": "engine/qwen3-8b"}
    token = talk.token("user-02")
    asks = {**model, "input": canary, "store": False}
    assert status(f"{talk.url}/v1/responses", token, asks) == 200
    chat = {**model, "messages": [{"role": "user", "content": canary}], "store": True}
    assert status(f"{talk.url}/v1/chat/completions", token, chat) == 200
    assert not [name for name, text in talk.service.texts().items() if canary in text]


def an_answer_that_cannot_be_stored_is_an_error(talk: Talk) -> None:
    """Refuse the rows of responses alone, as a database does that goes and comes back."""
    token, asks = talk.token("user-05"), f"{talk.url}/v1/responses"
    (mine, *_) = talk.owned("user-05")
    question = "what does nobody keep?"
    body = {"model": "engine/qwen3-8b", "input": question, "conversation": mine.conversation}
    before, role = talk.engine.requests, talk.service.role
    talk.service.sql(f'REVOKE INSERT, UPDATE ON application.responses FROM "{role}"')
    assert status(asks, token, body) == 500
    stream = called(asks, token, {**body, "stream": True})
    talk.service.sql(f'GRANT INSERT, UPDATE ON application.responses TO "{role}"')
    assert "output_text.delta" in stream and "response.completed" not in stream
    assert talk.engine.requests == before + 2
    assert not [name for name, text in talk.service.texts().items() if question in text]
    assert status(asks, token, body) == 200
    assert question in talk.service.texts()["conversation_items"]
    history = "INSERT, UPDATE ON application.conversation_messages"
    talk.service.sql(f'REVOKE {history} FROM "{role}"')
    assert status(asks, token, body) == 500, "its items are kept, and its caller knows of a fault"
    talk.service.sql(f'GRANT {history} TO "{role}"')


def feedback_is_kept_of_ones_own_responses_alone(talk: Talk) -> None:
    url, token = f"{talk.url}/v1/feedback", talk.token("user-06")
    mine, *_ = talk.owned("user-06")
    theirs, *_ = talk.owned("user-07")
    good = {"response_id": mine.response, "rating": 0.5, "label": "wrong", "comment": "no\u2028"}
    emoji = "\N{GRINNING FACE}" * 4_000
    refused: list[tuple[int, str, object]] = [
        (401, "", good),
        (401, talk.token("user-06", exp=1), good),
        (401, talk.token("user-06 user-07"), good),
        (404, token, {**good, "response_id": theirs.response}),
        (404, token, {**good, "response_id": "resp_0"}),
        (400, token, {"response_id": mine.response}),
        (400, token, {**good, "rating": 1.5}),
        (400, token, {**good, "response_id": "../conversations"}),
        (400, token, {**good, "user": "user-07"}),
        (400, token, {**good, "comment": "a" * 4_001}),
        (413, token, {**good, "comment": "a" * 80_000}),
        (400, token, [good]),
    ]
    for code, caller, body in refused:
        assert status(url, caller, body) == code, (code, body)
    assert status(url, token, good, "PUT") == status(url, token) == 405
    assert talk.feedback.lines() == []
    before = datetime.now(UTC).replace(microsecond=0)
    answer = called(url, token, good)
    assert answer == {"object": "feedback", "response_id": mine.response}
    (line,) = talk.feedback.lines()
    assert before <= datetime.fromisoformat(line.pop("time")) <= datetime.now(UTC)
    assert datetime.fromisoformat(line.pop("answered_at")) <= before
    assert line == {"user": "user-06", "model": "engine/qwen3-8b", **good}
    for user in ("user-20", "user-21"):
        body = {"response_id": talk.owned(user)[0].response, "comment": emoji}
        assert called(url, talk.token(user), body)["object"] == "feedback"
    talk.feedback.deliver(str(before.date()))


def a_response_that_did_not_end_is_not_judged(talk: Talk) -> None:
    """Refuse the end of a response alone, as a database does that is lost before it."""
    token, asks = talk.token("user-08"), f"{talk.url}/v1/responses"
    body = {"model": "engine/qwen3-8b", "input": "how does this end?"}
    talk.service.sql(
        "CREATE FUNCTION application.refuse() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        " CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON application.responses FOR EACH ROW"
        " WHEN (NEW.response_object::jsonb ->> 'status' = 'completed')"
        " EXECUTE FUNCTION application.refuse()"
    )
    assert status(asks, token, body) == 500
    talk.service.sql("DROP TRIGGER refuse ON application.responses")
    # Guard: responses that the killed server and database interrupted are in progress too.
    ((begun, state),) = talk.service.sql(
        "SELECT id, response_object::jsonb ->> 'status' FROM application.responses t"
        f" WHERE t::text LIKE '%{body['input']}%'"
    )
    assert state == "in_progress"
    url, judged = f"{talk.url}/v1/feedback", {"response_id": begun, "rating": 1}
    assert status(f"{asks}/{begun}", token) == 200 and status(url, token, judged) == 409


def feedback_that_the_stream_does_not_take_is_an_error(talk: Talk) -> None:
    """Take the stream away."""
    (mine, *_), token = talk.owned("user-06"), talk.token("user-06")
    talk.service.aws("firehose", "delete_delivery_stream", DeliveryStreamName=talk.feedback.name)
    body = {"response_id": mine.response, "rating": 1}
    assert status(f"{talk.url}/v1/feedback", token, body) == 503


class _Called(BaseHTTPRequestHandler):
    """Anything that a user's address gets."""

    def _answer(self) -> None:
        visited.append(self.path)
        self.send_error(404)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


visited = list[str]()


def no_address_of_a_user_is_called(talk: Talk) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Called)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there, token = f"http://127.0.0.1:{server.server_address[1]}", talk.token("user-03")
    picture = {"type": "input_image", "image_url": f"{there}/a.png", "detail": "auto"}
    paper = {"type": "input_file", "file_url": f"{there}/a.pdf"}
    asks: list[dict[str, object]] = [
        {"tools": [{"type": "mcp", "server_label": "x", "server_url": f"{there}/mcp"}]},
        {"tools": [{"type": "web_search"}]},
        {"input": [{"role": "user", "content": [picture]}]},
        {"input": [{"role": "user", "content": [paper]}]},
    ]
    try:
        for each in asks:
            body = {"model": "engine/qwen3-8b", "input": "look", **each}
            assert status(f"{talk.url}/v1/responses", token, body) == 400, each
        assert visited == []
    finally:
        server.shutdown()
        server.server_close()


def a_request_beyond_its_limits_reaches_no_engine(talk: Talk) -> None:
    token, asks = talk.token("user-04"), f"{talk.url}/v1/responses"
    good = {"model": "engine/qwen3-8b", "input": "hello", "store": False}
    refused: list[tuple[int, dict[str, object]]] = [
        (404, {"model": "another"}),
        (400, {"max_output_tokens": 1_000_000}),
        (413, {"input": "a" * 2_000_000}),
    ]
    before = talk.engine.requests
    for code, change in refused:
        assert status(asks, token, good | change) == code, change
    assert status(asks, talk.token("user-04 user-05"), good) == 401
    assert talk.engine.requests == before
    assert status(asks, token, good) == 200 and talk.engine.requests == before + 1


def retention_deletes_exactly_what_is_due(talk: Talk) -> None:
    application = talk.plan.services[0].application
    assert application is not None
    days = application.retention.days
    due = [each for each in talk.answered if each.user in ("user-10", "user-11")]
    names = ", ".join(f"'{each.conversation}'" for each in due)
    for table, key in (("openai_conversations", "id"), ("conversation_items", "conversation_id")):
        talk.service.sql(
            f"UPDATE application.{table} SET created_at = created_at - {days * DAY_S + 60}"
            f" WHERE {key} IN ({names})"
        )
    talk.service.sql(
        f"UPDATE application.responses SET created_at = created_at - {days * DAY_S + 60}"
        f" WHERE id IN ({', '.join(repr(each.response) for each in due)})"
    )
    before = talk.service.count("openai_conversations")
    others = talk.service.count("conversation_items") - talk.service.count(
        "conversation_items", f"conversation_id IN ({names})"
    )
    expiry = {"RETENTION_DAYS": str(days), "BATCH": str(application.retention.batch_rows)}
    assert talk.service.run("application_rows", "expire", **expiry)[0] == 0
    left = talk.service.texts()
    assert not [name for name, text in left.items() for each in due if each.conversation in text]
    assert not [name for name, text in left.items() for each in due if each.response in text]
    assert talk.service.count("openai_conversations") == before - len(due)
    assert talk.service.count("conversation_items") == others


def erasure_of_one_user_leaves_nothing_of_them_and_all_of_the_others(talk: Talk) -> None:
    user, rest = "user-20", "user-21"
    assert talk.owned(user)
    before = talk.service.count("conversation_items", f"owner_principal = '{rest}'")
    assert {each["user"] for each in talk.feedback.records()} >= {user, rest}
    assert talk.service.run("application_rows", "erase", user)[0] == 0
    assert rest in (users := {each["user"] for each in talk.feedback.records()})
    assert user not in users
    for name, text in talk.service.texts().items():
        assert user not in text, name
        for each in talk.owned(user):
            assert each.conversation not in text and each.question not in text, name
    assert talk.service.count("conversation_items", f"owner_principal = '{rest}'") == before > 0


def test_conversations_of_many_users_over_two_servers(
    new_service: Callable[[], OgxService], tmp_path: Path
) -> None:
    """Guard: this is one test, because two processes of a test run would each let everyone talk."""
    with talked(new_service(), tmp_path) as talk:
        no_answer_that_a_user_has_seen_is_lost(talk)
        no_user_sees_or_changes_what_another_has(talk)
        tokens_of_others_are_refused(talk)
        a_response_that_must_not_be_stored_leaves_nothing(talk)
        an_answer_that_cannot_be_stored_is_an_error(talk)
        feedback_is_kept_of_ones_own_responses_alone(talk)
        a_response_that_did_not_end_is_not_judged(talk)
        feedback_that_the_stream_does_not_take_is_an_error(talk)
        no_address_of_a_user_is_called(talk)
        a_request_beyond_its_limits_reaches_no_engine(talk)
        retention_deletes_exactly_what_is_due(talk)
        erasure_of_one_user_leaves_nothing_of_them_and_all_of_the_others(talk)
