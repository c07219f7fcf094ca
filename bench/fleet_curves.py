"""Which rate does a replica sustain at each time per token, by measured closed loops?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from steps_fit import Row


@dataclass(frozen=True)
class Point:
    """One measured point of a replica's curve."""

    rate_per_s: float
    ttft_ms: float
    tpot_ms: float


@dataclass(frozen=True)
class Curve:
    """The points of one setting at rising concurrency."""

    row: Row
    """The first row; all rows have the same replica and lengths."""
    points: tuple[Point, ...]
    largest: float
    """Largest measured concurrency."""

    def rate_at(self, tpot_ms: float) -> float:
        """Highest measured rate with at most that TPOT; 0 for none."""
        return max((p.rate_per_s for p in self.points if p.tpot_ms <= tpot_ms), default=0.0)

    def between(self, tpot_ms: float) -> float | None:
        """Rate at that TPOT, by linear interpolation between the measured points around it.

        It is 0 where even the shortest measured TPOT is longer, and None beyond the longest.
        """
        points = sorted(self.points, key=lambda p: p.tpot_ms)
        if tpot_ms < points[0].tpot_ms:
            return 0.0
        for low, high in pairwise(points):
            if low.tpot_ms <= tpot_ms < high.tpot_ms:
                share = (tpot_ms - low.tpot_ms) / (high.tpot_ms - low.tpot_ms)
                straight = low.rate_per_s + share * (high.rate_per_s - low.rate_per_s)
                return max(straight, self.rate_at(tpot_ms))
        return self.rate_at(tpot_ms) if tpot_ms == points[-1].tpot_ms else None


def curves(rows: Iterable[Row]) -> list[Curve]:
    """Curves of the rows by setting; repeats at one concurrency count as their median.

    The rate follows from Little's law: concurrency / (TTFT + (output - 1) x TPOT).
    """
    settings = defaultdict[tuple[object, ...], list[Row]](list)
    for row in rows:
        run = row.run
        if run.ttft_ms is not None and run.tpot_ms is not None:
            layout = run.tensor, run.data, run.pipeline, run.expert
            lengths = run.input_tokens, run.output_tokens, run.length_ratio
            named = run.model, run.gpu, run.engine, run.engine_version, run.weights, run.experts
            settings[(*named, *layout, *lengths)].append(row)
    return [_curve(members) for members in settings.values()]


def _curve(members: Sequence[Row]) -> Curve:
    ordered = sorted(members, key=lambda row: row.run.concurrency)
    points = []
    for flight, repeats in groupby(ordered, key=lambda row: row.run.concurrency):
        times = [(row.run.ttft_ms or 0.0, row.run.tpot_ms or 0.0) for row in repeats]
        ttft, tpot = (median(each) for each in zip(*times, strict=True))
        took = ttft + max(ordered[0].output_tokens - 1, 1.0) * tpot
        points.append(Point(1000 * flight / took, ttft, tpot))
    return Curve(ordered[0], tuple(points), ordered[-1].run.concurrency)
