"""Every number arrives: a changed leaf changes the property it claims, an unchanged one nothing.

The plan is built without sizing it again, so that exactly one leaf differs. Everything is recorded
as in a first preview: what a reviewer sees there is also what is sent, while the reverse does not
hold.
"""

from functools import cache
from pathlib import Path

import pytest

from components.platform import build
from sizewright.compare import leaf_changes
from sizewright.record import Recorded, record
from sizewright.report.tree import at
from sizewright.stack import read_plan
from sizing.plan import NODE_CLASS, CapacitySource, Plan, WeightsOn
from sizing.reach import Claim, claims, with_leaf

ROOT = Path(__file__).parents[2]
OTHER = {
    "ami_release": "1.35.0-20260101",
    "max_model_len": 4096,
    "bf16": "fp16",
    "fp16": "bf16",
    "weights_path": "/elsewhere/0",
    "kv_precision": "fp8",
    "private_cidr": "10.9.0.0/19",
    "public_cidr": "10.9.9.0/24",
    "vpc_cidr": "10.8.0.0/16",
    "expire_days": 7,
    "start_s": 9000,
    "on_demand": CapacitySource.blocks,
    "reservations": CapacitySource.blocks,
    "nvme": WeightsOn.gp3,
    "gp3": WeightsOn.nvme,
    "artefacts": "elsewhere",
    "reserved_units": 120,
    "public_cidrs": ("198.51.100.0/24",),
    "values": ("another",),
    "format": "string-array",
}
"""Another legal value of leaves whose other value cannot be made by adding to it."""


@cache
def plan() -> Plan:
    """Two services on one pool: a chat with a database, images with a bucket of artefacts; a third
    on nodes without local disks, which have a volume for its weights; a fourth on reservations, a
    fifth whose model is imported, a sixth whose replicas span two nodes. Those on volumes and on
    reservations may grow above their floors."""
    files = [
        ROOT / "tests" / "program" / f"{name}.yaml"
        for name in ("pictures", "volumes", "bought", "code", "spanning")
    ]
    return read_plan(
        [ROOT / "workloads" / "chat.yaml", *files],
        ROOT / "Pulumi.prod.yaml",
    )


def recording(of: Plan) -> Recorded:
    def program() -> None:
        build(of)

    return record(program, config={}, preview=True)


@cache
def baseline() -> Recorded:
    return recording(plan())


def other(claim: Claim) -> object:
    for name in (str(claim.path[-1]), str(claim.value)):
        if name in OTHER:
            return OTHER[name]
    if isinstance(claim.value, bool):
        return not claim.value
    if isinstance(claim.value, int | float):
        return claim.value + 1
    if isinstance(claim.value, tuple):
        return claim.value[:-1]
    if claim.path[-1] == "zone":
        return "use1-az6"
    return f"{claim.value}-other"


def values_of(recorded: Recorded, claim: Claim) -> list[object]:
    """What the claimed property is on every resource of the type; '' names the resources."""
    mine = [r for r in recorded.resources if r.type == claim.reaches.resource_type]
    assert mine, f"no {claim.reaches.resource_type} is built: the claim cannot be tested"
    if not claim.reaches.path:
        return sorted(r.name for r in mine)
    return [(r.name, at(r.inputs, claim.reaches.path)) for r in mine]


def place(claim: Claim) -> str:
    where = ".".join(str(step) for step in claim.path)
    return f"{where}->{claim.reaches.path.rsplit('.', 1)[-1]}"


@cache
def changed(path: tuple[str | int, ...]) -> Recorded:
    claim = next(claim for claim in claims(plan()) if claim.path == path)
    if path[-1] == "zone":
        renamed = plan().model_dump_json().replace(str(claim.value), str(other(claim)))
        return recording(Plan.model_validate_json(renamed))
    return recording(with_leaf(plan(), path, other(claim)))


def claims_to_test() -> list[Claim]:
    """Guard: serving reads the bucket of the role `weights`, which cannot be called otherwise.
    Where weights lie on local disks there is no volume whose size could change, and without a burst
    no class of burst nodes."""
    return [
        claim
        for claim in claims(plan())
        if claim.value != "weights"
        and not (claim.value is None and "volumes" in claim.path)
        and not (claim.reaches.resource_type == NODE_CLASS and not bursts(claim))
    ]


def bursts(claim: Claim) -> bool:
    """Whether the claim is of a pool that may grow."""
    return plan().pools[int(claim.path[1])].burst is not None


@pytest.mark.parametrize("claim", claims_to_test(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    before = values_of(baseline(), claim)
    after = values_of(changed(claim.path), claim)
    assert before != after
    if claim.reaches.path:
        moved = [pair for pair in after if pair not in before]
        assert moved, "the property disappeared instead of changing"


def test_an_unchanged_plan_changes_nothing() -> None:
    again = recording(plan())
    assert not list(leaf_changes(baseline().as_json(), again.as_json()))


def test_the_claims_cover_the_sizes_that_matter() -> None:
    """Guard: a claim that is deleted with its wire would leave both tests green."""
    named = {str(claim.path[-1]) for claim in claims_to_test()}
    zones = {str(claim.path[-2]) for claim in claims(plan())}
    assert {"nodes_by_zone", "reservation_by_zone"} <= zones
    assert named >= {
        "replicas",
        "max_unavailable",
        "gpus_per_replica",
        "gpus",
        "pods",
        "deadline_s",
        "most_bytes",
        "scratch_gib",
        "wait_s",
        "max_num_seqs",
        "max_model_len",
        "gpu_memory_utilisation",
        "weights_gib",
        "weights_iops",
        "weights_mib_per_s",
        "weights_on",
        "capacity_source",
        "repairs_at_once",
        "repair_stops_above",
        "weights_path",
        "copy_s",
        "in_flight_target",
        "cooldown_s",
        "zones",
        "idle_s",
        "node_hours",
        "drain_s",
        "scrape_s",
        "kept_hours",
        "root_gib",
        "instance_type",
        "max_acu",
        "instances",
        "expire_days",
        "idle_timeout_s",
        "reserved_units",
        "public",
        "public_cidrs",
        "log_days",
        "health_interval_s",
        "health_timeout_s",
        "health_checks",
        "deregistration_delay_s",
        "nodes_total",
        "private_cidr",
        "nat",
        "service",
        "flow_log_days",
        "deletion_days",
        "path",
        "permissions_boundary_arn",
        "kubernetes_version",
        "version",
        "repository",
        "timeout_s",
    }
