"""The same wiring claims for a service open to the internet: every number reaches a resource."""

from functools import cache

import pytest

from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, recording, values_of

FOLDER = ROOT / "tests" / "program"


@cache
def plan() -> Plan:
    return read_plan([FOLDER / "public.yaml"], FOLDER / "Pulumi.public.yaml")


@cache
def baseline() -> Recorded:
    return recording(plan())


@cache
def changed(path: tuple[str | int, ...], value: object) -> Recorded:
    return recording(with_leaf(plan(), path, value))


def public_claims() -> list[Claim]:
    return [claim for claim in claims(plan()) if "gateway" in claim.path]


@pytest.mark.parametrize("claim", public_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    before = values_of(baseline(), claim)
    after = values_of(changed(claim.path, other(claim)), claim)
    assert [pair for pair in after if pair not in before]


def test_the_claims_cover_public_ingress() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {str(claim.path[-1]) for claim in public_claims()} >= {
        "public",
        "public_cidrs",
        "issuer",
        "jwks_url",
        "name",
        "format",
        "values",
        "requests_per_key",
        "requests_per_address",
        "window_s",
        "log_days",
        "reserved_units",
        "certificate_arn",
    }
