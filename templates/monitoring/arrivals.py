"""Alerts on the requests of a service: more, longer, failing or waiting ones."""

from collections.abc import Iterator

from sizing.workload.engines.requests import RequestMetrics
from templates.monitoring.alert import VALUE, Alert, Recorded, Rule, Severity, number, recorded
from templates.monitoring.watched import Watched

LONGER = 1.1
"""Mean length, or mean arrivals of a day, over the stated ones above which they alert. Basis:
assumed; it allows for chance."""
LEAST = 10
"""Failed or slow requests below which no share alerts. Basis: assumed; one request of few users is
a large share of them, and chance."""
WAITING = 0.5
"""Share of the places for waiting requests above which a growing queue alerts. Basis: assumed."""


def request_rules(service: Watched, metrics: RequestMetrics) -> Iterator[Rule]:
    """Yield the rules that compare requests with the load that the service is sized for."""
    yield from _recorded(service, metrics)
    yield _arrivals(service)
    yield from _lengths(service)
    yield from _failing(service)
    yield from _queue(service)


def lengths(service: Watched) -> dict[str, tuple[float, str]]:
    """Tokens of the mean prompt and answer that are sized for, with their pointers, by the name of
    the recorded length; without those that the plan does not state.

    The prompt includes earlier turns where the plan has an estimate.
    """
    estimate, request = service.plan.calibrated, service.plan.inputs.request
    if estimate is not None:
        return {
            "prompt": (estimate.prompt_tokens, service.pointer("calibrated.prompt_tokens")),
            "answer": (estimate.output_tokens, service.pointer("calibrated.output_tokens")),
        }
    stated = {"prompt": "input_tokens", "answer": "output_tokens"}
    found = {name: (getattr(request, field), field) for name, field in stated.items()}
    return {
        name: (tokens, service.pointer(f"inputs.request.{field}"))
        for name, (tokens, field) in found.items()
        if tokens is not None
    }


def _recorded(service: Watched, metrics: RequestMetrics) -> Iterator[Recorded]:
    """Yield the series that several alerts and panels read."""
    gauges = service.serving.engine.traits.gauges
    assert gauges is not None, "an engine with metrics of requests has these gauges"
    answers = metrics.answers
    for window in ("5m", "1h"):
        finished = service.total(metrics.finished, window)
        every = service.total(answers.name, window, answers.posted)
        failed = service.total(answers.name, window, answers.posted, answers.failed)
        yield Recorded(f"requests:rate{window}", finished)
        # Without any failure the series of failures does not exist, and the share is 0.
        yield Recorded(f"errors:ratio{window}", f"({failed} or 0 * {every}) / {every}")
    yield Recorded(
        "errors:count15m", service.counted(answers.name, "15m", answers.posted, answers.failed)
    )
    if service.sized_for.window == "1d":
        yield Recorded("requests:rate1d", service.total(metrics.finished, "1d"))
    yield Recorded("prompt_tokens:mean1h", service.mean(metrics.prompt_tokens, "1h"))
    yield Recorded("answer_tokens:mean1h", service.mean(metrics.output_tokens, "1h"))
    yield Recorded("engines_ready:count", service.engines_ready)
    for state, gauge in (("running", gauges.running), ("waiting", gauges.waiting)):
        yield Recorded(f"requests_{state}:sum", f"sum by (namespace) ({service.of(gauge)})")


def _arrivals(service: Watched) -> Alert:
    sized = service.sized_for
    requests, window = number(sized.requests_per_s), sized.window
    limit = requests if window == "5m" else f"{LONGER} * {requests}"
    return Alert(
        name="ArrivalsAboveSized",
        expr=f"{recorded(f'requests:rate{window}', service.name)} > {limit}",
        hold_s=600,
        severity=Severity.warning,
        summary=f"{service.name}: {VALUE} requests/s over {window}, {requests} are sized for",
        meaning="The fleet was sized for fewer requests. Spares may serve them now, so that a "
        "loss leaves too few. Requests count when they end: refused ones are in RequestsFailing.",
        plan=(sized.pointer,),
    )


def _lengths(service: Watched) -> Iterator[Alert]:
    names = {"prompt": "PromptsLongerThanStated", "answer": "AnswersLongerThanStated"}
    for length, (tokens, pointer) in lengths(service).items():
        measured = recorded(f"{length}_tokens:mean1h", service.name)
        yield Alert(
            name=names[length],
            expr=f"{measured} > {LONGER} * {number(tokens)}",
            hold_s=1800,
            severity=Severity.warning,
            summary=f"{service.name}: the mean {length} has {VALUE} tokens, "
            f"{number(tokens)} are sized for",
            meaning="Longer texts take more GPU time and more KV cache, so that the fleet serves "
            "fewer requests than planned.",
            plan=(pointer,),
        )


def _failing(service: Watched) -> Iterator[Alert]:
    latency = service.plan.latency
    if latency is None:
        return
    allowed = f"(1 - {number(latency.percentile)} / 100)"
    yield Alert(
        name="RequestsFailing",
        expr=f"{recorded('errors:ratio5m', service.name)} > {allowed} "
        f"and {recorded('errors:count15m', service.name)} >= {LEAST}",
        hold_s=300,
        severity=Severity.critical,
        summary=f"{service.name}: a share of {VALUE} of requests gets a 5xx answer",
        meaning=f"The targets hold for {number(latency.percentile)} % of requests. More than the "
        "rest fails: the engines refuse requests beyond their limits, or they fail. "
        f"At least {LEAST} failed within 15 minutes.",
        plan=(service.pointer("latency.percentile"),),
    )


def _queue(service: Watched) -> Iterator[Alert]:
    waiting = service.serving.waiting
    if not waiting:
        return
    queue, ready = (
        recorded(name, service.name) for name in ("requests_waiting:sum", "engines_ready:count")
    )
    growth = f"deriv({queue}[10m]) > 0"
    yield Alert(
        name="QueueGrowing",
        expr=f"{queue} > {WAITING} * {waiting} * {ready} and {growth}",
        hold_s=300,
        severity=Severity.warning,
        summary=f"{service.name}: {VALUE} requests wait, and more each minute",
        meaning=f"Each replica lets {waiting} requests wait. Further ones get 503.",
        plan=(service.pointer("serving.waiting"),),
    )
