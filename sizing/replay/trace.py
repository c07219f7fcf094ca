"""Which requests does a trace have, and how are they spread over its hours?"""

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from sizing.values.units import SECONDS_PER_HOUR


@dataclass(frozen=True)
class Trace:
    """Requests in the order of their arrival."""

    arrivals_s: Sequence[float]
    """Seconds of each arrival, ascending."""
    input_tokens: Sequence[int]
    """Tokens of each whole prompt, at least 1."""
    output_tokens: Sequence[int]
    """Tokens of each answer, at least 1."""

    @property
    def requests(self) -> int:
        """Number of requests."""
        return len(self.arrivals_s)

    @property
    def start_s(self) -> float:
        """Second of the first arrival."""
        return self.arrivals_s[0]

    @cached_property
    def seconds(self) -> float:
        """Seconds that the requests cover: last arrival - first arrival + one mean gap.

        One request alone covers one second. Basis: arithmetic; requests / seconds is then the rate
        of evenly spaced arrivals.
        """
        gaps = self.requests - 1
        between = self.arrivals_s[-1] - self.arrivals_s[0]
        return between * self.requests / gaps if gaps and between > 0 else 1.0

    @property
    def requests_per_s(self) -> float:
        """Mean arrivals per second."""
        return self.requests / self.seconds

    def faster(self, ratio: float) -> "Trace":
        """Return the same requests at `ratio` times the rate: each time divided by it."""
        if ratio == 1:
            return self
        times = array("d", (each / ratio for each in self.arrivals_s))
        return Trace(times, self.input_tokens, self.output_tokens)

    def between(self, from_s: float, to_s: float) -> "Trace":
        """Return the requests that arrive from `from_s` until before `to_s`, seconds after the
        first one."""
        first = bisect_left(self.arrivals_s, self.start_s + from_s)
        end = bisect_left(self.arrivals_s, self.start_s + to_s)
        return Trace(
            self.arrivals_s[first:end],
            self.input_tokens[first:end],
            self.output_tokens[first:end],
        )

    def within(self, most_tokens: int | None) -> "Trace":
        """Return the requests whose prompt and answer together have at most so many tokens."""
        both = zip(self.input_tokens, self.output_tokens, strict=True)
        if most_tokens is None or all(given + made <= most_tokens for given, made in both):
            return self
        kept = [
            index
            for index in range(self.requests)
            if self.input_tokens[index] + self.output_tokens[index] <= most_tokens
        ]
        return Trace(
            array("d", (self.arrivals_s[index] for index in kept)),
            array("L", (self.input_tokens[index] for index in kept)),
            array("L", (self.output_tokens[index] for index in kept)),
        )

    @property
    def hours(self) -> int:
        """Number of hours that the requests touch, the last one perhaps in part."""
        return int((self.arrivals_s[-1] - self.start_s) // SECONDS_PER_HOUR) + 1

    def seconds_of_hour(self, hour: int) -> float:
        """Seconds of an hour that the trace covers: 3,600 except for the last one, at least 1."""
        least = min(1.0, self.seconds)
        return min(float(SECONDS_PER_HOUR), max(self.seconds - hour * SECONDS_PER_HOUR, least))


def counts(trace: Trace, window_s: float) -> list[int]:
    """Number of arrivals in each window of so many seconds; a last window in part is left out,
    unless it is the only one."""
    found = [0] * (int((trace.arrivals_s[-1] - trace.start_s) // window_s) + 1)
    for each in trace.arrivals_s:
        found[int((each - trace.start_s) // window_s)] += 1
    whole = int(trace.seconds / window_s + 1e-9)
    return found[:whole] if whole else found


LEAST_WINDOWS = 30
"""Windows from which their variance says something. Basis: assumed; with 30 of them chance alone
stays below 2 for 999 of 1,000 traces."""


def variance_ratio(trace: Trace, window_s: float) -> float | None:
    """Variance of the arrivals in neighbouring windows over their mean: 1 for random arrivals.

    mean square of the difference of two neighbours / (2 x mean)

    A slow change of the rate, as over a day, hardly adds to it. The result is None for fewer than
    LEAST_WINDOWS.
    Basis: arithmetic (von Neumann); Poisson arrivals have a variance of their mean.
    """
    found = counts(trace, window_s)
    if len(found) < LEAST_WINDOWS:
        return None
    square = sum((after - before) ** 2 for before, after in pairwise(found)) / (len(found) - 1)
    return square / (2 * sum(found) / len(found))
