"""The same wiring claims for renditions: every number of workers and nodes reaches a resource."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of

FOLDER = ROOT / "tests" / "program"
UNKNOWN_IN_A_PREVIEW = "redrivePolicy"


@cache
def plan() -> Plan:
    return read_plan([FOLDER / "rendered.yaml"], FOLDER / "Pulumi.cdn.yaml")


@cache
def baseline(*, preview: bool) -> Recorded:
    return recording(plan(), preview=preview)


def rendition_claims() -> list[Claim]:
    """Claims of renditions and of their nodes."""
    return [
        claim
        for claim in claims(plan())
        if {"renditions", "rendition_nodes"} & {*claim.path} and claim.value is not None
    ]


@pytest.mark.parametrize("claim", rendition_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    preview = claim.reaches.path != UNKNOWN_IN_A_PREVIEW
    before = values_of(baseline(preview=preview), claim)
    changed = recording(with_leaf(plan(), claim.path, other(claim)), preview=preview)
    after = values_of(changed, claim)
    assert [pair for pair in after if pair not in before]


def test_the_claims_cover_the_renditions() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {str(claim.path[-1]) for claim in rendition_claims()} == {
        "ami_type",
        "attempts",
        "clip_timeout_s",
        "codec",
        "cpu_millicores",
        "ffmpeg_image",
        "heartbeat_s",
        "height",
        "image",
        "instance_type",
        "memory_mib",
        "name",
        "nodes_total",
        "receives",
        "root_gib",
        "scratch_mib",
        "stop_s",
        "threads",
        "visibility_s",
        "workers_total",
    }


def test_the_link_function_knows_the_variants() -> None:
    """The function that signs addresses is another one than the intake's."""
    functions = [
        r for r in baseline(preview=True).resources if r.type == "aws:lambda/function:Function"
    ]
    names = [r.inputs["environment"]["variables"]["VARIANTS"] for r in functions]  # type: ignore[index, call-overload]
    assert names == ['["h264-360", "av1-240", "thumbnail"]'] * 2
