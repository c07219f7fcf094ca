"""What does the calibrated method estimate for the chosen pool, and what does each margin cost?"""

from decimal import Decimal
from fractions import Fraction
from math import ceil, isfinite

from sizing.catalog.bands import EDGE
from sizing.plan.service.calibrated import (
    BandPlan,
    CalibratedPlan,
    EstimatePlan,
    MarginPlan,
    OneRunPlan,
    QuantilePlan,
)
from sizing.plan.service.pool import PoolPlan
from sizing.replica.calibrated import CalibratedReplica, Estimate
from sizing.replica.methods import MethodEstimate, gpus_at_rate
from sizing.replica.rate import MEDIAN
from sizing.replica.traffic import Rates
from sizing.values.exact import Number, exact, plain
from sizing.workload import Method, Workload

BAND = (0.1, 0.5, 0.9)
"""Quantiles of a band that is printed: P10, P50 and P90."""
WAITS, BAND_MARGIN = "waits and utilisation limit", "band"
"""Margins: the first is between the mean request and P50, the second between P50 and the fleet."""


def calibrated_plan(
    workload: Workload,
    estimate: MethodEstimate,
    pool: PoolPlan,
    rates: Rates,
    load: Fraction,
    *,
    usd_per_month: Number | None,
) -> CalibratedPlan:
    """Return both estimates of the band for the chosen replica at its share of the load.

    `usd_per_month` is the price of the whole pool; None where it is unknown.
    """
    replica, lengths = estimate.replica, estimate.replica.lengths
    share = float(load / pool.replicas_needed) * (1 + replica.imbalance)
    median, bare = replica.median, _without_headroom(replica, load)
    capacity, gpu_usd = workload.capacity, None
    sizes = capacity is not None and capacity.method is Method.calibrated
    if usd_per_month is not None:
        gpu_usd = exact(Decimal(str(usd_per_month))) / pool.gpus_total
    gpus = {quantile: _gpus(replica, replica.at(quantile), load) for quantile in _shown(replica)}
    return CalibratedPlan(
        basis=replica.basis,
        unmeasured=replica.unmeasured,
        quantile_percent=_percent(replica.quantile),
        coefficients=replica.steps.coefficients.fitted,
        assumed=estimate.assumed,
        prompt_tokens=lengths.prompt_tokens,
        cached_tokens=lengths.cached_tokens,
        output_tokens=lengths.output_tokens,
        most_sequences=replica.slots,
        percentile=plain(workload.latency.percentile) if workload.latency else 95,
        imbalance_ratio=replica.imbalance,
        in_flight_peak=_in_flight(median, pool, rates),
        replicas_without_headroom=bare,
        quantiles=tuple(
            QuantilePlan(
                quantile_percent=_percent(quantile),
                gpus_needed=count,
                usd_per_month=_cost(count, gpu_usd),
            )
            for quantile, count in gpus.items()
        ),
        margins=_margins(replica, bare, gpus[MEDIAN], gpus[replica.quantile], gpu_usd),
        one_run=_one_run(replica, gpus[replica.quantile], load, gpu_usd) if sizes else None,
        median=_estimate(replica, median, share, load),
        safe=_estimate(replica, replica.safe, share, load),
    )


def _shown(replica: CalibratedReplica) -> list[float]:
    """Quantiles that are shown side by side, in order."""
    return sorted({MEDIAN, EDGE, replica.quantile})


def _percent(quantile: float) -> Number:
    return plain(Fraction(quantile * 100).limit_denominator(10**6))


def _gpus(replica: CalibratedReplica, estimate: Estimate, load: Fraction) -> int | None:
    return gpus_at_rate(replica, estimate.rate, load)


def _cost(gpus: int | None, gpu_usd: Fraction | None) -> Number | None:
    """Cost of GPUs at the pool's price, USD a month; None where a part is unknown."""
    return None if gpus is None or gpu_usd is None else plain(gpus * gpu_usd)


def _margins(
    replica: CalibratedReplica,
    without: BandPlan,
    median: int | None,
    sized: int | None,
    gpu_usd: Fraction | None,
) -> tuple[MarginPlan, ...]:
    """Return the GPUs between the mean request, P50 and the sizing estimate."""
    bare = None if without.median is None else ceil(without.median) * replica.tensor_parallel
    steps = ((WAITS, bare, median), (BAND_MARGIN, median, sized))
    counts = (
        (name, None if fewer is None or more is None else more - fewer)
        for name, fewer, more in steps
    )
    return tuple(
        MarginPlan(name=name, gpus=gpus, usd_per_month=_cost(gpus, gpu_usd))
        for name, gpus in counts
    )


def _one_run(
    replica: CalibratedReplica, sized: int | None, load: Fraction, gpu_usd: Fraction | None
) -> OneRunPlan | None:
    """Return what the band after one own run would need and save."""
    after = replica.after_one_run()
    if after is None:
        return None
    gpus = _gpus(replica, after, load)
    saved = None if gpus is None or sized is None else sized - gpus
    return OneRunPlan(gpus_needed=gpus, usd_saved_per_month=_cost(saved, gpu_usd))


def _without_headroom(replica: CalibratedReplica, load: Fraction) -> BandPlan:
    """Replicas for the mean request without headroom, not rounded, with their band."""
    replicas = [
        float(load) / rate if rate > 0 else None
        for rate in (replica.rate_without_headroom(quantile) for quantile in BAND)
    ]
    return BandPlan(low=replicas[0], median=replicas[1], high=replicas[2])


def _in_flight(estimate: Estimate, pool: PoolPlan, rates: Rates) -> float | None:
    """Requests in all needed replicas at the peak; None where the queue is unbounded."""
    if rates.peak is None:
        return None
    queue = estimate.times.server.at(float(rates.peak / pool.replicas_needed))
    return queue.in_system * pool.replicas_needed if queue.is_stable else None


def _estimate(
    replica: CalibratedReplica, estimate: Estimate, share: float, load: Fraction
) -> EstimatePlan:
    queue, percent = estimate.times.server.at(share), replica.targets.share
    return EstimatePlan(
        gpus_needed=gpus_at_rate(replica, estimate.rate, load),
        requests_per_replica_per_s=estimate.rate,
        saturation_requests_per_s=estimate.times.server.saturation_per_s,
        ttft_ms=_finite(estimate.times.ttft_s(queue, percent) * 1000),
        tpot_ms=_finite(estimate.times.tpot_s(queue, percent) * 1000),
    )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
