"""The example stacks through the commands, with their own workloads."""

from pathlib import Path

import pytest

from tests.sizewright.conftest import ROOT, Run

STACKS = sorted((ROOT / "stacks").iterdir())
QUIET = ("platform", "public")
"""Examples without the warning: one has no nodes, one few enough for one address's pulls."""


@pytest.mark.parametrize("site", STACKS, ids=lambda path: path.name.split(".")[1])
def test_an_example_previews_with_no_warning_but_of_docker_hub(run: Run, site: Path) -> None:
    """No example has a mirror of the images; its user names one."""
    ended = run("preview", "--site", site)
    assert (ended.code, bool(ended.out)) == (0, True)
    warned = site.name.split(".")[1] not in QUIET
    assert ended.err.count("\n") == warned
    assert ended.err.startswith("warning: ") is warned
    assert ("nodes may pull docker.io/" in ended.err) is warned


@pytest.mark.parametrize("site", STACKS, ids=lambda path: path.name.split(".")[1])
def test_an_example_checks_and_fails_for_the_lack_of_a_lock_alone(run: Run, site: Path) -> None:
    """Only prod requires a lock; no example has one, because a lock describes an account."""
    kept = "sizewright:environment: prod" in site.read_text(encoding="utf-8")
    ended = run("check", "--site", site)
    assert (ended.code, ended.err) == ((4, "failed: stack lock\n") if kept else (0, ""))
    failed = [line.split("  ")[1] for line in ended.out.splitlines() if line.startswith("failed")]
    assert failed == (["stack lock"] if kept else [])


def test_a_stack_without_workloads_needs_a_file(run: Run) -> None:
    golden = ROOT / "workloads" / "golden" / "Pulumi.golden.yaml"
    for command in ("preview", "check"):
        ended = run(command, "--site", golden)
        assert ended.code == 2
        assert "the stack file names no workloads" in ended.err


def test_what_the_owner_lacks_fails_the_check(run: Run, tmp_path: Path) -> None:
    text = (ROOT / "stacks" / "Pulumi.existing-cluster.yaml").read_text(encoding="utf-8")
    site = tmp_path / "Pulumi.less.yaml"
    site.write_text(text.replace("      - eks-pod-identity-agent\n", ""), encoding="utf-8")
    ended = run("check", "--site", site)
    assert ended.code == 4
    assert "hands the role to the pods" in ended.out


def test_subnets_that_are_too_small_are_refused(run: Run, tmp_path: Path) -> None:
    text = (ROOT / "stacks" / "Pulumi.existing-network.yaml").read_text(encoding="utf-8")
    site = tmp_path / "Pulumi.small.yaml"
    site.write_text(text.replace("10.20.16.0/20", "10.20.16.0/26"), encoding="utf-8")
    ended = run("preview", "--site", site)
    assert (ended.code, ended.out) == (2, "")
    assert "network.use.private_subnet_cidrs.use1-az2: holds 59 addresses" in ended.err
