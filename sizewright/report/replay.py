"""Answer of `replay` in about ten lines for each service."""

from collections.abc import Iterator

from sizewright.answers.fleets.replay import ReplayAnswer
from sizewright.layout.numbers import number, plural, share
from sizewright.layout.table import Table, table_text
from sizewright.report.answer.summary import LABEL
from sizing.plan.service.calibrated import estimate_name
from sizing.replay.result import (
    BurstPart,
    EstimatePart,
    LostZonePart,
    MissedPart,
    ReplayPart,
)

MORE = "`--verbose` shows each hour, `--json` every figure."
BURSTS = 2
"""Variance of arrivals over that of random ones from which they are named bursts. Basis: assumed;
chance alone stays below it."""
NO_TARGETS = "the workload states no latency targets, so no request can miss one"


def replay_report(answer: ReplayAnswer, *, by_hour: bool) -> str:
    """Lines of each service, and with `by_hour` its hours."""
    return "\n\n".join(
        table_text(table) for part in answer.services for table in _tables(answer, part, by_hour)
    )


def _tables(answer: ReplayAnswer, part: ReplayPart, by_hour: bool) -> Iterator[Table]:
    rows = [(f"{label:{LABEL}}", text) for label, text in _rows(answer, part)]
    if not by_hour:
        rows.append((f"{'more':{LABEL}}", MORE))
    yield Table(_title(answer, part), rows)
    if by_hour:
        yield _hours(part)


def _title(answer: ReplayAnswer, part: ReplayPart) -> str:
    faster = "" if answer.rate == 1 else f" at {number(answer.rate)} times its rate"
    return (
        f"{part.name}: {_requests(part)} in {_duration(float(part.hours))} of "
        f"{answer.trace} ({answer.format}){faster}, on {plural(part.replicas, 'replica')}"
    )


def _rows(answer: ReplayAnswer, part: ReplayPart) -> Iterator[tuple[str, str]]:
    yield "arrivals", _arrivals(part)
    yield "lengths", _lengths(part)
    if part.too_long:
        yield "refused", _refused(part)
    yield "missed", _missed(part)
    yield "latency", _latency(part)
    yield "utilised", _utilised(part)
    yield "queue", _queue(part.sized)
    if part.burst is not None:
        yield "burst", _burst(part.burst)
    if part.lost_zone is not None:
        yield "lost zone", _lost_zone(part.lost_zone, part)
    notes = list(_notes(answer, part))
    if notes:
        yield "notes", " ".join(notes)


def _requests(part: ReplayPart) -> str:
    if not part.too_long:
        return plural(part.requests, "request")
    return f"{number(part.requests)} of {plural(part.requests + part.too_long, 'request')}"


def _duration(hours: float) -> str:
    """Return hours, or minutes or seconds of less than one."""
    if hours >= 1:
        return plural(round(hours, 1), "hour")
    minutes = hours * 60
    return plural(minutes, "minute") if minutes >= 1 else plural(minutes * 60, "second")


def _refused(part: ReplayPart) -> str:
    all_ = part.requests + part.too_long
    return (
        f"{_ratio(part.too_long / all_)} of requests are longer than the engine's context, which "
        "`request.context_tokens` states; the other rows leave them out"
    )


def _arrivals(part: ReplayPart) -> str:
    worst = ""
    if len(part.by_hour) > 1:
        rate = number(part.requests_per_s_worst)
        worst = f", {rate} in hour {part.worst_hour}, which has the most work"
    return (
        f"{number(part.requests_per_s_mean)} requests/s on the mean{worst}; the fleet is sized for "
        f"{number(part.requests_per_s_sized)}{_bursts(part)}"
    )


def _bursts(part: ReplayPart) -> str:
    """Clause where requests come in bursts, so that a low utilisation does not keep waits short."""
    ratio = part.arrivals_variance_ratio
    if ratio is None or ratio < BURSTS:
        return ""
    return f"; they come in bursts, with {number(ratio)} times the variance of random arrivals"


def _lengths(part: ReplayPart) -> str:
    return (
        f"mean prompt {number(round(part.input_tokens, 1))} tokens "
        f"(sized {number(part.input_tokens_sized)}), mean answer "
        f"{number(round(part.output_tokens, 1))} (sized {number(part.output_tokens_sized)})"
    )


def _estimate(part: EstimatePart) -> str:
    return f"{estimate_name(float(part.quantile_percent))} estimate"


def _missed(part: ReplayPart) -> str:
    sized, median = part.sized, part.median
    if sized.missed is None or median.missed is None:
        return NO_TARGETS
    allowed = share((100 - part.percentile) / 100)
    return (
        f"{_of(sized.missed)} ({_estimate(sized)}), {_of(median.missed)} at the median; the "
        f"targets allow {allowed} of requests"
    )


def _of(missed: MissedPart) -> str:
    return f"{_ratio(missed.requests_ratio)} of requests, {_ratio(missed.time_ratio)} of time"


def _ratio(value: float | None) -> str:
    """Return a share; a small one is not shown as nothing."""
    if value is not None and 0 < value < 0.0001:
        return "below 0.01 %"
    return share(None if value is None else round(value, 4))


def _latency(part: ReplayPart) -> str:
    sized, median, missed = part.sized, part.median, part.sized.missed
    late = None if missed is None else missed.ttft_ratio
    slow = None if missed is None else missed.tpot_ratio
    texts = [
        _time("TTFT", sized.ttft_ms, median.ttft_ms, part.ttft_target_ms, late),
        _time("TPOT", sized.tpot_ms, median.tpot_ms, part.tpot_target_ms, slow),
    ]
    return f"for {number(part.percentile)} % of requests: {', '.join(texts)}"


def _time(
    name: str,
    sized: float | None,
    median: float | None,
    target: float | None,
    missed: float | None,
) -> str:
    """Time of the sizing estimate, then in brackets at the median and the share that is later."""
    if sized is None:
        time = f"{name} unbounded, because so many are refused"
    else:
        time = f"{name} {number(sized)}" + ("" if target is None else f" of {number(target)}")
        time += " ms"
    further = [] if median is None else [f"{number(median)} at the median"]
    if missed is not None:
        further.append(f"missed by {_ratio(missed)}")
    return f"{time} ({', '.join(further)})" if further else time


def _utilised(part: ReplayPart) -> str:
    sized, median = part.sized, part.median
    if len(part.by_hour) == 1:
        return (
            f"{share(sized.utilisation_mean)} on the mean ({share(median.utilisation_mean)} at the "
            "median)"
        )
    return (
        f"{share(sized.utilisation_mean)} on the mean, {share(sized.utilisation_worst)} in hour "
        f"{part.worst_hour} ({share(median.utilisation_mean)} and "
        f"{share(median.utilisation_worst)} at the median)"
    )


def _queue(sized: EstimatePart) -> str:
    refused = ""
    if sized.unanswered_ratio:
        refused = f"; {_ratio(sized.unanswered_ratio)} of requests are refused"
    if not sized.waiting_most:
        return f"no request waits for a slot{refused}"
    return (
        f"at its worst {plural(sized.waiting_most, 'request')} in hour {sized.waiting_hour}; the "
        f"longest wait is {number(sized.wait_most_s)} s{refused}"
    )


def _burst(burst: BurstPart) -> str:
    if not burst.replicas_most:
        return "starts no replica: the floor has no more requests in flight than it may"
    cost = "" if burst.usd is None else f", {number(burst.usd)} USD"
    alone = ""
    if burst.without is not None:
        alone = f"; the floor alone would miss {_ratio(burst.without.requests_ratio)} of requests"
    return (
        f"up to {burst.replicas_most} of {plural(burst.replicas_limit, 'replica')}, each "
        f"{number(burst.start_s)} s after it is wanted; {number(burst.hours)} hours, "
        f"{number(burst.gpu_hours)} GPU hours{cost}{alone}"
    )


def _lost_zone(lost: LostZonePart, part: ReplayPart) -> str:
    gone = (
        f"{lost.zone} with {plural(lost.replicas_lost, 'replica')}, lost as hour {lost.hour} begins"
    )
    left = f"{share(lost.utilisation)} utilised" if lost.utilisation else "no replica remains"
    if lost.lost_in_flight:
        left += f"; {plural(lost.lost_in_flight, 'request')} in flight lost"
    if lost.missed_ratio is None:
        return f"{gone}: {left}; {_ratio(lost.unanswered_ratio)} of requests get no answer"
    return (
        f"{gone}: {_ratio(lost.missed_ratio)} of its requests missed ({_estimate(part.sized)}), "
        f"{_ratio(lost.missed_ratio_median)} at the median, {_ratio(lost.missed_ratio_before)} "
        f"with all zones; {left}"
    )


def _notes(answer: ReplayAnswer, part: ReplayPart) -> Iterator[str]:
    if answer.without_answer:
        yield f"{plural(answer.without_answer, 'row')} without a prompt or an answer left out."
    yield from part.assumed


def _hours(part: ReplayPart) -> Table:
    rows = [
        (
            str(hour.hour),
            number(hour.requests),
            share(hour.utilisation),
            "" if hour.missed_ratio is None else _ratio(hour.missed_ratio),
            str(hour.burst_replicas),
        )
        for hour in part.by_hour
    ]
    columns = ("hour", "requests", "utilised", "missed", "burst replicas")
    return Table(f"{part.name}: hours of the trace ({_estimate(part.sized)})", rows, columns)
