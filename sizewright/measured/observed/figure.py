"""One number of a plan, as sized and as measured, and the verdict on it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite

from sizewright.measured.observed.histogram import Quantile

STATED_TOLERANCE = 0.10
"""Difference from a stated number that contradicts it, as a share. Basis: assumed; the mean of a
week differs so much from the next."""
NEAR = 1e-9
"""Smallest difference of two numbers, as a share of them."""
NOT_MEASURED = "not measured: no such metric, or no request"
NOTHING = "there is no number to compare with"


class Verdict(StrEnum):
    """Result of a comparison."""

    met = "met"
    """The measured number is within the band."""
    above = "above"
    """It is above the band."""
    below = "below"
    """It is below the band."""
    unknown = "unknown"
    """It cannot be compared; the reason says why."""


class Unit(StrEnum):
    """Unit of a number."""

    per_s = "requests/s"
    tokens = "tokens"
    requests = "requests"
    ms = "ms"
    ratio = "ratio"
    times = "times"


@dataclass(frozen=True)
class Figure:
    """One number; None where it is not known."""

    name: str
    label: str
    """Name for readers."""
    unit: Unit
    sized: float | None = None
    """Stated in the workload, or the median that the plan's model predicts."""
    low: float | None = None
    high: float | None = None
    """Band in which the measured number is as sized; None without a limit on that side."""
    measured: float | None = None
    verdict: Verdict = Verdict.unknown
    reason: str = ""
    """Reason for the verdict unknown; empty for another one."""

    @property
    def is_contradicted(self) -> bool:
        """True where the measurement is outside the band."""
        return self.verdict in (Verdict.above, Verdict.below)

    @property
    def has_band(self) -> bool:
        """True where the number has a limit on one side at least."""
        return self.low is not None or self.high is not None

    def around(self, sized: float | None, tolerance: float) -> "Figure":
        """Return the figure with a stated number and a band around it."""
        if sized is None:
            return self
        low, high = sized * (1 - tolerance), sized * (1 + tolerance)
        return replace(self, sized=sized, low=low, high=high)

    def unknown(self, reason: str) -> "Figure":
        """Return the figure without a verdict, for a reason."""
        return replace(self, verdict=Verdict.unknown, reason=reason)

    def judged(self, measured: float | None, without_band: str = NOTHING) -> "Figure":
        """Return the figure with a measurement and the verdict of its band.

        `without_band` is the reason where there is no band.
        """
        figure, low, high = replace(self, measured=measured), self.low, self.high
        if measured is None:
            return figure.unknown(NOT_MEASURED)
        if not self.has_band:
            return figure.unknown(without_band)
        verdict = Verdict.met
        if high is not None and measured > high * (1 + NEAR):
            verdict = Verdict.above
        elif low is not None and measured < low * (1 - NEAR):
            verdict = Verdict.below
        return replace(figure, verdict=verdict)

    def of_quantile(
        self,
        found: Quantile | None,
        scale: float,
        *,
        is_target: bool = False,
        without_band: str = NOTHING,
    ) -> "Figure":
        """Return the figure with a quantile of a histogram, times a scale, and its verdict.

        A verdict of `above` or `below` needs a bucket that is wholly outside, and a target is met
        where its bucket is wholly within.
        """
        figure = self.judged(None if found is None else found.value * scale, without_band)
        if found is None or not self.has_band:
            return figure
        bottom, top = found.low * scale, found.high * scale
        if self.high is not None and bottom >= self.high * (1 - NEAR):
            return replace(figure, verdict=Verdict.above)
        if self.low is not None and top <= self.low * (1 + NEAR):
            return replace(figure, verdict=Verdict.below)
        is_within = self.high is None or top <= self.high * (1 + NEAR)
        if figure.verdict is Verdict.met and (is_within or not is_target):
            return figure
        text = f"{bottom:g} to {top:g}" if isfinite(top) else f"all above {bottom:g}"
        return figure.unknown(f"the histogram is too coarse: its bucket is {text} {self.unit}")
