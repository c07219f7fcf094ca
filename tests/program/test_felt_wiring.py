"""Wiring claims of what users feel: each number reaches the rule that scales the burst."""

import pytest

from tests.components.plans import bursting_plan
from tests.program.wiring import Group, Wiring, cases

FELT = Wiring(bursting_plan, lambda claim: "felt" in claim.path)
"""A chat with a target of the time to the first token."""


def test_the_claims_are_those_of_all_numbers() -> None:
    assert FELT.leaves == {
        "window_s",
        "failed_share",
        "least_requests",
        "ttft_ms",
        "percentile",
    }


@pytest.mark.parametrize(("wiring", "group"), cases(FELT))
def test_changed_leaves_change_what_they_claim(wiring: Wiring, group: Group) -> None:
    wiring.assert_moved(group)
