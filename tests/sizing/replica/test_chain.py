"""The states of a replica, against the balance equations solved one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import log, sqrt

import pytest

from sizing.replica.queues.queueing import BatchServer, Queue

STEPS_S = (0.010, 0.012, 0.016, 0.022)
FOUR = BatchServer(answer_steps=100.0, steps_s=STEPS_S, prompt_s=0.05)
"""Four slots, answers of 100 steps, prompts of 50 ms; work that varies as an exponential."""
SATURATION = 4 / (100 * 0.022 + 4 * 0.05)
"""Four slots complete as many answers in 100 steps and four prompts: 1.667 a second."""
SHARES = (0.05, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99)
DEEP = 3_000
"""Requests at which the recursion ends: at 0.9 utilisation less than 10^-100 are behind them."""


@dataclass(frozen=True)
class Solved:
    """Shares of time with 0, 1, 2, ... requests in the replica."""

    shares: Sequence[float]

    @property
    def waiting_share(self) -> float:
        """Share of arrivals that meet four requests or more."""
        return sum(self.shares[4:])

    @property
    def present(self) -> float:
        return sum(n * share for n, share in enumerate(self.shares))

    @property
    def running(self) -> float:
        return sum(min(n, 4) * share for n, share in enumerate(self.shares))

    @property
    def wait_s(self) -> float:
        """Mean wait in seconds of the requests beyond the fourth, by Little's law."""
        return sum((n - 4) * share for n, share in enumerate(self.shares) if n > 4)

    def alongside(self, share: float) -> int:
        """Running sequences with an arrival, at that quantile of arrivals, at most four."""
        found = next(n for n, below in enumerate(accumulate(self.shares)) if below >= share)
        return min(found + 1, 4)


def solved(load_share: float, prompt_s: float = 0.05) -> tuple[Solved, float]:
    """arrivals x p(n) = completions(n + 1) x p(n + 1), from an empty replica up."""
    saturation = 4 / (100 * 0.022 + 4 * prompt_s)
    arrivals = load_share * saturation
    states = [1.0]
    for n in range(1, DEEP):
        free = 1 - arrivals * prompt_s
        completions = n * free / (100 * STEPS_S[n - 1]) if n < 4 else saturation
        states.append(states[-1] * arrivals / completions)
    total = sum(states)
    return Solved([state / total for state in states]), arrivals


def queue(load_share: float, variation: float = 1.0) -> Queue:
    return replace(FOUR, variation=variation).at(load_share * SATURATION)


@pytest.mark.parametrize("load_share", [0.1, 0.5, 0.8, 0.9])
@pytest.mark.parametrize("prompt_s", [0.0, 0.05, 0.3])
def test_the_states_solve_the_balance_equations(load_share: float, prompt_s: float) -> None:
    expected, arrivals = solved(load_share, prompt_s)
    found = replace(FOUR, prompt_s=prompt_s).at(arrivals)
    assert found.utilisation == pytest.approx(load_share)
    assert found.waiting_share == pytest.approx(expected.waiting_share)
    assert found.in_system == pytest.approx(expected.present)
    assert found.mean_running == pytest.approx(expected.running)
    assert found.mean_slot_wait_s * arrivals == pytest.approx(expected.wait_s)


@pytest.mark.parametrize("load_share", [0.1, 0.5, 0.8, 0.9])
@pytest.mark.parametrize("share", SHARES)
def test_a_request_runs_with_those_that_it_meets(load_share: float, share: float) -> None:
    assert queue(load_share).running(share) == solved(load_share)[0].alongside(share)


def test_a_request_alone_runs_as_one() -> None:
    """It counts itself: with next to no load one sequence runs, not none."""
    quiet = FOUR.at(1e-6)
    assert quiet.running(0.95) == 1
    assert quiet.waiting_share == pytest.approx(0)


def test_three_states_by_hand() -> None:
    """Two slots, steps of 10 and 15 ms, answers of 10, prompts of 20 ms, 5 arrivals a second.

    Nine tenths of the time are left to steps: 1 x 0.9 / 0.1 s = 9 a second alone; two complete 2 /
    (0.15 + 0.04) = 10.526 a second. p1 = 5/9 p0, p2 = 5/9 x 0.475 p0, p3 = 0.475 p2 and so on:
    those of two and more are 5/9 x 0.475 / 0.525 p0 = 0.50265 p0, of 2.0582 p0 in all.
    """
    two = BatchServer(10.0, (0.010, 0.015), 0.020)
    assert two.saturation_per_s == pytest.approx(2 / 0.19)
    found = two.at(5.0)
    assert found.utilisation == pytest.approx(0.475)
    assert found.waiting_share == pytest.approx(0.50265 / 2.05820, rel=1e-4)
    assert [found.running(share) for share in (0.48, 0.49)] == [1, 2]


@pytest.mark.parametrize(
    ("variation", "spread"), [(1.0, 1.0), (0.0, 0.516986), (0.5, 0.758493), (2.0, 1.483014)]
)
def test_the_wait_for_a_slot_has_the_spread_of_the_work(variation: float, spread: float) -> None:
    """Four slots at 0.8: work all alike waits (1 + 0.2 x 3 x (sqrt(24) - 2) / (16 x 0.8 x 4)) / 2 =
    0.517 times as long as exponential work, mean and tail. Half the variation gives the value half
    way.
    """
    assert (1 + 0.2 * 3 * (sqrt(24) - 2) / 51.2) / 2 == pytest.approx(0.516986, abs=1e-6)
    expected, arrivals = solved(0.8)
    gap = SATURATION - arrivals
    found = queue(0.8, variation)
    assert found.mean_slot_wait_s == pytest.approx(expected.waiting_share / gap * spread, rel=1e-5)
    tail = log(expected.waiting_share / 0.05) / gap * spread
    assert found.slot_wait_s(0.95) == pytest.approx(tail, rel=1e-5)
