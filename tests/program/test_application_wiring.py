"""The same wiring claims for an application: each number of its pods reaches a resource."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of


@cache
def plan() -> Plan:
    return read_plan([ROOT / "workloads" / "chat-app.yaml"], ROOT / "Pulumi.dev.yaml")


@cache
def baseline() -> Recorded:
    return recording(plan(), preview=True)


def application_claims() -> list[Claim]:
    """Claims of the application and of its nodes."""
    return [
        claim
        for claim in claims(plan())
        if {"application", "application_nodes"} & {*claim.path} and claim.value is not None
    ]


@pytest.mark.parametrize("claim", application_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    before = values_of(baseline(), claim)
    changed = recording(with_leaf(plan(), claim.path, other(claim)), preview=True)
    after = values_of(changed, claim)
    assert [pair for pair in after if pair not in before]


def test_the_claims_cover_the_application() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {str(claim.path[-1]) for claim in application_claims()} == {
        "ami_type",
        "audience",
        "batch_rows",
        "body_bytes",
        "buffer_mib",
        "buffer_s",
        "connections_per_process",
        "cpu_millicores",
        "days",
        "drain_s",
        "file_bytes",
        "image",
        "instance_type",
        "log_days",
        "memory_mib",
        "nodes_total",
        "pods_total",
        "processes_per_pod",
        "root_gib",
        "stop_s",
        "taken_at_once",
        "window_s",
    }
