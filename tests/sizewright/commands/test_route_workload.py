"""Whole commands on two workloads of which one routes requests to the other."""

import shutil
from pathlib import Path

import pytest

from sizewright.reading.deployed import deployed_files
from sizewright.reading.stack.plan import read_plan
from sizewright.review.compare import service_changes
from tests.sizewright.conftest import ROOT, Run

SITE = ROOT / "Pulumi.dev.yaml"
HOST, SMALL = (ROOT / "workloads" / f"{name}.yaml" for name in ("assistant", "assistant-small"))


@pytest.mark.parametrize(("file", "other"), [(HOST, "assistant-small"), (SMALL, "assistant")])
def test_one_file_alone_is_refused_and_the_error_names_the_other(
    run: Run, file: Path, other: str
) -> None:
    ended = run("size", file)
    assert ended.code == 2
    assert f"this stack has no service named {other}" in ended.err


def test_size_shows_the_requests_of_each_model(run: Run) -> None:
    ended = run("size", HOST, SMALL, "--verbose")
    answer = " ".join(ended.out.split())
    assert ended.code == 0
    assert "158 requests/s at the busiest moment for all models, assistant-small 73.3" in answer
    assert "40 % easy, by a prompt of at most 600 bytes, to assistant-small" in answer
    assert "the pods of assistant alone; no load balancer" in answer


def test_explain_and_update_read_the_other_file_of_the_folder(run: Run, tmp_path: Path) -> None:
    ended = run("explain", SMALL, "assistant-small.traffic.requests_per_s_peak")
    assert "16.666666666666668 + 0.4 * 141.66666666666666" in ended.out
    for file in (HOST, SMALL):
        shutil.copy(file, tmp_path)
    assert run("update", tmp_path / SMALL.name).code == 0
    assert (tmp_path / "assistant-small.lock").is_file()
    assert not (tmp_path / "assistant.lock").is_file()


def test_a_deployed_stack_gives_both_files_again(tmp_path: Path) -> None:
    """Guard: the service of a stage has callers too, and no file."""
    plan = read_plan([HOST, SMALL], SITE)
    outputs = {
        "services": {
            s.name: {"inputs": s.inputs.model_dump(mode="json"), "callers": list(s.callers)}
            for s in plan.services
        }
    }
    again = read_plan(deployed_files(outputs, "stack", tmp_path), SITE)
    assert [s.pool for s in again.services] == [s.pool for s in plan.services]


def test_a_changed_share_is_the_cause_on_both_sides(tmp_path: Path) -> None:
    text = HOST.read_text(encoding="utf-8")
    shutil.copy(SMALL, tmp_path)
    (tmp_path / HOST.name).write_text(text.replace("share: 0.4", "share: 0.6"), encoding="utf-8")
    before = read_plan([HOST, SMALL], SITE)
    after = read_plan([tmp_path / HOST.name, tmp_path / SMALL.name], SITE)
    found = {each.name: each.causes for each in service_changes(before, after)}
    assert [(c.path, c.old, c.new) for c in found["assistant"]] == [("route.easy.share", 0.4, 0.6)]
    (cause,) = found["assistant-small"]
    assert (cause.path, cause.new) == ("assistant.route.easy.share", 0.6)
