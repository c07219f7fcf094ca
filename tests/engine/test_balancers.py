"""A service moves from its internal to a public load balancer and back, with no gap between."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from sizing.plan.reaches import BALANCER, TARGETS
from testbed.engine import ROOT, Stack
from testbed.standin import Event
from tests.engine.conftest import MakeStack

OPEN = ROOT / "tests/program/public.yaml"
SITE = ROOT / "tests/program/Pulumi.public.yaml"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
INTERNAL, PUBLIC = "internal", "public"
STEPS = {
    "internal": "",
    "both, public first": "  public: true\n  both_balancers: true\n",
    "public": "  public: true\n",
    "both, internal first": "  both_balancers: true\n",
    "internal again": "",
}
"""Values of `access` in each step."""


@dataclass
class Moved:
    """State and changes after a step."""

    balancers: dict[str, bool]
    """True where the load balancer is protected, by internal or public."""
    bindings: list[str]
    log: list[Event]


def workload(folder: Path, name: str) -> Path:
    text = OPEN.read_text("utf-8")
    head, _, limits = text.partition("access:\n  public: true\n")
    access = STEPS[name]
    path = folder / "open.yaml"
    path.write_text(head + (f"access:\n{access}{limits}" if access else ""), "utf-8")
    return path


def site(folder: Path, environment: str) -> Path:
    path = folder / f"Pulumi.{environment}.yaml"
    text = SITE.read_text("utf-8")
    path.write_text(text.replace("environment: prod", f"environment: {environment}"), "utf-8")
    return path


def moved(stack: Stack, folder: Path, name: str) -> Moved:
    done = len(stack.world.log)
    stack.configure([workload(folder, name)])
    stack.up()
    balancers = {
        INTERNAL if t.inputs["internal"] else PUBLIC: t.inputs["enableDeletionProtection"]
        for t in stack.world.of_type(BALANCER)
    }
    bindings = sorted(t.id for t in stack.world.of_type(BINDING))
    return Moved(balancers, bindings, stack.world.log[done:])


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_internal_to_public_and_back_never_leaves_the_service_without_a_balancer(
    make_stack: MakeStack, tmp_path: Path, environment: str
) -> None:
    where, kept = site(tmp_path, environment), environment == "prod"
    stack = make_stack(where, (workload(tmp_path, "internal"),), name=f"open-{environment}")
    steps = {name: moved(stack, tmp_path, name) for name in STEPS}
    assert {name: step.balancers for name, step in steps.items()} == {
        "internal": {INTERNAL: kept},
        "both, public first": {INTERNAL: False, PUBLIC: kept},
        "public": {PUBLIC: kept},
        "both, internal first": {INTERNAL: kept, PUBLIC: False},
        "internal again": {INTERNAL: kept},
    }
    for name, step in steps.items():
        assert len(step.bindings) == len(step.balancers), name
        gone = {event.type for event in step.log if event.op == "delete"}
        if name.startswith("both"):
            assert not gone & {BALANCER, TARGETS, BINDING}, name
    if kept:
        stack.configure([workload(tmp_path, "public")])
        ended = stack.command("preview", "--stack", stack.name)
        assert ended.returncode != 0
        assert "protected" in ended.stdout + ended.stderr
