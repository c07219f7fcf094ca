"""`compare` of a workload with a histogram of prompts: the mix, and its deployable files."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sizewright.exit_code import ExitCode
from tests.sizewright.conftest import Run

MIXED: dict[str, Any] = {
    "name": "mixed",
    "kind": "text",
    "model": "qwen3-30b-a3b",
    "traffic": {
        "daily_users": 3_000_000,
        "requests_per_user_per_day": 10,
        "peak_users_share": 0.25,
        "think_time_s": 1_000,
    },
    "request": {
        "input_tokens": [
            {"tokens": 400, "share": 0.9101},
            {"tokens": 4_000, "share": 0.0787},
            {"tokens": 100_000, "share": 0.0112},
        ],
        "output_tokens": 200,
    },
    "latency": {"ttft_ms": 2_000, "tpot_ms": 150, "percentile": 99},
    "hardware": "auto",
}


def written(folder: Path, values: dict[str, Any]) -> Path:
    path = folder / f"{values['name']}.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


@pytest.fixture
def answer(tmp_path: Path, run: Run) -> dict[str, Any]:
    ended = run("compare", written(tmp_path, MIXED), "--json")
    assert ended.code == ExitCode.ok
    found: dict[str, Any] = json.loads(ended.out)["mix"]
    return found


def test_the_files_of_the_answer_size_to_the_fleet(
    answer: dict[str, Any], tmp_path: Path, run: Run
) -> None:
    assert answer["is_cheaper"] and answer["refused"] is None
    for fleet in answer["fleets"]:
        costs = [pool["usd_per_month"] for pool in fleet["pools"]]
        assert fleet["usd_per_month"] == pytest.approx(sum(costs))
        saved = answer["single_usd_per_month"] - fleet["usd_per_month"]
        assert fleet["saving_usd_per_month"] == pytest.approx(saved)
        assert fleet["saving_ratio"] == pytest.approx(saved / answer["single_usd_per_month"])
        for number, pool in enumerate(fleet["pools"]):
            file = {
                **MIXED,
                "name": f"pool-{number}",
                "model": {"name": MIXED["model"], "precision": pool["precision"]},
                "traffic": MIXED["traffic"] | pool["traffic"],
                "request": MIXED["request"] | pool["request"],
                "hardware": {
                    "instance_type": pool["instance_type"],
                    "tensor_parallel": pool["tensor_parallel"],
                },
            }
            sized = json.loads(run("size", written(tmp_path, file), "--json").out)
            (service,) = sized["services"]
            assert service["pool"]["nodes_total"] == pool["nodes_total"]
            assert service["choice"]["pool_usd_per_month"] == pytest.approx(pool["usd_per_month"])


def test_people_read_by_how_much_and_how_to_deploy_it(
    answer: dict[str, Any], tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    text = run("compare", written(tmp_path, MIXED)).out
    best = min(answer["fleets"], key=lambda fleet: float(fleet["usd_per_month"]))
    assert f"costs {best['saving_usd_per_month']:,.0f} USD a month (" in text
    assert "split by the length of the prompt" in text
    assert "a plan of this version has one pool a service" in text
    for pool in best["pools"]:
        rate = pool["traffic"]["requests_per_user_per_day"]
        assert f"traffic.requests_per_user_per_day {rate}"[:50] in text
    first, *_, last = best["pools"]
    assert f"at most {first['to_tokens']:,} to {first['instance_type']}" in text
    assert f"longer ones to {last['instance_type']}" in text


def test_without_a_histogram_it_says_why_there_is_no_mix(tmp_path: Path, run: Run) -> None:
    request = {**MIXED["request"], "input_tokens": 1_000}
    path = written(tmp_path, {**MIXED, "request": request})
    found = json.loads(run("compare", path, "--json").out)["mix"]
    assert not found["is_cheaper"] and found["fleets"] == [] and found["same_type"] is None
    assert "is no histogram" in found["refused"] and found["single_usd_per_month"] > 0
    assert found["refused"] in " ".join(run("compare", path).out.split())
