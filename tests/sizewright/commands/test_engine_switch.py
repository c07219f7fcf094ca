"""What the commands say of an engine: the choice, the comparison, and what a switch changes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizing.workload import Kind, engines_of
from tests.sizewright.conftest import ROOT, Run

SITE = ROOT / "Pulumi.prod.yaml"
CHAT = """
name: chat
kind: chat
model: llama-3.1-8b
traffic: {daily_users: 100_000, requests_per_user_per_day: 10, peak_ratio: 2}
request: {input_tokens: 100, output_tokens: 400, context_tokens: 2048}
latency: {ttft_ms: 3000, tpot_ms: 80}
hardware: g6e.xlarge
data: none
"""


@pytest.fixture
def chat(tmp_path: Path) -> Callable[[str], Path]:
    """Workload file with this engine section."""

    def build(engine: str) -> Path:
        path = tmp_path / f"{engine}.yaml"
        path.write_text(f"{CHAT}engine: {{name: {engine}}}\n", encoding="utf-8")
        return path

    return build


def switched(run: Run, old: Path, new: Path) -> dict[str, tuple[Any, Any]]:
    answer = json.loads(run("diff", old, new, "--site", SITE, "--json").out)
    (service,) = answer["services"]
    return {leaf["path"]: (leaf["old"], leaf["new"]) for leaf in service["engine"]}


def test_a_switch_names_image_flags_gauges_and_weights(
    run: Run, chat: Callable[[str], Path]
) -> None:
    found = switched(run, chat("vllm"), chat("tensorrt-llm"))
    assert found["engine"] == ("vllm", "tensorrt-llm")
    old, new = found["image"]
    assert old.startswith("docker.io/vllm/") and new.startswith("nvcr.io/nvidia/tensorrt-llm/")
    assert found["command"][0] == "vllm serve"
    assert found["weights"] == ("/weights/llama-3.1-8b", "/tmp/models/llama-3.1-8b")
    assert found["gauges"] == ("vllm:num_requests_(running|waiting)", None)
    assert found["limits_by"] == ("engine", "admission")
    before, after = found["settings.sequences"]
    assert before.startswith("--max-num-seqs ") and after.startswith("--max_batch_size ")
    assert found["settings.kv_cache"] == ("--kv-cache-dtype auto", "kv_cache_config.dtype auto")
    assert found["settings.served_name"] == ("--served-model-name llama-3.1-8b", None)


def test_what_stays_is_not_listed(run: Run, chat: Callable[[str], Path]) -> None:
    found = switched(run, chat("vllm"), chat("sglang"))
    assert "settings.port" not in found and "weights" not in found
    assert switched(run, chat("vllm"), ROOT / "workloads/chat.yaml") == {}, "the same engine"


def test_the_text_has_the_switch_between_cause_and_sizing(
    run: Run, chat: Callable[[str], Path]
) -> None:
    out = run("diff", chat("vllm"), chat("sglang"), "--site", SITE).out
    order = [out.index(text) for text in ("chat: cause", "chat: another engine", "sizing that")]
    assert order == sorted(order)
    assert "USD a month" in out.partition("chat: cause")[0], "money and replicas come first"
    comment = run("diff", chat("vllm"), chat("sglang"), "--site", SITE, "--markdown").out
    assert "**Another engine**" in comment


def test_resources_of_a_switch_are_updated_and_no_node_is_replaced(
    run: Run, chat: Callable[[str], Path]
) -> None:
    answer = json.loads(run("diff", chat("vllm"), chat("sglang"), "--site", SITE, "--json").out)
    assert answer["counts"]["replace"] == answer["counts"]["may_replace"] == 0
    assert not [r for r in answer["resources"] if r["loses_data"]]
    made = [r["name"] for r in answer["resources"] if r["effect"] == "create"]
    assert any("-start-" in name for name in made)
    assert any("-admission-" in name for name in made)


def test_a_switch_to_an_engine_that_runs_as_root_is_a_danger(
    run: Run, chat: Callable[[str], Path]
) -> None:
    """vLLM's image runs without root, SGLang's was never seen to."""
    there = run("diff", chat("vllm"), chat("sglang")).out
    assert there.startswith("DANGER: a protection is removed")
    assert "its containers may run as root" in there
    assert "its containers may run as root" not in run("diff", chat("sglang"), chat("vllm")).out


@pytest.mark.parametrize("engine", engines_of(Kind.chat))
def test_the_summary_names_an_engine_that_is_not_the_default(
    run: Run, chat: Callable[[str], Path], engine: str
) -> None:
    lines = run("size", chat(engine), "--site", SITE).out.splitlines()
    rows = [line.split() for line in lines if line.startswith("engine")]
    assert rows == ([] if engine == "vllm" else [["engine", engine]])
    assert len(lines) <= 10


def test_the_summary_names_the_engines_of_a_choice(run: Run, chat: Callable[[str], Path]) -> None:
    path = chat("auto")
    out = run("size", path, "--site", SITE).out
    (row,) = [line for line in out.splitlines() if line.startswith("engine")]
    chosen = row.split()[1].removesuffix(",")
    assert row.endswith(f"{chosen}, the cheapest of vllm, sglang, tensorrt-llm")
    assert len(out.splitlines()) <= 10
    assert run("update", path, "--site", SITE).code == 0
    lock = path.with_suffix(".lock").read_text(encoding="utf-8")
    assert ('engine: "' in lock) is (chosen != "vllm")
    (kept,) = [
        line
        for line in run("size", path, "--site", SITE).out.splitlines()
        if line.startswith("engine")
    ]
    assert kept.endswith(f"{chosen}, from the lock")


def test_a_lock_of_another_engine_is_stale_and_update_says_which_engine_it_has(
    run: Run, chat: Callable[[str], Path]
) -> None:
    path = chat("sglang")
    assert run("update", path, "--site", SITE).code == 0
    assert 'engine: "sglang"' in path.with_suffix(".lock").read_text(encoding="utf-8")
    text = path.read_text(encoding="utf-8").replace("sglang", "tensorrt-llm")
    path.write_text(text, encoding="utf-8")
    why = run("update", path, "--site", SITE, "--why", "--dry-run").out
    assert "engine: sglang -> tensorrt-llm" in why


def test_compare_has_the_other_engines(run: Run, chat: Callable[[str], Path]) -> None:
    out = run("compare", chat("vllm"), "--site", SITE).out
    _, _, table = out.partition("other engines, each on the cheapest type for it\n")
    head, *rows = table.partition("\n\n")[0].splitlines()
    assert head.startswith("engine ")
    assert {row.split()[0] for row in rows} == {"sglang", "tensorrt-llm"}
    answer = json.loads(run("compare", chat("vllm"), "--site", SITE, "--json").out)
    engines = {row["engine"]: row for row in answer["engines"]}
    assert {name: row["is_requested"] for name, row in engines.items()} == {
        "vllm": True,
        "sglang": False,
        "tensorrt-llm": False,
    }
    assert engines["vllm"]["option"]["usd_per_month"] == answer["options"][0]["usd_per_month"]
    assert {option["engine"] for option in answer["options"]} == {"vllm"}


def test_compare_ranks_engines_together_with_auto(run: Run, chat: Callable[[str], Path]) -> None:
    out = run("compare", chat("auto"), "--site", SITE).out
    assert "all engines, each on the cheapest type for it" in out
    answer = json.loads(run("compare", chat("auto"), "--all", "--site", SITE, "--json").out)
    assert {option["engine"] for option in answer["options"]} == {*engines_of(Kind.chat)}
    costs = [option["usd_per_month"] for option in answer["options"] if option["usd_per_month"]]
    assert costs == sorted(costs)


def test_compare_says_why_an_engine_serves_nothing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "encrypted.yaml"
    path.write_text(f"{CHAT}in_transit: tls\n", encoding="utf-8")
    out = run("compare", path, "--site", SITE).out
    assert "engines that do not serve it: --all shows why\nsglang, tensorrt-llm\n" in out
    in_full = " ".join(run("compare", path, "--site", SITE, "--all").out.split())
    assert "why an engine does not serve it" in in_full
    assert "nothing states that the image of sglang can make a certificate" in in_full


@pytest.mark.parametrize(
    ("section", "field", "suggestion"),
    [
        (
            "engine: {name: tensorrt-llm}\ncapacity: {burst_gpus: 4}",
            "capacity.burst_gpus",
            "sglang",
        ),
        ("engine: {name: sglang}\nin_transit: tls", "in_transit", "engine.name: vllm"),
        ("engine: {name: vlm}", "engine.name", "vllm"),
    ],
)
def test_a_refusal_names_line_field_and_what_to_use(
    run: Run, tmp_path: Path, section: str, field: str, suggestion: str
) -> None:
    path = tmp_path / "refused.yaml"
    path.write_text(f"{CHAT}{section}\n", encoding="utf-8")
    ended = run("size", path, "--site", SITE)
    assert ended.code == 2
    place, _, rest = ended.err.partition(f" {field}: ")
    assert place.startswith(f"{path}:") and suggestion in rest
    assert len(ended.err.strip().splitlines()) == 1
