"""The queries by which a service's measurements are read.

Engines are found by the label `namespace`, which is the name of the service. Their series carry the
label `pod`. Basis: the scrape jobs of `templates/prometheus/jobs.py`.
"""

from collections.abc import Sequence
from math import ceil

from sizewright.measured.observed.figure import NEAR
from sizewright.measured.observed.histogram import Histogram, histogram_of
from sizewright.measured.observed.measured import Floor, Measured, Step, Up
from sizewright.measured.observed.window import Window, shown_moment
from sizewright.reading.input_error import InputError
from sizewright.reading.prometheus import Prometheus, Series
from sizing.replay.shape import PEAK_PERCENT, peak_window_s
from sizing.workload.engines.requests import RequestMetrics
from sizing.workload.engines.traits import Gauges
from templates.monitoring.watched import FLOOR, engine_pods

SCRAPES = 4
"""Fewest scrapes of a window whose rate is taken. Basis: vendor (Prometheus: a rate needs two, and
one or two may fail)."""
LONGEST_PEAK_S = 3600
"""Longest window of a peak, seconds. Basis: assumed; a workload states its busiest hour at most."""
SAMPLE_S = 60
"""Seconds between two looks at a gauge. Basis: assumed; pods change more slowly."""
FULL_ENOUGH = 0.5
"""Least share of a step that has data. Basis: assumed; other steps are left out."""
ByTime = dict[float, float]


class ServiceReader:
    """Reader of one service's series in one window."""

    def __init__(
        self,
        source: Prometheus,
        service: str,
        names: tuple[Gauges, RequestMetrics],
        window: Window,
        floor: Floor | None = None,
    ) -> None:
        """Names are those of the engine's series. Without a floor, nothing says how many of its
        replicas were up."""
        self._source, self._window = source, window
        self._gauges, self._metrics = names
        self._floor = floor
        self._of, self._service = f'{{namespace="{service}"}}', service

    def read(self) -> Measured:
        """Return the measurements. Raises InputError, also for a window without data."""
        metrics, whole = self._metrics, self._window.length_s
        each = metrics.each_token
        steps = self._steps()
        timed = [step for step in steps if step.requests]
        busiest = max(timed, key=lambda step: step.requests or 0.0) if timed else None
        peak_s = self._peak_window_s(steps, busiest)
        peak = self._peak(peak_s)
        return Measured(
            window=self._window,
            steps=steps,
            peak_window_s=peak_s,
            peak_per_s=peak,
            peak_replicas=self._peak_replicas(peak, peak_s),
            prompt_tokens=self._mean(metrics.prompt_tokens),
            answer_tokens=self._mean(metrics.output_tokens),
            prompts=self._histogram(metrics.prompt_tokens, self._window.until, whole),
            answers=self._histogram(metrics.output_tokens, self._window.until, whole),
            busiest=busiest,
            first_tokens=self._in_step(metrics.first_token.name, busiest),
            request_tokens=self._in_step(None if each is None else each.name, busiest),
            kv_used_ratio=self._kv_used(),
            up=self._up(),
            restarts=self._restarts(),
            not_ready=self._not_ready(),
        )

    def _over_engines(self, name: str) -> str:
        """Selector of series of Kubernetes on the service's engines over the whole window.

        Guard: applications, workers and jobs of the namespace fail too, and have no GPU.
        """
        pods = f'namespace="{self._service}",pod=~"{engine_pods(self._service)}"'
        return f"{name}{{{pods}}}[{self._window.length_s}s]"

    def _over(self, name: str, seconds: int | None = None) -> str:
        """Selector of the service's series over the whole window, or over the last seconds."""
        return f"{name}{self._of}[{seconds or self._window.length_s}s]"

    def _now(self, query: str) -> list[Series]:
        return self._source.at(query, self._window.until)

    def _by_step(self, query: str) -> ByTime:
        """Values of a query at the end of each step; empty where its metrics do not exist."""
        ends, step_s = self._window.ends, self._window.step_s
        found = self._source.over(query, ends[0], ends[-1], step_s)
        return {round(time): value for time, value in found[0].points} if found else {}

    def _steps(self) -> tuple[Step, ...]:
        """Steps in which an engine was up. Raises InputError where there is none."""
        running = f"{self._gauges.running}{self._of}"
        sampled = f"[{self._window.step_s}s:{SAMPLE_S}s]"
        pods = f"{self._replicas}{sampled}"
        looks = self._by_step(f"count_over_time({pods})")
        up = self._by_step(f"avg_over_time({pods})")
        enough = FULL_ENOUGH * self._window.step_s / SAMPLE_S
        ends = [end for end in self._window.ends if looks.get(round(end), 0.0) >= enough]
        if not ends:
            raise self._without_data(running)
        in_flight = self._by_step(f"avg_over_time(sum({running}){sampled})")
        timed = self._metrics.token_gap
        requests = self._increases(self._metrics.finished)
        times, seconds = self._increases(f"{timed}_count"), self._increases(f"{timed}_sum")
        return tuple(
            Step(
                end=end,
                replicas=up[round(end)],
                requests=requests.get(round(end)),
                running=in_flight.get(round(end)),
                times=times.get(round(end)),
                times_s=seconds.get(round(end)),
            )
            for end in ends
        )

    def _increases(self, name: str) -> ByTime:
        return self._by_step(f"sum(increase({self._over(name, self._window.step_s)}))")

    def _peak_window_s(self, steps: Sequence[Step], busiest: Step | None) -> int | None:
        """Seconds of the windows that a peak is taken from; None without requests.

        They are those of a trace, and longer where the Prometheus seldom scrapes.
        """
        if busiest is None:
            return None
        arrived = sum(step.requests or 0.0 for step in steps)
        counted_s = sum(self._window.step_s for step in steps if step.requests is not None)
        series = f"{self._gauges.running}{self._of}[{self._window.step_s}s]"
        looks = _one(self._source.at(f"max(count_over_time({series}))", busiest.end)) or 1.0
        return ceil(max(peak_window_s(arrived / counted_s), SCRAPES * self._window.step_s / looks))

    def _peak(self, window_s: int | None) -> float | None:
        """Requests per second that a trace of the window would have as its peak."""
        if window_s is None or window_s > LONGEST_PEAK_S:
            return None
        windows = f"{self._rate(window_s)}[{self._window.length_s}s:{window_s}s]"
        return _one(self._now(f"quantile_over_time({PEAK_PERCENT / 100}, {windows})"))

    def _peak_replicas(self, peak: float | None, window_s: int | None) -> float | None:
        """Mean number of replicas at the end of the windows with at least the rate of the peak."""
        if peak is None or window_s is None:
            return None
        at_peak = f"{self._replicas} and on () {self._rate(window_s)} >= {peak * (1 - NEAR)}"
        window = f"[{self._window.length_s}s:{window_s}s]"
        return _one(self._now(f"avg_over_time(({at_peak}){window})"))

    def _rate(self, window_s: int) -> str:
        """Query for the requests per second of all replicas in a window."""
        return f"sum(rate({self._over(self._metrics.finished, window_s)}))"

    @property
    def _replicas(self) -> str:
        """Query for the number of replicas that are up."""
        return f"count(count by (pod) ({self._gauges.running}{self._of}))"

    def _mean(self, name: str) -> float | None:
        """Mean of a histogram over the window."""
        total, count = (self._over(f"{name}_{part}") for part in ("sum", "count"))
        return _one(self._now(f"sum(increase({total})) / sum(increase({count}))"))

    def _kv_used(self) -> float | None:
        """Mean used share of the KV cache. A pod counts for as long as it was up."""
        series = self._over(self._metrics.kv_use)
        query = f"sum(sum_over_time({series})) / sum(count_over_time({series}))"
        return _one(self._now(query))

    def _in_step(self, name: str | None, step: Step | None) -> Histogram | None:
        if name is None or step is None:
            return None
        return self._histogram(name, step.end, self._window.step_s)

    def _histogram(self, name: str, end: float, seconds: int) -> Histogram | None:
        buckets = self._over(f"{name}_bucket", seconds)
        found = self._source.at(f"sum by (le) (increase({buckets}))", end)
        return histogram_of(_by_label(found, "le"))

    def _up(self) -> Up | None:
        """Replicas of the floor that were up: as Kubernetes counts them, else those with metrics.

        Guard: engines that are down write no series, so only Kubernetes separates an outage of
        all from a Prometheus that was down.
        """
        if self._floor is None:
            return None
        wanted, length_s = self._floor.replicas, self._window.length_s
        window = f"[{length_s}s:{SAMPLE_S}s]"
        ready = f"clamp_max(sum({self._floor.ready}), {wanted}){window}"
        counted = _one(self._now(f"avg_over_time({ready})"))
        if counted is not None:
            return Up(counted / wanted, is_certain=True)
        pods = f'namespace="{self._service}",pod=~"{engine_pods(self._service, FLOOR)}"'
        engines = f"count(count by (pod) ({self._gauges.running}{{{pods}}}))"
        seen = f"clamp_max({engines}, {wanted}){window}"
        share = _one(self._now(f"avg_over_time({seen})"))
        looks = _one(self._now(f"count_over_time({seen})"))
        if share is None or looks is None:
            return None
        return Up(share / wanted, is_certain=looks >= length_s // SAMPLE_S)

    def _restarts(self) -> dict[str, float] | None:
        restarts = self._over_engines("kube_pod_container_status_restarts_total")
        found = self._now(f"sum by (pod) (increase({restarts}))")
        return _by_label(found, "pod") if found else None

    def _not_ready(self) -> dict[str, float] | None:
        """Share of time without readiness of the nodes that had an engine of the service."""
        ready = 'kube_node_status_condition{condition="Ready",status="true"}'
        here = f"count by (node) (count_over_time({self._over_engines('kube_pod_info')}))"
        share = f"1 - avg by (node) (avg_over_time({ready}[{self._window.length_s}s]))"
        found = self._now(f"({share}) and on (node) {here}")
        return _by_label(found, "node") if found else None

    def _without_data(self, series: str) -> InputError:
        window = self._window
        times = f"{shown_moment(window.until - window.length_s)} to {shown_moment(window.until)}"
        return InputError(
            self._source.url,
            message=f"no data of {series} from {times}",
            expected=f"series of the service {self._service} with the labels namespace and pod",
            suggestion="another --window or --until, or the Prometheus of its cluster",
        )


def _one(found: Sequence[Series]) -> float | None:
    """Return the only value; None without one."""
    return found[0].points[0][1] if found and found[0].points else None


def _by_label(found: Sequence[Series], label: str) -> dict[str, float]:
    """Values by a label, of series that carry it."""
    return {s.labels[label]: s.points[0][1] for s in found if label in s.labels and s.points}
