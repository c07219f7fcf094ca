"""Stacks on existing resources, of two models, and in two layers: preview, creation, removal."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sizewright.record import Recorded
from sizewright.record.program import record_program
from testbed.engine import ROOT, SECRET, Stack, Step, world_of
from testbed.standin import Event, StandIn
from testbed.standin.world import Thing
from tests.engine.agreement import Resolved, as_given, as_recorded
from tests.engine.conftest import CHAT, DEV, MakeStack

REFERENCE = "pulumi:pulumi:StackReference::sw-platform"
BUILT_IN = "pulumi:providers:pulumi::default"
"""The engine's own provider, which reads other stacks."""
OWN = ROOT / "tests" / "program"
SPANNING = OWN / "spanning.yaml"
Files = tuple[Path, ...]


def example(name: str) -> Path:
    return ROOT / "stacks" / f"Pulumi.{name}.yaml"


VARIANTS: dict[str, tuple[Path, Files]] = {
    "existing-network": (example("existing-network"), (CHAT,)),
    "existing-cluster": (example("existing-cluster"), (CHAT,)),
    "two-models": (DEV, (CHAT, SPANNING)),
    "images": (DEV, (ROOT / "workloads" / "image-studio.yaml",)),
    "queued": (OWN / "Pulumi.public.yaml", (OWN / "queued.yaml",)),
    "delivered": (OWN / "Pulumi.cdn.yaml", (OWN / "cdn.yaml",)),
    "copied": (OWN / "Pulumi.public.yaml", (OWN / "copied.yaml",)),
    "flux-queue": (DEV, (ROOT / "workloads" / "flux-queue.yaml",)),
    "application": (DEV, (ROOT / "workloads" / "chat-app.yaml",)),
    "documents": (DEV, (ROOT / "workloads" / "rag.yaml",)),
    "embeddings": (DEV, (ROOT / "workloads" / "embeddings.yaml",)),
    "cached-answers": (DEV, (ROOT / "workloads" / "faq-app.yaml",)),
    "routed": (
        DEV,
        tuple(ROOT / "workloads" / f"{name}.yaml" for name in ("assistant", "assistant-small")),
    ),
    "page": (example("team-chat"), (ROOT / "workloads" / "team-chat.yaml",)),
    "clips": (DEV, (ROOT / "workloads" / "clips.yaml",)),
    "clips-public": (example("clips-public"), (ROOT / "workloads" / "clips-public.yaml",)),
}


SHOWS = {
    "existing-network": "aws:eks/cluster:Cluster",
    "existing-cluster": "aws:eks/nodeGroup:NodeGroup",
    "images": "kubernetes:batch/v1:Job",
    "delivered": "aws:cloudfront/distribution:Distribution",
    "copied": "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
    "queued": "aws:lambda/function:Function",
    "flux-queue": "kubernetes:keda.sh/v1alpha1:ScaledObject",
    "application": "kubernetes:batch/v1:CronJob",
    "documents": "aws:s3/bucketNotification:BucketNotification",
    "embeddings": "kubernetes:apps/v1:Deployment",
    "cached-answers": "aws:elasticache/serverlessCache:ServerlessCache",
    "routed": "kubernetes:batch/v1:CronJob",
    "page": "aws:lb/listenerRule:ListenerRule",
    "clips": "kubernetes:apps/v1:Deployment",
    "clips-public": "aws:cloudfront/distribution:Distribution",
    "two-models": "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet",
}
"""Types that each variant must have to match its name."""


@dataclass
class Made:
    """A deployed stack, in the terms of offline recordings and of the engine."""

    shown: Recorded
    """The offline first preview."""
    recorded: Recorded
    previewed: list[Step]
    done: list[Step]
    things: list[Thing]
    """Resources of the stack in the world after `up`."""
    reported: Mapping[str, Mapping[str, Any]]
    """Outputs of other stacks, by the key of the reference to each."""
    again: list[Step]
    """Changes of a second preview and a second `up`."""
    again_log: list[Event]


def made(
    stack: Stack, files: Files, reported: Mapping[str, Mapping[str, Any]] | None = None
) -> Made:
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
        reported=reported or {},
        again=again,
        again_log=stack.world.log[after:],
    )


def removed(stack: Stack, files: Files, folder: Path) -> None:
    """Lift the protection as `docs/destroy.md` describes, then destroy the stack."""
    text = stack.site.read_text("utf-8")
    if "environment: prod" in text:
        lifted = folder / f"{stack.name}.yaml"
        lifted.write_text(text.replace("environment: prod", "environment: dev"), "utf-8")
        stack.configure(files, lifted)
        stack.up()
    stack.destroy()


def of_this_backend(site: Path, folder: Path) -> Path:
    """Site whose other stack has the name that a backend of files uses."""
    text = site.read_text("utf-8")
    assert "stack: acme/" in text
    path = folder / "sites" / site.name
    path.parent.mkdir()
    path.write_text(text.replace("stack: acme/", "stack: organization/"), "utf-8")
    return path


def agrees(stack: Made) -> None:
    """Check that preview and `up` register the recorded resources with the recorded inputs."""
    steps = {step.key: step for step in stack.previewed if step.key != BUILT_IN}
    made_here = {key for key, step in steps.items() if step.op == "create"}
    assert {key for key in steps if key not in made_here} == set(stack.reported)
    assert {step.op for step in stack.previewed} <= {"create", "read"}
    assert set(steps) == {resource.key for resource in stack.recorded.resources}
    known = Resolved(stack.recorded, [], stack.reported)
    exact = Resolved(stack.recorded, stack.things, stack.reported)
    things = {f"{thing.type}::{thing.name}": thing for thing in stack.things}
    for shown, recorded in zip(stack.shown.resources, stack.recorded.resources, strict=True):
        key = recorded.key
        assert as_given(steps[key]) == known.previewed(shown.inputs, recorded.inputs), key
        if key in things:
            assert exact.inputs(recorded) == as_recorded(things[key].inputs), key
    custom = {r.key for r in stack.recorded.resources if r.custom and "pulumi:" not in r.type}
    assert set(things) == custom


def changed_nothing(stack: Made) -> None:
    assert {(step.op, step.key) for step in stack.again} == {
        ("read", key) for key in stack.reported
    }
    assert stack.again_log == []


def did_what_was_previewed(stack: Made) -> None:
    assert stack.done
    previewed = {(step.op, step.key) for step in stack.previewed}
    assert {(step.op, step.key) for step in stack.done} == previewed


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_from_its_preview_to_its_end(
    variant: str, make_stack: MakeStack, tmp_path: Path
) -> None:
    """Guard: this is one test, because tests of one stack on two processes would make it twice."""
    site, files = VARIANTS[variant]
    stack = make_stack(site, files, name=site.name.split(".")[1])
    came_up = made(stack, files)
    assert SHOWS[variant] in {thing.type for thing in came_up.things}
    agrees(came_up)
    did_what_was_previewed(came_up)
    changed_nothing(came_up)
    kept = [path.read_text("utf-8") for path in (stack.folder / "state").rglob("*.json")]
    assert kept and SECRET not in "".join(kept)
    removed(stack, files, tmp_path)
    assert [thing.name for thing in stack.world.things] == []


def test_two_layers_from_their_previews_to_their_ends(
    make_stack: MakeStack, tmp_path: Path
) -> None:
    """Two stacks share a backend and an account; the second reads the outputs of the first."""
    below, above = example("platform"), of_this_backend(example("workloads"), tmp_path)
    with StandIn(world_of(below, above)) as standin:
        platform = make_stack(below, (), name="platform", standin=standin, folder=tmp_path)
        first = made(platform, ())
        workloads = make_stack(above, name="workloads", standin=standin, folder=tmp_path)
        second = made(workloads, (CHAT,), {REFERENCE: platform.outputs()})
        for layer in (first, second):
            agrees(layer)
            did_what_was_previewed(layer)
            changed_nothing(layer)
        runs_on(second, first)
        removed(workloads, (CHAT,), tmp_path)
        # The removal of the workloads took nothing of the platform along.
        assert [t.urn for t in standin.world.things] == [t.urn for t in first.things]
        removed(platform, (), tmp_path)
        assert [thing.name for thing in standin.world.things] == []


def runs_on(workloads: Made, platform: Made) -> None:
    """Check that each private subnet has one node group, next to the platform's own nodes."""
    [system] = node_groups(platform)
    groups = node_groups(workloads)
    assert {group.inputs["clusterName"] for group in groups} == {system.inputs["clusterName"]}
    subnets = sorted(subnet for group in groups for subnet in group.inputs["subnetIds"])
    assert subnets == sorted(system.inputs["subnetIds"])
    assert len(subnets) == 3


def node_groups(stack: Made) -> list[Thing]:
    return [thing for thing in stack.things if thing.type == "aws:eks/nodeGroup:NodeGroup"]
