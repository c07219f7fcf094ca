"""The stack's lock keeps the inputs that made the cluster; a gate refuses a replacement."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sizewright.gates.lock import lock_gates
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import read_workload
from sizewright.record.program import record_program
from sizing.catalog import load_catalog
from tests.components.plans import CHAT
from tests.sizewright.conftest import Run

CATALOG = load_catalog()
Site = Callable[..., Path]
KEY = "arn:aws:kms:us-east-1:111122223333:key/0"
OPS = "arn:aws:iam::111122223333:role/ops"
ADDED = {
    "role path": "role_path: /platform/",
    "access": f"access: {{admins: ['{OPS}']}}",
    "key": f"keys: {{use: {{cluster: '{KEY}'}}}}",
}


@pytest.fixture
def stack_file(site: Site, tmp_path: Path) -> Site:
    """Dev stack file over one workload, with added keys; its lock stays."""

    def build(*added: str) -> Path:
        workload = tmp_path / "chat.yaml"
        workload.write_text(json.dumps(CHAT), "utf-8")
        path = site(("workloads/chat.yaml", str(workload)))
        lines = "".join(f"  sizewright:{line}\n" for line in added)
        path.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + lines, "utf-8")
        return path

    return build


def cluster_parts(stack: Path) -> dict[str, Any]:
    """Inputs of the cluster, of its role and of the key of its secrets."""
    recorded = record_program(stack, [Path(name) for name in read_site(stack).workloads or ()])
    named = ("sw-cluster-control-plane", "sw-cluster-control-role", "sw-keys-cluster")
    return {f"{r.type}::{r.name}": r.inputs for r in recorded.resources if r.name in named}


@pytest.mark.parametrize("line", ADDED.values(), ids=ADDED)
def test_an_ordinary_change_leaves_the_cluster_its_role_and_its_key_as_they_were_made(
    run: Run, stack_file: Site, line: str
) -> None:
    stack = stack_file()
    assert run("update", stack).code == 0
    before = cluster_parts(stack)
    assert len(before) == 4, "cluster, role, key and its alias"
    assert cluster_parts(stack_file(line)) == before
    assert run("update", stack_file(line)).code == 0, "an update does not move it either"
    assert cluster_parts(stack_file(line)) == before


REPLACING = {
    "network": ("vpc_cidr: 10.64.0.0/16", "vpc_cidr: the cluster is in 10.0.0.0/16"),
    "another's cluster": (
        "cluster: {stack: a/b/c}\n  sizewright:kubernetes_version: '1.35'\n"
        "  sizewright:vpc_cidr: 10.0.0.0/16",
        "cluster: the stack's own cluster would be deleted",
    ),
}


@pytest.mark.parametrize(("line", "fault"), REPLACING.values(), ids=REPLACING)
def test_what_must_replace_the_cluster_fails_the_gate_and_names_the_way_out(
    run: Run, stack_file: Site, line: str, fault: str
) -> None:
    assert run("update", stack_file()).code == 0
    where = read_site(stack_file(line))
    files = [read_workload(Path(name), CATALOG) for name in where.workloads or ()]
    gates = {g.name: g for g in lock_gates(where, plan_of(files, where, CATALOG), CATALOG)}
    gate = gates["cluster stays"]
    assert gate.passed is False
    assert fault in gate.detail
    assert "docs/cluster.md" in gate.detail
    refused = run("preview", "--site", where.keys.file)
    assert refused.code == 2
    assert fault.partition(": ")[2] in refused.err


def test_a_cluster_made_without_its_creator_keeps_an_administrator(
    run: Run, stack_file: Site
) -> None:
    assert run("update", stack_file(ADDED["access"])).code == 0
    refused = run("preview", "--site", stack_file("access: {creator: true}"))
    assert refused.code == 2
    assert "nobody would administer the cluster" in refused.err
