"""The same wiring claims for a queued service: every number of its jobs reaches a resource."""

import pytest

from sizewright.reading.stack.plan import read_plan
from sizing.plan.claims import claims, with_leaf
from sizing.plan.stack.network import EndpointPlan
from sizing.plan.whole import Plan
from tests.program.wiring import ROOT, Group, Wiring, cases, recording, values_of

FOLDER = ROOT / "tests" / "program"
PARTS = {"jobs", "gateway", "gateway_endpoints", "cdn"}


def plan() -> Plan:
    """Plan of two queued services, one with a content delivery network, with their endpoint."""
    whole = read_plan([FOLDER / "queued.yaml", FOLDER / "cdn.yaml"], FOLDER / "Pulumi.cdn.yaml")
    endpoint = {"gateway_endpoints": (EndpointPlan(service="dynamodb"),)}
    return whole.model_copy(update={"network": whole.network.model_copy(update=endpoint)})


JOBS = Wiring(
    plan,
    lambda claim: (
        PARTS & {*claim.path}
        and claim.reaches.resource_type.startswith("aws:")
        and claim.value != ()
    ),
)
"""The intake and its load balancer; claims of pods are other tests'."""


@pytest.mark.parametrize(("wiring", "group"), cases(JOBS))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_claims_cover_the_jobs() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert JOBS.leaves >= {
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
