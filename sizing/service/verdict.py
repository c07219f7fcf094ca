"""Do the latency targets hold, and at which load?"""

from collections.abc import Sequence
from math import isfinite

from sizing.plan.service.burst import BurstPlan
from sizing.plan.service.latency import LatencyPlan, Verdict
from sizing.plan.service.pool import PoolPlan
from sizing.replica.calibrated import CalibratedReplica
from sizing.replica.case import Case
from sizing.replica.methods import MethodEstimate
from sizing.replica.traffic import Rates
from sizing.values.exact import Number, plain, plain_or_none
from sizing.workload import Latency, Load

TOLERANCE = 1.001
"""Ratio of a time to its target up to which the target is met. Basis: assumed; rates are searched
in steps of 0.004 %, and a lock keeps them."""


def latency_plan(
    case: Case,
    pool: PoolPlan,
    burst: BurstPlan | None,
    rates: Rates,
    estimate: MethodEstimate | None,
) -> LatencyPlan | None:
    """Return the verdict at the peak, or at the mean where the peak is unknown; None without
    targets.

    Where the peak is sized, the needed replicas share it, as after the loss that the plan survives.
    Where the mean is sized, all replicas and the burst's share it.

    Basis: as the calibrated method at its sizing estimate, whichever method sized the service.
    """
    targets, capacity = case.workload.latency, case.workload.capacity
    if targets is None or capacity is None:
        return None
    if targets.ttft_ms is None and targets.tpot_ms is None:
        return None
    replicas = pool.replicas_needed
    if capacity.load is Load.mean and rates.peak is not None:
        replicas = pool.replicas_total + (burst.replicas if burst is not None else 0)
    load = Load.mean if rates.peak is None else Load.peak
    where = f"at the {load.value} of {figure(float(rates.at(load)))} requests/s"
    where += f" on {counted(replicas, 'replica')}"
    times: dict[str, float] = {}
    if estimate is not None:
        each = float(rates.at(load) / replicas) * (1 + estimate.replica.imbalance)
        times = _times_ms(estimate.replica, each)
    verdict, missed = _verdict(times, targets, estimate)
    source = _why_unknown(case, pool) if estimate is None else estimate.replica.estimate
    return LatencyPlan(
        verdict=verdict,
        load=load.value,
        requests_per_s=plain(rates.at(load)),
        replicas=replicas,
        percentile=plain(targets.percentile),
        ttft_ms=_finite(times.get("TTFT")),
        ttft_target_ms=plain_or_none(targets.ttft_ms),
        tpot_ms=_finite(times.get("TPOT")),
        tpot_target_ms=plain_or_none(targets.tpot_ms),
        missed_ratio=missed,
        text=_text(verdict, where, targets, times, source),
    )


def _times_ms(replica: CalibratedReplica, requests_per_s: float) -> dict[str, float]:
    """TTFT and TPOT of the sizing estimate at that rate of one replica, milliseconds."""
    times, share = replica.safe.times, replica.targets.share
    queue = times.server.at(requests_per_s)
    waits_s = {"TTFT": times.ttft_s(queue, share), "TPOT": times.tpot_s(queue, share)}
    return {name: seconds * 1000 for name, seconds in waits_s.items()}


def _stated(targets: Latency) -> dict[str, float]:
    """Targets by name, milliseconds."""
    named = {"TTFT": targets.ttft_ms, "TPOT": targets.tpot_ms}
    return {name: float(ms) for name, ms in named.items() if ms is not None}


def _judged(estimate: MethodEstimate, targets: Latency) -> dict[str, float]:
    """Targets that apply: an answer of one token has no time per token."""
    kept = {"TTFT": estimate.replica.targets.ttft_s, "TPOT": estimate.replica.targets.tpot_s}
    return {name: ms for name, ms in _stated(targets).items() if kept[name] is not None}


def _verdict(
    times: dict[str, float], targets: Latency, estimate: MethodEstimate | None
) -> tuple[Verdict, Number | None]:
    """Return the verdict, and the ratio of the worst time to its target."""
    if estimate is None:
        return Verdict.unknown, None
    ratios = [times[name] / ms for name, ms in _judged(estimate, targets).items()]
    worst = max(ratios, default=0.0)
    if worst <= TOLERANCE:
        return Verdict.met, None
    return Verdict.missed, _finite(worst)


def _text(
    verdict: Verdict, where: str, targets: Latency, times: dict[str, float], source: str
) -> str:
    """Sentence of the verdict. `source` names the estimate, or the reason why there is none."""
    if verdict is Verdict.unknown:
        named = " and ".join(f"{name} {figure(ms)} ms" for name, ms in _stated(targets).items())
        return f"not known whether {named} hold {where}: {source}"
    stated = _stated(targets)
    if not all(isfinite(times[name]) for name in stated):
        return f"missed {where}: requests queue and the queue grows while that load lasts"
    parts = [_against(name, times[name], ms) for name, ms in stated.items()]
    share = f"for {figure(float(targets.percentile))} % of requests"
    return f"{verdict.value} {where}: {', '.join(parts)} {share} ({source} of the estimate)"


def _against(name: str, estimated: float, target: float) -> str:
    text = f"{name} {figure(estimated)} ms of {figure(target)} ms"
    over = estimated / target
    return text if over <= TOLERANCE else f"{text}, {figure(over)} times the target,"


def _why_unknown(case: Case, pool: PoolPlan) -> str:
    """Reason why no estimate covers the service."""
    if not case.workload.kind.traits.has_engine:
        return f"one {case.workload.kind.value} has no tokens, and its wait is not modelled"
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
