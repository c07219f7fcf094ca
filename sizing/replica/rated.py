"""What does one GPU of the chosen hardware serve, by the workload's method?"""

from dataclasses import dataclass
from fractions import Fraction

from sizing.catalog import InstanceType
from sizing.catalog.lookup import Facts
from sizing.locks.workload_lock import Lock, rates_key
from sizing.model.memory import Fit
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.calibrated import estimate_name
from sizing.replica.calibrated import (
    CalibratedReplica,
    bought_quantile,
    calibrated_replica,
    step_model_of,
    throughput_upper_bound,
)
from sizing.replica.case import Case, Choice
from sizing.replica.fit import unsplit
from sizing.replica.gpu_rate import GpuRate, gpu_rate, peak_flop_per_s
from sizing.replica.item import item_of, utilisation_limit
from sizing.replica.lengths import Lengths
from sizing.replica.queues.item_queue import fewest_replicas
from sizing.replica.queues.job_queue import JobTargets, day_of, fewest_workers, job_seconds
from sizing.replica.rate import RESPONSE, TPOT, TTFT
from sizing.replica.traffic import Rates, apart_s, response_target_s
from sizing.steps.model import StepModel
from sizing.values.exact import exact, short
from sizing.workload import Method

SHOWN = {TTFT: ("TTFT", "ms", 1000), TPOT: ("TPOT", "ms", 1000), RESPONSE: ("response", "s", 1)}
"""Name of each time in a sentence, its unit, and the units of a second."""
COUNT_KEPT = 1 - Fraction(1, 10**9)
"""Guard: the rounding of GPU-seconds in a lock or an explanation must not add a replica."""


@dataclass(frozen=True)
class Rated:
    """Rate of one GPU by the workload's method."""

    rate: GpuRate
    flop_per_s: Fraction | None = None
    """Peak rate of the GPU; None by the calibrated method, and where the catalog lacks it."""
    replica: CalibratedReplica | None = None
    """Calibrated replica; None by other methods, and for images and clips."""
    locked: bool = False
    """True where the rate is from the lock."""


@dataclass(frozen=True)
class Unrated:
    """Reasons why the rate of one GPU is unknown."""

    rejected: tuple[Rejected, ...] = ()
    missed: float | None = None
    """Latency of one request alone over its target, where that is the reason."""


def rated(
    case: Case, choice: Choice | None, rates: Rates, lock: Lock | None = None
) -> Rated | Unrated:
    """Return the rate of one GPU of the case's type, in the chosen replica.

    A lock for the same lengths, targets and replica keeps its rate, even when coefficients are
    newer.
    """
    facts, capacity = case.facts, case.workload.capacity
    if capacity is None or facts.instance is None or facts.gpu is None:
        return Unrated()
    undivided = _undivided(case, choice)
    if undivided is not None:
        return Unrated((undivided,))
    if capacity.method is not Method.calibrated:
        flop = peak_flop_per_s(facts.gpu, facts.instance, facts.precision)
        return _stated(case, choice, rates, flop)
    if choice is None:
        return Unrated()
    return _calibrated(case, facts.instance, choice.fit, rates, lock)


def _stated(
    case: Case, choice: Choice | None, rates: Rates, flop_per_s: Fraction | None
) -> Rated | Unrated:
    """Return the rate that the user measured, or that of the textbook rule."""
    capacity = case.workload.capacity
    if capacity is None:
        raise ValueError(f"{case.workload.name} is not sized")
    rate = gpu_rate(case.workload, capacity, case.facts.parameters, flop_per_s)
    if rate is None:
        return Unrated((_no_peak_rate(case.facts),))
    if case.workload.jobs is None or choice is None:
        return Rated(rate, flop_per_s)
    cards = choice.fit.tensor_parallel
    made = Made(rate.request_s, cards, float(rate.request_s) / cards)
    return _of_items(case, rates, rates.at(capacity.load), made, flop_per_s)


def _calibrated(
    case: Case, instance: InstanceType, fit: Fit, rates: Rates, lock: Lock | None
) -> Rated | Unrated:
    """Return the rate by the calibrated method, or that of the lock."""
    capacity = case.workload.capacity
    if capacity is None:
        raise ValueError(f"{case.workload.name} is not sized")
    load = rates.at(capacity.load)
    if fit.nodes > 1:
        return Unrated((spans_nodes(fit.nodes),))
    kept = _kept(case, instance, fit, load, lock)
    if case.workload.kind.traits.makes_media:
        return _timed_items(case, fit, rates, load) if kept is None else Rated(kept, locked=True)
    steps = step_model_of(case, case.need, fit.tensor_parallel)
    if steps is None:
        return Unrated((_no_step_model(case),))
    replica = calibrated_replica(steps, case.workload, fit, load)
    rate = kept or replica.gpu_rate()
    if rate is None:
        rejected, missed = _too_slow(case, replica)
        return Unrated((rejected,), missed)
    return Rated(rate, None, replica, kept is not None)


@dataclass(frozen=True)
class Made:
    """GPU-seconds of one image or clip, and the cards that share it."""

    gpu_s: Fraction
    cards: int
    alone_s: float
    """Seconds of one item without others, besides the stages that run apart from it."""

    @property
    def seconds(self) -> float:
        """Seconds of the item on its cards."""
        return float(self.gpu_s) / self.cards


def _timed_items(case: Case, fit: Fit, rates: Rates, load: Fraction) -> Rated | Unrated:
    """Return the rate of images or clips by their estimated time."""
    estimate = case.item_estimate(fit.tensor_parallel)
    if estimate is None:
        return Unrated((_no_step_model(case),))
    share = bought_quantile(case.workload)
    made = Made(estimate.gpu_s(share), estimate.cards.count, estimate.alone_s(share))
    return _of_items(case, rates, load, made)


def _of_items(
    case: Case, rates: Rates, load: Fraction, made: Made, flop_per_s: Fraction | None = None
) -> Rated | Unrated:
    """Return the rate of images or clips, by each limit of their time.

    throughput: seconds of an item at the bought quantile x its cards / utilisation limit
    response, drain: fewest replicas that meet the target x their cards / load
    """
    queue = case.workload.jobs
    full = made.gpu_s if queue is None else job_seconds(made.gpu_s, queue)
    seconds = {"throughput": full / utilisation_limit(case.workload.capacity)}
    for name, replicas in _fewest(case, rates, made).items():
        if replicas is None:
            return _item_too_slow(case, made, response_target_s(case.workload) or 0.0)
        seconds[name] = replicas * made.cards / load * COUNT_KEPT
    return Rated(GpuRate(max(seconds.values()), seconds, full), flop_per_s)


def _fewest(case: Case, rates: Rates, made: Made) -> dict[str, int | None]:
    """Fewest replicas by each target of images or clips; None where one item alone is too slow."""
    workload = case.workload
    capacity, latency, queue = workload.capacity, workload.latency, workload.jobs
    response_s = response_target_s(workload)
    share = 0.0 if latency is None else float(latency.percentile) / 100
    if queue is not None:
        drain_s = None if queue.drain_s is None else float(queue.drain_s)
        targets = JobTargets(share, response_s, drain_s)
        day = day_of(workload.traffic, rates, queue)
        job_s = float(job_seconds(exact(Fraction(made.seconds)), queue))
        return fewest_workers(day, made.alone_s, job_s, targets)
    if response_s is None or capacity is None:
        return {}
    load = float(rates.at(capacity.load))
    return {"response": fewest_replicas(load, made.seconds, response_s, share)}


def _undivided(case: Case, choice: Choice | None) -> Rejected | None:
    """Rejection of more cards than the engine can share an image or clip over."""
    if case.made is None or choice is None:
        return None
    cards = choice.fit.tensor_parallel
    passes = item_of(case.workload, case.made.model).passes
    lacking = unsplit(case.workload, case.facts, case.catalog, cards, passes)
    if lacking is None:
        return None
    return Rejected(option=f"one item on {cards} GPUs", reason=Reason.engine, numbers=lacking)


def _item_too_slow(case: Case, made: Made, target: float) -> Unrated:
    """Reason against cards on which one item alone takes longer than the target."""
    cards, alone_s, capacity = made.cards, made.alone_s, case.workload.capacity
    option = f"{_type_name(case)}, {cards} GPU{'s' * (cards > 1)} an item, {case.facts.precision}"
    calibrated = capacity is not None and capacity.method is Method.calibrated
    name = f"{estimate_name(100 * bought_quantile(case.workload))} estimate"
    numbers = (
        f"response {short(alone_s)} s at best, {short(target)} s is the target"
        f" (one request alone, {name if calibrated else 'at the given rate'})"
    )
    if apart_s(case.workload):
        numbers += f", without {short(float(apart_s(case.workload)))} s of its stages"
    rejected = Rejected(option=option, reason=Reason.latency, numbers=numbers)
    return Unrated((rejected,), alone_s / target)


def _kept(
    case: Case, instance: InstanceType, fit: Fit, load: Fraction, lock: Lock | None
) -> GpuRate | None:
    """Return the rate of a lock for the same question; None without one."""
    if lock is None:
        return None
    key = rates_key(case.workload, instance.name, fit.tensor_parallel, float(load))
    return locked_rate(lock, key)


def rate_bound(
    case: Case, choice: Choice, rates: Rates, steps: StepModel | None, lengths: Lengths
) -> GpuRate | None:
    """Return a rate that `rated` does not exceed for conversations of one turn, without a search.

    `steps` is the step model of the replica, and `lengths` are those apart. The result is None
    where `rated` has no rate.
    """
    capacity = case.workload.capacity
    if capacity is None or capacity.method is not Method.calibrated:
        return known_rate(rated(case, choice, rates))
    return (
        None if steps is None else throughput_upper_bound(steps, case.workload, lengths, choice.fit)
    )


def known_rate(estimate: Rated | Unrated) -> GpuRate | None:
    """Return the rate of an estimate; None where it is unknown."""
    return estimate.rate if isinstance(estimate, Rated) else None


def locked_rate(lock: Lock, key: str) -> GpuRate | None:
    """Return the rate of a lock for the same question; None where it has none."""
    if lock.gpu_seconds is None or lock.rates_for != key:
        return None
    seconds = {name: Fraction(value) for name, value in lock.gpu_seconds.items()}
    full = seconds.pop("full", None)
    return GpuRate(max(seconds.values()), seconds, full) if seconds else None


def spans_nodes(nodes: int) -> Rejected:
    """Rejection of a replica over several nodes: step times are known within one node only."""
    return Rejected(
        option=f"method calibrated, a replica over {nodes} nodes",
        reason=Reason.not_in_this_version,
        numbers="step times are of replicas in one node; capacity.method given sizes it from a"
        " rate you measured",
    )


def no_method(case: Case) -> Rejected | None:
    """Missing part of the calibrated method on every type: the model's shape, or coefficients."""
    capacity = case.workload.capacity
    if capacity is None or capacity.method is not Method.calibrated:
        return None
    if case.workload.kind.traits.makes_media:
        lacking = "the model's denoiser is not known; name a model of the catalog"
        return _unknown(lacking) if case.made is None else None
    if case.need.step_shape is None:
        return _unknown("the model's architecture is not known; name its config.json")
    engines = case.workload.engines
    if not any(engine in case.catalog.coefficients.engines for engine in engines):
        return _unknown(f"no coefficients are fitted for {', '.join(engines)}")
    return None


def _no_step_model(case: Case) -> Rejected:
    """Missing part of the calibrated method: a shape, coefficients, or a datasheet."""
    name = case.facts.gpu.name if case.facts.gpu is not None else "the GPU"
    numbers = f"the catalog lacks the bandwidth or the arithmetic rate of {name}"
    return no_method(case) or _unknown(numbers)


def _unknown(numbers: str) -> Rejected:
    return Rejected(option="method calibrated", reason=Reason.unknown_fact, numbers=numbers)


def _too_slow(case: Case, replica: CalibratedReplica) -> tuple[Rejected, float]:
    """Best possible latency, of one request alone, with its target, and the ratio of the two."""
    idle, targets = replica.safe.times.server.at(1e-9), replica.targets
    parts, missed, limits = list[str](), 1.0, targets.stated
    for name, seconds in replica.safe.times.by_target.items():
        target, alone = limits.get(name), seconds(idle, targets.share)
        if target is not None and alone > target:
            shown, unit, units_per_s = SHOWN[name]
            best, limit = short(alone * units_per_s), short(target * units_per_s)
            parts.append(f"{shown} {best} {unit} at best, {limit} {unit} is the target")
            missed = max(missed, alone / target)
    option = (
        f"{_type_name(case)}, tensor parallel {replica.tensor_parallel}, {case.facts.precision}"
    )
    numbers = "; ".join(parts) + f" (one request alone, {replica.estimate} estimate)"
    return Rejected(option=option, reason=Reason.latency, numbers=numbers), missed


def _type_name(case: Case) -> str:
    return case.facts.instance.name if case.facts.instance is not None else "the type"


def _no_peak_rate(facts: Facts) -> Rejected:
    gpu = facts.gpu.name if facts.gpu is not None else "the GPU"
    return Rejected(
        option="method textbook",
        reason=Reason.unknown_fact,
        numbers=f"the catalog has no dense {facts.precision.value} rate of {gpu}",
    )
