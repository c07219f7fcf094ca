"""What did a Prometheus measure of a service in a window? None is not measured, never zero."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sizewright.measured.observed.histogram import Histogram
from sizewright.measured.observed.window import Window
from sizing.values.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

HOURS = 24
"""Hours of a day."""
UNEVEN = 0.05
"""Largest share of the data that would have to be at another hour of the day. Basis: assumed; half
the tolerance of the mean, where the day has twice the rate of the night."""


@dataclass(frozen=True)
class Step:
    """One step of the window in which engines were up."""

    end: float
    """Seconds since 1970."""
    replicas: float
    """Mean number of replicas that were up."""
    requests: float | None
    """Requests that ended."""
    running: float | None
    """Mean number of requests that run, of all replicas."""
    times: float | None
    """Number of measured times per output token: one for each request, or for each token."""
    times_s: float | None
    """Sum of these times, seconds."""

    @property
    def running_per_replica(self) -> float | None:
        """Mean number of requests that run in one replica."""
        return None if self.running is None else self.running / self.replicas


@dataclass(frozen=True)
class Floor:
    """Replicas that always run."""

    ready: str
    """Series of those that are ready, as Kubernetes counts them."""
    replicas: int
    """Number of replicas that the plan has."""


@dataclass(frozen=True)
class Up:
    """Share of the floor's replicas that were up, mean of the window."""

    ratio: float
    """0 to 1. More replicas than planned count as all."""
    is_certain: bool
    """False where time without data may be time without replicas."""


@dataclass(frozen=True)
class Measured:
    """Measurements of one service, whose engines wrote them."""

    window: Window
    steps: tuple[Step, ...]
    """Steps with data, the first one first; at least one."""
    peak_window_s: int | None
    """Seconds of the windows from which the peak is taken."""
    peak_per_s: float | None
    """Requests per second that 99 of 100 windows do not exceed; also None for long windows."""
    peak_replicas: float | None
    """Mean number of replicas that were up in the windows with at least that rate."""
    prompt_tokens: float | None
    """Mean tokens of a prompt."""
    answer_tokens: float | None
    """Mean tokens of an answer."""
    prompts: Histogram | None
    answers: Histogram | None
    """Tokens of prompts and of answers over the whole window."""
    busiest: Step | None
    """Step with the most requests."""
    first_tokens: Histogram | None
    """Seconds to the first token in the busiest step."""
    request_tokens: Histogram | None
    """Seconds per output token of each request in the busiest step."""
    kv_used_ratio: float | None
    """Mean used share of the KV cache."""
    up: Up | None
    """Replicas of the floor that were up; None also where the plan builds none."""
    restarts: dict[str, float] | None
    """Restarts of containers by pod with an engine."""
    not_ready: dict[str, float] | None
    """Share of the window in which a node with an engine was not ready, by node."""

    @property
    def covered_ratio(self) -> float:
        """Share of the window that has data."""
        return len(self.steps) / self.window.steps

    @property
    def covered_s(self) -> float:
        """Seconds of the window that have data."""
        return float(len(self.steps) * self.window.step_s)

    @property
    def has_a_day(self) -> bool:
        """True with data of at least a day: less may lack the busiest hour."""
        return self.covered_s >= SECONDS_PER_DAY

    @property
    def has_whole_days(self) -> bool:
        """True where the data have about as much of each hour of the day: 36 hours hold two
        daytimes and one night, and their mean is not that of a day."""
        half_s = self.window.step_s / 2
        hours = Counter(
            int((step.end - half_s) % SECONDS_PER_DAY // SECONDS_PER_HOUR) for step in self.steps
        )
        even = len(self.steps) / HOURS
        uneven = sum(abs(hours[hour] - even) for hour in range(HOURS)) / 2
        return uneven <= UNEVEN * len(self.steps)

    @property
    def replicas(self) -> float:
        """Mean number of replicas that were up."""
        return sum(step.replicas for step in self.steps) / len(self.steps)

    @property
    def mean_per_s(self) -> float | None:
        """Requests per second."""
        requests = _total([step.requests for step in self.steps])
        return None if requests is None else requests / self.covered_s

    @property
    def running_per_replica(self) -> float | None:
        """Mean number of requests that run in one replica."""
        running = _total([step.running for step in self.steps])
        up = sum(step.replicas for step in self.steps)
        return None if running is None else running / up

    @property
    def tpot_s(self) -> float | None:
        """Mean seconds per output token after the first."""
        times = _total([step.times for step in self.steps])
        seconds = _total([step.times_s for step in self.steps])
        return seconds / times if times and seconds else None


def _total(values: Sequence[float | None]) -> float | None:
    """Sum of the values that are there; None without one."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
