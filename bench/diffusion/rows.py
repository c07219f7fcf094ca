"""Rows of the measured table, as `sizewright accuracy` and `bench/fit_media.py` read them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

COLUMNS = (
    "id",
    "workload",
    "source_id",
    "source_date",
    "engine",
    "engine_version",
    "model",
    "weight_prec",
    "act_prec",
    "gpu",
    "n_gpus",
    "driver",
    "power_limit_w",
    "resolution",
    "frames",
    "steps",
    "passes",
    "load_type",
    "concurrency",
    "items_s",
    "sec_per_item",
    "step_ms",
    "step_low_ms",
    "step_high_ms",
    "timed_steps",
    "encode_ms",
    "decode_ms",
    "peak_gb",
    "reason",
    "notes",
)
"""`items_s` is empty: it is a column of every table of throughputs."""
SOURCE = "diffusion-steps"
ENGINES = {"eager": "diffusers eager", "compiled": "diffusers torch.compile"}
Table = Mapping[str, Mapping[str, str]]
"""Rows of a table by id."""
MEMORY_KIND = re.compile(r" HBM\w*$")
"""End of a card's name that no catalog has."""


@dataclass(frozen=True)
class Machine:
    """Card and software of all rows of a run."""

    card: str
    driver: str
    power_limit_w: str
    torch: str
    diffusers: str
    transformers: str
    date: str

    @property
    def versions(self) -> str:
        """Versions of the libraries, as tables write them."""
        return f"torch {self.torch}, diffusers {self.diffusers}, transformers {self.transformers}"

    @property
    def gpu(self) -> str:
        """Name of the card, as tables write it."""
        return MEMORY_KIND.sub("", self.card)


def row_id(model: str, size: str, precision: str, runtime: str, machine: Machine) -> str:
    """Return the id of a row: other cards, and other versions of PyTorch or diffusers, differ."""
    card = machine.gpu.removeprefix("NVIDIA ").replace(" ", "-").lower()
    versions = f"torch-{machine.torch}", f"diffusers-{machine.diffusers}"
    return "_".join((model, size, precision, runtime, card, *versions))


def seconds_per_item(
    step_ms: float, encode_ms: float, decode_ms: float, *, steps: int, passes: int
) -> float:
    """Return the seconds of one item.

    encoders x passes + steps x step + decoder

    Basis: arithmetic. With guidance, the negative prompt is encoded too. The scheduler and the
    writing of the file are left out.
    """
    return (passes * encode_ms + steps * step_ms + decode_ms) / 1000


def lacking(ids: Iterable[str], table: Table) -> list[str]:
    """Return the ids that have no row without a reason, in their order; ids with a row come last.

    A part that fails each time would otherwise use the minutes of every run.
    """
    wanted = [each for each in ids if each not in table or table[each]["reason"]]
    return sorted(wanted, key=lambda each: each in table)


def rows_by_id(path: Path) -> Table:
    """Return the rows of a table by id; none where the file does not exist yet.

    Raises ValueError for a file with other columns.
    """
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise ValueError(f"{path}: has other columns; expected {', '.join(COLUMNS)}")
        return {row["id"]: row for row in rows}


def write(path: Path, row: Mapping[str, str]) -> None:
    """Write a row at once, at the end of its table and in place of an earlier row with its id.

    The table is whole at any time, so that a run that is ended loses only what it is measuring.
    """
    others = [each for name, each in rows_by_id(path).items() if name != row["id"]]
    whole = path.with_name(f"{path.name}.new")
    with whole.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*others, row])
    whole.replace(path)
