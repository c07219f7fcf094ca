"""The same wiring claims for the pods of a queued service: every number reaches a resource."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.reaches import DEPLOYMENT, NODE_POOL, SCALED_OBJECT
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of

FOLDER = ROOT / "tests" / "program"
PARTS = ("item", "worker", "burst")
"""Parts of the plan whose leaves only this service has, or has otherwise."""


@cache
def plan() -> Plan:
    return read_plan([FOLDER / "queued-burst.yaml"], FOLDER / "Pulumi.public.yaml")


@cache
def baseline() -> Recorded:
    return recording(plan())


@cache
def changed(path: tuple[str | int, ...], value: object) -> Recorded:
    return recording(with_leaf(plan(), path, value))


def pod_claims() -> list[Claim]:
    """Claims of pods and nodes. Images have no frames, whose number is null."""
    reached = (DEPLOYMENT, SCALED_OBJECT, NODE_POOL)
    return [
        claim
        for claim in claims(plan())
        if {*PARTS} & {*claim.path}
        and claim.reaches.resource_type in reached
        and claim.value is not None
    ]


@pytest.mark.parametrize("claim", pod_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    before = values_of(baseline(), claim)
    after = values_of(changed(claim.path, other(claim)), claim)
    assert [pair for pair in after if pair not in before]


def test_the_claims_cover_the_worker_and_its_burst() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {str(claim.path[-1]) for claim in pod_claims()} >= {
        "image",
        "cpu_millicores",
        "memory_mib",
        "scratch_mib",
        "give_back_s",
        "attempts",
        "visibility_s",
        "heartbeat_s",
        "item_timeout_s",
        "jobs_per_replica",
        "floor_jobs",
        "oldest_s",
        "cooldown_s",
        "replicas",
        "max_unavailable",
        "spot",
        "gpus",
        "width",
        "max_pixels",
    }
