"""Stages of prompts and images, as the engine's server runs them, with models on loopback."""

import asyncio
import base64
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from templates.programs import PROMPT_CHECK, programs
from tests.scripts.model_stand_in import Model

IMAGES = "/v1/images/generations"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    """Programs as pods have them, in one folder on the path."""
    folder: Path = tmp_path_factory.mktemp("programs")
    whole = programs(PROMPT_CHECK)
    for one in whole.files:
        (folder / one.file).write_text(one.text)
    sys.path.insert(0, str(folder))
    yield {name: __import__(name) for name in PROMPT_CHECK}
    sys.path.remove(str(folder))
    for name in PROMPT_CHECK:
        del sys.modules[name]


@pytest.fixture
def model() -> Iterator[Model]:
    server = Model()
    yield server
    server.shutdown()
    server.server_close()


def stage(url: str, on_failure: str = "allow", budget_s: float = 5) -> dict[str, Any]:
    return {
        "url": url,
        "model": "small",
        "instruction": "Do it.",
        "output_tokens": 80,
        "budget_s": budget_s,
        "on_failure": on_failure,
    }


def passed(modules: dict[str, ModuleType], prompt: str, **stages: object) -> str:
    found: str = modules["prompt_stages"].Stages({"max_characters": 50, **stages}).passed(prompt)
    return found


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("  a   house\n\tby  the sea ", "a house by the sea"),
        ("cafe\u0301", "caf\u00e9"),
        ("a\x00b\x07c\x1b", "abc"),
        ("line\u2028two\u00a0words", "line two words"),
        ("\ud83d broken", "broken"),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        ),
    ],
)
def test_a_prompt_is_normalised(modules: dict[str, ModuleType], prompt: str, expected: str) -> None:
    assert passed(modules, prompt) == expected


def test_an_empty_or_a_long_prompt_is_refused(modules: dict[str, ModuleType]) -> None:
    refused = modules["prompt_stages"].RefusedError
    assert passed(modules, "x" * 50) == "x" * 50
    with pytest.raises(refused, match="prompt has 51 characters; at most 50"):
        passed(modules, "x" * 51)
    with pytest.raises(refused, match="empty"):
        passed(modules, " \n\x00")


def test_a_prompt_is_rewritten_by_the_model(modules: dict[str, ModuleType], model: Model) -> None:
    assert passed(modules, "a  house", enhance=stage(model.url)) == "A HOUSE"
    (request,) = model.requests
    assert request["path"] == "/v1/chat/completions"
    assert (request["model"], request["max_tokens"]) == ("small", 80)
    assert [m["content"] for m in request["messages"]] == ["Do it.", "a house"]
    assert request["chat_template_kwargs"] == {"enable_thinking": False}


def test_reasoning_and_too_many_words_do_not_reach_the_engine(
    modules: dict[str, ModuleType], model: Model
) -> None:
    model.says = lambda prompt: f"<think>\nWhich house?\n</think>\n\n{prompt} at dawn " + "x" * 100
    found = passed(modules, "a house", enhance=stage(model.url))
    assert found.startswith("a house at dawn xxx")
    assert len(found) == 50


@pytest.mark.parametrize("answer", ["", "<think>so much</think>  ", "<think>so much that"])
def test_an_answer_without_words_is_a_failure(
    modules: dict[str, ModuleType], model: Model, answer: str
) -> None:
    model.says = lambda _: answer
    assert passed(modules, "a house", enhance=stage(model.url)) == "a house"
    with pytest.raises(modules["prompt_stages"].FailedError):
        passed(modules, "a house", enhance=stage(model.url, "refuse"))


def slow(model: Model) -> None:
    model.wait_s = 3


def dripping(model: Model) -> None:
    model.drip_s = 0.05


def broken(model: Model) -> None:
    model.status = 500


def refusing(model: Model) -> None:
    model.status = 400


def garbled(model: Model) -> None:
    model.raw = b"{"


def wordless(model: Model) -> None:
    model.raw = b'{"choices": [{"message": {"content": null}}]}'


def listed(model: Model) -> None:
    model.raw = b"[]"


FAULTS = (slow, dripping, broken, refusing, garbled, wordless, listed)
BUDGET_S = 0.4


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
@pytest.mark.parametrize("name", ["enhance", "moderate"])
def test_a_failure_lets_the_prompt_pass_or_refuses_it_within_the_budget(
    modules: dict[str, ModuleType], model: Model, fault: Callable[[Model], None], name: str
) -> None:
    model.says = lambda _: "safe"
    fault(model)
    start = time.monotonic()
    assert passed(modules, "a house", **{name: stage(model.url, "allow", BUDGET_S)}) == "a house"
    with pytest.raises(modules["prompt_stages"].FailedError, match=f"the stage {name} of"):
        passed(modules, "a house", **{name: stage(model.url, "refuse", BUDGET_S)})
    assert time.monotonic() - start < 2 * BUDGET_S + 0.6


def test_a_model_that_does_not_listen_is_a_failure(modules: dict[str, ModuleType]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1/chat/completions"
        assert passed(modules, "a house", enhance=stage(url)) == "a house"
        with pytest.raises(modules["prompt_stages"].FailedError):
            passed(modules, "a house", enhance=stage(url, "refuse"))


@pytest.mark.parametrize("verdict", ["safe", "Safe.", " safe\n", "**safe**"])
def test_a_safe_prompt_continues(
    modules: dict[str, ModuleType], model: Model, verdict: str
) -> None:
    model.says = lambda _: verdict
    assert passed(modules, "a house", moderate=stage(model.url, "refuse")) == "a house"


@pytest.mark.parametrize("verdict", ["unsafe", "unsafe\nS1", "UNSAFE"])
def test_an_unsafe_prompt_is_refused_whatever_a_failure_does(
    modules: dict[str, ModuleType], model: Model, verdict: str
) -> None:
    model.says = lambda _: verdict
    with pytest.raises(modules["prompt_stages"].RefusedError, match="safety check"):
        passed(modules, "a house", moderate=stage(model.url, "allow"))


def test_any_other_verdict_is_a_failure(modules: dict[str, ModuleType], model: Model) -> None:
    """Guard: "safe to say it is unsafe" must not count as safe."""
    model.says = lambda _: "safe to say it is unsafe"
    with pytest.raises(modules["prompt_stages"].FailedError):
        passed(modules, "a house", moderate=stage(model.url, "refuse"))
    assert passed(modules, "a house", moderate=stage(model.url, "allow")) == "a house"


def test_the_user_s_words_are_judged_before_anything_rewrites_them(
    modules: dict[str, ModuleType], model: Model
) -> None:
    judge = Model(lambda prompt: "unsafe" if "forbidden" in prompt else "safe")
    stages = {"moderate": stage(judge.url), "enhance": stage(model.url)}
    assert passed(modules, "a house", **stages) == "A HOUSE"
    with pytest.raises(modules["prompt_stages"].RefusedError):
        passed(modules, "forbidden", **stages)
    assert len(model.requests) == 1
    judge.shutdown()
    judge.server_close()


class Images:
    """Application behind the check, which keeps the requests that reach it."""

    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.bodies: list[bytes] = []
        self.status, self.answer = 200, [b"ok"]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        self.bodies.append((await receive())["body"])
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        for part in self.answer:
            last = part is self.answer[-1]
            await send({"type": "http.response.body", "body": part, "more_body": not last})


async def ask(check: Any, body: bytes, path: str = IMAGES) -> tuple[int, dict[str, Any]]:
    """Status of one answer, and its error."""
    status, answer = await answered(check, body, path)
    return status, json.loads(answer)["error"] if answer.startswith(b'{"error"') else {}


async def answered(check: Any, body: bytes, path: str = IMAGES) -> tuple[int, bytes]:
    """Status and body of one answer."""
    parts = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return parts.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    await check(scope, receive, send)
    return sent[0]["status"], b"".join(message["body"] for message in sent[1:])


Made = Callable[..., tuple[Any, Images]]


@pytest.fixture
def check(modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch) -> Made:
    """Both checks in the order of the engine's server, in front of its handlers."""

    def made(in_flight: int = 4, **stages: object) -> tuple[Any, Images]:
        monkeypatch.setenv("ADMISSION_IN_FLIGHT", str(in_flight))
        monkeypatch.setenv("ADMISSION_SEQUENCES", "1")
        monkeypatch.setenv("PROMPT_STAGES", json.dumps({"max_characters": 50, **stages}))
        images = Images()
        inner = modules["prompt_check"].Prompts(images)
        return modules["admission"].Admission(inner), images

    return made


def test_the_engine_gets_the_new_prompt_with_the_rest_of_the_request(
    check: Made, model: Model
) -> None:
    server, images = check(enhance=stage(model.url))
    body = json.dumps({"prompt": "a  h\u00f6use", "size": "512x512"}).encode()
    assert asyncio.run(ask(server, body)) == (200, {})
    (got,) = images.bodies
    assert json.loads(got) == {"prompt": "A H\u00d6USE", "size": "512x512"}
    assert images.scopes[0]["headers"] == [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(got)),
    ]


def test_refusals_and_failures_have_their_status(check: Made, model: Model) -> None:
    server, images = check(moderate=stage(model.url, "refuse"))
    model.says = lambda _: "unsafe"
    status, error = asyncio.run(ask(server, b'{"prompt": "a house"}'))
    assert (status, error["code"]) == (400, 400)
    assert "safety check" in error["message"]
    model.status = 500
    status, error = asyncio.run(ask(server, b'{"prompt": "a house"}'))
    assert (status, error["code"]) == (503, 503)
    assert asyncio.run(ask(server, json.dumps({"prompt": "x" * 51}).encode()))[0] == 400
    assert images.bodies == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"n": 1}', b'{"prompt": ["a"]}'])
def test_what_has_no_text_as_its_prompt_reaches_neither_a_stage_nor_the_engine(
    check: Made, model: Model, body: bytes
) -> None:
    server, images = check(enhance=stage(model.url))
    assert asyncio.run(ask(server, body))[0] == 400
    assert (model.requests, images.bodies) == ([], [])


def test_other_paths_pass_untouched(check: Made, model: Model) -> None:
    server, images = check(enhance=stage(model.url))
    assert asyncio.run(ask(server, b'{"prompt": "a  b"}', path="/v1/other"))[0] == 200
    assert images.bodies == [b'{"prompt": "a  b"}']
    assert model.requests == []


def test_stages_run_side_by_side_and_count_as_requests(check: Made, model: Model) -> None:
    """Guard: a stage must not stop the server, nor let more requests in than it holds."""
    model.wait_s = 0.5
    server, _ = check(in_flight=3, enhance=stage(model.url))

    async def scenario() -> list[int]:
        body = b'{"prompt": "a house"}'
        answers = await asyncio.gather(*(ask(server, body) for _ in range(5)))
        return sorted(status for status, _ in answers)

    start = time.monotonic()
    assert asyncio.run(scenario()) == [200, 200, 200, 503, 503]
    assert time.monotonic() - start < 1.2


STARTS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff\xe0", "webp": b"RIFF\0\0\0\0WEBP"}
PROMPT = b'{"prompt": "a house"}'


def made(*files: bytes) -> bytes:
    """Answer of the engine with images."""
    shown = [{"b64_json": base64.b64encode(file).decode(), "url": None} for file in files]
    return json.dumps({"created": 1, "data": shown, "output_format": "png"}).encode()


def seen(model: Model) -> list[str]:
    """Addresses of the images that the model got."""
    contents = [request["messages"][-1]["content"] for request in model.requests]
    return [part["image_url"]["url"] for content in contents for part in content]


@pytest.mark.parametrize("form", STARTS)
def test_a_safe_image_reaches_its_caller_as_the_model_saw_it(
    check: Made, model: Model, form: str
) -> None:
    """Guard: an image of several megabytes, in parts as a server sends it."""
    model.says = lambda _: "safe"
    server, engine = check(review=stage(model.url, "refuse"))
    file = STARTS[form] + bytes(range(256)) * 24_000
    body = made(file)
    engine.answer = [body[:100_000], body[100_000:]]
    assert asyncio.run(answered(server, PROMPT)) == (200, body)
    start, _, content = seen(model)[0].partition(",")
    assert start == f"data:image/{form};base64"
    assert base64.b64decode(content) == file
    assert model.requests[0]["messages"][0]["content"] == "Do it."


def test_an_answer_that_is_the_file_itself_is_judged_too(check: Made, model: Model) -> None:
    """`response_format: file` makes the engine send the image without JSON."""
    model.says = lambda _: "unsafe"
    server, engine = check(review=stage(model.url))
    engine.answer = [STARTS["png"] + b"house"]
    status, error = asyncio.run(ask(server, PROMPT))
    assert (status, len(model.requests)) == (400, 1)
    assert "image is refused" in error["message"]


@pytest.mark.parametrize("on_failure", ["allow", "refuse"])
def test_one_unsafe_image_of_an_answer_refuses_all(
    check: Made, model: Model, on_failure: str
) -> None:
    model.says = lambda content: (
        "unsafe" if b"bad" in base64.b64decode(content[0]["image_url"]["url"][22:]) else "safe"
    )
    server, engine = check(review=stage(model.url, on_failure))
    engine.answer = [made(STARTS["png"] + b"good", STARTS["png"] + b"bad")]
    status, error = asyncio.run(ask(server, PROMPT))
    assert (status, len(model.requests)) == (400, 2)
    assert error["message"] == "image is refused: the safety check of this service rejects it"


UNREADABLE = (
    b"ok",
    b"",
    b'{"data": []}',
    b'{"data": [{"url": "https://example.com/1.png"}]}',
    b'data: {"data": []}\n\n',
    made(b"PK\x03\x04 an archive"),
    made(STARTS["png"], b"no image"),
    json.dumps({"data": [{"b64_json": "\u00e9" * 8}]}).encode(),
)


@pytest.mark.parametrize("body", UNREADABLE)
def test_an_answer_without_readable_images_is_a_failure(
    check: Made, model: Model, body: bytes
) -> None:
    """Guard: a form that this program does not know must not be a way around the check."""
    model.says = lambda _: "safe"
    server, engine = check(review=stage(model.url, "refuse"))
    engine.answer = [body]
    assert asyncio.run(ask(server, PROMPT))[0] == 503
    allowing, engine = check(review=stage(model.url, "allow"))
    engine.answer = [body]
    assert asyncio.run(answered(allowing, PROMPT)) == (200, body)


@pytest.mark.parametrize("fault", [slow, broken, garbled], ids=lambda fault: fault.__name__)
def test_a_review_without_an_answer_refuses_or_allows(
    check: Made, model: Model, fault: Callable[[Model], None]
) -> None:
    model.says = lambda _: "safe"
    fault(model)
    server, engine = check(review=stage(model.url, "refuse", BUDGET_S))
    engine.answer = [made(STARTS["png"])]
    status, error = asyncio.run(ask(server, PROMPT))
    assert (status, error["message"]) == (503, "the stage review of the prompt has no answer")
    server, engine = check(review=stage(model.url, "allow", BUDGET_S))
    engine.answer = [made(STARTS["png"])]
    assert asyncio.run(ask(server, PROMPT))[0] == 200


def test_an_error_of_the_engine_needs_no_review(check: Made, model: Model) -> None:
    server, engine = check(review=stage(model.url, "refuse"))
    engine.status, engine.answer = 400, [b'{"error": {"code": 400}}']
    assert asyncio.run(ask(server, PROMPT)) == (400, {"code": 400})
    assert model.requests == []


def test_the_check_of_a_stage_s_own_engine_lets_a_large_image_in(
    modules: dict[str, ModuleType], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An uncompressed image of 2048 x 2048 pixels has 12.6 MB, and 16.8 MB in base64."""
    monkeypatch.setenv("ADMISSION_IN_FLIGHT", "1")
    inner = Images()
    uri = "data:image/png;base64," + "A" * 16_800_000
    body = json.dumps({"messages": [{"content": modules["prompt_stages"].picture(uri)}]}).encode()
    answer = ask(modules["admission"].Admission(inner), body, "/v1/chat/completions")
    assert asyncio.run(answer)[0] == 200
    assert inner.bodies == [body]
