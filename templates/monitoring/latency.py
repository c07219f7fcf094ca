"""Alerts on latency targets by burn rate, and on times outside the predicted band."""

from collections.abc import Iterator
from dataclasses import dataclass

from sizing.plan.service.latency import LatencyPlan
from sizing.values.units import MS_PER_S
from sizing.workload.engines.requests import Histogram, RequestMetrics
from templates.monitoring.alert import VALUE, Alert, Recorded, Rule, Severity, number, recorded
from templates.monitoring.arrivals import LEAST, lengths
from templates.monitoring.watched import Watched

MOST = 0.9
"""Largest share of slow requests that an alert requires. Basis: assumed; a low percentile times a
high burn rate would exceed 1, which nothing reaches."""
NEAR_SIZED = 0.8
"""Share of the sized load from which times below the band count. Basis: assumed."""


@dataclass(frozen=True)
class Burn:
    """Burn rate over a long window, and a short one that ends the alert soon after the cause."""

    rate: float
    """Share of slow requests over the share that the percentile allows."""
    long: str
    short: str


FAST = (Burn(14.4, "1h", "5m"), Burn(6, "6h", "30m"))
SLOW = (Burn(3, "1d", "2h"), Burn(1, "3d", "6h"))
"""Basis: vendor (Google, The Site Reliability Workbook, chapter 5, 2018: multiwindow, multi-burn-
rate alerts)."""
WINDOWS = tuple(dict.fromkeys(w for burn in (*FAST, *SLOW) for w in (burn.short, burn.long)))


@dataclass(frozen=True)
class Target:
    """Target of a latency, and the bucket from which requests count as slow."""

    ms: float
    seconds: Histogram
    bound_s: float
    """Smallest bound of a bucket that is not below the target, seconds."""

    @property
    def exact(self) -> bool:
        """True where a bucket ends at the target."""
        return self.bound_s == self.ms / MS_PER_S


def targets(latency: LatencyPlan, metrics: RequestMetrics) -> dict[str, Target]:
    """Targets that the workload states and the engine's buckets show, by name."""
    stated = {
        "TTFT": (latency.ttft_target_ms, metrics.first_token),
        "TPOT": (latency.tpot_target_ms, metrics.each_token),
    }
    found = dict[str, Target]()
    for name, (ms, seconds) in stated.items():
        if ms is None or seconds is None:
            continue
        bound = seconds.bound_at_least(ms / MS_PER_S)
        if bound is not None:
            found[name] = Target(ms, seconds, bound)
    return found


def latency_rules(service: Watched, metrics: RequestMetrics) -> Iterator[Rule]:
    """Yield the rules on each target, and on the predicted band."""
    latency = service.plan.latency
    if latency is not None:
        for name, target in targets(latency, metrics).items():
            yield from _shares(service, name, target)
            yield from _missed(service, latency, name, target)
    yield from _band(service, metrics)


def _shares(service: Watched, name: str, target: Target) -> Iterator[Recorded]:
    """Yield the share of slow requests over each window, and their number over the long ones."""
    low, every = name.lower(), f"{target.seconds.name}_count"
    within, bound = f"{target.seconds.name}_bucket", f'le="{target.bound_s}"'
    for window in WINDOWS:
        share = f"{service.total(within, window, bound)} / {service.total(every, window)}"
        yield Recorded(f"{low}_slow:ratio{window}", f"1 - {share}")
    for window in dict.fromkeys(burn.long for burn in (*FAST, *SLOW)):
        yield Recorded(
            f"{low}_slow:count{window}",
            f"{service.counted(every, window)} - {service.counted(within, window, bound)}",
        )


def _missed(service: Watched, latency: LatencyPlan, name: str, target: Target) -> Iterator[Alert]:
    """Yield the alerts on a fast and on a slow burn of a target."""
    low = name.lower()
    unseen = "" if target.exact else _unseen(target)
    for speed, burns, severity, hold_s in (
        ("Fast", FAST, Severity.critical, 120),
        ("Slow", SLOW, Severity.warning, 900),
    ):
        yield Alert(
            name=f"{name}TargetMissed{speed}",
            expr=" or ".join(_burnt(service, low, burn, latency.percentile) for burn in burns),
            hold_s=hold_s,
            severity=severity,
            summary=f"{service.name}: a share of {VALUE} of requests misses the {name} "
            f"target of {number(target.ms)} ms",
            meaning=f"The target holds for {number(latency.percentile)} % of requests. The rest is "
            f"used up {burns[-1].rate:g} times as fast as allowed, or faster, by "
            f"at least {LEAST} slow requests.{unseen}",
            plan=(
                service.pointer(f"latency.{low}_target_ms"),
                service.pointer("latency.percentile"),
            ),
        )


def _unseen(target: Target) -> str:
    ms, bound_ms = number(target.ms), number(target.bound_s * MS_PER_S)
    return (
        f" The engine has no bucket that ends at the target ({target.seconds.name}). "
        f"Requests between {ms} and {bound_ms} ms do not count as slow."
    )


def _burnt(service: Watched, target: str, burn: Burn, percentile: float) -> str:
    """Query for a burn rate in both windows, by enough slow requests in the long one."""
    rest = 1 - percentile / 100
    rate = number(min(burn.rate, MOST / rest))
    limit = f"{rate} * (1 - {number(percentile)} / 100)"
    both = (
        f"{recorded(f'{target}_slow:ratio{window}', service.name)} > {limit}"
        for window in (burn.long, burn.short)
    )
    enough = f"{recorded(f'{target}_slow:count{burn.long}', service.name)} >= {LEAST}"
    return f"({' and '.join((*both, enough))})"


def _band(service: Watched, metrics: RequestMetrics) -> Iterator[Rule]:
    """Yield the alerts on a mean time per output token outside the predicted band.

    At or below the sized load, times above those of the sizing estimate are outside the band: times
    grow with the load. The lower end mirrors it at the median, as the band is symmetric in ratios.
    The estimate is for the percentile of the targets, whose batch is fuller than the mean one. So a
    mean exceeds the upper end late, and is below the lower end early.
    The load is output tokens per second of a ready engine, so that longer answers count as load.
    """
    estimate, pool = service.plan.calibrated, service.plan.pool
    answer = lengths(service).get("answer")
    if estimate is None or pool is None or answer is None:
        return
    high, middle = estimate.safe.tpot_ms, estimate.median.tpot_ms
    if high is None or middle is None:
        return
    sized = service.sized_for
    load = f"{number(sized.requests_per_s)} * {number(answer[0])} / {number(pool.replicas_needed)}"
    yield Recorded("tpot_seconds:mean30m", service.mean(metrics.token_gap, "30m"))
    ready = f"avg_over_time({recorded('engines_ready:count', service.name)}[30m])"
    yield Recorded("engine_tokens:rate30m", f"{service.total(metrics.tokens, '30m')} / {ready}")
    measured = f"{recorded('tpot_seconds:mean30m', service.name)} * {MS_PER_S}"
    tokens = recorded("engine_tokens:rate30m", service.name)
    shared = (
        service.pointer("calibrated.safe.tpot_ms"),
        sized.pointer,
        answer[1],
        service.pointer("pool.replicas_needed"),
    )
    compared = (
        "The measured time is a mean, and that of the estimate is for "
        f"{number(estimate.percentile)} % of requests: the alert may fire"
    )
    yield Alert(
        name="TPOTAboveBand",
        expr=f"{measured} > {number(high)} and {tokens} <= {load}",
        hold_s=900,
        severity=Severity.warning,
        summary=f"{service.name}: {VALUE} ms per output token, {number(high)} ms are the "
        f"{estimate.estimate} estimate at the sized load",
        meaning="The engines are slower than the band of the estimate, at a load that is not above "
        f"the sized one. The fleet is too small for its targets at the peak. {compared} late.",
        plan=shared,
    )
    yield Alert(
        name="TPOTBelowBand",
        expr=f"{measured} < {number(middle)} * {number(middle)} / {number(high)} "
        f"and {tokens} >= {NEAR_SIZED} * {load}",
        hold_s=3600,
        severity=Severity.info,
        summary=f"{service.name}: {VALUE} ms per output token near the sized load, below "
        "the band of the estimate",
        meaning="The engines are faster than the band of the estimate. A smaller fleet may be "
        f"enough. {compared} early.",
        plan=(service.pointer("calibrated.median.tpot_ms"), *shared),
    )
