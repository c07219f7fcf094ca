"""What rate does one replica serve by the calibrated method, and how long do requests wait?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import ceil, sqrt

from sizing.catalog.bands import MEDIAN, Bands
from sizing.model.memory import Fit, Need
from sizing.plan.service.calibrated import estimate_name
from sizing.replica.caches.host_cache import host_cache_of
from sizing.replica.case import Case
from sizing.replica.embedding import embedding_times
from sizing.replica.fit import max_num_seqs
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.lengths import Lengths, request_lengths
from sizing.replica.rate import (
    Targets,
    Times,
    rate_by_constraint,
    rate_within,
    replica_times,
    targets_of,
    throughput_per_s,
    without_headroom,
)
from sizing.replica.traffic import users_online_peak
from sizing.steps.model import StepModel, step_model
from sizing.steps.replica import Formats, Parallel
from sizing.steps.speculation import NO_DRAFTS, Speculation
from sizing.values.exact import exact
from sizing.workload import Engine, Routing, Workload, shortfall_cost

MANY = 10**9
"""Number of replicas at which a conversation never meets its own replica again."""
IMBALANCE_QUANTILE = 1.645
"""Standard deviations of the fullest replica where conversations stay: 95 % of replicas have fewer.
Basis: arithmetic (normal distribution)."""
ASSUMED_THINK_S = 60
"""Seconds between a user's requests where the workload does not state it. Basis: assumed."""

OF_PROMPTS = (
    "the fitted terms of a text model's prompt for each text, with the band of a first token, since"
    " nothing was measured for embeddings"
)
"""What the times of embeddings rest on."""


@dataclass(frozen=True)
class Estimate:
    """One estimate of the band: the replica's times, and its rate."""

    times: Times
    rate: float
    """Requests per second of one replica within all constraints; 0 when none is possible."""


@dataclass(frozen=True)
class CalibratedReplica:
    """Replica of a workload by the calibrated method."""

    steps: StepModel
    lengths: Lengths
    slots: int
    targets: Targets
    quantile: float
    """Quantile of the bands that sizes the service, 0.5 to 1."""
    tensor_parallel: int
    rates: Mapping[str, float]
    """Requests per second that each constraint allows at the sizing estimate."""
    safe: Estimate
    imbalance: float
    """Requests of the fullest replica over the mean replica's, minus 1."""

    @cached_property
    def median(self) -> Estimate:
        """Estimate as fitted, without the band."""
        return self._estimate(MEDIAN)

    def at(self, quantile: float) -> Estimate:
        """Estimate at a quantile of the bands."""
        if quantile == self.quantile:
            return self.safe
        return self.median if quantile == MEDIAN else self._estimate(quantile)

    def after_one_run(self) -> Estimate | None:
        """Sizing estimate if one own run took the predicted time; None with own runs, and for
        drafts and embeddings, to which runs are not applied."""
        steps = self.steps
        if steps.correction is not None or steps.speculation.is_used or steps.is_embedding:
            return None
        return self._estimate(self.quantile, self.steps.bands.after_one_run())

    def _estimate(self, quantile: float, bands: Bands | None = None) -> Estimate:
        times = times_of(self.steps, self.lengths, self.slots, quantile, self.targets, bands=bands)
        return Estimate(times, rate_within(times, self.targets))

    @property
    def basis(self) -> str:
        """measured: this engine on this generation of GPU, in these formats, with these kernels; or
        the user's own runs. datasheet: the same terms with a wider band."""
        return "measured" if self.steps.evidence.is_measured else "datasheet"

    @property
    def assumed(self) -> tuple[str, ...]:
        """Assumptions of the method itself, beyond those where the workload has no value."""
        return (OF_PROMPTS,) if self.steps.is_embedding else ()

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Formats and kernels that were never measured with this engine; none with own runs."""
        return () if self.steps.correction is not None else self.steps.unmeasured

    def rate_without_headroom(self, quantile: float) -> float:
        """Requests per second of one replica for the mean request, without headroom."""
        return rate_within(self.at(quantile).times, without_headroom(self.targets))

    @property
    def estimate(self) -> str:
        """Name of the estimate that sizes the service."""
        return estimate_name(100 * self.quantile)

    def gpu_rate(self) -> GpuRate | None:
        """GPU-seconds of one request by the sizing estimate; None when no rate meets the
        targets."""
        if self.safe.rate <= 0:
            return None
        even = self.tensor_parallel * (1 + self.imbalance)
        seconds = {name: exact(Fraction(even / rate)) for name, rate in self.rates.items()}
        full = Fraction(self.tensor_parallel / self.safe.times.server.saturation_per_s)
        return GpuRate(max(seconds.values()), seconds, full)


def times_of(
    steps: StepModel,
    lengths: Lengths,
    slots: int,
    quantile: float,
    targets: Targets,
    *,
    bands: Bands | None = None,
) -> Times:
    """Return the times of a replica with `slots` slots, at a quantile of the bands, 0 to 1."""
    if steps.is_embedding:
        return embedding_times(steps, lengths, slots, quantile, targets, bands=bands)
    return replica_times(steps, lengths, slots, quantile, targets, bands=bands)


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
        gpu_share=float(instance.gpu_share),
        speculation=speculation_of(engine),
        host_cache=host_cache_of(engine.kv_offload, need, instance, case.catalog, tensor_parallel),
    )


def speculation_of(engine: Engine) -> Speculation:
    """Return the drafts of a step as the workload states them."""
    stated = engine.speculative
    if stated is None:
        return NO_DRAFTS
    return Speculation(
        stated.draft_tokens, float(stated.acceptance_length), float(stated.draft_cost_ratio)
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
    quantile = bought_quantile(workload)
    times = times_of(steps, lengths, slots, quantile, targets)
    if request.turns > 1 and routing is not Routing.sticky:
        apart = rate_within(times, targets)
        if apart > 0:
            lengths = request_lengths(request, routing, max(1, ceil(float(load) / apart)))
            times = times_of(steps, lengths, slots, quantile, targets)
    rates = rate_by_constraint(times, targets)
    rate, uneven = min(rates.values()), 0.0
    if routing is Routing.sticky and rate > 0:
        uneven = sticky_imbalance(workload, float(load), rate)
    return CalibratedReplica(
        steps=steps,
        lengths=lengths,
        slots=slots,
        targets=targets,
        quantile=quantile,
        tensor_parallel=found.tensor_parallel,
        rates=rates,
        safe=Estimate(times, rate),
        imbalance=uneven,
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
    quantile, targets = bought_quantile(workload), targets_of_case(workload)
    times = times_of(steps, lengths, max_num_seqs(workload, found), quantile, targets)
    rate = throughput_per_s(times, targets)
    return GpuRate(exact(Fraction(found.tensor_parallel / rate)))


def bought_quantile(workload: Workload) -> float:
    """Quantile of the bands that sizes the service: k / (1 + k), k = the cost of a missing GPU over
    that of a spare one.

    Basis: arithmetic (newsvendor): the last GPU bought is idle as often as its cost justifies.
    """
    k = float(shortfall_cost(workload.capacity))
    return k / (1 + k)


def targets_of_case(workload: Workload) -> Targets:
    """Return the targets that apply to these requests. An answer of one token has no second token,
    so it has no TPOT."""
    capacity = workload.capacity
    limit = capacity.max_utilisation if capacity is not None else None
    targets = targets_of(workload.latency, None if limit is None else float(limit))
    alone = workload.request.output_mean is not None and workload.request.output_mean <= 1
    return replace(targets, tpot_s=None) if alone else targets


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
