"""The check in front of an engine whose answers are vectors."""

import asyncio
import json
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from templates.programs import program

PATH = "/v1/embeddings"
HELLO = {"model": "m", "input": "hello"}


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Check as pods have it, without its comments."""

    def made(engine: Any, dimensions: str = "1024") -> Any:
        limits = {
            "ADMISSION_IN_FLIGHT": "4",
            "ADMISSION_SEQUENCES": "3",
            "EMBEDDING_TOKENS": "8",
            "EMBEDDING_BYTES": "400",
            "EMBEDDING_DIMENSIONS": dimensions,
        }
        for name, limit in limits.items():
            monkeypatch.setenv(name, limit)
        for name in ("admission", "embedding_check"):
            module = ModuleType(name)
            monkeypatch.setitem(sys.modules, name, module)
            exec(compile(program(name).text, f"{name}.py", "exec"), module.__dict__)
        return sys.modules["embedding_check"].Embeddings(engine)

    return made


Made = Callable[..., Any]


class Engine:
    """Application that keeps the received bodies, and answers 200 once it may."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.bodies.append((await receive()).get("body", b""))
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


async def call(
    checked: Any, body: object, path: str = PATH, method: str = "POST", parts: int = 2
) -> tuple[int, str]:
    """Status and message of one answer; the request comes in parts."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = max(1, -(-len(raw) // parts))
    chunks = [raw[at : at + size] for at in range(0, len(raw), size)] or [b""]
    messages = [
        {"type": "http.request", "body": each, "more_body": index < len(chunks) - 1}
        for index, each in enumerate(chunks)
    ]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await checked({"type": "http", "method": method, "path": path}, receive, send)
    text = sent[1]["body"].decode()
    return sent[0]["status"], json.loads(text)["error"]["message"] if text != "ok" else text


def answer(checked: Any, body: object, **about: Any) -> tuple[int, str]:
    return asyncio.run(call(checked, body, **about))


@pytest.mark.parametrize(
    "body",
    [
        HELLO,
        HELLO | {"input": ["a", "b", "c"]},
        HELLO | {"input": [1, 2, 3, 4, 5, 6, 7, 8]},
        HELLO | {"input": [[1, 2], [3]]},
        HELLO | {"encoding_format": "base64", "dimensions": 256, "user": "u"},
        HELLO | {"encoding_format": "float", "truncate_prompt_tokens": 8},
    ],
)
def test_the_forms_of_openai_reach_the_engine_unchanged(
    check: Made, body: dict[str, object]
) -> None:
    engine = Engine()
    assert answer(check(engine), body)[0] == 200
    assert [json.loads(each) for each in engine.bodies] == [body]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (HELLO | {"input": ["a"] * 4}, "input has 4 texts; at most 3"),
        (HELLO | {"input": [[1]] * 4}, "input has 4 texts; at most 3"),
        (HELLO | {"input": [*range(9)]}, "input has a text of 9 tokens; at most 8"),
        (HELLO | {"input": [[1], [*range(9)]]}, "input has a text of 9 tokens; at most 8"),
        (HELLO | {"input": []}, "input is no text"),
        (HELLO | {"input": ["a", 1]}, "input is no text"),
        (HELLO | {"input": [[]]}, "input is no text"),
        (HELLO | {"input": [True]}, "input is no text"),
        (HELLO | {"input": [{"role": "user", "content": "a"}]}, "input is no text"),
        ({"model": "m"}, "input is no text"),
        (HELLO | {"messages": []}, "messages is not accepted"),
        (HELLO | {"padding": "max_length"}, "padding is not accepted"),
        (HELLO | {"encoding_format": "bytes"}, "encoding_format is none of base64, float"),
        (HELLO | {"dimensions": 1025}, "dimensions is 1025; at most 1024"),
        (HELLO | {"dimensions": 0}, "dimensions is not a positive whole number"),
        (HELLO | {"dimensions": True}, "dimensions is not a positive whole number"),
        ([HELLO], "the request is not a JSON object"),
        (b"{", "the request is not JSON"),
        (b"[" * 399, "the request is not JSON"),
    ],
)
def test_what_is_not_a_request_of_texts_is_refused(check: Made, body: object, message: str) -> None:
    engine = Engine()
    status, text = answer(check(engine), body)
    assert (status, engine.bodies) == (400, [])
    assert text.startswith(message)


def test_a_large_request_is_refused_before_its_end(check: Made) -> None:
    """Guard: a body without an end must not fill the memory of the engine."""
    read, sent = list[int](), list[Any]()

    async def endless() -> Any:
        read.append(1)
        assert len(read) < 10, "the check reads on"
        return {"type": "http.request", "body": b"a" * 150, "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    engine = Engine()
    scope = {"type": "http", "method": "POST", "path": PATH}
    asyncio.run(check(engine)(scope, endless, send))
    assert (sent[0]["status"], len(read), engine.bodies) == (413, 3, [])
    assert answer(check(engine), HELLO | {"input": "a" * 300})[0] == 200


def test_unknown_dimensions_are_left_to_the_engine(check: Made) -> None:
    assert answer(check(Engine(), dimensions=""), HELLO | {"dimensions": 99_999})[0] == 200


def test_texts_beyond_the_limit_get_503_until_others_end(check: Made) -> None:
    async def scenario() -> None:
        engine = Engine()
        checked = check(engine)
        engine.may_answer.clear()
        held = asyncio.create_task(call(checked, HELLO | {"input": ["a", "b", "c"]}))
        await asyncio.sleep(0)
        while not engine.bodies:
            await asyncio.sleep(0)
        assert (await call(checked, HELLO | {"input": ["a", "b"]}))[0] == 503
        engine.may_answer.set()
        assert (await held)[0] == 200
        assert (await call(checked, HELLO | {"input": ["a", "b"]}))[0] == 200, "room again"

    asyncio.run(scenario())


def test_a_fault_of_the_engine_gives_its_texts_back(check: Made) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        raise RuntimeError("the engine failed")

    async def scenario() -> None:
        checked = check(failing)
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await call(checked, HELLO | {"input": ["a", "b", "c"]})

    asyncio.run(scenario())


def test_other_paths_pass(check: Made) -> None:
    engine = Engine()
    assert answer(check(engine), b"", path="/v1/models", method="GET")[0] == 200
    assert answer(check(engine), b"not JSON", path="/tokenize")[0] == 200
