"""Which arrivals and lengths of a workload follow from a trace?"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from sizing.replay.trace import Trace, counts
from sizing.values.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

PEAK_PERCENT = 99
"""Percentage of windows whose arrivals the peak is not below. Basis: assumed; the fullest window of
a long trace is often a fault of a client."""
PEAK_WINDOW_S, LEAST_ARRIVALS = 60, 100
"""Seconds of such a window, and the mean arrivals for which it is longer where they are fewer.
Basis: assumed; no burst starts within a minute, and with 100 arrivals chance adds a quarter."""
EDGES_PERCENT = (25, 50, 75, 90, 94, 96, 98, 99.5, 100)
"""Percentiles of the lengths at which a bar of a histogram ends. Basis: assumed; fine around P95
and P99, for which targets are stated."""


@dataclass(frozen=True)
class TraceShape:
    """Arrivals and lengths of a trace, as a workload states them."""

    requests: int
    hours: float
    requests_per_day: float
    """Requests of one day at the mean rate of the trace."""
    window_s: float
    """Seconds of the windows in which arrivals are counted."""
    peak_ratio: float
    """Arrivals of the window at PEAK_PERCENT over those of the mean window, at least 1."""
    fullest_ratio: float
    """The same of the fullest window."""
    input_tokens: tuple[tuple[float, float], ...]
    """Histogram of prompts: mean tokens of each bar, and its share of requests."""
    output_tokens: tuple[tuple[float, float], ...]
    """Histogram of answers."""
    longest_tokens: int
    """Tokens of the longest prompt and answer together."""

    @property
    def requests_per_s(self) -> float:
        """Mean arrivals per second."""
        return self.requests_per_day / SECONDS_PER_DAY


def trace_shape(trace: Trace) -> TraceShape:
    """Return the arrivals and lengths of a trace.

    The day is assumed to be as the trace: a trace of one hour gives 24 times its requests.

    Basis: arithmetic; a bar has the mean of its requests, so the histogram keeps the mean length.
    """
    window_s = peak_window_s(trace.requests_per_s)
    windows = sorted(counts(trace, window_s))
    mean = sum(windows) / len(windows)
    at_peak = windows[ceil(PEAK_PERCENT / 100 * len(windows)) - 1]
    both = zip(trace.input_tokens, trace.output_tokens, strict=True)
    return TraceShape(
        requests=trace.requests,
        hours=trace.seconds / SECONDS_PER_HOUR,
        requests_per_day=trace.requests_per_s * SECONDS_PER_DAY,
        window_s=window_s,
        peak_ratio=max(at_peak / mean, 1.0),
        fullest_ratio=max(windows[-1] / mean, 1.0),
        input_tokens=histogram(trace.input_tokens),
        output_tokens=histogram(trace.output_tokens),
        longest_tokens=max(given + made for given, made in both),
    )


def peak_window_s(requests_per_s: float) -> float:
    """Seconds of the windows in which the peak of so many mean arrivals a second is counted."""
    return max(float(PEAK_WINDOW_S), LEAST_ARRIVALS / requests_per_s)


def histogram(tokens: Sequence[int]) -> tuple[tuple[float, float], ...]:
    """Return bars between the percentiles of EDGES_PERCENT: mean tokens, and share of requests.

    Bars of the same tokens are one.
    """
    ordered, first, bars = sorted(tokens), 0, dict[float, float]()
    for percent in EDGES_PERCENT:
        end = ceil(percent / 100 * len(ordered) - 1e-9)
        part = ordered[first:end]
        if part:
            mean = sum(part) / len(part)
            bars[mean] = bars.get(mean, 0.0) + len(part) / len(ordered)
        first = max(first, end)
    return tuple(bars.items())
