"""A histogram of Prometheus: which value does a share of the measurements not exceed?"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Quantile:
    """Estimate of a quantile, and the bucket that contains it."""

    value: float
    low: float
    """Lower edge of the bucket."""
    high: float
    """Upper edge of the bucket; infinite above the last one."""


@dataclass(frozen=True)
class Histogram:
    """Number of measurements that do not exceed each edge."""

    buckets: tuple[tuple[float, float], ...]
    """Upper edge of each bucket and the number of measurements up to it, the lowest edge first."""

    @property
    def count(self) -> float:
        """Number of measurements."""
        return self.buckets[-1][1]

    def quantile(self, share: float) -> Quantile:
        """Value that this share of measurements does not exceed.

        edge below + (edge - edge below) x (wanted - count below) / (count - count below)

        Basis: arithmetic; measurements are assumed to be even within a bucket, as Prometheus does.
        """
        wanted, below, before = share * self.count, 0.0, 0.0
        for edge, count in self.buckets:
            if count >= wanted and count > before:
                if edge == inf:
                    return Quantile(below, below, inf)
                part = (wanted - before) / (count - before)
                return Quantile(below + (edge - below) * part, below, edge)
            below, before = edge, count
        return Quantile(below, below, inf)


def histogram_of(counts: Mapping[str, float]) -> Histogram | None:
    """Histogram of counts by the label `le`; None without a measurement.

    Guard: `increase` estimates each bucket by itself, so that a count may be a little below that of
    a lower edge.
    """
    found, most = list[tuple[float, float]](), 0.0
    for edge, count in sorted((float(edge), count) for edge, count in counts.items()):
        most = max(most, count)
        found.append((edge, most))
    return Histogram(tuple(found)) if most > 0 else None
