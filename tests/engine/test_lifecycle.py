"""The life of one stack on the real engine: creation, growth, another card, removal."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from sizewright.reading.read import read_mapping
from sizewright.record.program import record_program
from sizewright.review.changes import load_rules
from sizewright.review.compare_resources import resource_changes
from testbed.engine import Step
from testbed.standin import Event, World
from tests.engine.conftest import CHAT, DEV, MakeStack

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
MOVED = (NODE_GROUP, TEMPLATE)
SIZES = ("desiredSize", "maxSize", "minSize")
MORE_USERS = ("daily_users: 100_000", "daily_users: 130_000")
OTHER_CARD = ("instance_type: g6.xlarge", "instance_type: g6e.xlarge")
ZONES = ("use1-az1", "use1-az2", "use1-az4")


@dataclass
class Run:
    """One preview and the `up` after it."""

    workload: Path
    previewed: list[Step]
    done: list[Step]
    log: list[Event]
    """Actions of the providers, in order."""


@dataclass
class Life:
    grown: Run
    kept: Run
    moved: Run
    destroyed: list[Event]
    left: list[str]
    replicas: dict[str, int]
    """Floor replicas after each run."""


@pytest.fixture(scope="module")
def life(make_stack: MakeStack, tmp_path_factory: pytest.TempPathFactory) -> Life:
    folder = tmp_path_factory.mktemp("workloads")
    stack = make_stack()
    replicas = {}

    def run(name: str, *replaced: tuple[str, str]) -> Run:
        path = written(folder / name, *replaced)
        stack.configure([path])
        before = len(stack.world.log)
        previewed = stack.preview()
        assert len(stack.world.log) == before, "a preview changed the world"
        done = stack.up()
        replicas[name] = floor_replicas(stack.world)
        return Run(path, previewed, done, stack.world.log[before:])

    run("first")
    kept = run("second")
    grown = run("grown", MORE_USERS)
    moved = run("moved", MORE_USERS, OTHER_CARD)
    before = len(stack.world.log)
    stack.destroy()
    left = [thing.name for thing in stack.world.things]
    return Life(grown, kept, moved, stack.world.log[before:], left, replicas)


def written(folder: Path, *replaced: tuple[str, str]) -> Path:
    """Chat workload with replaced texts; its lock is copied while the card stays."""
    folder.mkdir()
    text = CHAT.read_text("utf-8")
    for old, new in replaced:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "chat.yaml"
    path.write_text(text, "utf-8")
    if OTHER_CARD not in replaced:
        (folder / "chat.lock").write_text(CHAT.with_suffix(".lock").read_text("utf-8"), "utf-8")
    return path


def floor_replicas(world: World) -> int:
    floors = [t for t in world.of_type(DEPLOYMENT) if "-floor-" in t.name]
    assert len(floors) == 3
    return sum(floor.inputs["spec"]["replicas"] for floor in floors)


def summary(steps: list[Step]) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(step.op, step.key, step.changed) for step in steps}


def offline(old: Path, new: Path) -> set[tuple[str, str, tuple[str, ...]]]:
    """Changes in the offline diff of the same files, in the engine's terms."""
    before, after = (record_program(DEV, [path]) for path in (old, new))
    changes = resource_changes(before, after, load_rules())
    found = set()
    for change in changes:
        component = change.type.startswith("sizewright:")
        paths = () if component else tuple(sorted(c.path for c in change.changes))
        found.add((change.effect.value, f"{change.type}::{change.name}", paths))
    return found


def test_a_second_up_changes_nothing(life: Life) -> None:
    assert life.kept.previewed == []
    assert life.kept.done == []
    assert life.kept.log == []


def test_more_users_update_and_replace_nothing(life: Life) -> None:
    steps = life.grown.previewed
    assert {step.op for step in steps} == {"update"}
    groups = [step for step in steps if step.type == NODE_GROUP]
    sizes = sorted(step.inputs["scalingConfig"]["desiredSize"] for step in groups)
    assert sizes == [6, 7, 7]
    for step in groups:
        scaling = step.inputs["scalingConfig"]
        assert scaling["minSize"] == scaling["desiredSize"] == scaling["maxSize"]
        assert {f"scalingConfig.{size}" for size in SIZES} <= set(step.changed)
    assert life.replicas["first"] == 15
    assert life.replicas["grown"] == 20


def test_the_offline_diff_says_the_same(life: Life) -> None:
    assert offline(CHAT, life.grown.workload) == summary(life.grown.previewed)


def test_up_does_what_the_preview_said(life: Life) -> None:
    for run in (life.grown, life.moved):
        assert summary(run.done) == summary(run.previewed)


def test_another_card_is_added_then_the_pods_move_then_the_old_goes(life: Life) -> None:
    steps = {step.key: step.op for step in life.moved.previewed if step.type in MOVED}
    assert "replace" not in steps.values()
    old, new = "sw-g6-xlarge", "sw-g6e-xlarge"
    added = {e.name for e in life.moved.log if e.op == "create" and e.type == NODE_GROUP}
    removed = {e.name for e in life.moved.log if e.op == "delete" and e.type == NODE_GROUP}
    zones = read_mapping(DEV).data["config"]["sizewright:zones"]  # type: ignore[index,call-overload]
    assert added == {f"{new}-{zone}" for zone in zones}
    assert removed == {f"{old}-{zone}" for zone in zones}
    order = [(event.op, event.type) for event in life.moved.log]
    by_name = [(event.op, event.name) for event in life.moved.log]
    first_removed = order.index(("delete", NODE_GROUP))
    for zone in zones:
        made = by_name.index(("create", f"{new}-{zone}"))
        shifted = by_name.index(("update", f"sw-chat-serving-floor-{zone}"))
        assert made < shifted < first_removed, "a zone's pods move once its new nodes are there"
    assert first_removed < order.index(("delete", TEMPLATE))


def test_destroy_leaves_nothing(life: Life) -> None:
    assert life.left == []
    assert {event.op for event in life.destroyed} == {"delete"}


BEFORE = [
    ("kubernetes:apps/v1:Deployment", "kubernetes:core/v1:Namespace"),
    ("kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding", "kubernetes:helm.sh/v3:Release"),
    ("kubernetes:core/v1:Namespace", "kubernetes:helm.sh/v3:Release"),
    ("kubernetes:helm.sh/v3:Release", "sw-system-nodes"),
    *((f"sw-chat-serving-floor-{zone}", f"sw-g6e-xlarge-{zone}") for zone in ZONES),
    (NODE_GROUP, TEMPLATE),
    (NODE_GROUP, "aws:eks/cluster:Cluster"),
    (NODE_GROUP, "sw-cluster-node-role"),
    (NODE_GROUP, "aws:ec2/route:Route"),
    ("aws:eks/cluster:Cluster", "aws:ec2/natGateway:NatGateway"),
    ("aws:eks/cluster:Cluster", "sw-cluster-logs"),
    ("aws:eks/cluster:Cluster", "aws:ec2/subnet:Subnet"),
    ("aws:rds/clusterInstance:ClusterInstance", "aws:rds/cluster:Cluster"),
    ("aws:rds/cluster:Cluster", "aws:kms/key:Key"),
    ("aws:ec2/subnet:Subnet", "aws:ec2/vpc:Vpc"),
]
"""Pairs of types or resources; the last of the left is deleted before the first of the right."""


@pytest.mark.parametrize(("sooner", "later"), BEFORE)
def test_destroy_order(life: Life, sooner: str, later: str) -> None:
    """Pods are deleted before their registration, then nodes, cluster and network."""

    def places(what: str) -> list[int]:
        found = [i for i, event in enumerate(life.destroyed) if what in (event.type, event.name)]
        assert found, what
        return found

    assert max(places(sooner)) < min(places(later))
