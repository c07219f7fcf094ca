"""One measured image or clip of a table of throughputs, and the reader of such tables."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sizewright.measured.run import Unread, cards, optional_number

NEEDED = ("id", "workload", "model", "engine", "gpu", "n_gpus", "items_s", "sec_per_item")
"""Columns without which a file is no table of throughputs."""
KINDS = ("image", "video")
REPLICATED = ("offline_max", "poisson_slo", "poisson_qps", "closed_concurrency")
"""Loads that keep every GPU at items of its own."""
OFFLINE_BATCH = 8
"""Items that a GPU works on at once under such a load. Basis: assumed; the table does not state
it, and only launches and the time outside the model depend on it."""


@dataclass(frozen=True)
class MediaRun:
    """A measured time of images or clips, with the names that the table writes."""

    id: str
    source_id: str
    kind: str
    model: str
    engine: str
    precision: str
    gpu: str
    cards: int
    """Cards that work on one item."""
    batch: int
    """Items that they make at once."""
    resolution: str
    frames: int | None
    steps: int | None
    notes: str
    seconds_per_item: float
    """Seconds of one item on its cards, by its share of a batch."""


def is_media_table(columns: Iterable[str]) -> bool:
    """True for the columns of a table of throughputs."""
    return set(NEEDED) <= set(columns)


def media_of(rows: Iterable[Mapping[str, str]]) -> list[MediaRun | Unread]:
    """Return the rows of a table of throughputs by their cells, in its order.

    Rows of other workloads, and faulty ones, are kept with the reason.
    """
    return [_row(row) for row in rows]


def _row(cells: Mapping[str, str]) -> MediaRun | Unread:
    try:
        return _run(cells)
    except ValueError as fault:
        return Unread(cells["id"], str(fault))


def _run(cells: Mapping[str, str]) -> MediaRun:
    kind = cells["workload"]
    if kind not in KINDS:
        raise ValueError(f"workload {kind or 'not stated'}: only {' and '.join(KINDS)} rows here")
    gpus = cards(cells, "n_gpus")
    replicated = cells.get("load_type", "") in REPLICATED
    batch = OFFLINE_BATCH if replicated else int(optional_number(cells, "concurrency") or 1)
    precision = " ".join(filter(None, (cells.get("weight_prec"), cells.get("act_prec"))))
    return MediaRun(
        id=cells["id"],
        source_id=cells.get("source_id", ""),
        kind=kind,
        model=cells["model"],
        engine=" ".join(filter(None, (cells["engine"], cells.get("engine_version")))),
        precision=precision,
        gpu=cells["gpu"],
        cards=1 if replicated else gpus,
        batch=batch,
        resolution=cells.get("resolution", ""),
        frames=_whole(cells, "frames"),
        steps=_whole(cells, "steps"),
        notes=cells.get("notes", ""),
        seconds_per_item=_seconds(cells, gpus if replicated else 1),
    )


def _whole(cells: Mapping[str, str], name: str) -> int | None:
    value = optional_number(cells, name)
    return None if value is None else int(value)


def _seconds(cells: Mapping[str, str], replicas: int) -> float:
    """Seconds of one item: replicas / items a second, else the stated time of an item or batch."""
    rate, time = optional_number(cells, "items_s"), optional_number(cells, "sec_per_item")
    if rate is not None:
        return replicas / rate
    if time is None:
        raise ValueError("items_s and sec_per_item: both are empty")
    whole_batch = cells.get("load_type") == "static_batch"
    return time / (optional_number(cells, "concurrency") or 1) if whole_batch else time
