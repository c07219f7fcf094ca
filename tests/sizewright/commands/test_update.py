"""`update`: nothing changes without a request, and each change shows its reason."""

import json
import re
from pathlib import Path

import pytest

from sizewright.exit_code import ExitCode
from sizewright.reading.lock_file import lock_text
from sizewright.reading.read import read_model
from sizewright.report.answer.comparison import FIRST
from sizing.locks.workload_lock import Lock
from tests.sizewright.conftest import Run, after_contradictions

ROOT = Path(__file__).parents[3]
AUTO = """\
name: search
kind: text
model: llama-3.1-8b
traffic: {daily_users: 500_000, requests_per_user_per_day: 10, peak_ratio: 3}
request: {input_tokens: 1000, output_tokens: 200}
latency: {ttft_ms: 2000, tpot_ms: 60}
capacity: {method: calibrated}
hardware: {instance_type: auto, families: [g6e, g5, p5], precisions: [bf16, fp16, fp8]}
"""


@pytest.fixture
def workload(tmp_path: Path) -> Path:
    path = tmp_path / "search.yaml"
    path.write_text(AUTO)
    return path


def edited(path: Path, **changes: object) -> None:
    lock = read_model(path, Lock)
    path.write_text(lock_text(lock.model_copy(update=changes)))


def test_a_first_update_writes_the_lock(workload: Path, run: Run) -> None:
    ended = run("update", str(workload))
    assert ended.code == 0 and "is written" in ended.out
    lock = read_model(workload.with_suffix(".lock"), Lock)
    assert lock.gpu_seconds and lock.coefficients and "price" in lock.facts
    again = run("update", str(workload), "--why")
    assert "current; nothing changes" in again.out


def test_why_shows_what_moved_and_what_follows(workload: Path, run: Run) -> None:
    run("update", str(workload))
    path = workload.with_suffix(".lock")
    lock = read_model(path, Lock)
    seconds = {name: value * 2 for name, value in (lock.gpu_seconds or {}).items()}
    facts = {**lock.facts, "price": "99 USD an hour"}
    edited(path, gpu_seconds=seconds, facts=facts, coefficients="2020-01-01")
    before = path.read_text()
    dry = run("update", str(workload), "--why", "--dry-run")
    assert path.read_text() == before
    for reported in ("price: 99 USD an hour ->", "coefficients: 2020-01-01 ->", "GPUs needed"):
        assert reported in dry.out
    done = json.loads(run("update", str(workload), "--json").out)
    assert done["written"] and read_model(path, Lock) == lock
    assert [change["path"] for change in done["catalog"]] == ["price"]
    assert any(
        change["path"] == "pool.gpus_needed" and change["old"] > change["new"]
        for service in done["services"]
        for change in service["sizing"]
    )


def test_changed_inputs_are_the_cause_and_the_other_choice_has_its_own_facts(
    workload: Path, run: Run
) -> None:
    run("update", str(workload))
    workload.write_text(AUTO.replace("tpot_ms: 60", "tpot_ms: 20"))
    reported = run("update", str(workload), "--why", "--dry-run").out
    assert "cause\n  the inputs changed since the lock: the request, latency targets" in reported
    assert "no input changed" not in reported and "the catalog:" not in reported
    assert "instance_type: g6e.xlarge -> p5.4xlarge" in reported
    assert "facts behind the new choice\n  price: 6.88 USD an hour\n" in reported
    assert re.search(r"cost of the nodes, USD a month: [\d,]+ -> [\d,]+\n", reported)
    found = json.loads(run("update", str(workload), "--dry-run", "--json").out)
    assert found["catalog"] == [] and found["rests_on"]["price"] == "6.88 USD an hour"
    assert found["usd_per_month"]["old"] > found["usd_per_month"]["new"] > 0


def test_what_a_lock_does_not_record_is_stated(workload: Path, run: Run) -> None:
    run("update", str(workload))
    workload.write_text(AUTO.replace("500_000", "300"))
    reported = run("update", str(workload), "--why", "--dry-run").out
    cause = "the inputs changed since the lock, or the choice was not the cheapest: "
    assert f"cause\n  {cause}a lock does not hold the inputs\n" in reported


def test_a_stated_type_reports_what_moved_in_the_catalog(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text((ROOT / "tests/workloads/chat.yaml").read_text())
    lock = path.with_suffix(".lock")
    lock.write_text((ROOT / "tests/workloads/chat.lock").read_text())
    kept = read_model(lock, Lock)
    edited(lock, catalog_digest="0" * 12, facts={**kept.facts, "GPU": "a smaller one"})
    reported = run("update", str(path), "--why").out
    assert f"the catalog: {'0' * 12} -> {kept.catalog_digest}" in reported
    assert "GPU: a smaller one ->" in reported and "nothing: no sized number changes" in reported


def test_what_becomes_infeasible_is_not_written(workload: Path, run: Run) -> None:
    run("update", str(workload))
    path = workload.with_suffix(".lock")
    before = path.read_text()
    workload.write_text(AUTO.replace("tpot_ms: 60", "tpot_ms: 0.01"))
    ended = run("update", str(workload), "--why")
    assert ended.code == ExitCode.infeasible and path.read_text() == before


def test_compare_ranks_and_says_what_doubles(workload: Path, run: Run) -> None:
    reported = run("compare", str(workload)).out
    assert "Pareto-optimal types first" in reported and "inputs that double the nodes" in reported
    found = json.loads(run("compare", str(workload), "--all", "--json").out)
    costs = [o["usd_per_month"] for o in found["options"] if o["usd_per_month"] is not None]
    assert costs == sorted(costs) and found["options"][0]["on_frontier"]
    assert found["sensitivities"][0]["factor"] > 1


def test_the_mark_is_of_the_options_that_are_listed(workload: Path, run: Run) -> None:
    """A hidden replica of another, cheaper and faster type removes no mark."""
    workload.write_text(AUTO.replace("8b", "70b").replace("500_000", "50_000"))
    for words in ((), ("--all",)):
        found = json.loads(run("compare", str(workload), *words, "--json").out)
        points = [(o["usd_per_month"], o["ttft_ms"], o["tpot_ms"]) for o in found["options"]]
        for option, mine in zip(found["options"], points, strict=True):
            beaten = any(
                o != mine and all(a <= b for a, b in zip(o, mine, strict=True)) for o in points
            )
            assert option["on_frontier"] is not beaten
        table = after_contradictions(run("compare", str(workload), *words).out)
        table = table.split("\n\n")[0].splitlines()[1:]
        marked = sum(bool(re.search(r" \*~? ", line)) for line in table)
        frontier = sum(o["on_frontier"] for o in found["options"])
        assert marked == (frontier if words else min(frontier, FIRST))


def test_what_nobody_measured_is_marked(workload: Path, run: Run) -> None:
    found = json.loads(run("compare", str(workload), "--json").out)
    basis = {o["instance_type"]: o["basis"] for o in found["options"]}
    assert (basis["p5.4xlarge"], basis["g6e.xlarge"]) == ("measured", "datasheet")
    reported = run("compare", str(workload)).out
    assert re.search(r"g6e\.xlarge \*?~", reported) and not re.search(r"p5\.4xlarge \*?~", reported)
    title = " ".join(reported.split("\nUSD/month")[0].split())
    assert "~ unmeasured: a wider band" in title
    assert "TTFT and TPOT are sizing estimates of the needed replicas alone;" in title
    assert "USD, nodes, GPUs and utilisation at the peak are of the whole fleet" in title


@pytest.mark.parametrize("words", [("size",), ("check",), ("compare",), ("update", "--dry-run")])
def test_too_tight_a_target_is_infeasible_though_some_cards_cannot_be_rated(
    workload: Path, run: Run, words: tuple[str, ...]
) -> None:
    text = AUTO.replace("tpot_ms: 60", "tpot_ms: 1").replace(", families: [g6e, g5, p5]", "")
    workload.write_text(text)
    ended = run(words[0], str(workload), *words[1:])
    assert ended.code == ExitCode.infeasible
    lines = [line for line in ended.err.splitlines() if line.startswith("search: ")]
    if words != ("check",):
        nearest = "search: infeasible: closest is p6-b300.48xlarge, tensor parallel 8"
        assert len(lines) == 1 and lines[0].startswith(nearest) and "TPOT" in lines[0]


def test_where_no_card_can_be_rated_nothing_is_answered(workload: Path, run: Run) -> None:
    workload.write_text(AUTO.replace("[g6e, g5, p5]", "[g7]"))
    for words in (("size",), ("compare",)):
        ended = run(*words, str(workload))
        assert ended.code == ExitCode.incomplete
        assert "search: not answered by this version: g7." in ended.err


def test_compare_says_by_which_method_it_ranks(run: Run) -> None:
    ended = run("compare", str(ROOT / "tests/workloads/chat.yaml"))
    assert ended.code == ExitCode.ok
    assert "then the cheapest, by method calibrated, sized for the mean" in " ".join(
        ended.out.split()
    )


def test_another_catalog_alone_is_not_called_changed_inputs(run: Run, tmp_path: Path) -> None:
    """A lock with only an old digest shows this cause, which is true."""
    example = ROOT / "workloads" / "chat.yaml"
    copy = tmp_path / "chat.yaml"
    copy.write_text(example.read_text("utf-8"), "utf-8")
    lock = example.with_suffix(".lock").read_text("utf-8")
    (line,) = [each for each in lock.splitlines() if each.startswith("catalog_digest")]
    copy.with_suffix(".lock").write_text(lock.replace(line, 'catalog_digest: "0123456789ab"'))
    out = run("update", copy, "--why", "--dry-run").out
    assert "the catalog changed, but no fact behind the choice did" in out
    assert "the inputs changed" not in out
