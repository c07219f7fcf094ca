"""The same wiring claims for the pods of a queued service: every number reaches a resource."""

import pytest

from sizewright.reading.stack.plan import read_plan
from sizing.plan.reaches import DEPLOYMENT, NODE_POOL, SCALED_OBJECT
from tests.program.wiring import ROOT, Group, Wiring, cases

FOLDER = ROOT / "tests" / "program"
PARTS = ("item", "worker", "burst")
"""Parts of the plan whose leaves only this service has, or has otherwise."""
PODS = Wiring(
    lambda: read_plan([FOLDER / "queued-burst.yaml"], FOLDER / "Pulumi.public.yaml"),
    lambda claim: (
        {*PARTS} & {*claim.path}
        and claim.reaches.resource_type in (DEPLOYMENT, SCALED_OBJECT, NODE_POOL)
        and claim.value is not None
    ),
)
"""Pods and nodes. Images have no frames, whose number is null."""


@pytest.mark.parametrize(("wiring", "group"), cases(PODS))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_claims_cover_the_worker_and_its_burst() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert PODS.leaves >= {
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
