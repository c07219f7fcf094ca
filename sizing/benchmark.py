"""Which runs measure one replica of a service, and how long do they take at most?"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from sizing.plan.service.whole import ServicePlan
from sizing.values.units import SECONDS_PER_HOUR, SECONDS_PER_MINUTE

BEYOND = 10
"""Requests beyond the percentile of the targets in an open loop. Their share is then known to a
third: 1 / sqrt(10). Basis: arithmetic; assumed, and a longer run is more exact."""
WAVES = 10
"""Requests of a run over the requests in flight: the first and the last wave, which see fewer
others, are a fifth of them. Basis: assumed."""
FEWEST = 10
"""Requests of the smallest run. Basis: assumed; lengths are equal, so that times hardly vary."""
CLIENT_S = 60
"""Seconds until the load generator of a run sends its first request. Basis: assumed; it imports its
libraries and makes the prompts."""
MOST_FAILED = 0.05
"""Share of failed requests above which the other times look too good. Basis: assumed."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkRun:
    """One run of the load generator."""

    name: str
    """closed-116 or open: the loop, and its concurrency."""
    concurrency: int | None
    """Requests in flight of a closed loop; None for the open loop."""
    requests_per_s: Fraction | None
    """Arrivals of the open loop; None for a closed loop."""
    requests: int
    """Counted requests."""
    warm_up_requests: int
    """Requests before them, which are not counted."""
    seconds: int
    """Seconds that the run takes at most by the estimate that sizes the service."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """Runs in their order, within the bound; and those that the bound leaves out."""

    runs: tuple[BenchmarkRun, ...]
    left_out: tuple[BenchmarkRun, ...]

    @property
    def seconds(self) -> int:
        """Seconds of all runs, at most."""
        return sum(run.seconds for run in self.runs)

    @property
    def requests(self) -> int:
        """Requests of all runs, those of the warm-ups included."""
        return sum(run.requests + run.warm_up_requests for run in self.runs)


def bound_s(minutes: int, usd: Fraction, usd_per_hour: Fraction | None) -> int:
    """Seconds of the time bound or of the cost bound, whichever ends first.

    bound = min(60 x minutes, 3600 x usd / usd_per_hour); without a price, the time bound alone.
    Basis: arithmetic.
    """
    if not usd_per_hour:
        return 60 * minutes
    return min(SECONDS_PER_MINUTE * minutes, int(SECONDS_PER_HOUR * usd / usd_per_hour))


def benchmark(service: ServicePlan, most_s: int) -> Benchmark:
    """Return the runs whose seconds together stay within `most_s`.

    Runs are taken in the order of their worth: the sized concurrency, the sized rate, one request,
    the limit, and half of the sized concurrency. A run that does not fit is left out.
    Raises ValueError for a service without an engine or an estimate.
    """
    taken = list[BenchmarkRun]()
    left_out = list[BenchmarkRun]()
    for run in _by_worth(service):
        fits = sum(each.seconds for each in taken) + run.seconds <= most_s
        (taken if fits else left_out).append(run)
    order = [*sorted(taken, key=lambda run: (run.concurrency is None, run.concurrency or 0))]
    return Benchmark(runs=tuple(order), left_out=tuple(left_out))


def _by_worth(service: ServicePlan) -> list[BenchmarkRun]:
    serving, estimate = service.serving, service.calibrated
    if serving is None or estimate is None or not estimate.safe.saturation_requests_per_s:
        raise ValueError(f"{service.name}: a benchmark needs an engine and an estimate")
    limit = serving.max_num_seqs
    full_s = limit / Fraction(estimate.safe.saturation_requests_per_s)
    rate = Fraction(estimate.safe.requests_per_replica_per_s)
    sized = _sized_concurrency(service, limit)
    closed = dict.fromkeys(c for c in (sized, 1, limit, ceil(sized / 2)) if c)
    runs = [_closed(concurrency, full_s) for concurrency in closed]
    if rate > 0:
        runs.insert(1, _open(rate, full_s, limit, estimate.percentile))
    return runs


def _sized_concurrency(service: ServicePlan, limit: int) -> int:
    """Mean requests in flight on one needed replica at the peak, at most the limit.

    Without such a number it is the limit. Basis: arithmetic.
    """
    estimate, pool = service.calibrated, service.pool
    if estimate is None or pool is None or estimate.in_flight_peak is None:
        return limit
    return min(limit, max(1, round(estimate.in_flight_peak / pool.replicas_needed)))


def _closed(concurrency: int, full_s: Fraction) -> BenchmarkRun:
    """Closed loop: each wave takes no longer than a request among as many as the engine runs.

    seconds = client + (requests / concurrency + 1) x limit / saturation rate
    Basis: arithmetic (Little's law) on the estimate that sizes the service.
    """
    requests = max(FEWEST, WAVES * concurrency)
    return BenchmarkRun(
        name=f"closed-{concurrency}",
        concurrency=concurrency,
        requests_per_s=None,
        requests=requests,
        warm_up_requests=concurrency,
        seconds=CLIENT_S + ceil((ceil(requests / concurrency) + 1) * full_s),
    )


def _open(rate: Fraction, full_s: Fraction, limit: int, percentile: float) -> BenchmarkRun:
    """Open loop at the rate of one replica, with enough requests for the percentile.

    requests = max(10 / (1 - percentile), 10 x those in flight)
    seconds = client + requests / rate + two times that of a request among as many as run
    """
    in_flight = min(Fraction(limit), rate * full_s)
    beyond = BEYOND / (1 - Fraction(str(percentile)) / 100)
    requests = ceil(max(beyond, WAVES * in_flight))
    return BenchmarkRun(
        name="open",
        concurrency=None,
        requests_per_s=rate,
        requests=requests,
        warm_up_requests=ceil(in_flight),
        seconds=CLIENT_S + ceil(requests / rate + 2 * full_s),
    )
