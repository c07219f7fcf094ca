"""The same wiring claims for a service open to the internet: every number reaches a resource."""

import pytest

from sizewright.reading.stack.plan import read_plan
from tests.program.wiring import ROOT, Group, Wiring, cases

FOLDER = ROOT / "tests" / "program"
PUBLIC = Wiring(
    lambda: read_plan([FOLDER / "public.yaml"], FOLDER / "Pulumi.public.yaml"),
    lambda claim: "gateway" in claim.path,
)


@pytest.mark.parametrize(("wiring", "group"), cases(PUBLIC))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_claims_cover_public_ingress() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert PUBLIC.leaves >= {
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
