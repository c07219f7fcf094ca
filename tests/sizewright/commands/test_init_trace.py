"""`init --trace`: the sized arrivals and lengths are those of the trace."""

import json
import random
from pathlib import Path

import pytest

from sizewright.reading.stack.workload_file import read_workload
from sizewright.reading.traces.trace_file import read_trace
from sizing.catalog import load_catalog
from sizing.workload import mean_tokens
from tests.sizewright.conftest import Run

USERS = 1_234


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten hours of 0.2 requests/s, but 0.5 in the last one; lengths are exponential."""
    draw, now = random.Random(5), 0.0
    rows = ["time,input_tokens,output_tokens"]
    while now < 36_000:
        now += draw.expovariate(0.5 if now > 32_400 else 0.2)
        given, made = (max(1, round(draw.expovariate(1 / mean))) for mean in (900, 250))
        rows.append(f"{now:.3f},{given},{made}")
    path = tmp_path_factory.mktemp("traces") / "own log.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_sized_arrivals_are_those_of_the_trace(run: Run, tmp_path: Path, trace: Path) -> None:
    words = ("--model", "qwen3-8b", "--users", USERS, "--directory", tmp_path)
    ended = run("init", "own", "--trace", trace, *words)
    assert (ended.code, ended.err) == (0, "")
    path = tmp_path / "own.yaml"
    assert ended.out.endswith(f"  sizewright replay {trace} {path}\n")
    sized = run("size", path, "--json")
    assert sized.code == 0
    (service,) = json.loads(sized.out)["services"]
    requests = read_trace(trace).trace
    mean = requests.requests_per_s
    assert service["traffic"]["requests_per_s_mean"] == pytest.approx(mean, rel=1e-5)
    assert service["traffic"]["requests_per_s_peak"] == pytest.approx(0.58, rel=0.15)
    workload = read_workload(path, load_catalog()).workload
    assert workload.traffic.daily_users == USERS
    for stated, counted in (
        (workload.request.input_tokens, requests.input_tokens),
        (workload.request.output_tokens, requests.output_tokens),
    ):
        assert isinstance(stated, tuple) and len(stated) == 9
        assert sum(bar.share for bar in stated) == 1
        assert float(mean_tokens(stated)) == pytest.approx(sum(counted) / len(counted), rel=0.002)
    both = zip(requests.input_tokens, requests.output_tokens, strict=True)
    assert workload.request.context_tokens == max(map(sum, both))


def test_its_replay_meets_the_targets_that_it_was_sized_for(
    run: Run, tmp_path: Path, trace: Path
) -> None:
    run("init", "own", "--trace", trace, "--model", "qwen3-8b", "--directory", tmp_path)
    found = json.loads(run("replay", trace, tmp_path / "own.yaml", "--json").out)
    (service,) = found["services"]
    assert service["too_long"] == 0
    assert service["sized"]["missed"]["requests_ratio"] < 0.05
    for name in ("input", "output"):
        sized = service[f"{name}_tokens_sized"]
        assert sized == pytest.approx(service[f"{name}_tokens"], rel=0.002)


def test_comments_give_the_source_and_the_percentile(run: Run, tmp_path: Path, trace: Path) -> None:
    run("init", "own", "--trace", trace, "--users", USERS, "--directory", tmp_path)
    text = (tmp_path / "own.yaml").read_text(encoding="utf-8")
    assert f'# From the trace "{trace}" (own log): ' in text
    assert "# Assumed: each day is like the trace, and has no other hours.\n" in text
    assert "# The peak is the P99 of windows of " in text
    assert "# A guess: 1_234 users, because a trace has none." in text
    assert "percentiles 0,\n# 25, 50, 75, 90, 94, 96, 98, 99.5, 100.\n" in text


def test_equal_lengths_and_columns_of_an_own_log(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    rows = (json.dumps({"at_ms": 500 * n, "given": 80, "made": 20}) for n in range(100))
    path.write_text("\n".join(rows), encoding="utf-8")
    words = ("--trace", path, "--columns", "at_ms,given,made", "--directory", tmp_path)
    assert run("init", "own", *words).code == 0
    request = read_workload(tmp_path / "own.yaml", load_catalog()).workload.request
    assert [(bar.tokens, bar.share) for bar in request.input_tokens] == [(80, 1)]
    assert request.context_tokens == 100


def test_longer_requests_than_the_model_accepts_are_named(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    lengths = [100] * 99 + [5_000]
    rows = [f"{n},{given},20" for n, given in enumerate(lengths)]
    path.write_text("time,input_tokens,output_tokens\n" + "\n".join(rows), encoding="utf-8")
    words = ("--trace", path, "--model", "llama-2-7b", "--directory", tmp_path)
    assert run("init", "own", *words).code == 0
    text = (tmp_path / "own.yaml").read_text(encoding="utf-8")
    assert "# The model accepts 4_096 tokens; the engine refuses longer requests, of up to" in text
    assert "  context_tokens: 4096\n" in text


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", (), "no header"),
        ("time,input_tokens,output_tokens\n1,2,x\n", (), ":2:5: output_tokens: found text 'x'"),
        ("time,input_tokens,output_tokens\n1,9000,9\n", ("--model", "llama-2-7b"), "9,009 tokens"),
    ],
)
def test_a_faulty_trace_writes_nothing(
    run: Run, tmp_path: Path, text: str, words: tuple[str, ...], said: str
) -> None:
    path = tmp_path / "trace.csv"
    path.write_text(text, encoding="utf-8")
    ended = run("init", "own", "--trace", path, *words, "--directory", tmp_path / "new")
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert not (tmp_path / "new").exists()


def test_columns_without_a_trace_are_refused(run: Run, tmp_path: Path) -> None:
    ended = run("init", "own", "--columns", "a,b,c", "--directory", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert "--trace FILE is missing" in ended.err
