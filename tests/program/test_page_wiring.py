"""The same wiring claims for a chat page: each number of its pods reaches a resource."""

from functools import cache

import pytest

from components.foundation.other_stack import shape
from components.platform import build
from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded, record
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.whole import Plan
from tests.program.test_wiring import ROOT, other, place, values_of

STACK = ROOT / "stacks" / "Pulumi.team-chat.yaml"


@cache
def plan() -> Plan:
    return read_plan([ROOT / "workloads" / "team-chat.yaml"], STACK)


def recording(of: Plan) -> Recorded:
    """Recording of a plan with the secret of the page's client."""
    return record(
        lambda: build(of, "client-secret"),
        config={},
        preview=True,
        referenced=shape(of.site.zones),
    )


@cache
def baseline() -> Recorded:
    return recording(plan())


def page_claims() -> list[Claim]:
    """Claims of the page, its database and its name."""
    return [c for c in claims(plan()) if {"page", "hosts"} & {*c.path} and c.value is not None]


@pytest.mark.parametrize("claim", page_claims(), ids=place)
def test_a_changed_leaf_changes_what_it_claims(claim: Claim) -> None:
    before = values_of(baseline(), claim)
    changed = recording(with_leaf(plan(), claim.path, other(claim)))
    after = values_of(changed, claim)
    assert [pair for pair in after if pair not in before]


def test_the_claims_cover_the_page() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert {str(claim.path[-1]) for claim in page_claims()} == {
        "authorization_endpoint",
        "backup_days",
        "batch_rows",
        "client_id",
        "connections_per_pod",
        "cpu_millicores",
        "drain_s",
        "engine_version",
        "image",
        "instances",
        "issuer",
        "last_snapshot",
        "log_days",
        "max_acu",
        "memory_mib",
        "min_acu",
        "pods_total",
        "protected",
        "retention_days",
        "scope",
        "session_s",
        "sticky_s",
        "stop_s",
        "taken_at_once",
        "team-chat",
        "team-chat-page",
        "token_endpoint",
        "user_info_endpoint",
        "window_s",
    }
