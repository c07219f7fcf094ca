"""`replay`: a trace on the sized fleet, as text and as JSON, and inputs that it refuses."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sizewright.layout.console import ENDLESS
from tests.sizewright.conftest import ROOT, Ended, Run

CHAT = "workloads/chat.yaml"
SCHEMA = json.loads((ROOT / "docs/schema/replay.schema.json").read_text(encoding="utf-8"))
FAULTY_KINDS = ("image-studio", "clips", "embeddings")


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours in the columns of BurstGPT: 720 requests in the first, 1,440 in the second. One row
    has no answer, and one is longer than the context of the chat."""
    draw, path = random.Random(2), tmp_path_factory.mktemp("traces") / "trace.csv"
    rows = ["Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type"]
    times = [5.0 * n for n in range(720)] + [3_600 + 2.5 * n for n in range(1_440)]
    for time in times:
        given, made = draw.randint(50, 150), draw.randint(200, 600)
        rows.append(f"{time},GPT-4,{given},{made},{given + made},API log")
    rows += ["7200,GPT-4,100,0,100,API log", "7200,GPT-4,100,3000,3100,API log"]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def answer(ended: Ended) -> Any:
    assert (ended.code, ended.err) == (0, "")
    found = json.loads(ended.out)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def test_the_answer_in_json(run: Run, trace: Path) -> None:
    found = answer(run("replay", trace, CHAT, "--json"))
    (service,) = found["services"]
    assert (found["format"], found["rate"], found["without_answer"]) == ("BurstGPT", 1, 1)
    assert (service["name"], service["requests"], service["too_long"]) == ("chat", 2_160, 1)
    assert [hour["requests"] for hour in service["by_hour"]] == [720, 1_440]
    assert service["worst_hour"] == 1
    assert service["requests_per_s_worst"] == pytest.approx(0.4)
    assert service["hours"] == pytest.approx(2, rel=0.001)
    assert service["sized"]["missed"]["requests_ratio"] == 0
    assert service["sized"]["quantile_percent"] == 90
    first, second = (hour["utilisation"] for hour in service["by_hour"])
    assert second == pytest.approx(2 * first, rel=0.05)
    assert service["lost_zone"]["hour"] == 1
    assert run("replay", trace, CHAT, "--json").out == run("replay", trace, CHAT, "--json").out


def test_the_answer_in_text_has_about_ten_lines(run: Run, trace: Path) -> None:
    ended = run("replay", trace, CHAT)
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert len(lines) <= 12
    assert (
        lines[0]
        == f"chat: 2,160 of 2,161 requests in 2 hours of {trace} (BurstGPT), on 15 replicas"
    )
    assert [line[:10].strip() for line in lines[1:]] == [
        "arrivals",
        "lengths",
        "refused",
        "missed",
        "latency",
        "utilised",
        "queue",
        "lost zone",
        "notes",
        "more",
    ]
    assert "0 % of requests, 0 % of time (P90 estimate)" in ended.out
    assert "the targets allow 5 % of requests" in ended.out
    assert ended.out.count(" at the median, missed by 0 %)") == 2
    assert "0.05 % of requests are longer than the engine's context" in ended.out
    assert "1 row without a prompt or an answer left out." in ended.out


@pytest.mark.parametrize("width", [80, ENDLESS])
def test_lines_wrap_and_lose_nothing(
    run: Run, trace: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    piped = run("replay", trace, CHAT, "-v").out
    monkeypatch.setattr("sizewright.layout.table.output_width", lambda: width)
    wrapped = run("replay", trace, CHAT, "-v").out
    assert max(map(len, wrapped.splitlines())) <= width
    assert sorted("".join(piped.split())) == sorted("".join(wrapped.split()))
    assert "hours of the trace (P90 estimate)" in piped


def test_a_window_and_a_rate(run: Run, trace: Path) -> None:
    words = ("replay", trace, CHAT, "--from", "1", "--hours", "0.5", "--rate", "600", "--json")
    found = answer(run(*words))
    (service,) = found["services"]
    assert service["requests"] == 720
    assert service["requests_per_s_mean"] == pytest.approx(240)
    assert (found["rate"], found["from_hour"]) == (600, 1)
    assert service["sized"]["utilisation_mean"] > 1
    assert "at 600 times its rate" in run(*words[:-1]).out.partition("\n")[0]


def test_each_service_gets_every_request(run: Run, trace: Path, chat: Callable[..., Path]) -> None:
    other = chat(
        ("method: given, requests_per_gpu_per_s: 1", "method: given, requests_per_gpu_per_s: 2"),
        name="search",
    )
    found = answer(run("replay", trace, CHAT, other, "--hours", "1", "--json"))
    assert [each["requests"] for each in found["services"]] == [720, 720]
    notes = found["services"][1]["assumed"]
    assert "The method given sized the fleet; the replay uses calibrated times." in notes


def test_without_targets_it_says_so(run: Run, trace: Path, chat: Callable[..., Path]) -> None:
    path = chat(
        ("latency: {ttft_ms: 500, tpot_ms: 50, percentile: 95}\n", ""),
        ("  latency_missed: This fixture is sized on the daily mean.\n", ""),
    )
    ended = run("replay", trace, path, "--hours", "0.5")
    assert ended.code == 0
    assert "the workload states no latency targets, so no request can miss one" in ended.out


def test_bursts_and_the_loss_of_the_only_zone_are_named(
    run: Run, chat: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [f"{60 * n},100,200" for n in range(50) for _ in range(20)]
    path = tmp_path / "bursts.csv"
    path.write_text("time,input_tokens,output_tokens\n" + "\n".join(rows), encoding="utf-8")
    one_zone = chat(
        ("daily_users: 100_000", "daily_users: 100"),
        ("redundancy: {spare_ratio: 0.20}\n", ""),
        ("accept:\n  peak_above_capacity: This fixture is sized on the daily mean.\n", "accept:\n"),
    )
    out = run("replay", path, one_zone).out
    assert "; they come in bursts, with " in out
    assert "100 % of its requests missed" in out and "no replica remains" in out


@pytest.mark.parametrize("name", FAULTY_KINDS)
def test_other_kinds_are_refused(run: Run, trace: Path, name: str) -> None:
    ended = run("replay", trace, f"workloads/{name}.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"workloads/{name}.yaml:")
    assert ": kind: the requests of " in ended.err
    assert ended.err.endswith("; expected text or chat, which a trace describes\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "9"), "--from 9: no request arrives in these hours"),
        (("--rate", "0"), "--rate"),
        (("--rate", "nan"), "--rate"),
        (("--from", "nan"), "--from"),
        (("--hours", "inf"), "--hours"),
        (("--hours", "0"), "--hours"),
        (("--columns", "a,b"), "expected three names, TIME,INPUT,OUTPUT"),
        (("--columns", "a,a,b"), "expected three names, TIME,INPUT,OUTPUT"),
        (("--columns", "Timestamp,Request tokens,Answer"), "Answer: found the columns"),
    ],
)
def test_a_wrong_option_is_refused(
    run: Run, trace: Path, words: tuple[str, ...], said: str
) -> None:
    ended = run("replay", trace, CHAT, *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


def test_less_than_a_second_of_requests_has_one_rate(run: Run, tmp_path: Path) -> None:
    rows = "\n".join(f"{number / 100},100,10" for number in range(50))
    path = tmp_path / "short.csv"
    path.write_text(f"time,input_tokens,output_tokens\n{rows}\n", encoding="utf-8")
    ended = run("replay", path, CHAT)
    assert "50 requests in 0.5 seconds" in ended.out
    assert "100 requests/s on the mean; the fleet is sized for" in ended.out
    (service,) = json.loads(run("replay", path, CHAT, "--json").out)["services"]
    assert service["requests_per_s_worst"] == pytest.approx(service["requests_per_s_mean"])
    assert service["sized"]["utilisation_worst"] == pytest.approx(
        service["sized"]["utilisation_mean"]
    )


def test_a_trace_of_long_requests_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("time,input_tokens,output_tokens\n1,5000,5\n", encoding="utf-8")
    ended = run("replay", path, CHAT)
    assert ended.code == 2
    assert "every request is longer than the context of chat, 2,048 tokens" in ended.err


def test_an_infeasible_service_is_not_replayed(
    run: Run, trace: Path, chat: Callable[..., Path]
) -> None:
    path = chat(
        ("method: given, requests_per_gpu_per_s: 1,", "method: calibrated,"),
        ("tpot_ms: 50", "tpot_ms: 0.001"),
    )
    ended = run("replay", trace, path)
    assert (ended.code, ended.out) == (5, "")
    assert "infeasible" in ended.err


def test_a_replica_over_nodes_cannot_be_replayed(run: Run, trace: Path, tmp_path: Path) -> None:
    path = tmp_path / "wide.yaml"
    path.write_text(
        """\
name: wide
kind: chat
model: {name: llama-3.1-405b, precision: bf16}
traffic: {daily_users: 1000, requests_per_user_per_day: 10, peak_ratio: 2}
request: {input_tokens: 100, output_tokens: 400, context_tokens: 2048}
capacity: {method: given, requests_per_gpu_per_s: 1, load: peak}
hardware: {instance_type: p5.48xlarge, nodes_per_replica: 2}
""",
        encoding="utf-8",
    )
    ended = run("replay", trace, path)
    assert (ended.code, ended.out) == (6, "")
    assert ended.err == (
        "wide: cannot be replayed: a replica spans 2 nodes, so its step times are unknown\n"
    )
