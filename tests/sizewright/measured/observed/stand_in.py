"""What the engines of a planned service would publish in a day, with known errors of the plan.

The stand-in is a queue in its steady state for each hour, with the plan's step times. It is the
truth that `observe` has to find: factors of the stated arrivals, lengths and of the step times.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from math import ceil

from sizewright.measured.observed.expected import replica_of
from sizewright.measured.observed.service import Stack
from sizing.catalog.bands import MEDIAN
from sizing.catalog.correction import Correction
from sizing.replica.calibrated import times_of
from sizing.replica.lengths import Lengths
from sizing.replica.queues.queueing import Queue
from sizing.replica.rate import ReplicaTimes
from sizing.steps.model import StepModel

UNTIL = 1_780_272_000
"""2026-06-01 00:00 UTC."""
GAUGES = (
    "vllm:num_requests_running",
    "vllm:kv_cache_usage_perc",
    "kube_deployment_status_replicas_available",
    "kube_pod_info",
    "kube_node_status_condition",
)
HOURS, HOUR_S, SAMPLE_S = 24, 3600, 120
PEAK_HOUR = 14
TTFT_EDGES = (0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0)
TPOT_EDGES = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
TOKEN_EDGES = (100, 200, 500, 1000)
"""Edges of vLLM's histograms, as far as they matter here."""


@dataclass(frozen=True)
class Truth:
    """What is true, over what the stated workload says."""

    arrivals: float = 1.0
    lengths: float = 1.0
    step_time: float = 1.0
    """Over the median of the fit, without corrections."""
    restarts: int = 0
    """Restarts of one pod."""
    hours_down: int = 0
    """Hours in which Kubernetes saw no replica that was ready."""
    is_published: bool = True
    """False where only the number of running requests is scraped."""


@dataclass(frozen=True)
class Fleet:
    """Replicas of a plan that serve a truth."""

    stack: Stack
    replicas: int
    mean_per_s: float
    peak_per_s: float
    lengths: Lengths
    steps: StepModel
    room_tokens: float

    def rate(self, hour: int) -> float:
        """Arrivals per second: a peak of one hour, and two levels that keep the mean."""
        if hour == PEAK_HOUR:
            return self.peak_per_s
        rest = (HOURS * self.mean_per_s - self.peak_per_s) / (HOURS - 1)
        return rest * (1.5 if hour % 2 else 0.5 - 1 / (HOURS - 2))

    def queue(self, hour: int) -> tuple[ReplicaTimes, Queue]:
        """Replica with its queue in an hour."""
        sized = replica_of(self.stack.service, self.stack.site.site, self.stack.catalog)
        assert sized is not None
        r = sized.replica
        times = times_of(self.steps, self.lengths, r.slots, MEDIAN, r.targets)
        assert isinstance(times, ReplicaTimes)
        return times, times.server.at(self.rate(hour) / self.replicas)


def fleet(stated: Stack, now: Stack, truth: Truth) -> Fleet:
    """Replicas of the plan `now`, and the truth over the workload `stated`."""
    sized = replica_of(stated.service, stated.site.site, stated.catalog)
    pool, traffic, memory = now.service.pool, stated.service.traffic, now.service.memory
    assert sized is not None and pool is not None and traffic.requests_per_s_peak is not None
    assert memory.max_sequences and memory.tokens_per_sequence
    lengths = sized.replica.lengths
    steps = sized.replica.steps
    factor = Correction(
        model="truth",
        parameters=1,
        layers=1,
        gpu=steps.card.name,
        engine=steps.engine,
        weights=steps.formats.weights,
        experts=steps.formats.weights,
        runs=1,
        tpot_ratio=truth.step_time,
        ttft_ratio=1.0,
        bands=steps.bands,
    )
    return Fleet(
        stack=now,
        replicas=pool.replicas_total,
        mean_per_s=float(traffic.requests_per_s_mean) * truth.arrivals,
        peak_per_s=float(traffic.requests_per_s_peak) * truth.arrivals,
        lengths=replace(
            lengths,
            prompt_tokens=lengths.prompt_tokens * truth.lengths,
            output_tokens=lengths.output_tokens * truth.lengths,
            prompts=tuple((tokens * truth.lengths, share) for tokens, share in lengths.prompts),
        ),
        steps=replace(steps, correction=factor),
        room_tokens=memory.max_sequences * float(memory.tokens_per_sequence),
    )


def open_metrics(*services: tuple[Fleet, Truth]) -> str:
    """Samples of the day before UNTIL, as OpenMetrics. Each metric is written once, for all
    services."""
    by_metric = dict[str, list[str]]()
    for found, truth in services:
        for line in _lines(found, truth):
            if not truth.is_published and not line.startswith("vllm:num_requests_running"):
                continue
            by_metric.setdefault(line.partition("{")[0], []).append(line)
    lines = list[str]()
    for name, samples in by_metric.items():
        kind = "gauge" if name in GAUGES else "unknown"
        lines += [f"# TYPE {name} {kind}", *samples]
    return "\n".join([*lines, "# EOF", ""])


def _lines(found: Fleet, truth: Truth) -> list[str]:
    counters, gauges = _per_hour(found)
    service, lines = found.stack.service.name, list[str]()
    for name, series in counters.items():
        for labels, by_hour in series.items():
            totals = [0.0, *accumulate(HOUR_S * each for each in by_hour)]
            # Guard: two pods count for all: the sum is the same, and promtool reads less.
            for pod in range(2):
                for second in range(0, HOURS * HOUR_S + 1, SAMPLE_S):
                    hour, rest = divmod(second, HOUR_S)
                    value = totals[hour] + (rest * by_hour[hour] if rest else 0.0)
                    value *= found.replicas / 2
                    lines.append(
                        _line(service, name, f'pod="{_pod(service, pod)}"{labels}', value, second)
                    )
    for name, by_hour in gauges.items():
        for pod in range(found.replicas):
            for second in range(0, HOURS * HOUR_S + 1, SAMPLE_S):
                # Guard: a gauge shows the hour that ends with a sample.
                value = by_hour[max(ceil(second / HOUR_S) - 1, 0)]
                lines.append(_line(service, name, f'pod="{_pod(service, pod)}"', value, second))
    return [*lines, *_kubernetes(found, truth)]


def _pod(service: str, number: int) -> str:
    return f"{service}-floor-us-east-1a-{number}"


def _line(service: str, name: str, labels: str, value: float, second: int) -> str:
    time = UNTIL - HOURS * HOUR_S + second
    return f'{name}{{namespace="{service}",{labels}}} {value:.6f} {time}'


def _per_hour(
    found: Fleet,
) -> tuple[dict[str, dict[str, list[float]]], dict[str, list[float]]]:
    """Rates of one replica's counters by labels, and its gauges, for each hour."""
    counters = dict[str, dict[str, list[float]]]()
    gauges = dict[str, list[float]]()

    def count(name: str, value: float, labels: str = "") -> None:
        counters.setdefault(name, {}).setdefault(labels, []).append(value)

    known = dict[float, tuple[float, float, list[float], list[float]]]()
    for hour in range(HOURS):
        rate = found.rate(hour) / found.replicas
        if rate not in known:
            times, queue = found.queue(hour)
            steps = rate * (found.lengths.output_tokens - 1)
            known[rate] = (
                queue.mean_running,
                queue.mean_running / steps,
                _shares(TTFT_EDGES, lambda s, t=times, q=queue: t.ttft_s(q, s)),
                _shares(TPOT_EDGES, lambda s, t=times, q=queue: t.tpot_s(q, s)),
            )
        running, tpot_s, firsts, laters = known[rate]
        count("vllm:request_success_total", rate, ',finished_reason="stop"')
        count("vllm:request_time_per_output_token_seconds_sum", rate * tpot_s)
        count("vllm:request_time_per_output_token_seconds_count", rate)
        for name, bars in (
            ("vllm:request_prompt_tokens", found.lengths.prompts),
            ("vllm:request_generation_tokens", ((found.lengths.output_tokens, 1.0),)),
        ):
            count(f"{name}_sum", rate * sum(tokens * share for tokens, share in bars))
            count(f"{name}_count", rate)
            for most in TOKEN_EDGES:
                within = sum(share for tokens, share in bars if tokens < most + 0.5)
                count(f"{name}_bucket", rate * within, f',le="{most}"')
            count(f"{name}_bucket", rate, ',le="+Inf"')
        for name, edges, shares in (
            ("vllm:time_to_first_token_seconds", TTFT_EDGES, firsts),
            ("vllm:request_time_per_output_token_seconds", TPOT_EDGES, laters),
        ):
            for edge, share in zip(edges, shares, strict=True):
                count(f"{name}_bucket", rate * share, f',le="{edge}"')
            count(f"{name}_bucket", rate, ',le="+Inf"')
        used = running * found.lengths.running_context_tokens / found.room_tokens
        gauges.setdefault("vllm:num_requests_running", []).append(running)
        gauges.setdefault("vllm:kv_cache_usage_perc", []).append(used)
    return counters, gauges


def _shares(edges: tuple[float, ...], quantile_s: object) -> list[float]:
    """Share of requests up to each edge, to half a per cent."""
    assert callable(quantile_s)
    grid = [(n / 200, quantile_s(n / 200)) for n in range(1, 200)]
    return [max((share for share, s in grid if s <= edge), default=0.0) for edge in edges]


def _kubernetes(found: Fleet, truth: Truth) -> Iterator[str]:
    service, serving = found.stack.service.name, found.stack.service.serving
    assert serving is not None
    seconds = range(0, HOURS * HOUR_S + 1, SAMPLE_S)
    name = "kube_pod_container_status_restarts_total"
    others = (f"{service}-application-0", 9, "node-1")
    for pod, restarts, node in ((_pod(service, 0), truth.restarts, "node-0"), others):
        for second in seconds:
            count = restarts if second > HOURS * HOUR_S / 2 else 0
            yield _line(service, name, f'pod="{pod}"', count, second)
        for second in seconds:
            yield _line(service, "kube_pod_info", f'pod="{pod}",node="{node}"', 1, second)
    for zone, replicas in serving.replicas_by_zone.items():
        for second in seconds:
            ready = 0 if second < truth.hours_down * HOUR_S else replicas
            labels = f'deployment="{service}-floor-{zone}"'
            yield _line(service, "kube_deployment_status_replicas_available", labels, ready, second)
    for node, value in (("node-0", 1), ("node-1", 0)):
        for second in seconds:
            labels = f'node="{node}",condition="Ready",status="true"'
            yield _line(service, "kube_node_status_condition", labels, value, second)
