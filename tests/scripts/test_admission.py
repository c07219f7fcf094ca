"""The admission check in front of an engine that cannot bound its own queue."""

import asyncio
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from templates.programs import program

CHAT = "/v1/chat/completions"
IMAGES = "/v1/images/generations"


def loaded() -> ModuleType:
    """Program as pods have it, without its comments."""
    module = ModuleType("admission")
    exec(compile(program("admission").text, "admission.py", "exec"), module.__dict__)
    return module


class Engine:
    """Application that answers 200 once it may, and keeps the received bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.last: dict[str, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive())["body"])
        await self.may_answer.wait()
        if self.bodies[-1] == b"fault":
            raise RuntimeError("the engine failed")
        self.last = await receive() if scope.get("reads_on") else {}
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


async def ask(
    check: Any, body: object, path: str = CHAT, method: str = "POST", **scope: object
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of one answer; the request comes in two parts."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    parts = [
        {"type": "http.request", "body": raw[:3], "more_body": True},
        {"type": "http.request", "body": raw[3:], "more_body": False},
        {"type": "http.disconnect"},
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await check({"type": "http", "method": method, "path": path} | scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Any, Engine]]:
    def made(in_flight: int = 2, sequences: int | None = None) -> tuple[Any, Engine]:
        monkeypatch.setenv("ADMISSION_IN_FLIGHT", str(in_flight))
        monkeypatch.setenv("ADMISSION_SEQUENCES", "" if sequences is None else str(sequences))
        engine = Engine()
        return loaded().Admission(engine), engine

    return made


Made = Callable[..., tuple[Any, Engine]]


def test_the_request_beyond_the_limit_is_answered_503_at_once(check: Made) -> None:
    async def scenario() -> None:
        admission, engine = check(in_flight=2)
        held = [asyncio.create_task(ask(admission, {"n": 1})) for _ in range(2)]
        await asyncio.sleep(0)
        status, headers, body = await ask(admission, {"n": 1})
        assert status == 503
        assert headers[b"retry-after"] == b"1"
        assert json.loads(body)["error"]["code"] == 503
        engine.may_answer.set()
        assert [(await answer)[0] for answer in held] == [200, 200]
        assert (await ask(admission, {"n": 1}))[0] == 200, "room again"

    asyncio.run(scenario())


def test_a_failed_request_leaves_its_place(check: Made) -> None:
    async def scenario() -> None:
        admission, engine = check(in_flight=1)
        engine.may_answer.set()
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await ask(admission, b"fault")
        assert (await ask(admission, {}))[0] == 200

    asyncio.run(scenario())


def test_a_caller_that_leaves_while_sending_holds_no_place(check: Made) -> None:
    async def scenario() -> None:
        admission, engine = check(in_flight=1)
        engine.may_answer.set()

        async def gone() -> Any:
            return {"type": "http.disconnect"}

        await admission({"type": "http", "method": "POST", "path": CHAT}, gone, None)
        assert engine.bodies == []
        assert (await ask(admission, {}))[0] == 200

    asyncio.run(scenario())


def test_the_engine_gets_the_whole_request_and_the_end_of_its_connection(check: Made) -> None:
    async def scenario() -> None:
        admission, engine = check()
        engine.may_answer.set()
        await ask(admission, {"messages": ["hello"]}, reads_on=True)
        assert json.loads(engine.bodies[0]) == {"messages": ["hello"]}
        assert engine.last == {"type": "http.disconnect"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "body",
    [
        {"n": 2},
        {"n": "2"},
        {"n": 2.0},
        {"n": 10**400},
        {"n": "1" * 400},
        {"n": 2, "use_beam_search": True},
        {"prompt": ["a", "b"]},
        {"prompt": [[1, 2], [3]]},
        {"prompt": ["a"], "n": 2},
        {"prompt_embeds": ["x", "y"]},
        {"prompt": "a", "prompt_embeds": "x"},
        {"prompt": [1.0, 2.0]},
    ],
    ids=str,
)
def test_more_than_one_sequence_is_refused_in_every_form(check: Made, body: object) -> None:
    async def scenario() -> None:
        admission, engine = check(in_flight=99, sequences=1)
        engine.may_answer.set()
        assert (await ask(admission, body, "/v1/completions"))[0] == 400
        assert engine.bodies == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"n": 1},
        {"n": None},
        {"n": True},
        {"n": "x"},
        {"n": [5]},
        {"n": float("nan")},
        {"prompt": [1, 2, 3]},
        {"prompt": ["a"]},
        {"prompt": "a"},
        [1],
        "text",
        b"no JSON",
    ],
    ids=str,
)
def test_one_sequence_and_what_the_engine_refuses_itself_pass(check: Made, body: object) -> None:
    async def scenario() -> None:
        admission, engine = check(sequences=1)
        engine.may_answer.set()
        assert (await ask(admission, body))[0] == 200

    asyncio.run(scenario())


def test_sequences_count_as_many_as_they_are(check: Made) -> None:
    async def scenario() -> None:
        admission, engine = check(in_flight=4)
        engine.may_answer.set()
        assert (await ask(admission, {"n": 4}))[0] == 200
        assert (await ask(admission, {"n": 5}))[0] == 503
        assert (await ask(admission, {"prompt": ["a", "b"], "n": 2}, "/v1/completions"))[0] == 200
        assert (await ask(admission, {"prompt": ["a"] * 3, "n": 2}, "/v1/completions"))[0] == 503

    asyncio.run(scenario())


def test_images_count_as_many_as_they_are(check: Made) -> None:
    """An engine of images has no bound of its queue, and a request may ask for ten images."""

    async def scenario() -> None:
        admission, engine = check(in_flight=2, sequences=1)
        body = {"prompt": "a house", "size": "1024x1024"}
        held = [asyncio.create_task(ask(admission, body, IMAGES)) for _ in range(2)]
        await asyncio.sleep(0)
        beyond = asyncio.create_task(ask(admission, body, IMAGES))
        await asyncio.sleep(0)
        engine.may_answer.set()
        assert [(await answer)[0] for answer in held] == [200, 200]
        assert (await beyond)[0] == 503
        assert (await ask(admission, body | {"n": 2}, IMAGES))[0] == 400

    asyncio.run(scenario())


def test_probes_and_metrics_pass_a_full_engine(check: Made) -> None:
    async def scenario() -> None:
        admission, engine = check(in_flight=0)
        engine.may_answer.set()
        assert (await ask(admission, {}))[0] == 503
        assert (await ask(admission, {}, "/health", "GET"))[0] == 200
        assert (await ask(admission, {}, "/metrics", "GET"))[0] == 200

    asyncio.run(scenario())
