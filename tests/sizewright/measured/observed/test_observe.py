"""`observe` against a real Prometheus: it finds the known errors of a plan, and its proposal
answers them."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from sizewright.measured.observed.service import Stack, planned_service
from testbed.prometheus import Prometheus, prometheus_missing
from tests.sizewright.conftest import ROOT, Ended, Run
from tests.sizewright.measured.observed.stand_in import Truth, fleet, open_metrics

pytestmark = pytest.mark.skipif(bool(prometheus_missing()), reason=prometheus_missing())

SITE = ROOT / "Pulumi.dev.yaml"
SCHEMA = json.loads((ROOT / "docs/schema/observe.schema.json").read_text(encoding="utf-8"))
WRONG = Truth(arrivals=1.5, lengths=2.0, step_time=1.3, restarts=3, hours_down=6)
RIGHT = Truth()
TRUTHS = {"right": RIGHT, "wrong": WRONG, "bare": Truth(is_published=False)}
FIRST = "wrong-floor-us-east-1a-0"
"""The pod that restarts. Another one of the namespace, without an engine, restarts too."""
HISTOGRAM = "[{tokens: 50, share: 0.6}, {tokens: 175, share: 0.4}]"
REPLACED = (
    ("g6e.xlarge", "p5.4xlarge"),
    ("load: peak}", "load: peak, max_utilisation: 0.2}"),
    ("input_tokens: 100,", f"input_tokens: {HISTOGRAM},  # as logged\n  "),
)
"""A fleet whose GPU was measured, so that its band is narrow, and with room for the errors."""


def workload(folder: Path, name: str) -> Path:
    text = (ROOT / "workloads/chat.yaml").read_text(encoding="utf-8")
    for old, new in (("name: chat", f"name: {name}"), *REPLACED):
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("observed")


@pytest.fixture(scope="module")
def stacks(folder: Path) -> dict[str, Stack]:
    return {name: planned_service(workload(folder, name), SITE) for name in TRUTHS}


@pytest.fixture(scope="module")
def server(stacks: dict[str, Stack]) -> Iterator[Prometheus]:
    """A day of three services: as the plan says, not so, and almost without metrics."""
    samples = open_metrics(
        *((fleet(stacks[name], stacks[name], truth), truth) for name, truth in TRUTHS.items())
    )
    with Prometheus(samples) as running:
        yield running


Observe = Callable[..., Ended]


@pytest.fixture
def observe(run: Run) -> Observe:
    def go(path: Path, source: Prometheus, *words: object, until: str = "2026-06-01") -> Ended:
        at = ("--site", SITE, "--prometheus", source.url, "--window", "1d", "--until", until)
        return run("observe", path, *at, *words)

    return go


def answer(ended: Ended) -> dict[str, Any]:
    found = json.loads(ended.out)
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    found["figures"] = {figure.pop("name"): figure for figure in found["figures"]}
    assert isinstance(found, dict)
    return found


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {name: figure["verdict"] for name, figure in found["figures"].items()}


def test_a_service_as_planned_is_met_everywhere_and_nothing_is_proposed(
    observe: Observe, stacks: dict[str, Stack], server: Prometheus, tmp_path: Path
) -> None:
    new = tmp_path / "new.yaml"
    path = stacks["right"].file.path
    ended = observe(path, server, "--json", "--propose", new, "--detailed-exitcode")
    assert ended.code == 0
    found = answer(ended)
    unknown = [name for name, verdict in verdicts(found).items() if verdict != "met"]
    assert unknown == ["answer_percentile"], "the workload states its mean alone"
    assert found["proposal"]["changes"] == [] and not found["proposal"]["calibration"]
    assert (found["covered_ratio"], found["written"]) == (1, [])
    assert found["nodes_not_ready"] == {"node-0": 0}, "the other node has no engine"
    assert not new.exists()
    assert f"{new}: not written" in ended.err


def test_known_errors_are_found_and_the_proposal_answers_them(
    observe: Observe, stacks: dict[str, Stack], server: Prometheus, tmp_path: Path
) -> None:
    """1.5 x arrivals, 2 x lengths, 1.3 x step times; the fleet after it meets every number."""
    stack, new, own = stacks["wrong"], tmp_path / "wrong.yaml", tmp_path / "own.json"
    words = ("--json", "--propose", new, "--out", own, "--detailed-exitcode")
    ended = observe(stack.file.path, server, *words)
    assert ended.code == 3
    found = answer(ended)
    figures, contradicted = found["figures"], verdicts(found)
    stated = {"arrivals_mean": 1.5, "arrivals_peak": 1.5, "prompt_mean": 2, "answer_mean": 2}
    for name, ratio in (*stated.items(), ("tpot_mean", 1.3)):
        assert contradicted[name] == "above", name
        figure = figures[name]
        assert figure["measured"] / figure["sized"] == pytest.approx(ratio, rel=0.05), name
    assert (contradicted["restarts"], found["restarts"]) == ("above", {FIRST: 3})
    assert (contradicted["kv_used"], contradicted["availability"]) == ("met", "below")
    assert figures["availability"]["measured"] == pytest.approx(0.75, abs=0.01)
    (made,) = found["corrections"]
    assert made["tpot_ratio"] == pytest.approx(1.3 ** (made["runs"] / (made["runs"] + 1)), rel=0.05)
    assert json.loads(own.read_text(encoding="utf-8"))["corrections"] == found["corrections"]
    assert found["proposal"]["after"]["gpus_total"] > found["proposal"]["before"]["gpus_total"]
    text = new.read_text(encoding="utf-8")
    assert "daily_users: 150_000," in text and "  # as logged\n" in text
    assert "[{tokens: 100, share: 0.6}, {tokens: 350, share: 0.4}]" in text
    after = planned_service(new, SITE)
    with Prometheus(open_metrics((fleet(stack, after, WRONG), WRONG))) as applied:
        again = answer(observe(new, applied, "--json"))
    left = {name: verdict for name, verdict in verdicts(again).items() if verdict != "met"}
    assert left == {
        "prompt_percentile": "unknown",
        "answer_percentile": "unknown",
        "restarts": "above",
        "availability": "below",
    }, "one bucket is too wide, one length is a mean, and faults are not answered by a plan"
    (more,) = again["corrections"]
    ratio = 1.3 ** (more["runs"] / (more["runs"] + 1))
    assert more["tpot_ratio"] == pytest.approx(ratio, rel=0.05), "over the fit, not over the file"


def test_the_text_says_what_differs_in_few_lines(
    observe: Observe,
    stacks: dict[str, Stack],
    server: Prometheus,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = observe(stacks["wrong"].file.path, server)
    lines = ended.out.splitlines()
    assert ended.code == 0 and lines[0].endswith("numbers differ from what was sized")
    assert len(lines) <= 22
    assert "traffic.daily_users 100,000 -> 150,000" in ended.out
    assert "`--propose FILE` writes it" in lines[-1]
    more = observe(stacks["wrong"].file.path, server, "--verbose").out
    assert f"restarts by pod\n{FIRST}  3" in more and "states no histogram of it" in more
    for module in ("table", "paragraph"):
        monkeypatch.setattr(f"sizewright.layout.{module}.output_width", lambda: 80)
    for words in ((), ("--verbose",)):
        narrow = observe(stacks["wrong"].file.path, server, *words).out.splitlines()
        assert max(map(len, narrow)) <= 80


def test_a_window_with_little_or_no_data_is_named(
    observe: Observe, stacks: dict[str, Stack], server: Prometheus
) -> None:
    half = observe(stacks["right"].file.path, server, until="2026-05-31T12:00:00Z")
    assert "2026-05-30 12:00 UTC to 2026-05-31 12:00 UTC; 50 % has data" in half.out
    none = observe(stacks["right"].file.path, server, until="2026-07-01")
    assert (none.code, none.out) == (2, "")
    assert 'no data of vllm:num_requests_running{namespace="right"}' in none.err
    assert none.err.count("\n") == 1


def test_what_is_not_scraped_is_not_measured_and_never_zero(
    observe: Observe, stacks: dict[str, Stack], server: Prometheus, tmp_path: Path
) -> None:
    path, out = stacks["bare"].file.path, tmp_path / "own.json"
    found = answer(observe(path, server, "--json"))
    known = {n: f for n, f in found["figures"].items() if f["measured"] is not None}
    assert list(known) == ["running_per_replica", "availability"]
    for name, figure in found["figures"].items():
        if name not in known:
            assert figure["reason"] == "not measured: no such metric, or no request", name
    assert (found["restarts"], found["nodes_not_ready"], found["corrections"]) == (None, None, [])
    refused = observe(path, server, "--out", out)
    assert (refused.code, out.exists()) == (2, False)
    assert "not written: the time per output token was not measured" in refused.err
