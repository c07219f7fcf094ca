"""Stacks on what stands, of two models, and in two layers: previewed, made, kept, removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sizewright.program import record_program
from sizewright.record import Recorded
from testbed.engine import ROOT, Stack, Step, world_of
from testbed.standin import Event, StandIn
from testbed.standin.world import Thing
from tests.engine.agreement import Resolved, as_given
from tests.engine.conftest import CHAT, DEV, MakeStack

REFERENCE = "pulumi:pulumi:StackReference::sw-platform"
BUILT_IN = "pulumi:providers:pulumi::default"
"""The engine's own provider, which reads other stacks."""
SPANNING = ROOT / "tests" / "program" / "spanning.yaml"
Files = tuple[Path, ...]


def example(name: str) -> Path:
    return ROOT / "stacks" / f"Pulumi.{name}.yaml"


VARIANTS: dict[str, tuple[Path, Files]] = {
    "existing-network": (example("existing-network"), (CHAT,)),
    "existing-cluster": (example("existing-cluster"), (CHAT,)),
    "two-models": (DEV, (CHAT, SPANNING)),
}


@dataclass
class Made:
    """A stack that came up, as offline recordings and the engine tell it."""

    shown: Recorded
    """The offline first preview."""
    recorded: Recorded
    previewed: list[Step]
    done: list[Step]
    things: list[Thing]
    """What it had in the world once it was up."""
    told: Mapping[str, Mapping[str, Any]]
    """Outputs of other stacks, by the key of the reference to each."""
    again: list[Step]
    """What a second preview and a second `up` did."""
    again_log: list[Event]


def made(stack: Stack, files: Files, told: Mapping[str, Mapping[str, Any]] | None = None) -> Made:
    before = len(stack.world.log)
    previewed = stack.preview()
    assert len(stack.world.log) == before, "a preview changed the world"
    done = stack.up()
    after = len(stack.world.log)
    again = [*stack.preview(), *stack.up()]
    return Made(
        shown=record_program(stack.site, files, preview=True),
        recorded=record_program(stack.site, files),
        previewed=previewed,
        done=done,
        things=stack.things(),
        told=told or {},
        again=again,
        again_log=stack.world.log[after:],
    )


def removed(stack: Stack, files: Files, folder: Path) -> None:
    """Protection is lifted as `docs/destroy.md` says, then the stack is destroyed."""
    text = stack.site.read_text("utf-8")
    if "environment: prod" in text:
        lifted = folder / f"{stack.name}.yaml"
        lifted.write_text(text.replace("environment: prod", "environment: dev"), "utf-8")
        stack.configure(files, lifted)
        stack.up()
    stack.destroy()


@dataclass
class Life:
    made: Made
    left: list[Thing]
    """What stood in the world after it was destroyed."""


@pytest.fixture(scope="module", params=VARIANTS)
def life(
    request: pytest.FixtureRequest, make_stack: MakeStack, tmp_path_factory: pytest.TempPathFactory
) -> Life:
    site, files = VARIANTS[request.param]
    stack = make_stack(site, files, name=site.name.split(".")[1])
    came_up = made(stack, files)
    removed(stack, files, tmp_path_factory.mktemp("lifted"))
    return Life(came_up, stack.world.things)


@dataclass
class Layers:
    platform: Made
    workloads: Made
    platform_after: list[Thing]
    """What stood after the workloads were destroyed."""
    left: list[Thing]


@pytest.fixture(scope="module")
def layers(make_stack: MakeStack, tmp_path_factory: pytest.TempPathFactory) -> Layers:
    """Two stacks of one backend and one account; the second reads what the first tells."""
    folder = tmp_path_factory.mktemp("layers")
    below, above = example("platform"), of_this_backend(example("workloads"), folder)
    with StandIn(world_of(below, above)) as standin:
        platform = make_stack(below, (), name="platform", standin=standin, folder=folder)
        first = made(platform, ())
        workloads = make_stack(above, name="workloads", standin=standin, folder=folder)
        second = made(workloads, (CHAT,), {REFERENCE: platform.outputs()})
        removed(workloads, (CHAT,), folder)
        after = list(standin.world.things)
        removed(platform, (), folder)
        return Layers(first, second, after, standin.world.things)


def of_this_backend(site: Path, folder: Path) -> Path:
    """The site, its other stack named as a backend of files names it."""
    text = site.read_text("utf-8")
    assert "stack: acme/" in text
    path = folder / "sites" / site.name
    path.parent.mkdir()
    path.write_text(text.replace("stack: acme/", "stack: organization/"), "utf-8")
    return path


def agrees(stack: Made) -> None:
    """Preview and `up` register what the recordings say, with the inputs that they say."""
    steps = {step.key: step for step in stack.previewed if step.key != BUILT_IN}
    made_here = {key for key, step in steps.items() if step.op == "create"}
    assert {key for key in steps if key not in made_here} == set(stack.told)
    assert {step.op for step in stack.previewed} <= {"create", "read"}
    assert set(steps) == {resource.key for resource in stack.recorded.resources}
    known = Resolved(stack.recorded, [], stack.told)
    exact = Resolved(stack.recorded, stack.things, stack.told)
    things = {f"{thing.type}::{thing.name}": thing for thing in stack.things}
    for shown, recorded in zip(stack.shown.resources, stack.recorded.resources, strict=True):
        key = recorded.key
        assert as_given(steps[key]) == known.previewed(shown.inputs, recorded.inputs), key
        if key in things:
            assert exact.inputs(recorded) == things[key].inputs, key
    custom = {r.key for r in stack.recorded.resources if r.custom and "pulumi:" not in r.type}
    assert set(things) == custom


def changed_nothing(stack: Made) -> None:
    assert {(step.op, step.key) for step in stack.again} == {("read", key) for key in stack.told}
    assert stack.again_log == []


def did_what_was_previewed(stack: Made) -> None:
    assert stack.done
    previewed = {(step.op, step.key) for step in stack.previewed}
    assert {(step.op, step.key) for step in stack.done} == previewed


def test_a_variant_is_what_its_recording_says(life: Life) -> None:
    agrees(life.made)
    did_what_was_previewed(life.made)


def test_a_second_up_of_a_variant_changes_nothing(life: Life) -> None:
    changed_nothing(life.made)


def test_a_destroyed_variant_leaves_nothing(life: Life) -> None:
    assert life.made.things
    assert [thing.name for thing in life.left] == []


def test_both_layers_are_what_their_recordings_say(layers: Layers) -> None:
    for layer in (layers.platform, layers.workloads):
        agrees(layer)
        did_what_was_previewed(layer)


def test_workloads_stand_on_what_the_platform_made(layers: Layers) -> None:
    """One node group for each private subnet, in which the platform's own nodes are."""
    [system] = node_groups(layers.platform)
    groups = node_groups(layers.workloads)
    assert {group.inputs["clusterName"] for group in groups} == {system.inputs["clusterName"]}
    subnets = sorted(subnet for group in groups for subnet in group.inputs["subnetIds"])
    assert subnets == sorted(system.inputs["subnetIds"])
    assert len(subnets) == 3


def node_groups(stack: Made) -> list[Thing]:
    return [thing for thing in stack.things if thing.type == "aws:eks/nodeGroup:NodeGroup"]


def test_a_second_up_of_both_layers_changes_nothing(layers: Layers) -> None:
    changed_nothing(layers.platform)
    changed_nothing(layers.workloads)


def test_destroyed_layers_leave_nothing(layers: Layers) -> None:
    """The workloads take nothing of the platform along."""
    assert [t.urn for t in layers.platform_after] == [t.urn for t in layers.platform.things]
    assert [thing.name for thing in layers.left] == []
