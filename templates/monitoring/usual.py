"""Alerts on arrivals, TTFT and errors that differ from the same hour of past weeks."""

from collections.abc import Iterator

from sizing.values.units import MS_PER_S
from sizing.workload.engines.requests import RequestMetrics
from templates.monitoring.alert import VALUE, Alert, Recorded, Rule, Severity, number, recorded
from templates.monitoring.watched import Watched

WEEKS = (1, 2, 3)
"""Past weeks of whose same hour the mean is usual. Basis: assumed. With metrics of fewer weeks, the
mean of those; without any, no alert."""
UNUSUAL = 2
"""Ratio to the usual value that alerts. Basis: assumed."""
MATTERS = 0.1
"""Share of the planned number below which a difference does not matter. Basis: assumed."""


def unusual_rules(service: Watched, metrics: RequestMetrics) -> Iterator[Rule]:
    """Yield the usual values and the alerts on the last hour."""
    yield Recorded("ttft_seconds:mean1h", service.mean(metrics.first_token.name, "1h"))
    for series in ("requests:rate1h", "ttft_seconds:mean1h", "errors:ratio1h"):
        yield Recorded(f"usual_{series}", _usual(recorded(series, service.name)))
    yield _arrivals(service)
    latency = service.plan.latency
    if latency is None:
        return
    if latency.ttft_target_ms is not None:
        matters = f"{MATTERS} * {number(latency.ttft_target_ms)} / {MS_PER_S}"
        yield _above(
            service,
            "TTFTUnusual",
            "ttft_seconds:mean1h",
            matters=matters,
            text="s mean time to the first token",
            pointer="latency.ttft_target_ms",
        )
    matters = f"{MATTERS} * (1 - {number(latency.percentile)} / 100)"
    yield _above(
        service,
        "ErrorsUnusual",
        "errors:ratio1h",
        matters=matters,
        text="is the share of 5xx answers",
        pointer="latency.percentile",
    )


def _usual(series: str) -> str:
    """Mean of the same hour of past weeks."""
    weeks = (f'label_replace({series} offset {w}w, "week", "{w}", "", "")' for w in WEEKS)
    return f"avg by (namespace) ({' or '.join(weeks)})"


def _arrivals(service: Watched) -> Alert:
    now = recorded("requests:rate1h", service.name)
    usual = recorded("usual_requests:rate1h", service.name)
    matters = f"{MATTERS} * {number(service.plan.traffic.requests_per_s_mean)}"
    return Alert(
        name="ArrivalsUnusual",
        expr=f"({now} > {UNUSUAL} * {usual} and {now} > {matters}) "
        f"or ({now} < {usual} / {UNUSUAL} and {usual} > {matters})",
        hold_s=900,
        severity=Severity.warning,
        summary=f"{service.name}: {VALUE} requests/s in the last hour, more than {UNUSUAL} "
        "times as many as in this hour of past weeks, or less than half",
        meaning="The load does not follow its weekly pattern: new users, a client that repeats "
        "requests, or callers that do not reach the service.",
        plan=(service.pointer("traffic.requests_per_s_mean"),),
    )


def _above(
    service: Watched, name: str, series: str, *, matters: str, text: str, pointer: str
) -> Alert:
    now, usual = recorded(series, service.name), recorded(f"usual_{series}", service.name)
    return Alert(
        name=name,
        expr=f"{now} > {UNUSUAL} * {usual} and {now} > {matters}",
        hold_s=900,
        severity=Severity.warning,
        summary=f"{service.name}: {VALUE} {text} in the last hour, more than {UNUSUAL} "
        "times the value in this hour of past weeks",
        meaning="Something changed since last week, even where the targets still hold.",
        plan=(service.pointer(pointer),),
    )
