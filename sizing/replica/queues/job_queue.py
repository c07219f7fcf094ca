"""How long do jobs wait in a queue over a whole day, and when is the backlog of a peak gone?

The day repeats. While more jobs arrive than the workers finish, a backlog grows, and afterwards it
shrinks. At other times jobs wait as in front of any group of workers (M/M/c).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import erfc, exp, inf, sqrt

from sizing.replica.queues.item_queue import ItemQueue, fewest
from sizing.replica.traffic import Rates
from sizing.values.exact import exact
from sizing.values.units import SECONDS_PER_DAY, SECONDS_PER_HOUR
from sizing.workload import Queue, Traffic

TINY = 1e-9
"""Smallest backlog, in jobs, and smallest difference of two shares."""
CLEAR = 4
"""Change of a backlog by the load, over its standard deviation, from which chance is left out.
Basis: assumed; the simulation agrees within a tenth on both sides."""
MOMENTS = 16
"""Moments of a stretch at which its waits are computed."""
HALVINGS = 60
"""Halvings of the interval in which a wait is searched: to a part of 10^18."""


@dataclass(frozen=True)
class Period:
    """Part of a day with a constant rate."""

    seconds: float
    jobs_per_s: float


@dataclass(frozen=True)
class Stretch:
    """Part of a period in which the backlog only grows, only shrinks, or is absent."""

    seconds: float
    jobs_per_s: float
    backlog: tuple[float, float]
    """Jobs that wait at its start and at its end."""

    @property
    def jobs(self) -> float:
        """Jobs that arrive in it."""
        return self.seconds * self.jobs_per_s


def day_of(traffic: Traffic, rates: Rates, queue: Queue) -> tuple[Period, ...]:
    """Periods of one day, whose rates have the traffic's mean.

    24 hours of their own; or hours at the peak, and the rest at (24 x mean - hours x peak) / rest

    A peak that would exceed the requests of the day lasts shorter. Basis: arithmetic; without a
    peak the rate is constant.
    """
    mean = float(rates.mean)
    if traffic.hourly is not None:
        total = float(sum(traffic.hourly))
        shares = [24 * float(hour) / total for hour in traffic.hourly]
        return tuple(Period(SECONDS_PER_HOUR, mean * share) for share in shares)
    if rates.peak is None or rates.peak <= rates.mean:
        return (Period(SECONDS_PER_DAY, mean),)
    day = rates.mean * SECONDS_PER_DAY
    peak_s = min(exact(queue.peak_hours) * SECONDS_PER_HOUR, day / rates.peak)
    rest_s = SECONDS_PER_DAY - peak_s
    rest = (day - peak_s * rates.peak) / rest_s
    return (Period(float(rest_s), float(rest)), Period(float(peak_s), float(rates.peak)))


@dataclass(frozen=True)
class JobQueue:
    """One queue in front of workers that make one item at a time, over a day that repeats.

    Basis: arithmetic. A growing backlog is a flow: backlog / workers x seconds is the wait. The
    other waits are Erlang C in their steady state. A simulation of whole days is in
    `tests/sizing/replica/queues/test_job_queue.py`.
    """

    workers: int
    job_s: float
    """Seconds of a worker for one job, repeated attempts included."""
    day: Sequence[Period]

    @property
    def jobs_per_s(self) -> float:
        """Jobs per second that all workers finish."""
        return self.workers / self.job_s

    @cached_property
    def keeps_up(self) -> bool:
        """True where the workers finish all jobs of a day within a day."""
        arriving = sum(each.seconds * each.jobs_per_s for each in self.day)
        return arriving < self.jobs_per_s * sum(each.seconds for each in self.day)

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """Stretches of a day, after a first day that starts without a backlog."""
        _, backlog = self._passed(0.0)
        return self._passed(backlog)[0]

    def _passed(self, backlog: float) -> tuple[tuple[Stretch, ...], float]:
        """Stretches of a day that starts with this backlog, and the backlog at its end."""
        stretches = list[Stretch]()
        for before, period in zip((self.day[-1], *self.day[:-1]), self.day, strict=True):
            for each in self._split(before, period, backlog):
                stretches.append(each)
                backlog = each.backlog[1]
        return tuple(stretches), backlog

    def _split(self, before: Period, period: Period, backlog: float) -> Iterator[Stretch]:
        """Yield the stretches of a period: until the backlog starts or ends, and the rest."""
        growth = period.jobs_per_s - self.jobs_per_s
        first_s, left = period.seconds, 0.0
        if growth > 0:
            idle_s = self._idle_s(before, period) if backlog <= TINY else 0.0
            if idle_s > 0:
                yield Stretch(idle_s, period.jobs_per_s, (0.0, 0.0))
            first_s -= idle_s
            left = backlog + growth * first_s
        elif backlog > TINY and growth * first_s + backlog > 0:
            left = backlog + growth * first_s
        elif backlog > TINY:
            first_s = backlog / -growth
        yield Stretch(first_s, period.jobs_per_s, (backlog, left))
        if first_s < period.seconds and growth <= 0:
            yield Stretch(period.seconds - first_s, period.jobs_per_s, (0.0, 0.0))

    def _idle_s(self, before: Period, period: Period) -> float:
        """Seconds in which a higher rate finds idle workers, at most those of one job.

        (workers - rate before x seconds of a job) / (rate - rate before)

        Basis: arithmetic; the first additional job ends after its seconds.
        """
        idle = self.workers - before.jobs_per_s * self.job_s
        if idle <= 0:
            return 0.0
        return min(idle / (period.jobs_per_s - before.jobs_per_s), self.job_s, period.seconds)

    @property
    def largest_backlog(self) -> float:
        """Jobs that wait at the worst moment of a day; infinite where the workers do not keep
        up."""
        if not self.keeps_up:
            return inf
        return max(max(each.backlog) for each in self.stretches)

    @property
    def drain_s(self) -> float:
        """Seconds from the largest backlog until no job waits; 0 without a backlog."""
        if not self.keeps_up:
            return inf
        worst = self.largest_backlog
        if worst <= TINY:
            return 0.0
        passed = [*self.stretches, *self.stretches]
        start = next(i for i, each in enumerate(passed) if each.backlog[1] >= worst)
        drained = 0.0
        for each in passed[start + 1 :]:
            if max(each.backlog) <= TINY:
                break
            drained += each.seconds
        return drained

    def late_share(self, wait_s: float) -> float:
        """Share of a day's jobs that wait longer than this."""
        if not self.keeps_up:
            return 1.0
        jobs = sum(each.jobs for each in self.stretches)
        return sum(each.jobs * self._late(each, wait_s) for each in self.stretches) / jobs

    def _late(self, stretch: Stretch, wait_s: float) -> float:
        """Share of a stretch's jobs that wait longer than this."""
        growth = stretch.jobs_per_s - self.jobs_per_s
        strayed = sqrt(self._variance(stretch) * stretch.seconds)
        if abs(growth) * stretch.seconds < CLEAR * strayed:
            return self._late_near_capacity(stretch, wait_s)
        first, last = sorted(each / self.jobs_per_s for each in stretch.backlog)
        if last * self.jobs_per_s > TINY:
            return min(max((last - wait_s) / (last - first), 0.0), 1.0)
        return self._late_steady(stretch, wait_s)

    def _late_steady(self, stretch: Stretch, wait_s: float) -> float:
        return ItemQueue(self.workers, stretch.jobs_per_s, self.job_s).late_share(wait_s)

    def _variance(self, stretch: Stretch) -> float:
        """Variance, per second, of the jobs that arrive less those that finish."""
        return stretch.jobs_per_s + self.jobs_per_s

    def _late_near_capacity(self, stretch: Stretch, wait_s: float) -> float:
        """Share of jobs that wait longer than this, where chance moves the backlog as far as the
        load.

        P(backlog > x) = Phi((b + g t - x) / s) + exp(2 g x / v) Phi((-b - g t - x) / s), at each
        time t of the stretch: b jobs at first, g more a second, s = sqrt(v t)

        Basis: arithmetic (Brownian motion that zero reflects). It is never above the steady state.
        """
        waiting, growth = wait_s * self.jobs_per_s, stretch.jobs_per_s - self.jobs_per_s
        variance = self._variance(stretch)
        reflected = exp(min(2 * growth * waiting / variance, 700.0))
        total = 0.0
        for index in range(MOMENTS):
            seconds = stretch.seconds * (index + 0.5) / MOMENTS
            strayed, moved = sqrt(variance * seconds), stretch.backlog[0] + growth * seconds
            total += _normal((moved - waiting) / strayed)
            total += reflected * _normal((-moved - waiting) / strayed)
        late = min(total / MOMENTS, 1.0)
        if stretch.backlog[0] > TINY:
            return late
        return min(late, self._late_steady(stretch, wait_s))

    def wait_s(self, share: float) -> float:
        """Seconds of the wait that this share of a day's jobs does not exceed."""
        late = 1 - share
        if self.late_share(0.0) <= late + TINY:
            return 0.0
        high = self.job_s
        while self.late_share(high) > late:
            if high > SECONDS_PER_DAY:
                return inf
            high *= 2
        low = 0.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.late_share(middle) > late else (low, middle)
        return high


def _normal(value: float) -> float:
    """Share of a standard normal distribution below this value."""
    return erfc(-value / sqrt(2)) / 2


@dataclass(frozen=True)
class JobTargets:
    """Targets of a queued service."""

    share: float
    response_s: float | None
    """Seconds from the request to the item; None without a target."""
    drain_s: float | None
    """Seconds from the largest backlog until no job waits; None without a target."""


def fewest_workers(
    day: Sequence[Period], item_s: float, job_s: float, targets: JobTargets
) -> dict[str, int | None]:
    """Smallest number of workers by each target alone: `response` and `drain`.

    A count is None where one item alone takes longer than the target. Basis: bisection; more
    workers never let a job wait longer.
    """
    load = sum(each.seconds * each.jobs_per_s for each in day) / sum(each.seconds for each in day)
    too_few = int(load * job_s)
    counts = dict[str, int | None]()
    response_s, drain_s = targets.response_s, targets.drain_s
    if response_s is not None:
        wait_s, late = response_s - item_s, 1 - targets.share + TINY
        counts["response"] = (
            None
            if wait_s < 0
            else fewest(too_few, lambda n: JobQueue(n, job_s, day).late_share(wait_s) <= late)
        )
    if drain_s is not None:
        counts["drain"] = fewest(too_few, lambda n: JobQueue(n, job_s, day).drain_s <= drain_s)
    return counts


def job_seconds(item_s: Fraction, queue: Queue) -> Fraction:
    """Seconds of a worker for one job, attempts that are repeated included.

    seconds of an item / (1 - share of attempts that are repeated)

    Basis: arithmetic; an attempt that fails takes as long as one that succeeds.
    """
    return item_s / (1 - exact(queue.repeated_ratio))
