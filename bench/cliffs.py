"""Does sizing predict the drop in throughput of a replica whose memory barely fits its model?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from capacity_table import OFFLINE, Cells

FLAG = "kv_capacity_cliff"
"""The table's flag of rows whose memory has room for few sequences after the weights."""
SETTING = ("source_id", "gpu", "model", "weight_prec", "input_tokens", "output_tokens")
NOISE = 0.05
"""Distance from 1 within which a measurement is noise. Basis: measured, repeats spread 1 to 6 %."""


@dataclass(frozen=True)
class Step:
    """A step from one measured tensor-parallel size to the next larger, all else alike."""

    flagged: bool
    measured: float
    """Throughput per GPU of the smaller over the larger; below 1 the smaller lacks memory."""
    predicted: float

    @property
    def is_clear(self) -> bool:
        """True where the measurement differs from 1 by more than the noise."""
        return abs(self.measured - 1) > NOISE

    @property
    def right(self) -> bool:
        """True where prediction and measurement are both below 1, or both are not."""
        return (self.measured < 1) == (self.predicted < 1)


def steps(rows: Sequence[Cells], predicted: Callable[[Cells], float | None]) -> list[Step]:
    """Steps from every flagged row to its next larger neighbour, and among the neighbours.

    `predicted` is predicted over measured throughput of a row; None where there is no prediction.
    """
    settings = defaultdict[tuple[str, ...], list[Cells]](list)
    for row in rows:
        if row["load_type"] == OFFLINE and row["tp"] and row["out_tok_s"]:
            settings[tuple(row[name] for name in SETTING)].append(row)
    found = []
    for members in settings.values():
        members.sort(key=lambda row: float(row["tp"]))
        if not any(FLAG in row["flags"] for row in members):
            continue
        for small, large in pairwise(members):
            ratios = predicted(small), predicted(large)
            if small["tp"] != large["tp"] and ratios[0] is not None and ratios[1] is not None:
                measured = per_gpu(small) / per_gpu(large)
                flagged = FLAG in small["flags"]
                found.append(Step(flagged, measured, measured * ratios[0] / ratios[1]))
    return found


def per_gpu(row: Cells) -> float:
    """Output tokens per second of one GPU."""
    return float(row["out_tok_s"]) / float(row["n_gpus"] or row["tp"])
