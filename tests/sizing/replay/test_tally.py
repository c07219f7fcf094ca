"""Shares of requests and of windows that miss a target."""

from array import array
from math import inf, nan

import pytest

from sizing.replay.simulation import Outcome
from sizing.replay.tally import Missed, at_share, unanswered_ratio
from sizing.replay.trace import Trace
from sizing.replica.rate import Targets

TARGETS = Targets(share=0.75, ttft_s=1.0, tpot_s=0.1)


def missed(targets: Targets = TARGETS) -> Missed:
    """Four requests in the first five minutes, and four in the third; none in the second."""
    times = array("d", [0, 1, 2, 3, 600, 601, 602, 3_600])
    tokens = array("L", [1] * 8)
    ttft = array("d", [0.5, 1.0, 2.0, 0.5, 0.5, inf, 2.0, 0.5])
    tpot = array("d", [0.05, nan, 0.2, 0.05, 0.2, nan, 0.05, 0.1])
    return Missed(Trace(times, tokens, tokens), Outcome(ttft, tpot), targets)


def test_shares_of_requests_and_of_time() -> None:
    """Requests 2, 4, 5 and 6 miss. A quarter of a window may, so only the second one is missed."""
    part = missed().part()
    assert part is not None
    assert (part.requests_ratio, part.ttft_ratio, part.tpot_ratio) == (4 / 8, 3 / 8, 2 / 8)
    assert part.time_ratio == pytest.approx(1 / 3), "three windows have requests"
    assert missed().by_hour(3_600) == {0: 4 / 7, 1: 0.0}
    assert missed().ratio_from(600) == 3 / 4


def test_a_target_that_is_not_stated_is_not_missed() -> None:
    part = missed(Targets(share=0.75, ttft_s=None, tpot_s=0.1)).part()
    assert part is not None
    assert (part.ttft_ratio, part.tpot_ratio) == (None, 2 / 8)
    assert part.requests_ratio == 3 / 8, "the request without an answer counts"
    none = missed(Targets(share=0.95, ttft_s=None, tpot_s=None))
    assert none.part() is None and none.ratio_from(0) is None


def test_times_at_a_share_leave_out_requests_that_have_none() -> None:
    assert at_share([3.0, nan, 1.0, 2.0, 4.0], 0.5) == 2.0
    assert at_share([1.0, 2.0, 3.0, inf], 0.75) == 3.0
    assert at_share([1.0, 2.0, 3.0, inf], 0.76) is None
    assert at_share([nan], 0.5) is None


def test_the_unanswered_are_counted_from_a_request_on() -> None:
    outcome = Outcome(array("d", [inf, 1.0, inf, 1.0]), array("d", [nan] * 4))
    assert unanswered_ratio(outcome) == 0.5
    assert unanswered_ratio(outcome, 1) == pytest.approx(1 / 3)
