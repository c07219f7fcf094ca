"""Which replicas serve normally, while a version rolls out, and while a node is repaired?"""

from fractions import Fraction
from math import isfinite

from sizing.fleet.zone_rollout import batches, taken_at_once
from sizing.plan.service.calibrated import BandPlan, CalibratedPlan, EstimatePlan
from sizing.plan.service.disks import VolumePlan
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.states import FleetState, RolloutPlan, StatePlan
from sizing.replica.calibrated import CalibratedReplica, Estimate
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.methods import MethodEstimate, gpus_at_rate
from sizing.replica.traffic import Rates
from sizing.values.exact import exact, plain, plain_or_none
from sizing.workload import Workload

BAND = (0.1, 0.5, 0.9)
"""Quantiles of a band that is printed: P10, P50 and P90."""
USUAL_ENGINE_START_S = 120
"""Usual seconds of the engine's start with its weights on the node: loading, profiling, graphs.
Basis: assumed (1 to 3 minutes for 8 to 70 billion parameters)."""


def states(
    pool: PoolPlan, serving: ServingPlan | None, rates: Rates, rate: GpuRate
) -> tuple[StatePlan, ...]:
    """Return the replicas that serve, whether they suffice, and their utilisation at the peak.

    rollout: all but those replaced at once; repair: all but one node's

    Basis: arithmetic.
    """
    there = {FleetState.steady: pool.replicas_total}
    if serving is not None:
        there[FleetState.rollout] = pool.replicas_total - taken_at_once(serving)
    there[FleetState.repair] = pool.replicas_total - pool.replicas_per_node
    return tuple(
        StatePlan(
            state=name,
            replicas=replicas,
            holds=replicas >= pool.replicas_needed,
            utilisation_at_peak=plain_or_none(_utilisation_at_peak(pool, replicas, rates, rate)),
        )
        for name, replicas in there.items()
    )


def _utilisation_at_peak(
    pool: PoolPlan, replicas: int, rates: Rates, rate: GpuRate
) -> Fraction | None:
    if rates.peak is None or replicas <= 0:
        return None
    return rates.peak * rate.used_s / (replicas * pool.gpus_per_replica)


def rollout(serving: ServingPlan, volumes: VolumePlan) -> RolloutPlan:
    """Return the duration of a rollout: its batches, each as long as a cold start.

    cold start = reading the weights + the engine's start; duration = batches x cold start

    The zones roll at the same time, or one after another where spare replicas are fewer than zones.
    Basis: arithmetic; nodes remain, so nothing surges.
    """
    cold = exact(Fraction(volumes.load_s)) + USUAL_ENGINE_START_S
    return RolloutPlan(
        surge_replicas=0,
        replicas_at_once=taken_at_once(serving),
        cold_start_s=plain(cold),
        duration_s=plain(cold * batches(serving)),
    )


def calibrated_plan(
    workload: Workload, estimate: MethodEstimate, pool: PoolPlan, rates: Rates, load: Fraction
) -> CalibratedPlan:
    """Return both estimates of the band for the chosen replica at its share of the load."""
    replica, lengths = estimate.replica, estimate.replica.lengths
    share = float(load / pool.replicas_needed) * (1 + replica.imbalance)
    median = replica.median
    return CalibratedPlan(
        basis=replica.basis,
        unmeasured=replica.unmeasured,
        quantile_percent=plain(exact(Fraction(replica.quantile * 100))),
        coefficients=replica.steps.coefficients.fitted,
        assumed=estimate.assumed,
        prompt_tokens=lengths.prompt_tokens,
        cached_tokens=lengths.cached_tokens,
        output_tokens=lengths.output_tokens,
        most_sequences=replica.slots,
        percentile=plain(workload.latency.percentile) if workload.latency else 95,
        imbalance_ratio=replica.imbalance,
        in_flight_peak=_in_flight(median, pool, rates),
        replicas_without_headroom=_without_headroom(replica, load),
        median=_estimate(replica, median, share, load),
        safe=_estimate(replica, replica.safe, share, load),
    )


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
