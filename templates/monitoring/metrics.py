"""Which metrics do rules and dashboards read, and which need a setting of their exporter?"""

from enum import StrEnum
from pathlib import Path

from sizing.catalog.reader import read_records
from sizing.catalog.records import Record

FILE = Path(__file__).parent / "data" / "metrics.csv"


class MetricType(StrEnum):
    counter = "counter"
    """Sum since the exporter's start."""
    gauge = "gauge"
    """Value of the moment."""
    histogram = "histogram"
    """Counts by bucket, with the ends `_bucket`, `_sum` and `_count`."""


class Metric(Record):
    """Metric of an exporter."""

    metric: str
    """Name; of a histogram without the ends of its series."""
    type: MetricType
    exporter: str
    """Engine or exporter that has it."""
    default: bool
    """True where the exporter has it without further settings."""

    @property
    def names(self) -> tuple[str, ...]:
        """Name of the metric."""
        return (self.metric,)

    @property
    def series(self) -> tuple[str, ...]:
        """Names of its series."""
        if self.type is not MetricType.histogram:
            return (self.metric,)
        return tuple(f"{self.metric}_{end}" for end in ("bucket", "sum", "count"))


def known_metrics() -> tuple[Metric, ...]:
    """Return the metrics of data/metrics.csv.

    Raises ValueError with file and line for a row that does not fit.
    """
    return tuple(read_records(FILE, Metric).values())


def needs_settings(exporter: str) -> list[str]:
    """Names of the metrics that the exporter has only by a setting, sorted."""
    found = known_metrics()
    return sorted(m.metric for m in found if m.exporter == exporter and not m.default)
