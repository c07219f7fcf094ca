"""What does the calibrated method estimate for the chosen pool, and what does each margin cost?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, isfinite

from sizing.catalog.bands import EDGE, MEDIAN
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
from sizing.replica.rate import RESPONSE, TPOT, TTFT
from sizing.replica.traffic import Rates
from sizing.values.exact import Number, plain
from sizing.values.units import MS_PER_S
from sizing.workload import Method, Workload

BAND = (0.1, 0.5, 0.9)
"""Quantiles of a band that is printed: P10, P50 and P90."""
WAITS, BAND_MARGIN = "waits and utilisation limit", "band"
"""Margins: the first is between the mean request and P50, the second between P50 and the fleet."""


@dataclass(frozen=True)
class Priced:
    """Nodes of the chosen type for any number of GPUs, and their price."""

    nodes_for: Callable[[int], int]
    """Number of nodes for a number of GPUs, spare ones included."""
    usd_per_node: Fraction | None
    """Price of a node, USD a month; None where it is unknown."""

    def nodes(self, gpus: int | None) -> int | None:
        """Number of nodes for these GPUs; None where the GPUs are unknown."""
        return None if gpus is None else self.nodes_for(gpus)

    def cost(self, nodes: int | None) -> Number | None:
        """Cost of nodes, USD a month; None where a part is unknown."""
        if nodes is None or self.usd_per_node is None:
            return None
        return plain(nodes * self.usd_per_node)


def calibrated_plan(
    workload: Workload,
    estimate: MethodEstimate,
    pool: PoolPlan,
    rates: Rates,
    load: Fraction,
    *,
    priced: Priced,
) -> CalibratedPlan:
    """Return the estimates of the band for the chosen replica at its share of the load."""
    replica, lengths = estimate.replica, estimate.replica.lengths
    share = float(load / pool.replicas_needed) * (1 + replica.imbalance)
    capacity, median = workload.capacity, replica.median
    bare = _without_headroom(replica, load)
    gpus = {
        quantile: gpus_at_rate(replica, replica.at(quantile).rate, load)
        for quantile in sorted({MEDIAN, EDGE, replica.quantile})
    }
    sizes = capacity is not None and capacity.method is Method.calibrated
    return CalibratedPlan(
        basis=replica.basis,
        unmeasured=replica.unmeasured,
        quantile_percent=_percent(replica.quantile),
        coefficients=replica.steps.coefficients.fitted,
        assumed=(*estimate.assumed, *replica.assumed),
        prompt_tokens=lengths.prompt_tokens,
        cached_tokens=lengths.cached_tokens,
        output_tokens=lengths.output_tokens,
        most_sequences=replica.slots,
        percentile=plain(workload.latency.percentile) if workload.latency else 95,
        imbalance_ratio=replica.imbalance,
        in_flight_peak=_in_flight(median, pool, rates),
        replicas_without_headroom=bare,
        quantiles=tuple(_quantile(quantile, count, priced) for quantile, count in gpus.items()),
        margins=_margins(replica, bare, gpus, priced),
        one_run=_one_run(replica, gpus[replica.quantile], load, priced) if sizes else None,
        median=_estimate(replica, median, share, load),
        safe=_estimate(replica, replica.safe, share, load),
    )


def _percent(quantile: float) -> Number:
    return plain(Fraction(quantile * 100).limit_denominator(10**6))


def _quantile(quantile: float, gpus: int | None, priced: Priced) -> QuantilePlan:
    nodes = priced.nodes(gpus)
    return QuantilePlan(
        quantile_percent=_percent(quantile),
        gpus_needed=gpus,
        nodes_total=nodes,
        usd_per_month=priced.cost(nodes),
    )


def _margins(
    replica: CalibratedReplica,
    without: BandPlan,
    gpus: Mapping[float, int | None],
    priced: Priced,
) -> tuple[MarginPlan, ...]:
    """Return what lies between the mean request, P50 and the sizing estimate.

    Conversations that stay with their replica make one of them fuller, which is no margin.
    """
    bare = None
    if without.median is not None:
        bare = ceil(without.median * (1 + replica.imbalance)) * replica.tensor_parallel
    steps = ((WAITS, bare, gpus[MEDIAN]), (BAND_MARGIN, gpus[MEDIAN], gpus[replica.quantile]))
    return tuple(_margin(name, fewer, more, priced) for name, fewer, more in steps)


def _margin(name: str, fewer: int | None, more: int | None, priced: Priced) -> MarginPlan:
    if fewer is None or more is None:
        return MarginPlan(name=name, gpus=None, nodes=None, usd_per_month=None)
    nodes = priced.nodes_for(more) - priced.nodes_for(fewer)
    return MarginPlan(name=name, gpus=more - fewer, nodes=nodes, usd_per_month=priced.cost(nodes))


def _one_run(
    replica: CalibratedReplica, sized: int | None, load: Fraction, priced: Priced
) -> OneRunPlan | None:
    """Return what the band after one own run would need and save."""
    after = replica.after_one_run()
    if after is None:
        return None
    gpus = gpus_at_rate(replica, after.rate, load)
    before, nodes = priced.nodes(sized), priced.nodes(gpus)
    fewer = None if before is None or nodes is None else before - nodes
    return OneRunPlan(gpus_needed=gpus, nodes_total=nodes, usd_saved_per_month=priced.cost(fewer))


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
    times = {name: seconds(queue, percent) for name, seconds in estimate.times.by_target.items()}
    return EstimatePlan(
        gpus_needed=gpus_at_rate(replica, estimate.rate, load),
        requests_per_replica_per_s=estimate.rate,
        saturation_requests_per_s=estimate.times.server.saturation_per_s,
        ttft_ms=_finite(times, TTFT, MS_PER_S),
        tpot_ms=_finite(times, TPOT, MS_PER_S),
        response_s=_finite(times, RESPONSE),
    )


def _finite(times: Mapping[str, float], name: str, units_per_s: int = 1) -> float | None:
    """Time of that name in its unit; None where it has none or its queue is unbounded."""
    seconds = times.get(name)
    return None if seconds is None or not isfinite(seconds) else seconds * units_per_s
