"""With fewer spare nodes than zones, the lock records each zone and `update` moves one zone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sizewright.reading.read import read_model
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack_lock_file import stack_lock_text
from sizewright.record.program import record_program
from sizing.locks.stack_lock import StackLock
from sizing.plan.stack.held import PodRevision
from tests.components.plans import CHAT, SPANNING
from tests.sizewright.conftest import Run

Site = Callable[..., Path]
OLD, NEW = "1.35.0-20261001", "1.35.0-20261101"
ZONES = ("use1-az1", "use1-az2", "use1-az4")


@pytest.fixture
def stack_file(site: Site, tmp_path: Path) -> Callable[..., Path]:
    """Stack over one workload with so many spare nodes."""

    def build(spare: int, workload: dict[str, Any] = CHAT) -> Path:
        path = tmp_path / f"{workload['name']}.yaml"
        path.write_text(json.dumps(workload | {"redundancy": {"nodes": spare}}, indent=1), "utf-8")
        return site(("workloads/chat.yaml", str(path)))

    return build


def releases(stack: Path) -> dict[str, str]:
    """Image release by GPU node group, as the program registers it."""
    files = [Path(name) for name in read_site(stack).workloads or ()]
    groups = [r for r in record_program(stack, files).resources if r.type.endswith(":NodeGroup")]
    return {
        r.name.removeprefix("sw-g6-xlarge-"): r.inputs.get("releaseVersion")
        for r in groups
        if r.name != "sw-system-nodes"
    }


def ask_for(stack: Path, release: str) -> None:
    """Set the stack file's release of the GPU image."""
    kept = [line for line in stack.read_text("utf-8").splitlines() if "ami_release" not in line]
    kept.append(f"  sizewright:ami_release: {release}")
    stack.write_text("\n".join(kept) + "\n", "utf-8")


def test_each_update_moves_one_zone_and_each_up_takes_one_zone(
    run: Run, stack_file: Callable[..., Path]
) -> None:
    stack = stack_file(2)
    ask_for(stack, OLD)
    run("update", stack)
    assert releases(stack) == dict.fromkeys(ZONES, OLD)
    ask_for(stack, NEW)
    assert releases(stack) == dict.fromkeys(ZONES, OLD), "the lock holds until it is moved"
    seen = []
    for _ in ZONES:
        said = run("update", stack, "--why").out
        assert "effects\n  resources: 0 created, 1 updated" in said
        seen.append([zone for zone, release in releases(stack).items() if release == NEW])
    assert seen == [list(ZONES[:1]), list(ZONES[:2]), list(ZONES)]
    assert "current; nothing changes" in run("update", stack).out


def test_check_and_preview_say_which_zones_are_still_to_come(
    run: Run, stack_file: Callable[..., Path]
) -> None:
    stack = stack_file(2)
    ask_for(stack, OLD)
    run("update", stack)
    ask_for(stack, NEW)
    run("update", stack)
    says = (
        "zones take turns; still to come: use1-az2, use1-az4; run `pulumi up --continue-on-error`, "
        f"then `sizewright update {stack}`, which moves the next"
    )
    checked = run("check", "--site", stack)
    assert checked.code == 0 and says in checked.out
    assert says in " ".join(run("preview", "--site", stack, "--verbose").out.split())
    assert "the lock does not hold a changed disk, tag or user data" in checked.out


def test_with_a_spare_node_for_each_zone_all_zones_move_at_once(
    run: Run, stack_file: Callable[..., Path]
) -> None:
    stack = stack_file(3)
    ask_for(stack, OLD)
    run("update", stack)
    ask_for(stack, NEW)
    run("update", stack)
    assert releases(stack) == dict.fromkeys(ZONES, NEW)
    lock = read_model(stack.with_suffix(".lock"), StackLock)
    assert lock.templates_by_zone.nodes == {}
    assert "take turns" not in run("check", "--site", stack).out


def test_the_next_kubernetes_reaches_the_nodes_zone_by_zone(
    run: Run, stack_file: Callable[..., Path]
) -> None:
    """The control plane is updated first; nodes may be older than it."""
    stack = stack_file(2)
    run("update", stack)
    stack.write_text(
        stack.read_text("utf-8") + '  sizewright:kubernetes_version: "1.36"\n', "utf-8"
    )
    run("update", stack)
    recorded = record_program(stack, [Path(n) for n in read_site(stack).workloads or ()])
    versions = {r.name: r.inputs["version"] for r in recorded.resources if "version" in r.inputs}
    assert versions["sw-cluster-control-plane"] == "1.36"
    assert [versions[f"sw-g6-xlarge-{zone}"] for zone in ZONES] == ["1.36", "1.35", "1.35"]


ONE_NODE = SPANNING | {"model": {"name": "llama-3.1-405b", "precision": "fp8"}}
"""Workload with one node a replica that starts as late as the one that spans nodes."""


@pytest.mark.parametrize(("workload", "forced"), [(SPANNING, True), (ONE_NODE, None), (CHAT, None)])
def test_only_pools_whose_replicas_span_nodes_and_are_back_too_late_are_forced(
    stack_file: Callable[..., Path], workload: dict[str, Any], forced: bool | None
) -> None:
    stack = stack_file(3, workload)
    recorded = record_program(stack, [Path(n) for n in read_site(stack).workloads or ()])
    groups = [r for r in recorded.resources if r.type.endswith(":NodeGroup")]
    flags = {r.name: r.inputs.get("forceUpdateVersion") for r in groups}
    assert flags.pop("sw-system-nodes") is None
    assert flags and set(flags.values()) == {forced}


def test_the_loss_of_a_forced_update_is_said_by_check_and_by_preview(
    run: Run, stack_file: Callable[..., Path]
) -> None:
    stack = stack_file(2, SPANNING)
    gates = json.loads(run("check", "--site", stack, "--json").out)["gates"]
    gate = next(gate for gate in gates if gate["name"] == "node updates")
    assert gate["passed"] is None
    assert "an update is forced, and leaves" in gate["detail"]
    assert "docs/node-updates.md says how to avoid the loss" in gate["detail"]
    previewed = " ".join(run("preview", "--site", stack, "--verbose").out.split())
    assert "an update is forced, and leaves" in previewed


def test_a_slow_replica_on_one_node_is_never_forced_but_fails_and_preview_says_so(
    run: Run, stack_file: Callable[..., Path]
) -> None:
    stack = stack_file(3, ONE_NODE)
    ended = run("check", "--site", stack)
    assert ended.code == 4 and "node updates" in ended.err
    previewed = " ".join(run("preview", "--site", stack, "--verbose").out.split())
    assert "Node updates: a replica of spanning serves" in previewed


def pods(stack: Path) -> dict[str, dict[str, Any]]:
    """Pod of each zone's Deployment, without its zone, and the existing programs."""
    files = [Path(name) for name in read_site(stack).workloads or ()]
    recorded = record_program(stack, files)
    found = {}
    for resource in recorded.resources:
        if resource.type == "kubernetes:apps/v1:Deployment":
            zone = resource.name.removeprefix("sw-chat-serving-floor-")
            text = json.dumps(resource.inputs["spec"]["template"])
            found[zone] = json.loads(text.replace(zone, "ZONE"))
    assert set(found) == set(ZONES)
    made = {r.inputs["metadata"]["name"] for r in recorded.resources if "ConfigMap" in r.type}
    for pod in found.values():
        mounted = {v["configMap"]["name"] for v in pod["spec"]["volumes"] if "configMap" in v}
        assert mounted <= made, "a pod mounts a program that is not there"
    return found


def lengthened(stack: Path) -> None:
    """Lengthen the context, a change of the workload that restarts pods."""
    path = Path((read_site(stack).workloads or ())[0])
    text = path.read_text("utf-8")
    assert '"context_tokens": 2048' in text
    path.write_text(text.replace('"context_tokens": 2048', '"context_tokens": 1024'), "utf-8")


def test_pods_of_zones_that_take_turns_change_zone_by_zone(
    run: Run, stack_file: Callable[..., Path]
) -> None:
    stack = stack_file(2)
    run("update", stack)
    old = pods(stack)[ZONES[0]]
    lengthened(stack)
    assert list(pods(stack).values()) == [old] * 3, "the lock holds until it is moved"
    checked = run("check", "--site", stack)
    assert checked.code == 0 and f"pods still to come: {', '.join(ZONES)}" in checked.out
    seen = []
    for _ in ZONES:
        run("update", stack)
        seen.append([zone for zone, pod in pods(stack).items() if pod != old])
    assert seen == [list(ZONES[:1]), list(ZONES[:2]), list(ZONES)]
    assert len({json.dumps(pod) for pod in pods(stack).values()}) == 1
    assert "current; nothing changes" in run("update", stack).out


def test_programs_of_pods_that_have_not_moved_stay(
    run: Run, stack_file: Callable[..., Path]
) -> None:
    """A later release of this project brings another program, under another name."""
    stack = stack_file(2)
    run("update", stack)
    path = stack.with_suffix(".lock")
    lock = read_model(path, StackLock)
    (revision,) = lock.templates_by_zone.revisions.values()
    older = json.loads(revision.model_dump_json())
    current = yaml.safe_load(older["scripts"]["script-fetch"])["metadata"]["name"]
    earlier = f"{current.rpartition('-')[0]}-0000000000"
    moved = json.loads(json.dumps(older).replace(current, earlier))
    held = PodRevision.model_validate(moved)
    templates = lock.templates_by_zone.model_copy(
        update={
            "pods": {"chat": dict.fromkeys(ZONES, held.digest)},
            "revisions": {held.digest: held},
        }
    )
    path.write_text(
        stack_lock_text(lock.model_copy(update={"templates_by_zone": templates}), "us-east-1", {}),
        "utf-8",
    )
    mounted = {json.dumps(pod) for pod in pods(stack).values()}
    assert len(mounted) == 1 and earlier in mounted.pop()
    run("update", stack)
    names = [earlier in json.dumps(pod) for pod in pods(stack).values()]
    assert names == [False, True, True]


def test_a_forced_pool_does_not_excuse_the_slow_replica_of_another_service(
    run: Run, site: Site, tmp_path: Path
) -> None:
    """The output reports the loss of the one; the other still fails, as it does alone."""
    paths = []
    for name, workload in (("spanning", SPANNING), ("slow", ONE_NODE)):
        path = tmp_path / f"{name}.yaml"
        path.write_text(json.dumps(workload | {"name": name}, indent=1), "utf-8")
        paths.append(str(path))
    stack = site(("workloads/chat.yaml", "\n    - ".join(paths)))
    ended = run("check", "--site", stack, "--json")
    (gate,) = [g for g in json.loads(ended.out)["gates"] if g["name"] == "node updates"]
    assert ended.code == 4 and gate["passed"] is False
    assert "a replica of slow serves" in gate["detail"]
    assert "an update is forced" in gate["detail"]
