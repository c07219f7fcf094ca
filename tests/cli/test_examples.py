"""What the example workloads promise, so that nobody quotes numbers that they no longer give."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ROOT, Run

CHAT = ROOT / "workloads/chat.yaml"


def pool_of(run: Run, path: Path) -> dict[str, Any]:
    ended = run("size", path, "--json")
    assert ended.code == 0
    (service,) = json.loads(ended.out)["services"]
    assert (service["capacity"]["method"], service["capacity"]["load"]) == ("calibrated", "peak")
    pool: dict[str, Any] = service["pool"]
    return pool


def test_the_main_example_serves_its_peak_with_twelve_of_fifteen_gpus(run: Run) -> None:
    pool = pool_of(run, CHAT)
    assert (pool["gpus_needed"], pool["gpus_total"]) == (12, 15)
    assert pool["instance_type"] == "g6e.xlarge"
    assert list(pool["nodes_by_zone"].values()) == [5, 5, 5]
    assert pool["utilisation_at_peak"] == pytest.approx(0.711, abs=0.005)


def test_thirty_percent_more_users_make_sixteen_needed_and_twenty_in_all(
    run: Run, tmp_path: Path
) -> None:
    text = CHAT.read_text("utf-8")
    assert "daily_users: 100_000" in text
    more = tmp_path / "chat.yaml"
    more.write_text(text.replace("daily_users: 100_000", "daily_users: 130_000"), "utf-8")
    more.with_suffix(".lock").write_text(CHAT.with_suffix(".lock").read_text("utf-8"), "utf-8")
    locked = pool_of(run, more)
    more.with_suffix(".lock").unlink()
    for pool in (locked, pool_of(run, more)):
        assert (pool["gpus_needed"], pool["gpus_total"]) == (16, 20)


def test_check_knows_the_checkpoint_that_the_main_example_downloads(run: Run) -> None:
    ended = run("check", CHAT, "--json")
    assert ended.code == 0
    gates = {gate["name"]: gate for gate in json.loads(ended.out)["gates"]}
    assert gates["checkpoint of chat"]["passed"] is True
    assert "Qwen/Qwen3-8B-FP8 is qwen3-8b in fp8" in gates["checkpoint of chat"]["detail"]
