"""Published figures of the example workloads, so that nobody quotes outdated ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sizewright.conftest import ROOT, Run

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
    assert pool["utilisation_at_peak"] == pytest.approx(0.705, abs=0.005)


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


def test_the_burst_example_meets_its_targets_at_the_peak_with_its_burst(run: Run) -> None:
    site = ROOT / "stacks/Pulumi.burst.yaml"
    ended = run("size", ROOT / "workloads/chat-burst.yaml", "--site", site, "--json")
    (service,) = json.loads(ended.out)["services"]
    assert (service["capacity"]["load"], service["burst"]["gpus"]) == ("mean", 10)
    assert service["pool"]["utilisation_at_peak"] > 1, "the floor alone is too small"
    assert (service["latency"]["verdict"], service["latency"]["load"]) == ("met", "peak")
    assert service["contradictions"] == []
    text = " ".join(run("preview", "--site", site, "--verbose").out.split())
    assert "It is sized on the mean, and a burst for the peak" in text
    assert "the queue grows" not in text


def test_the_public_example_has_ingress_that_requires_a_token(run: Run) -> None:
    ended = run("preview", "--site", ROOT / "stacks/Pulumi.public.yaml", "--json")
    assert ended.code == 0
    resources = json.loads(ended.out)["resources"]
    rules = [r for r in resources if r["type"].endswith(":ListenerRule")]
    listener = json.dumps([r["inputs"] for r in resources if "istener" in r["type"]])
    assert rules and "https://issuer.example" in listener
    assert any(r["type"].endswith("wafv2/webAcl:WebAcl") for r in resources)


@pytest.mark.parametrize("name", ["burst", "public"])
def test_an_example_beyond_the_main_one_passes_check(run: Run, name: str) -> None:
    assert run("check", "--site", ROOT / f"stacks/Pulumi.{name}.yaml").code == 0
