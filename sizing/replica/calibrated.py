"""What rate does one replica serve by the calibrated method, and how long do requests wait?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil, sqrt

from sizing.model.memory import Fit, Need
from sizing.replica.case import Case
from sizing.replica.fit import max_num_seqs
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.lengths import Lengths, request_lengths
from sizing.replica.rate import (
    BandSide,
    ReplicaTimes,
    Targets,
    rate_by_constraint,
    replica_times,
    targets_of,
    without_headroom,
)
from sizing.replica.traffic import users_online_peak
from sizing.steps.model import StepModel, step_model
from sizing.steps.replica import Formats, Parallel
from sizing.values.exact import exact
from sizing.workload import Routing, Workload

MANY = 10**9
"""Number of replicas at which a conversation never meets its own replica again."""
IMBALANCE_QUANTILE = 1.645
"""Standard deviations of the fullest replica where conversations stay: 95 % of replicas have fewer.
Basis: arithmetic (normal distribution)."""
ASSUMED_THINK_S = 60
"""Seconds between a user's requests where the workload does not state it. Basis: assumed."""


@dataclass(frozen=True)
class Estimate:
    """One estimate of the band: the replica's times, and the rate that each constraint allows."""

    times: ReplicaTimes
    rates: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Requests per second of one replica within all constraints; 0 when none is possible."""
        return min(self.rates.values())


@dataclass(frozen=True)
class CalibratedReplica:
    """Replica of a workload by the calibrated method."""

    steps: StepModel
    lengths: Lengths
    slots: int
    targets: Targets
    tensor_parallel: int
    safe: Estimate
    imbalance: float
    """Requests of the fullest replica over the mean replica's, minus 1."""

    @cached_property
    def median(self) -> Estimate:
        """Estimate as fitted, without the band."""
        times = replica_times(self.steps, self.lengths, self.slots, BandSide.median)
        return Estimate(times, rate_by_constraint(times, self.targets))

    @property
    def basis(self) -> str:
        """measured: this engine on this generation of GPU and in this precision, or the user's own
        runs. datasheet: the same terms with a wider band."""
        return "measured" if self.steps.measured else "datasheet"

    def rate_without_headroom(self, estimate: BandSide) -> float:
        """Requests per second of one replica for the mean request, without headroom."""
        times = self.safe.times
        if estimate is BandSide.median:
            times = self.median.times
        elif estimate is BandSide.low:
            times = replica_times(self.steps, self.lengths, self.slots, estimate)
        return min(rate_by_constraint(times, without_headroom(self.targets)).values())

    def gpu_rate(self) -> GpuRate | None:
        """GPU-seconds of one request by the P90 estimate; None when no rate meets the targets."""
        if self.safe.rate <= 0:
            return None
        even = self.tensor_parallel * (1 + self.imbalance)
        seconds = {name: exact(Fraction(even / rate)) for name, rate in self.safe.rates.items()}
        full = Fraction(self.tensor_parallel / self.safe.times.server.saturation_per_s)
        return GpuRate(max(seconds.values()), seconds, full)


def step_model_of(case: Case, need: Need, tensor_parallel: int) -> StepModel | None:
    """Return the step times of a model on these cards of the case's instance type. Return None
    where the architecture, the datasheet or the engine's coefficients are unknown."""
    engine, coefficients = case.workload.engine, case.catalog.coefficients
    gpu, instance = case.facts.gpu, case.facts.instance
    if need.step_shape is None or engine.name not in coefficients.engines:
        return None
    if gpu is None or instance is None:
        return None
    return step_model(
        need.step_shape,
        gpu,
        coefficients,
        engine=engine.name,
        parallel=Parallel(tensor=tensor_parallel),
        formats=Formats(need.weights.precision, need.weights.precision, engine.kv_precision),
        gpu_share=min(float(instance.gpu_count), 1.0),
    )


def calibrated_replica(
    steps: StepModel, workload: Workload, found: Fit, load: Fraction
) -> CalibratedReplica:
    """Return a replica that shares the load, in requests per second, with others like it.

    The first count assumes that no conversation meets its own replica again. With that count,
    earlier turns are cached as often as they meet it. Basis: arithmetic; the count only falls.
    """
    request, routing = workload.request, workload.engine.routing
    targets = targets_of_case(workload)
    slots = max_num_seqs(workload, found)
    lengths = lengths_apart(workload)
    estimate = _safe(steps, lengths, slots, targets)
    if request.turns > 1 and routing is not Routing.sticky and estimate.rate > 0:
        lengths = request_lengths(request, routing, max(1, ceil(float(load) / estimate.rate)))
        estimate = _safe(steps, lengths, slots, targets)
    uneven = 0.0
    if routing is Routing.sticky and estimate.rate > 0:
        uneven = sticky_imbalance(workload, float(load), estimate.rate)
    return CalibratedReplica(
        steps, lengths, slots, targets, found.tensor_parallel, estimate, uneven
    )


def lengths_apart(workload: Workload) -> Lengths:
    """Lengths where no conversation meets its own replica again."""
    return request_lengths(workload.request, workload.engine.routing, MANY)


def throughput_upper_bound(
    steps: StepModel, workload: Workload, lengths: Lengths, found: Fit
) -> GpuRate:
    """GPU-seconds of one request where only the utilisation limit counts, with `lengths` apart.

    The value never exceeds that of `calibrated_replica` where conversations have one turn: latency
    targets and uneven replicas only add to it. Basis: arithmetic; a bound that needs no search.
    """
    times = replica_times(steps, lengths, max_num_seqs(workload, found), BandSide.safe)
    rate = rate_by_constraint(times, replace(targets_of_case(workload), ttft_s=None, tpot_s=None))
    return GpuRate(exact(Fraction(found.tensor_parallel / rate["throughput"])))


def targets_of_case(workload: Workload) -> Targets:
    """Return the targets that apply to these requests. An answer of one token has no second token,
    so it has no TPOT."""
    capacity = workload.capacity
    limit = capacity.max_utilisation if capacity is not None else None
    targets = targets_of(workload.latency, None if limit is None else float(limit))
    alone = workload.request.output_mean is not None and workload.request.output_mean <= 1
    return replace(targets, tpot_s=None) if alone else targets


def _safe(steps: StepModel, lengths: Lengths, slots: int, targets: Targets) -> Estimate:
    times = replica_times(steps, lengths, slots, BandSide.safe)
    return Estimate(times, rate_by_constraint(times, targets))


def sticky_imbalance(workload: Workload, load: float, rate: float) -> float:
    """Excess of the fullest replica over the mean where conversations stay with their replica.

    z x sqrt((replicas - 1) / users online), for the smallest number of replicas that serves it

    Basis: arithmetic; users choose replicas at random (binomial).
    """
    online = users_online_peak(workload.traffic)
    users = float(online) if online is not None else load * ASSUMED_THINK_S
    uneven, replicas = 0.0, 0
    for _ in range(50):
        needed = max(1, ceil(load * (1 + uneven) / rate - 1e-9))
        if needed <= replicas:
            break
        replicas = needed
        uneven = IMBALANCE_QUANTILE * sqrt((replicas - 1) / max(users, 1.0))
    return uneven
