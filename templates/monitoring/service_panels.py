"""Panels of one service, with the numbers of its plan as lines."""

from collections.abc import Iterator

from sizing.plan.service.calibrated import EstimatePlan
from sizing.values.units import MS_PER_S
from sizing.workload.engines.requests import RequestMetrics
from templates.monitoring.alert import number, recorded
from templates.monitoring.arrivals import lengths
from templates.monitoring.latency import targets
from templates.monitoring.panels import Line, Panel, planned
from templates.monitoring.watched import Watched


def request_panels(service: Watched, metrics: RequestMetrics) -> Iterator[Panel]:
    """Yield the panels of a service whose engine exports metrics of its requests."""
    yield _arrivals(service)
    yield _failures(service)
    yield _times(service, "TTFT", metrics.first_token.name)
    each = metrics.each_token
    yield _times(service, "TPOT", metrics.token_gap if each is None else each.name)
    yield from _slow(service, metrics)
    yield _lengths(service)
    yield _queue(service)
    yield _cache(service, metrics)


def replica_panels(service: Watched) -> Iterator[Panel]:
    """Yield the panels that every service has."""
    pool, serving = service.plan.pool, service.serving
    needed = [] if pool is None else [planned("needed", pool.replicas_needed)]
    yield Panel(
        "Ready replicas",
        "short",
        [
            Line("ready", recorded("replicas_ready:sum", service.name)),
            *needed,
            planned("needed and spare", serving.replicas),
        ],
    )
    zones = [Line(zone, ready) for zone, ready in service.floor_by_zone.items()]
    yield Panel("Ready replicas by zone", "short", zones)


def _arrivals(service: Watched) -> Panel:
    sized = service.sized_for
    lines = [
        Line("finished", recorded("requests:rate5m", service.name)),
        Line("same hour of past weeks", recorded("usual_requests:rate1h", service.name)),
        planned("sized for", sized.requests_per_s),
    ]
    if sized.window == "1d":
        lines.append(Line("mean of the last day", recorded("requests:rate1d", service.name)))
    else:
        lines.append(planned("mean of the plan", service.plan.traffic.requests_per_s_mean))
    return Panel("Arrivals", "reqps", lines)


def _failures(service: Watched) -> Panel:
    latency = service.plan.latency
    allowed = [] if latency is None else [planned("allowed", 1 - latency.percentile / 100)]
    answers = Line("5xx answers", recorded("errors:ratio5m", service.name))
    return Panel("Failing requests", "percentunit", [answers, *allowed])


def _times(service: Watched, name: str, histogram: str) -> Panel:
    """TTFT or TPOT: measured, against the target and the estimates at the sized load."""
    plan, low = service.plan, name.lower()
    lines = [Line("mean", service.mean(histogram, "5m"))]
    latency, estimate = plan.latency, plan.calibrated
    if latency is not None:
        buckets = service.of(f"{histogram}_bucket")
        share = number(latency.percentile / 100)
        quantile = f"histogram_quantile({share}, sum by (namespace, le) (rate({buckets}[5m])))"
        lines.append(Line(f"P{number(latency.percentile)}, interpolated", quantile))
        target = getattr(latency, f"{low}_target_ms")
        lines += [] if target is None else [planned("target", target / MS_PER_S)]
    if estimate is not None:
        lines += _estimates(low, {estimate.estimate: estimate.safe, "P50": estimate.median})
    return Panel(name, "s", lines, "The percentile is interpolated within a bucket of the engine.")


def _slow(service: Watched, metrics: RequestMetrics) -> Iterator[Panel]:
    """Yield the share of requests that miss each target; nothing without a target.

    Where no bucket ends at a target, its share is that above the next bound.
    """
    latency = service.plan.latency
    if latency is None:
        return
    lines = [
        Line(
            f"{name} above {number(target.bound_s * MS_PER_S)} ms",
            recorded(f"{name.lower()}_slow:ratio5m", service.name),
        )
        for name, target in targets(latency, metrics).items()
    ]
    if lines:
        allowed = planned("allowed", 1 - latency.percentile / 100)
        yield Panel("Slow requests", "percentunit", [*lines, allowed])


def _estimates(name: str, estimates: dict[str, EstimatePlan]) -> list[Line]:
    values = {title: getattr(each, f"{name}_ms") for title, each in estimates.items()}
    return [
        planned(f"{title} of the estimate", value / MS_PER_S)
        for title, value in values.items()
        if value is not None
    ]


def _lengths(service: Watched) -> Panel:
    sized = lengths(service)
    means = [
        Line(f"mean {length}", recorded(f"{length}_tokens:mean1h", service.name))
        for length in ("prompt", "answer")
    ]
    stated = [planned(f"{length} sized for", tokens) for length, (tokens, _) in sized.items()]
    return Panel("Tokens of a request", "short", [*means, *stated])


def _queue(service: Watched) -> Panel:
    estimate, ready = service.plan.calibrated, recorded("engines_ready:count", service.name)
    places = f"{service.serving.max_num_seqs} * {ready}"
    sized = (
        []
        if estimate is None or estimate.in_flight_peak is None
        else [planned("in flight at the sized peak", estimate.in_flight_peak)]
    )
    return Panel(
        "Queue",
        "short",
        [
            Line("running", recorded("requests_running:sum", service.name)),
            Line("waiting", recorded("requests_waiting:sum", service.name)),
            *sized,
            Line("places in the batches of ready engines", places, planned=True),
        ],
    )


def _cache(service: Watched, metrics: RequestMetrics) -> Panel:
    """KV cache in use, against the requests in flight over the sequences that fit."""
    use, plan = service.of(metrics.kv_use), service.plan
    lines = [
        Line("mean of the engines", f"avg by (namespace) ({use})"),
        Line("fullest engine", f"max by (namespace) ({use})"),
    ]
    flying = None if plan.calibrated is None else plan.calibrated.in_flight_peak
    if flying is not None and plan.pool is not None and plan.memory.max_sequences:
        share = flying / plan.pool.replicas_needed / plan.memory.max_sequences
        lines.append(planned("at the sized peak", share))
    return Panel("KV cache in use", "percentunit", lines)
