"""Each number of a plan, as sized and as measured, with one verdict."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import exp, isfinite, sqrt

from sizewright.measured.observed.expected import Band, Expectation
from sizewright.measured.observed.figure import NEAR, STATED_TOLERANCE, Figure, Unit
from sizewright.measured.observed.histogram import Histogram
from sizewright.measured.observed.measured import Measured
from sizing.plan.service.whole import ServicePlan
from sizing.replay.shape import LEAST_ARRIVALS
from sizing.replica.rate import TPOT, TTFT
from sizing.service.items.jobs import DEFAULT_PERCENTILE
from sizing.values.exact import Number
from sizing.values.units import MS_PER_S, SECONDS_PER_HOUR
from sizing.workload import Redundancy
from sizing.workload.request import Lengths

KV_TOLERANCE = 0.20
"""Difference from the predicted use of the KV cache that contradicts it, as a share. Basis:
assumed; engines count whole blocks of tokens."""
SURE = 0.99
"""Share of windows that have at most the failures that count as planned. Basis: assumed."""
CHANCE = 2
"""Standard deviations by which a window's arrivals may differ. Basis: assumed, as about 98 %."""
TOO_FEW = f"{LEAST_ARRIVALS} requests take more than an hour, so that a peak is chance"
TOO_SHORT = "less than a day has data"
NOT_DAILY = "the data are not whole days, so that their mean is not that of a day"
UNSEEN = "replicas that are down write no metrics, and there is no kube-state-metrics that saw them"
NO_TIMES = "the plan predicts no time for these requests"
NOT_STATED = "the workload does not state it"


@dataclass(frozen=True)
class Compared:
    """A planned service, its measurements and what the plan predicts for them."""

    service: ServicePlan
    measured: Measured
    expected: Expectation | None
    """None where no times are predicted for the service."""

    def figures(self) -> tuple[Figure, ...]:
        """Return every number with its verdict."""
        return (
            *self._arrivals(),
            *self._lengths(),
            *self._requests(),
            self._utilisation(),
            self._kv_cache(),
            *self._failures(),
        )

    def _arrivals(self) -> Iterator[Figure]:
        traffic, measured = self.service.traffic, self.measured
        behind = traffic.engine_requests_per_s_mean
        stated = traffic.requests_per_s_mean if behind is None else behind
        mean = Figure("arrivals_mean", "arrivals, mean", Unit.per_s)
        mean = mean.around(float(stated), STATED_TOLERANCE).judged(measured.mean_per_s)
        yield mean if measured.has_whole_days or mean.reason else mean.unknown(NOT_DAILY)
        yield arrivals_peak(measured, _float(traffic.peak_at_engines))

    def _lengths(self) -> Iterator[Figure]:
        request, measured = self.service.inputs.request, self.measured
        prompt = Figure("prompt_mean", "prompt, mean", Unit.tokens)
        prompt = prompt.around(_float(request.prompt_tokens), STATED_TOLERANCE)
        yield prompt.judged(measured.prompt_tokens, NOT_STATED)
        # Guard: the stated histogram is of the new part of a prompt, not of what comes before it.
        is_whole = not request.history_tokens and not request.retrieved_tokens
        yield self._length("prompt", request.input_tokens if is_whole else None, measured.prompts)
        answer = Figure("answer_mean", "answer, mean", Unit.tokens)
        answer = answer.around(_float(request.output_mean), STATED_TOLERANCE)
        yield answer.judged(measured.answer_tokens, NOT_STATED)
        yield self._length("answer", request.output_tokens, measured.answers)

    def _length(self, name: str, stated: object, found: Histogram | None) -> Figure:
        """Length that the targets' share of requests does not exceed."""
        bars = stated if isinstance(stated, tuple) else None
        figure = Figure(f"{name}_percentile", f"{name}, {self._percentile}", Unit.tokens)
        figure = figure.around(
            None if bars is None else _at_share(bars, self._share), STATED_TOLERANCE
        )
        quantile = None if found is None else found.quantile(self._share)
        return figure.of_quantile(
            quantile, 1.0, without_band="the workload states no histogram of it"
        )

    @property
    def _share(self) -> float:
        latency = self.service.inputs.latency
        return float(latency.percentile if latency else DEFAULT_PERCENTILE) / 100

    @property
    def _percentile(self) -> str:
        return f"P{100 * self._share:g}"

    def _requests(self) -> Iterator[Figure]:
        expected, measured = self.expected, self.measured
        running = Figure("running_per_replica", "running, a replica", Unit.requests)
        running = _banded(running, None if expected is None else expected.running_per_replica)
        yield running.judged(measured.running_per_replica, NO_TIMES)
        tpot = Figure("tpot_mean", "TPOT, mean", Unit.ms)
        tpot = _banded(tpot, None if expected is None else expected.tpot_s, MS_PER_S)
        found = None if measured.tpot_s is None else MS_PER_S * measured.tpot_s
        yield tpot.judged(found, NO_TIMES)
        latency = self.service.inputs.latency
        yield self._time(TTFT, latency and latency.ttft_ms, measured.first_tokens)
        yield self._time(TPOT, latency and latency.tpot_ms, measured.request_tokens)

    def _time(self, name: str, target: object, found: Histogram | None) -> Figure:
        """Time of the targets' share of requests in the busiest step, within its target."""
        figure = Figure(f"{name}_percentile", f"{name.upper()}, {self._percentile}", Unit.ms)
        if self.expected is not None:
            figure = _banded(figure, self.expected.percentile_s(name), MS_PER_S)
        if target is not None:
            figure = replace(figure, low=None, high=_float(target))
        quantile = None if found is None else found.quantile(self._share)
        return figure.of_quantile(
            quantile, MS_PER_S, is_target=target is not None, without_band=NO_TIMES
        )

    def _utilisation(self) -> Figure:
        """Use of the fleet at the peak: as sized, and at the measured lengths and times.

        The plan's number is that of the floor, so a burst that served the peak lowers both.
        """
        pool, expected, measured = self.service.pool, self.expected, self.measured
        up = measured.peak_replicas or measured.replicas
        sized = None if pool is None else _float(pool.utilisation_at_peak)
        if sized is not None and pool is not None:
            sized *= min(pool.replicas_total / up, 1.0)
        figure = Figure("utilisation_peak", "utilisation, peak", Unit.ratio)
        figure = figure.around(sized, STATED_TOLERANCE)
        if expected is None or measured.peak_per_s is None:
            return figure.judged(None)
        if figure.low is not None:
            figure = replace(figure, low=figure.low * _fastest(expected))
        found = expected.utilisation(measured.peak_per_s / up)
        figure = figure.judged(found, "the workload states no peak")
        return _unless_short(figure, measured)

    def _kv_cache(self) -> Figure:
        memory, expected = self.service.memory, self.expected
        figure = Figure("kv_used", "KV cache used", Unit.ratio)
        if expected is not None and memory.max_sequences and memory.tokens_per_sequence:
            room = memory.max_sequences * float(memory.tokens_per_sequence)
            figure = figure.around(expected.kv_used_ratio(room), KV_TOLERANCE)
        return figure.judged(
            self.measured.kv_used_ratio, "the plan predicts no KV cache of this service"
        )

    def _failures(self) -> Iterator[Figure]:
        """Restarts, and the share of replicas that were up, with what the plan's failures leave.

        failures = GPUs x hours / MTBF; each takes a node away for the time of its replacement. One
        is within the band of the replicas, because a rollout takes some away too.
        """
        pool, measured = self.service.pool, self.measured
        restarts = Figure("restarts", "restarts", Unit.times)
        up = Figure("availability", "replicas up", Unit.ratio)
        found = None
        if pool is not None:
            redundancy = self.service.inputs.redundancy or Redundancy()
            hours = measured.window.length_s / SECONDS_PER_HOUR
            failures = pool.gpus_total * hours / float(redundancy.mtbf_gpu_hours)
            most = most_failures(failures)
            lost = min(float(redundancy.mttr_hours) / hours, 1.0) / pool.nodes_total
            restarts = replace(restarts, sized=failures, low=0.0, high=most)
            up = replace(
                up, sized=max(1 - failures * lost, 0.0), low=max(1 - max(most, 1.0) * lost, 0.0)
            )
            found = None if measured.up is None else measured.up.ratio
        counted = None if measured.restarts is None else round(sum(measured.restarts.values()))
        yield restarts.judged(_float(counted), "the service has no nodes")
        up = up.judged(found)
        is_seen = found is None or measured.up is None or measured.up.is_certain
        yield up if is_seen else up.unknown(UNSEEN)


def arrivals_peak(measured: Measured, stated: float | None) -> Figure:
    """Peak of the arrivals, requests per second, next to the stated one.

    tolerance = that of a stated number + 2 / square root of the arrivals in one window

    Basis: arithmetic (Poisson); of windows with the same rate, 99 of 100 have no more by chance.
    """
    figure = Figure("arrivals_peak", "arrivals, peak", Unit.per_s)
    if stated and measured.peak_window_s is not None:
        by_chance = CHANCE / sqrt(stated * measured.peak_window_s)
        figure = figure.around(stated, STATED_TOLERANCE + by_chance)
    figure = figure.judged(measured.peak_per_s, NOT_STATED)
    if measured.peak_per_s is None and measured.peak_window_s is not None:
        return figure.unknown(TOO_FEW)
    return _unless_short(figure, measured)


def _unless_short(figure: Figure, measured: Measured) -> Figure:
    """Return the figure of a peak; a lower one is unknown where less than a day was measured."""
    is_lower = figure.is_contradicted and (figure.measured or 0.0) < (figure.sized or 0.0)
    return figure.unknown(TOO_SHORT) if is_lower and not measured.has_a_day else figure


def _banded(figure: Figure, band: Band | None, scale: float = 1.0) -> Figure:
    """Return the figure with a predicted band, times a scale. An unbounded queue has no limit."""
    if band is None:
        return figure
    low, sized, high = (
        scale * each if isfinite(each) else None for each in (band.low, band.median, band.high)
    )
    return replace(figure, low=low, sized=sized, high=high)


def _fastest(expected: Expectation) -> float:
    """Rate of a full replica at the sizing estimate, over that at the other edge of the band."""
    replica = expected.replica
    safe, fast = (replica.at(q).times.server for q in (replica.quantile, 1 - replica.quantile))
    return min(safe.saturation_per_s / fast.saturation_per_s, 1.0)


def _float(value: Number | object) -> float | None:
    return None if value is None else float(str(value))


def _at_share(bars: Lengths, share: float) -> float:
    """Tokens of a stated histogram that this share of requests does not exceed."""
    total, before = float(sum(bar.share for bar in bars)), 0.0
    ordered = sorted((float(bar.tokens), float(bar.share) / total) for bar in bars)
    for tokens, part in ordered:
        before += part
        if before >= share - NEAR:
            return tokens
    return ordered[-1][0]


def most_failures(mean: float) -> float:
    """Number of failures that almost no window exceeds. Basis: arithmetic (Poisson)."""
    count, chance = 0, exp(-mean)
    total = chance
    while total < SURE and count < 100 + 2 * mean:
        count += 1
        chance *= mean / count
        total += chance
    return float(count)
