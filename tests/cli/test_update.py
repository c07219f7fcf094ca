"""`update`: nothing moves until it is asked for, and then it says why."""

import json
from pathlib import Path

import pytest

from sizewright.exit_code import ExitCode
from sizewright.lock_file import lock_text
from sizewright.read import read_model
from sizing.lock import Lock
from tests.cli.conftest import Run

ROOT = Path(__file__).parents[2]
AUTO = """\
name: search
kind: text
model: llama-3.1-8b
traffic: {daily_users: 500_000, requests_per_user_per_day: 10, peak_ratio: 3}
request: {input_tokens: 1000, output_tokens: 200}
latency: {ttft_ms: 2000, tpot_ms: 60}
capacity: {method: calibrated}
hardware: {instance_type: auto, families: [g6e, g5, p5]}
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


def test_why_tells_what_moved_and_what_follows(workload: Path, run: Run) -> None:
    run("update", str(workload))
    path = workload.with_suffix(".lock")
    lock = read_model(path, Lock)
    seconds = {name: value * 2 for name, value in (lock.gpu_seconds or {}).items()}
    facts = {**lock.facts, "price": "99 USD an hour"}
    edited(path, gpu_seconds=seconds, facts=facts, coefficients="2020-01-01")
    before = path.read_text()
    dry = run("update", str(workload), "--why", "--dry-run")
    assert path.read_text() == before
    for told in ("price: 99 USD an hour ->", "coefficients: 2020-01-01 ->", "GPUs needed"):
        assert told in dry.out
    done = json.loads(run("update", str(workload), "--json").out)
    assert done["written"] and read_model(path, Lock) == lock
    assert [change["path"] for change in done["catalog"]] == ["price"]
    assert any(
        change["path"] == "pool.gpus_needed" and change["old"] > change["new"]
        for service in done["services"]
        for change in service["sizing"]
    )


def test_a_stated_type_is_told_what_moved_in_the_catalog(tmp_path: Path, run: Run) -> None:
    path = tmp_path / "chat.yaml"
    path.write_text((ROOT / "workloads" / "chat.yaml").read_text())
    lock = path.with_suffix(".lock")
    lock.write_text((ROOT / "workloads" / "chat.lock").read_text())
    kept = read_model(lock, Lock)
    edited(lock, catalog_digest="0" * 12, facts={**kept.facts, "GPU": "a smaller one"})
    told = run("update", str(path), "--why").out
    assert f"the catalog: {'0' * 12} -> {kept.catalog_digest}" in told
    assert "GPU: a smaller one ->" in told and "nothing: no sized number changes" in told


def test_what_becomes_infeasible_is_not_written(workload: Path, run: Run) -> None:
    run("update", str(workload))
    path = workload.with_suffix(".lock")
    before = path.read_text()
    workload.write_text(AUTO.replace("tpot_ms: 60", "tpot_ms: 0.01"))
    ended = run("update", str(workload), "--why")
    assert ended.code == ExitCode.infeasible and path.read_text() == before


def test_compare_ranks_and_says_what_doubles(workload: Path, run: Run) -> None:
    told = run("compare", str(workload)).out
    assert "cheapest first" in told and "what doubles the nodes" in told
    found = json.loads(run("compare", str(workload), "--all", "--json").out)
    costs = [o["usd_per_month"] for o in found["options"] if o["usd_per_month"] is not None]
    assert costs == sorted(costs) and found["options"][0]["on_frontier"]
    assert found["sensitivities"][0]["factor"] > 1


def test_compare_says_by_which_method_it_ranks(run: Run) -> None:
    ended = run("compare", str(ROOT / "workloads" / "chat.yaml"))
    assert ended.code == ExitCode.ok
    assert "cheapest first, by method calibrated, sized for the mean" in " ".join(ended.out.split())
