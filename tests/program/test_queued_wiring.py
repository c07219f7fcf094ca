"""The same wiring claims for a queued service: every number of its jobs reaches a resource.

A queue's redrive policy names the dead letters, so that the whole text is unknown in a preview.
Those claims are recorded as in an update.
"""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.stack.network import EndpointPlan
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of

FOLDER = ROOT / "tests" / "program"
UNKNOWN_IN_A_PREVIEW = "redrivePolicy"


@cache
def plan() -> Plan:
    """Plan of two queued services, one with a content delivery network, with their endpoint."""
    whole = read_plan([FOLDER / "queued.yaml", FOLDER / "cdn.yaml"], FOLDER / "Pulumi.cdn.yaml")
    endpoint = {"gateway_endpoints": (EndpointPlan(service="dynamodb"),)}
    return whole.model_copy(update={"network": whole.network.model_copy(update=endpoint)})


@cache
def baseline(*, preview: bool) -> Recorded:
    return recording(plan(), preview=preview)


def queued_claims() -> list[Claim]:
    """Claims of the intake and its load balancer; those of pods are other tests'."""
    parts = ("jobs", "gateway", "gateway_endpoints", "cdn")
    return [
        claim
        for claim in claims(plan())
        if any(part in claim.path for part in parts)
        and claim.reaches.resource_type.startswith("aws:")
        and claim.value != ()
    ]


@pytest.mark.parametrize("claim", queued_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    preview = claim.reaches.path != UNKNOWN_IN_A_PREVIEW
    before = values_of(baseline(preview=preview), claim)
    changed = recording(with_leaf(plan(), claim.path, other(claim)), preview=preview)
    after = values_of(changed, claim)
    assert [pair for pair in after if pair not in before]


def test_the_claims_cover_the_jobs() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {str(claim.path[-1]) for claim in queued_claims()} >= {
        "kept_s",
        "protected",
        "recoverable",
        "receives",
        "visibility_s",
        "kind",
        "model",
        "runtime",
        "memory_mib",
        "timeout_s",
        "body_bytes",
        "url_s",
        "accepts",
        "takes_images",
        "upload_bytes",
        "width",
        "height",
        "frames",
        "fps",
        "iterations",
        "expire_days",
        "row_days",
        "log_days",
        "issuer",
        "jwks_url",
        "paths",
        "idle_timeout_s",
        "service",
        "content_paths",
        "price_class",
        "public_key",
        "secret_arn",
    }


def test_the_region_of_a_copy_reaches_its_bucket() -> None:
    copied = read_plan([FOLDER / "copied.yaml"], FOLDER / "Pulumi.public.yaml")
    (claim,) = (claim for claim in claims(copied) if "region_copy" in claim.path)
    before = values_of(recording(copied, preview=True), claim)
    changed = with_leaf(copied, claim.path, "eu-west-1")
    after = values_of(recording(changed, preview=True), claim)
    [(name, region)] = [pair for pair in after if pair not in before]
    assert name.endswith("sw-copied-artefacts-copy-bucket")
    assert region == "eu-west-1"
