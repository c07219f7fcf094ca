"""No message leads in a circle: the expected value is accepted, or a message names a remedy."""

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizewright.feasibility import shortfalls
from sizewright.gates.gates import Gate
from sizewright.gates.remedies import remedy_of
from sizewright.reading.input_error import InputError
from sizewright.reading.stack.plan import read_plan
from sizewright.reading.stack.workload_file import read_workload
from sizing.catalog import load_catalog
from tests.sizewright.conftest import ROOT, Run

DEV = ROOT / "Pulumi.dev.yaml"
TEXT = """
name: it
kind: {kind}
model: {model}
traffic: {{daily_users: 1000, requests_per_user_per_day: 10, peak_ratio: 2}}
request: {request}
capacity: {capacity}
hardware: {hardware}
{latency}
"""
DEFAULTS = {
    "kind": "image",
    "model": "{parameters: 8.1e9, precision: fp16}",
    "request": "{iterations: 50}",
    "capacity": "{method: calibrated}",
    "hardware": "auto",
    "latency": "",
}
LENGTHS = "{input_tokens: 100, output_tokens: 400}"
LANGUAGE = {"kind": "text", "model": "llama-3.1-8b", "request": LENGTHS}


def written(folder: Path, **changes: str) -> Path:
    path = folder / "it.yaml"
    path.write_text(TEXT.format(**(DEFAULTS | changes)), "utf-8")
    return path


def refused(folder: Path, **changes: str) -> str:
    with pytest.raises(InputError) as fault:
        read_workload(written(folder, **changes), load_catalog())
    return str(fault.value)


def test_an_image_with_a_method_that_does_not_fit_is_led_to_one_that_is_accepted(
    tmp_path: Path,
) -> None:
    answer = refused(tmp_path, capacity="{method: given, requests_per_gpu_per_s: 1}")
    assert "the instance_type that you measured" in answer
    assert "capacity.method: calibrated" in answer
    read_workload(written(tmp_path), load_catalog())
    accepted = written(
        tmp_path,
        capacity="{method: given, requests_per_gpu_per_s: 1}",
        hardware="{instance_type: g6.xlarge}",
    )
    read_workload(accepted, load_catalog())
    read_workload(written(tmp_path, capacity="{method: textbook}"), load_catalog())
    clips = refused(tmp_path, kind="video", capacity="{method: textbook}")
    assert "the textbook rule has no form for video; expected calibrated or given" in clips


def test_a_rate_of_text_with_auto_is_led_to_calibrated_which_is_accepted(tmp_path: Path) -> None:
    given = "{method: given, requests_per_gpu_per_s: 1}"
    answer = refused(tmp_path, **LANGUAGE, capacity=given)
    assert (
        "capacity.method: calibrated" in answer and "the instance_type that you measured" in answer
    )
    read_workload(written(tmp_path, **LANGUAGE), load_catalog())


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("rerank", "reranking is not supported"),
        ("speech", "audio is not supported"),
    ],
)
def test_what_is_not_supported_is_said_with_what_is(tmp_path: Path, kind: str, what: str) -> None:
    answer = refused(tmp_path, kind=kind)
    assert what in answer and "text, chat, image, video or embedding" in answer


def test_an_embedding_model_is_of_its_own_kind(tmp_path: Path) -> None:
    answer = refused(tmp_path, **(LANGUAGE | {"model": "bge-m3"}))
    assert "bge-m3 is of kind embedding; expected a language model" in answer
    assert "not supported" not in answer


@pytest.mark.parametrize(("written_as", "meant"), [("0.95", "95"), ("0.999", "99.9")])
def test_a_percentile_written_as_a_share_is_met_with_the_percentage(
    tmp_path: Path, written_as: str, meant: str
) -> None:
    latency = f"latency: {{ttft_ms: 500, percentile: {written_as}}}"
    assert f"did you mean {meant}?" in refused(tmp_path, **LANGUAGE, latency=latency)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((0.5, 0.4), "add to 0.9"),
        ((81, 19), "write shares of 1, not percentages"),
        ((0.7, 0.7), "add to 1.4"),
    ],
)
def test_histogram_shares_that_do_not_add_to_one_are_refused(
    tmp_path: Path, shares: tuple[float, float], said: str
) -> None:
    bars = ", ".join(
        f"{{tokens: {100 * (n + 1)}, share: {share}}}" for n, share in enumerate(shares)
    )
    request = f"{{input_tokens: [{bars}], output_tokens: 100}}"
    answer = refused(tmp_path, **(LANGUAGE | {"request": request}))
    assert said in answer and "shares that add to 1" in answer and "request.input_tokens" in answer


@pytest.mark.parametrize("thirds", ["0.333", "0.3333333"])
def test_shares_that_are_rounded_are_accepted(tmp_path: Path, thirds: str) -> None:
    bars = ", ".join(f"{{tokens: {n}00, share: {thirds}}}" for n in (1, 2, 3))
    request = f"{{input_tokens: [{bars}], output_tokens: 100}}"
    read_workload(written(tmp_path, **(LANGUAGE | {"request": request})), load_catalog())


def said(folder: Path, **changes: Any) -> str:
    (short,) = shortfalls(read_plan([written(folder, **changes)], DEV))
    return short.text


@pytest.mark.parametrize(
    "hardware",
    [
        "{instance_type: p5.48xlarge, nodes_per_replica: 2}",
        "{instance_type: auto, nodes_per_replica: 2}",
    ],
)
def test_a_calibrated_question_over_nodes_names_types_that_would_do(
    tmp_path: Path, hardware: str
) -> None:
    answer = said(tmp_path, **LANGUAGE, hardware=hardware)
    assert "step times are of replicas in one node" in answer
    assert re.search(r"\w+\.\w+ (with .*)?\(\d+ nodes?, [\d,]+ USD a month\).* would do", answer)


@pytest.mark.parametrize("hardware", ["{instance_type: g6.xlarge}", "auto"])
def test_an_unreachable_tpot_is_answered_with_the_best_reachable_one(
    tmp_path: Path, hardware: str
) -> None:
    latency = "latency: {tpot_ms: 0.5}"
    answer = said(tmp_path, **LANGUAGE, hardware=hardware, latency=latency)
    best = re.findall(r"TPOT ([\d.]+) ms at best, 0.5 ms is the target", answer)
    assert best and "p6-b300.48xlarge, tensor parallel 8" in answer
    assert min(map(float, best)) < 5


def names_in(node: ast.AST | None, assigned: dict[str, list[str]]) -> list[str]:
    """Texts at the start of an expression: a literal, an f-string, or a variable of them."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return [text]
        case ast.Name(id=name):
            return assigned.get(name, [])
    return []


def assignments(tree: ast.AST) -> dict[str, list[str]]:
    """Texts by variable: `name = "a"` and `name, other = "a", value`."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for name, text in pairs:
            if isinstance(name, ast.Name):
                found.setdefault(name.id, []).extend(names_in(text, {}))
    return found


def gates_that_may_fail() -> list[tuple[str, str]]:
    """Place and name of each gate whose verdict is not always passed or not judged."""
    found = []
    for path in sorted((ROOT / "sizewright").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        assigned = assignments(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Gate":
                continue
            verdict = node.args[1]
            if isinstance(verdict, ast.Constant) and verdict.value in (None, True):
                continue
            if isinstance(node.args[0], ast.Name) and not names_in(node.args[0], assigned):
                continue  # a name that is handed on: its caller is looked at
            names = names_in(node.args[0], assigned)
            found += [(f"{path.name}:{node.lineno}", name) for name in names]
    return found


def test_every_gate_that_may_fail_names_its_remedy() -> None:
    found = gates_that_may_fail()
    assert len(found) > 15
    assert not [(place, name) for place, name in found if remedy_of(name) is None]
    assert {name for _, name in found} >= {
        "requirements",
        "public ingress",
        "resource graph",
        "documents",
    }


def test_a_failed_gate_prints_its_remedy_and_a_passed_one_none() -> None:
    assert Gate("lock of chat", False, "stale").remedy == remedy_of("lock of")
    assert Gate("lock of chat", True, "fits").remedy is None
    assert Gate("lock of chat", None, "no lock").remedy is None


def test_check_prints_the_remedy_of_what_failed(run: Run, site: Callable[..., Path]) -> None:
    single = site(("[use1-az1, use1-az2, use1-az4]", "[use1-az1]"))
    ended = run("check", "workloads/golden/chat.yaml", "--site", single)
    assert ended.code == 4
    assert f"Remedy: {remedy_of('build inputs')}" in ended.out
    gates = json.loads(run("check", "workloads/golden/chat.yaml", "--site", single, "--json").out)
    failed = [gate for gate in gates["gates"] if gate["passed"] is False]
    assert failed and all(gate["remedy"] for gate in failed)
