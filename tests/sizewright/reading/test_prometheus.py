"""Faults of a Prometheus are one line each, and a token goes nowhere else."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sizewright.reading import prometheus
from sizewright.reading.input_error import InputError
from sizewright.reading.prometheus import Prometheus
from tests.sizewright.conftest import Run

EMPTY = json.dumps({"status": "success", "data": {"resultType": "vector", "result": []}})
Answer = tuple[int, dict[str, str], str]


class Server(HTTPServer):
    """Answers every request alike, after a pause, and keeps the requests."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Answer = (200, {}, EMPTY)
        self.pause_s = 0.0
        self.seen = list[tuple[str, str | None]]()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append((self.path, self.headers["Authorization"]))
        time.sleep(self.server.pause_s)
        code, headers, text = self.server.answer
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


REFUSED = json.dumps({"status": "error", "error": "parse error: unexpected end"})
FAULTS: dict[str, tuple[Answer, str]] = {
    "denied": ((401, {}, ""), "denied access: HTTP status 401; expected a token that may read"),
    "forbidden": ((403, {}, ""), "denied access: HTTP status 403"),
    "a page": ((200, {}, "<html>Hello</html>"), "its answer is not JSON; expected a Prometheus"),
    "other JSON": ((200, {}, '{"hits": []}'), "its answer is not that of Prometheus"),
    "other data": ((200, {}, '{"status": "success", "data": 1}'), "not that of Prometheus"),
    "not found": ((404, {}, "404 page not found"), "answers with HTTP status 404"),
    "a fault": ((422, {}, REFUSED), "refused a query: parse error: unexpected end"),
    "moved": (
        (302, {"Location": "https://login.example/?a=b"}, ""),
        "redirects to 'https://login.example/?a=b'",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_an_answer_that_is_not_of_prometheus_is_named(server: Server, case: str) -> None:
    server.answer, said = FAULTS[case]
    with pytest.raises(InputError) as fault:
        Prometheus(server.url).at("up", 0)
    text = str(fault.value)
    assert text.startswith(f"{server.url}: ") and said in text
    assert "\n" not in text


def test_a_server_that_does_not_answer_in_time_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prometheus, "TIMEOUT_S", 0.05)
    server.pause_s = 0.3
    with pytest.raises(InputError, match=r"no answer within 0\.05 seconds"):
        Prometheus(server.url).at("up", 0)


def test_a_refused_connection_is_named() -> None:
    with pytest.raises(InputError, match="cannot be reached: connection refused"):
        Prometheus("http://127.0.0.1:9").at("up", 0)


def test_an_answer_with_values_that_are_no_numbers_leaves_them_out(server: Server) -> None:
    series = {"metric": {"pod": "a"}, "values": [[1, "2.5"], [2, "NaN"], [3, "+Inf"]]}
    server.answer = (200, {}, json.dumps({"status": "success", "data": {"result": [series]}}))
    (found,) = Prometheus(server.url + "/").over("up", 1, 3, 1)
    assert (found.labels, found.points) == ({"pod": "a"}, [(1.0, 2.5)])
    assert server.seen[0][0].startswith("/api/v1/query_range?query=up&start=1.000&end=3.000")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("prometheus:9090", "not an address"),
        ("ftp://prometheus", "not an address"),
        ("http://prometheus:none", "not an address"),
        ("https://name:secret@prometheus", "holds a user name or a password"),
        ("https://prometheus/?token=secret", "has a query"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as fault:
        Prometheus(url)
    assert "name:secret" not in str(fault.value)


def test_a_token_is_sent_to_this_machine_or_encrypted_only(server: Server) -> None:
    Prometheus(server.url, "abc").at("up", 0)
    assert server.seen[0][1] == "Bearer abc"
    Prometheus("https://prometheus.example", "abc")
    with pytest.raises(InputError, match="would travel without encryption; expected https"):
        Prometheus("http://prometheus.example", "abc")


def test_a_token_is_not_sent_where_a_redirect_leads(server: Server) -> None:
    server.answer = (302, {"Location": f"{server.url}/elsewhere"}, "")
    with pytest.raises(InputError, match="redirects"):
        Prometheus(server.url, "abc").at("up", 0)
    assert len(server.seen) == 1


def test_the_token_of_a_file_or_of_the_environment_is_used(
    run: Run, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n", encoding="utf-8")
    monkeypatch.setenv("METRICS_TOKEN", "from-environment")
    words = ("observe", "workloads/chat.yaml", "--prometheus", server.url)
    for option, value in (("--token-file", file), ("--token-env", "METRICS_TOKEN")):
        ended = run(*words, option, value)
        assert (ended.code, ended.out) == (2, "")
        assert "no data of vllm:num_requests_running" in ended.err
    assert {token for _, token in server.seen} == {"Bearer from-file", "Bearer from-environment"}
    file.write_text("two words", encoding="utf-8")
    ended = run(*words, "--token-file", file)
    assert "holds no token" in ended.err and "two words" not in ended.err
    assert "holds no token" in run(*words, "--token-env", "NO_SUCH_NAME").err
    both = run(*words, "--token-env", "A", "--token-file", file)
    assert "exclude each other" in both.err


def replaced(engine: str) -> tuple[str, str]:
    return ("hardware: ", f"engine: {{name: {engine}}}\nhardware: ")


def test_a_service_without_known_metrics_is_refused(run: Run, chat: Callable[..., Path]) -> None:
    url = ("--prometheus", "http://127.0.0.1:9")
    other = run("observe", chat(replaced("tensorrt-llm")), *url)
    said = "engine.name: the metrics of engine tensorrt-llm are not known; expected one of vllm"
    assert said in other.err
    clips = run("observe", "workloads/clips.yaml", *url)
    assert "kind: services of kind video are not compared with their plan" in clips.err
    assert (other.code, clips.code) == (2, 2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--window", "7"), "--window: found '7'; expected a number with m, h, d or w"),
        (("--window", "1m"), "--window: found '1m'"),
        (("--until", "noon"), "--until: found 'noon'; expected a time as"),
        (("--until", "9999-12-31T23:59:59-23:00"), "--until: found"),
    ],
)
def test_a_time_that_is_none_is_refused(run: Run, words: tuple[str, str], said: str) -> None:
    ended = run("observe", "workloads/chat.yaml", "--prometheus", "http://127.0.0.1:9", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
