"""Output of the plain Pulumi CLI, with the Python language host."""

import json
import subprocess
from pathlib import Path

import pytest

from testbed.engine import Stack, world_of
from testbed.standin import StandIn
from tests.engine.conftest import CHAT, DEV, MakeStack


@pytest.fixture(scope="module")
def stack(make_stack: MakeStack) -> Stack:
    """Empty stack that exists."""
    made = make_stack()
    made.create()
    return made


def test_preview_as_json(stack: Stack) -> None:
    ended = stack.command("preview", "--json")
    assert ended.returncode == 0, ended.stderr
    answer = json.loads(ended.stdout)
    assert set(answer["changeSummary"]) == {"create"}
    groups = [s for s in answer["steps"] if "eks/nodeGroup:NodeGroup::sw-g6" in s["urn"]]
    sizes = [group["newState"]["inputs"]["scalingConfig"]["desiredSize"] for group in groups]
    assert sizes == [5, 5, 5]
    assert not [d for d in answer.get("diagnostics", []) if d["severity"] == "error"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "daily_users: 100_000",
            "daily_user: 100_000",
            "chat.yaml:5:11: traffic.daily_user: unknown key; ",
        ),
        (
            "instance_type: g6.xlarge",
            "instance_type: g6.xxlarge",
            "chat.yaml:10:27: hardware.instance_type: ",
        ),
    ],
)
def test_a_wrong_workload_is_reported_with_its_place(
    stack: Stack, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = CHAT.read_text("utf-8")
    assert old in text
    path = tmp_path / "chat.yaml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    stack.configure([path])
    ended = stack.command("preview")
    assert ended.returncode != 0
    assert message in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr
    assert stack.world.log == []


def test_a_wrong_site_is_reported_with_its_place(stack: Stack, tmp_path: Path) -> None:
    site = tmp_path / "Pulumi.dev.yaml"
    text = DEV.read_text("utf-8").replace("environment: dev", "environment: staging")
    site.write_text(text, "utf-8")
    stack.configure([CHAT], site)
    ended = stack.command("preview")
    assert ended.returncode != 0
    lines = (stack.folder / "Pulumi.dev.yaml").read_text("utf-8").splitlines()
    at = next(n for n, line in enumerate(lines, 1) if "sizewright:environment" in line)
    assert f"Pulumi.dev.yaml:{at}:" in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


def test_a_wrong_account_is_refused_before_anything_is_made(make_stack: MakeStack) -> None:
    world = world_of(DEV, account="999988887777")
    with StandIn(world) as standin:
        ended = _up(make_stack(standin=standin))
    assert ended.returncode != 0
    assert "AWS account ID not allowed: 999988887777" in ended.stdout + ended.stderr
    assert world.log == []


def _up(stack: Stack) -> subprocess.CompletedProcess[str]:
    stack.create()
    return stack.command("up", "--yes", "--skip-preview")
