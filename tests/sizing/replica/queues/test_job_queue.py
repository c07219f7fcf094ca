"""A queue over a whole day, against a simulation of its workers, job by job."""

from fractions import Fraction
from functools import cache
from heapq import heappop, heappush
from math import inf, isclose
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.replica.queues.item_queue import ItemQueue
from sizing.replica.queues.job_queue import (
    JobQueue,
    JobTargets,
    Period,
    day_of,
    fewest_workers,
    job_seconds,
)
from sizing.replica.traffic import request_rates
from sizing.workload import Queue, Traffic

AGREE = 0.10
"""Largest difference from the simulation, relative."""
DAYS = 40
"""Days of a simulation: the percentiles of short waits stray by a tenth in twelve days."""
HOUR = 3600


def two_rates(low: float, high: float, hours: float) -> tuple[Period, ...]:
    return (Period(86_400 - hours * HOUR, low), Period(hours * HOUR, high))


@cache
def simulated(workers: int, job_s: float, day: tuple[Period, ...]) -> tuple[list[float], float]:
    """Waits of all jobs in order of their length, and the mean drain of its backlogs.

    The drain of a day is the time from its busiest period's end to the first idle worker.
    """
    random, free = Random(11), [0.0] * workers
    waits, drains, length = list[float](), list[float](), sum(each.seconds for each in day)
    for count in range(DAYS):
        now = count * length
        for period in day:
            end, at = now + period.seconds, now
            while period.jobs_per_s and (at := at + random.expovariate(period.jobs_per_s)) < end:
                start = max(heappop(free), at)
                heappush(free, start + random.expovariate(1 / job_s))
                waits.append(start - at)
                if waits[-1] == 0 and drains and drains[-1] <= 0:
                    drains[-1] += at
            now = end
            if period.jobs_per_s > workers / job_s:
                drains.append(-end)
    done = [each for each in drains if each > 0]
    return sorted(waits), sum(done) / len(done) if done else 0.0


LONG, SHORT_ITEMS, SMALL = (
    two_rates(0.12, 0.40, 2),
    two_rates(1.2, 3.0, 3),
    two_rates(0.4, 0.75, 2),
)


@pytest.mark.parametrize(
    ("workers", "job_s", "day", "share"),
    [
        pytest.param(12, 60.0, LONG, 0.95, id="long backlog"),
        pytest.param(12, 60.0, LONG, 0.99, id="long backlog, 99 %"),
        pytest.param(40, 20.0, SHORT_ITEMS, 0.95, id="short items"),
        pytest.param(40, 20.0, SHORT_ITEMS, 0.99, id="short items, 99 %"),
        pytest.param(40, 60.0, SMALL, 0.95, id="small backlog"),
        pytest.param(40, 60.0, SMALL, 0.99, id="small backlog, 99 %"),
        pytest.param(12, 60.0, (Period(86_400, 0.17),), 0.95, id="no peak"),
        pytest.param(12, 60.0, two_rates(0.15, 0.199, 2), 0.95, id="near capacity"),
    ],
)
def test_the_wait_is_that_of_a_simulation(
    workers: int, job_s: float, day: tuple[Period, ...], share: float
) -> None:
    waits, _ = simulated(workers, job_s, day)
    real = waits[int(share * len(waits))]
    assert JobQueue(workers, job_s, day).wait_s(share) == pytest.approx(real, rel=AGREE)


@pytest.mark.parametrize(
    ("workers", "job_s", "day"),
    [
        (12, 60.0, two_rates(0.12, 0.40, 2)),
        (40, 20.0, two_rates(1.2, 3.0, 3)),
        (200, 300.0, two_rates(0.4, 1.2, 3)),
    ],
)
def test_the_drain_is_that_of_a_simulation(
    workers: int, job_s: float, day: tuple[Period, ...]
) -> None:
    _, real = simulated(workers, job_s, day)
    assert JobQueue(workers, job_s, day).drain_s == pytest.approx(real, rel=AGREE)


def test_a_backlog_by_hand() -> None:
    """2 jobs/s for an hour in front of 1 job/s. 5 of 10 workers are idle at first, for 5 / 1.5 s.
    The backlog lasts two hours at 0.5 jobs/s."""
    queue = JobQueue(10, 10.0, two_rates(0.5, 2.0, 1))
    assert queue.largest_backlog == pytest.approx(3600 - 5 / 1.5)
    assert queue.drain_s == pytest.approx(2 * (3600 - 5 / 1.5))
    assert queue.late_share(3600) == pytest.approx(0, abs=1e-6)
    # the jobs of three hours wait, of 50,400 - each wait of 0 to 3,600 s as often as the other
    jobs = 3600 * 2 + 23 * 3600 * 0.5
    assert queue.late_share(1800) == pytest.approx((3600 + 1800) / jobs, rel=0.01)


def test_a_peak_over_midnight_continues_on_the_next_day() -> None:
    late = (Period(23 * HOUR, 0.5), Period(HOUR, 2.0))
    early = (Period(HOUR, 2.0), Period(23 * HOUR, 0.5))
    one, other = JobQueue(10, 10.0, late), JobQueue(10, 10.0, early)
    assert one.drain_s == pytest.approx(other.drain_s)
    assert one.wait_s(0.95) == pytest.approx(other.wait_s(0.95), rel=1e-6)


def test_more_jobs_than_a_day_finishes_have_no_end() -> None:
    queue = JobQueue(10, 10.0, (Period(86_400, 1.0),))
    assert (queue.largest_backlog, queue.drain_s, queue.wait_s(0.5)) == (inf, inf, inf)
    assert queue.late_share(1e9) == 1.0


def test_far_below_capacity_it_is_erlangs_queue() -> None:
    day = (Period(86_400, 0.1),)
    assert JobQueue(12, 60.0, day).wait_s(0.95) == pytest.approx(
        ItemQueue(12, 0.1, 60.0).wait_s(0.95), rel=1e-6
    )


rates = st.floats(0.01, 3.0)


@given(rates, rates, st.floats(0.5, 20), st.floats(1, 600), st.floats(0.5, 0.99))
def test_the_fewest_workers_meet_both_targets(
    low: float, high: float, hours: float, job_s: float, share: float
) -> None:
    day = two_rates(low, high, hours)
    targets = JobTargets(share, 4 * job_s, 3600.0)
    counts = fewest_workers(day, job_s, job_s, targets)
    for name, count in counts.items():
        assert count is not None
        queue = JobQueue(count, job_s, day)
        assert queue.keeps_up
        if name == "drain":
            assert queue.drain_s <= 3600
        else:
            assert queue.wait_s(share) <= 3 * job_s * (1 + 1e-6) + 1e-6


def test_a_deadline_below_one_item_has_no_count() -> None:
    targets = JobTargets(0.95, 59.0, None)
    assert fewest_workers(two_rates(0.1, 0.2, 1), 60.0, 61.0, targets) == {"response": None}


@given(st.floats(1.0, 60.0), st.floats(0.5, 23))
def test_a_day_has_the_requests_of_the_traffic(ratio: float, hours: float) -> None:
    traffic = Traffic.model_validate(
        {"daily_users": 86_400, "requests_per_user_per_day": 1, "peak_ratio": str(round(ratio, 3))}
    )
    queue = Queue.model_validate({"peak_hours": str(round(hours, 3))})
    day = day_of(traffic, request_rates(traffic), queue)
    assert isclose(sum(each.seconds for each in day), 86_400)
    assert isclose(sum(each.seconds * each.jobs_per_s for each in day), 86_400)
    assert all(each.jobs_per_s >= 0 for each in day)


def test_an_hourly_day_is_its_hours() -> None:
    hourly = [1] * 23 + [25]
    traffic = Traffic.model_validate(
        {"daily_users": 48, "requests_per_user_per_day": 1, "hourly": hourly}
    )
    day = day_of(traffic, request_rates(traffic), Queue())
    assert len(day) == 24
    assert day[-1].jobs_per_s == pytest.approx(25 / 3600)


def test_repeated_attempts_take_their_time() -> None:
    queue = Queue.model_validate({"repeated_ratio": "0.2"})
    assert job_seconds(Fraction(60), queue) == 75
