"""Which share of requests, and of the time, misses a target?"""

from collections.abc import Sequence
from math import ceil, inf, isinf, isnan

from sizing.replay.result import MissedPart
from sizing.replay.simulation import Outcome
from sizing.replay.trace import Trace
from sizing.replica.rate import TINY, Targets

WINDOW_S = 300
"""Seconds of one window in which the percentile of requests must meet the targets. Basis: assumed;
the short window of usual burn-rate alerts."""
TOLERANCE = 1.001
"""Ratio of a time to its target up to which the target is met. Basis: as the verdict of `size`."""


class Missed:
    """Requests of one replay that miss a target."""

    def __init__(self, trace: Trace, outcome: Outcome, targets: Targets) -> None:
        self.trace, self.outcome, self.targets = trace, outcome, targets
        ttft = inf if targets.ttft_s is None else targets.ttft_s * TOLERANCE
        tpot = inf if targets.tpot_s is None else targets.tpot_s * TOLERANCE
        # Guard: an unanswered request has an infinite first token, also where it has no target.
        self.late = bytearray(each > ttft or each == inf for each in outcome.ttft_s)
        self.slow = bytearray(each > tpot for each in outcome.tpot_s)
        both = zip(self.late, self.slow, strict=True)
        self.either = bytearray(late or slow for late, slow in both)

    def part(self) -> MissedPart | None:
        """Return the shares; None without targets."""
        targets, requests = self.targets, self.trace.requests
        if not targets.has_any:
            return None
        return MissedPart(
            requests_ratio=sum(self.either) / requests,
            time_ratio=self._time_ratio(),
            ttft_ratio=None if targets.ttft_s is None else sum(self.late) / requests,
            tpot_ratio=None if targets.tpot_s is None else sum(self.slow) / requests,
        )

    def _time_ratio(self) -> float:
        """Windows in which too few requests meet the targets, over those with requests."""
        found = list(self._by_window(WINDOW_S).values())
        too_many = 1 - self.targets.share
        return sum(missed / all_ > too_many + TINY for missed, all_ in found) / len(found)

    def _by_window(self, window_s: float) -> dict[int, tuple[int, int]]:
        """Missed requests, and all, of each window with requests."""
        start, found = self.trace.start_s, dict[int, tuple[int, int]]()
        for arrival, missed in zip(self.trace.arrivals_s, self.either, strict=True):
            window = int((arrival - start) // window_s)
            before, count = found.get(window, (0, 0))
            found[window] = before + missed, count + 1
        return found

    def ratio_from(self, from_s: float) -> float | None:
        """Share of the requests that arrive from this second on; None without targets."""
        if not self.targets.has_any:
            return None
        counted = [
            missed
            for arrival, missed in zip(self.trace.arrivals_s, self.either, strict=True)
            if arrival >= from_s
        ]
        return sum(counted) / len(counted)

    def by_hour(self, seconds: float) -> dict[int, float]:
        """Share of the requests of each hour that has any."""
        return {hour: missed / all_ for hour, (missed, all_) in self._by_window(seconds).items()}


def unanswered(outcome: Outcome, before: int) -> int:
    """Requests before number `before` that are refused or lost."""
    return sum(map(isinf, outcome.ttft_s[:before]))


def unanswered_ratio(outcome: Outcome, first: int = 0) -> float:
    """Share of the requests from number `first` on that are refused or lost."""
    counted = outcome.ttft_s[first:]
    return sum(map(isinf, counted)) / len(counted)


def at_share(seconds: Sequence[float], share: float) -> float | None:
    """Seconds that this share of requests does not exceed; None where it is infinite, or where none
    has any."""
    known = sorted(each for each in seconds if not isnan(each))
    if not known:
        return None
    found = known[max(ceil(share * len(known) - TINY) - 1, 0)]
    return None if isinf(found) else found
