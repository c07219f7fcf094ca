"""The same wiring claims for a chat page: each number of its pods reaches a resource."""

import pytest

from components.foundation.other_stack import shape
from components.platform import build
from sizewright.reading.stack.plan import read_plan
from sizewright.record import Recorded, record
from sizing.plan.whole import Plan
from tests.program.wiring import ROOT, Group, Wiring, cases

STACK = ROOT / "stacks" / "Pulumi.team-chat.yaml"


def recording(plan: Plan, *, preview: bool) -> Recorded:
    """Recording of a plan with the secret of the page's client."""
    return record(
        lambda: build(plan, "client-secret"),
        config={},
        preview=preview,
        referenced=shape(plan.site.zones),
    )


PAGE = Wiring(
    lambda: read_plan([ROOT / "workloads" / "team-chat.yaml"], STACK),
    lambda claim: {"page", "hosts"} & {*claim.path} and claim.value is not None,
    recording,
)
"""The page, its database and its name."""


@pytest.mark.parametrize(("wiring", "group"), cases(PAGE))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)


def test_the_claims_cover_the_page() -> None:
    """Guard: the other test would still pass if a claim were deleted with its wire."""
    assert PAGE.leaves == {
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
