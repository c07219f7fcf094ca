"""Do the latency targets hold, and at which load?"""

from collections.abc import Sequence
from math import inf, isfinite

from sizing.plan.service.burst import AddedPlan
from sizing.plan.service.calibrated import estimate_name
from sizing.plan.service.items.jobs import JobsPlan
from sizing.plan.service.latency import LatencyPlan, Verdict
from sizing.plan.service.pool import PoolPlan
from sizing.replica.calibrated import CalibratedReplica, bought_quantile
from sizing.replica.case import Case, Choice
from sizing.replica.methods import MethodEstimate
from sizing.replica.queues.item_queue import ItemQueue
from sizing.replica.rated import SHOWN
from sizing.replica.traffic import Rates, stages_s
from sizing.values.exact import Number, plain, plain_or_none
from sizing.workload import Latency, Load

TTFT, TPOT, RESPONSE = (name for name, _, _ in SHOWN.values())
UNITS = {name: unit for name, unit, _ in SHOWN.values()}
"""Times by name, and the unit of each."""
TOLERANCE = 1.001
"""Ratio of a time to its target up to which the target is met. Basis: assumed; rates are searched
in steps of 0.004 %, and a lock keeps them."""


def latency_plan(
    case: Case,
    choice: Choice,
    pool: PoolPlan,
    *,
    burst: AddedPlan | None,
    rates: Rates,
    estimate: MethodEstimate | None,
    jobs: JobsPlan | None = None,
) -> LatencyPlan | None:
    """Return the verdict at the peak, or at the mean where the peak is unknown; None without
    targets.

    Where the peak is sized, the needed replicas share it, as after the loss that the plan survives.
    The `jobs` of a queued service are judged over a whole day, on the needed replicas and by their
    own rate.
    Where the mean is sized, all replicas and the burst's share it.

    Basis: as the calibrated method at its sizing estimate, whichever method sized the service.
    """
    targets, capacity = case.workload.latency, case.workload.capacity
    if targets is None or capacity is None or not targets.stated:
        return None
    replicas, queued = pool.replicas_needed, jobs is not None
    if capacity.load is Load.mean and rates.peak is not None and not queued:
        replicas = pool.replicas_total + (burst.replicas if burst is not None else 0)
    load = Load.mean if rates.peak is None or queued else Load.peak
    where = f"at the {load.value} of {figure(float(rates.at(load)))} requests/s"
    where = "over the day" if queued else where
    where += f" on {counted(replicas, 'replica')}"
    times: dict[str, float] = {}
    if estimate is not None:
        each = float(rates.at(load) / replicas) * (1 + estimate.replica.imbalance)
        times = _times(estimate.replica, each)
    elif targets.response_s is not None:
        times = _response(case, choice, replicas, rates, jobs)
    verdict, missed = _verdict(times, _judged(targets, estimate))
    source = estimate_name(100 * bought_quantile(case.workload))
    if not times:
        source = _why_unknown(case, pool)
    return LatencyPlan(
        verdict=verdict,
        load=load.value,
        requests_per_s=plain(rates.at(load)),
        replicas=replicas,
        percentile=plain(targets.percentile),
        ttft_ms=_finite(times.get(TTFT)),
        ttft_target_ms=plain_or_none(targets.ttft_ms),
        tpot_ms=_finite(times.get(TPOT)),
        tpot_target_ms=plain_or_none(targets.tpot_ms),
        response_s=_finite(times.get(RESPONSE)),
        response_target_s=plain_or_none(targets.response_s),
        missed_ratio=missed,
        text=_text(verdict, where, targets, times, source),
    )


def _times(replica: CalibratedReplica, requests_per_s: float) -> dict[str, float]:
    """Times of the sizing estimate at that rate of one replica, each in its unit."""
    times, share = replica.safe.times, replica.targets.share
    queue, found = times.server.at(requests_per_s), dict[str, float]()
    for name, seconds in times.by_target.items():
        shown, _, units_per_s = SHOWN[name]
        found[shown] = seconds(queue, share) * units_per_s
    return found


def _response(
    case: Case, choice: Choice, replicas: int, rates: Rates, jobs: JobsPlan | None
) -> dict[str, float]:
    """Time to the whole image or clip, seconds; empty where the item's time is unknown.

    A job's last attempt takes its seconds without those that are repeated.
    """
    targets = case.workload.latency
    if targets is None:
        return {}
    if jobs is not None:
        wait_s = inf if jobs.wait_s is None else jobs.wait_s
        return {RESPONSE: wait_s + jobs.alone_s}
    found = case.item_estimate(choice.fit.tensor_parallel)
    if found is None:
        return {}
    item_s = found.seconds(bought_quantile(case.workload))
    waiting = ItemQueue(replicas, float(rates.busiest), item_s)
    made_s = waiting.response_s(float(targets.percentile) / 100)
    return {RESPONSE: float(stages_s(case.workload)) + made_s}


def _stated(targets: Latency) -> dict[str, float]:
    """Targets by name, each in its unit."""
    named = {TTFT: targets.ttft_ms, TPOT: targets.tpot_ms, RESPONSE: targets.response_s}
    return {name: float(value) for name, value in named.items() if value is not None}


def _judged(targets: Latency, estimate: MethodEstimate | None) -> dict[str, float]:
    """Targets that apply: an answer of one token has no time per token."""
    judged = _stated(targets)
    if estimate is not None and estimate.replica.targets.tpot_s is None:
        judged.pop(TPOT, None)
    return judged


def _verdict(times: dict[str, float], judged: dict[str, float]) -> tuple[Verdict, Number | None]:
    """Return the verdict, and the ratio of the worst time to its target."""
    if not times:
        return Verdict.unknown, None
    worst = max((times[name] / target for name, target in judged.items()), default=0.0)
    if worst <= TOLERANCE:
        return Verdict.met, None
    return Verdict.missed, _finite(worst)


def _text(
    verdict: Verdict, where: str, targets: Latency, times: dict[str, float], source: str
) -> str:
    """Sentence of the verdict. `source` names the estimate, or the reason why there is none."""
    stated = _stated(targets)
    if verdict is Verdict.unknown:
        named = " and ".join(f"{name} {figure(v)} {UNITS[name]}" for name, v in stated.items())
        return f"not known whether {named} hold {where}: {source}"
    if not all(isfinite(times[name]) for name in stated):
        return f"missed {where}: requests queue and the queue grows while that load lasts"
    parts = [_against(name, times[name], target) for name, target in stated.items()]
    share = f"for {figure(float(targets.percentile))} % of requests"
    return f"{verdict.value} {where}: {', '.join(parts)} {share} ({source} of the estimate)"


def _against(name: str, estimated: float, target: float) -> str:
    unit = UNITS[name]
    text = f"{name} {figure(estimated)} {unit} of {figure(target)} {unit}"
    over = estimated / target
    return text if over <= TOLERANCE else f"{text}, {figure(over)} times the target,"


def _why_unknown(case: Case, pool: PoolPlan) -> str:
    """Reason why no estimate covers the service."""
    kind = case.workload.kind
    if kind.traits.makes_media:
        return f"the catalog lacks the denoiser of the {kind.value}, or a rate of the GPU"
    if pool.nodes_per_replica > 1:
        return "step times are of replicas in one node"
    if case.workload.request.total_tokens is None:
        return "the workload does not say how many tokens a request has"
    return "the catalog lacks the model's architecture or a rate of the GPU"


def figure(value: float) -> str:
    """Format a number with three significant digits, whole from 100 on: 46.2, 1,240."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def counted(count: int, noun: str) -> str:
    """Format a count with its noun: 1 replica, 12 replicas."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(words: Sequence[str]) -> str:
    """Format words as a list: a, b and c."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
