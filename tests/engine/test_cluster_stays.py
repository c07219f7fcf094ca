"""No ordinary change replaces the cluster; a change that would is refused before any deletion."""

from pathlib import Path
from typing import Any

import pytest
from pulumi import automation
from pulumi_aws import eks

from sizewright.record.program import record_program
from sizewright.review.changes import load_rules
from sizewright.review.compare_resources import resource_changes
from sizewright.review.dangers import Danger, dangers
from testbed.engine import Stack, Step
from tests.engine.conftest import CHAT, DEV, PROD, MakeStack, refused

CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
ROLE = "aws:iam/role:Role"


def changed_site(folder: Path, site: Path, *lines: str) -> Path:
    """Site file with added keys."""
    path = folder / site.name
    added = "".join(f"  sizewright:{line}\n" for line in lines)
    path.write_text(site.read_text("utf-8").rstrip("\n") + "\n" + added, "utf-8")
    return path


def replaced(steps: list[Step], *types: str) -> list[str]:
    return [s.key for s in steps if s.type in types and s.op in ("replace", "delete")]


ORDINARY = {
    "role path": "role_path: /platform/",
    "access": "access: {admins: ['arn:aws:iam::111122223333:role/admin']}",
}


@pytest.mark.parametrize("line", ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_change_replaces_neither_cluster_nor_nodes(
    deployed: Stack, tmp_path: Path, line: str
) -> None:
    deployed.world.outside |= {"arn:aws:iam::111122223333:role/admin"}
    deployed.configure([CHAT], changed_site(tmp_path, DEV, line))
    steps = deployed.preview()
    assert replaced(steps, CLUSTER, NODE_GROUP, ROLE) == []


def other_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program requests a cluster that the present one cannot become."""
    made = eks.Cluster

    def forced(resource_name: str, **arguments: Any) -> eks.Cluster:
        return made(resource_name, **{**arguments, "bootstrap_self_managed_addons": True})

    monkeypatch.setattr(eks, "Cluster", forced)


def test_a_cluster_of_prod_refuses_its_replacement_before_anything_is_deleted(
    make_stack: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = make_stack(PROD, name="prod")
    stack.up()
    done = len(stack.world.log)
    other_cluster(monkeypatch)
    with refused("marked for protection"):
        stack.up()
    assert [event for event in stack.world.log[done:] if event.op == "delete"] == []


def planned(stack: Stack) -> list[tuple[str, str]]:
    """Steps of a preview, halves of replacements included, in the engine's order."""
    steps = list[tuple[str, str]]()

    def note(event: automation.EngineEvent) -> None:
        if event.resource_pre_event is not None:
            step = event.resource_pre_event.metadata
            steps.append((step.op.value, f"{step.type}::{step.urn.split('::')[-1]}"))

    with stack.closed_loops():
        stack.automation.preview(on_event=note)
    return steps


def test_a_replaced_cluster_takes_nodes_and_objects_with_it_and_the_diff_says_so(
    make_stack: MakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bridge first deletes resources with given names, and before them all dependents."""
    stack = make_stack()
    stack.up()
    before = record_program(DEV, [CHAT])
    other_cluster(monkeypatch)
    changes = resource_changes(before, record_program(DEV, [CHAT]), load_rules())
    steps, cluster = planned(stack), f"{CLUSTER}::sw-cluster-control-plane"
    gone = steps.index(("delete-replaced", cluster))
    assert gone < steps.index(("create-replacement", cluster))
    with_it = {key for op, key in steps[:gone] if op == "delete-replaced"}
    assert {key.split("::")[0] for key in with_it} >= {NODE_GROUP, DEPLOYMENT}
    found = next(change for change in changes if change.type == CLUSTER)
    assert found.deletes_first
    assert {*found.goes_with} == with_it
    first = dangers((), changes)[0]
    assert (first.danger, first.name) == (Danger.deleted_first, "sw-cluster-control-plane")
    assert first.says.startswith("because of bootstrapSelfManagedAddons; deletes with it ")
