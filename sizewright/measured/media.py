"""What does the catalog predict for a measured image or clip, whose names first become facts?"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sizewright.measured.media_table import MediaRun
from sizewright.measured.names import gpu_named
from sizewright.measured.prediction import Unanswerable
from sizing.catalog import Catalog, Gpu, ModelFacts, UnknownName
from sizing.catalog.media import MediaModel
from sizing.model.denoiser import Item
from sizing.steps.diffusion import Cards, DiffusionModel, ItemTime, diffusion_model, shared_cards
from sizing.values.units import GB
from sizing.workload import Precision
from sizing.workload.kinds import Runtime

DATA = Path(__file__).parent / "data"
SPARSE = ("sparse", "natten", "sage")
"""Words of rows with attention that skips work or computes it in 8 bits."""
CACHED = ("cache", "teacache")
"""Words of rows that reuse the results of earlier steps."""
SPLITS = re.compile(r"(cfg|ulysses|ring|pipefusion)\s*=?\s*(\d+)")
SPLIT_OF_SEQUENCE = ("ulysses", "ring", "pipefusion")
SIZE = re.compile(r"(\d{3,4})\s*[x×*]\s*(\d{3,4})")
LINES = re.compile(r"\b(\d{3,4})p\b")
WIDE = {480: (832, 480), 720: (1280, 720), 768: (1360, 768), 1080: (1920, 1080)}
"""Width and height of a named number of lines at 16:9. Basis: vendor (defaults of Wan, Cosmos)."""


@dataclass(frozen=True)
class Shape:
    """Item of one table, model and resolution where the table leaves cells empty."""

    width: int
    height: int
    frames: int
    steps: int


@dataclass(frozen=True)
class MediaCase:
    """A measured run, ready for predictions."""

    run: MediaRun
    model: DiffusionModel
    item: Item
    cards: Cards

    def time(self) -> ItemTime:
        """Return the predicted time of one item."""
        return self.model.item(self.item, self.cards, self.run.batch)

    @property
    def group(self) -> tuple[str, str, str, str]:
        """Denoiser, GPU, runtime and precision: rows of a group have related errors."""
        made = self.model
        return made.denoiser.name, made.card.name, made.runtime.value, made.precision.value


def media_case(run: MediaRun, catalog: Catalog) -> MediaCase:
    """Return the run with the catalog's facts. Raises Unanswerable with the reason."""
    _refuse_other_work(run)
    facts, gpu = _model(run, catalog), gpu_named(run.gpu, catalog)
    if gpu is None:
        raise Unanswerable(f"no catalog row of GPU {run.gpu or 'without name'}")
    model = catalog.media_model(facts.model)
    if model is None:
        raise Unanswerable(f"the catalog lacks the denoiser of {run.model}")
    _refuse_too_little_memory(model, gpu)
    precision, engine = _precision(run), run.engine.lower()
    made = diffusion_model(
        model,
        catalog.denoiser(model.denoiser),
        gpu,
        catalog.media_coefficients,
        runtime=Runtime(_part(engine, "runtime") or Runtime.eager),
        precision=precision,
        encoder_parameters=float(facts.text_encoder_parameters or 0),
        hopper_attention=_part(engine, "kernels") is not None,
    )
    if made is None:
        raise Unanswerable(f"the catalog has no datasheet rates of {gpu.name} in {precision}")
    item = _item(run, model)
    return MediaCase(run, made, item, _cards(run, item.passes))


def _refuse_other_work(run: MediaRun) -> None:
    """Raise Unanswerable for rows that leave out work by sparse attention or caches."""
    text = f"{run.resolution} {run.engine} {run.notes}".lower()
    if any(word in text for word in SPARSE):
        raise Unanswerable("sparse or 8-bit attention is not modelled")
    if any(word in text for word in CACHED):
        raise Unanswerable("reuse of earlier steps is not modelled")


def _refuse_too_little_memory(model: MediaModel, gpu: Gpu) -> None:
    needed, has = model.stated_memory_gb, gpu.memory_bytes / GB
    if needed is not None and float(needed) > has:
        raise Unanswerable(
            f"{model.model} needs {needed} GB by its own documents, and {gpu.name} has {has:.1f}:"
            " the time of offloading is not modelled"
        )


def _model(run: MediaRun, catalog: Catalog) -> ModelFacts:
    low = run.model.lower()
    known = _names("model").get(low) or _names("model").get(low.split("/")[-1]) or run.model
    for name in (known, known.split("/")[-1].replace(" ", "-")):
        try:
            return catalog.model(name)
        except UnknownName:
            continue
    raise Unanswerable(f"no catalog row of model {run.model}")


def _precision(run: MediaRun) -> Precision:
    """Return the precision of the arithmetic. Raises Unanswerable where the row states none."""
    means = _part(run.precision.lower(), "precision")
    if means is None:
        raise Unanswerable(f"precision {run.precision or 'not stated'}")
    return Precision(means)


def _item(run: MediaRun, model: MediaModel) -> Item:
    """Return the item of the run: its cells, else its table's shape, else the model's default."""
    shape = _shapes().get((run.source_id, model.model, _resolution(run)))
    width, height = _size(run, model, shape)
    return Item(
        width=width,
        height=height,
        frames=run.frames or (shape.frames if shape else model.frames),
        steps=run.steps or (shape.steps if shape else model.steps),
        passes=model.passes,
        text_tokens=model.text_tokens,
    )


def _resolution(run: MediaRun) -> str:
    return run.resolution.lower().removesuffix(" dense")


def _size(run: MediaRun, model: MediaModel, shape: Shape | None) -> tuple[int, int]:
    """Return width and height. Raises Unanswerable for a resolution without numbers."""
    if shape is not None:
        return shape.width, shape.height
    if not run.resolution:
        return model.width, model.height
    if found := SIZE.search(run.resolution):
        return int(found[1]), int(found[2])
    if (found := LINES.search(run.resolution)) and int(found[1]) in WIDE:
        return WIDE[int(found[1])]
    raise Unanswerable(f"resolution {run.resolution}")


def _cards(run: MediaRun, passes: int) -> Cards:
    """Return how the cards share the item: as the notes say, else guidance first."""
    low = run.notes.lower()
    stated = {name: int(count) for name, count in SPLITS.findall(low)}
    if "parallel=cfg" in low:
        stated.setdefault("cfg", passes)
    if any(name in low for name in SPLIT_OF_SEQUENCE):
        stated.setdefault("cfg", 1)
    guidance = min(stated.get("cfg", 0), passes)
    if not guidance or run.cards % guidance:
        return shared_cards(run.cards, passes)
    return Cards(guidance, run.cards // guidance)


def _part(text: str, kind: str) -> str | None:
    """Return the meaning of the longest name of a kind in a text; None where none occurs."""
    names = _names(kind)
    found = [name for name in names if name in text]
    return names[max(found, key=len)] if found else None


@cache
def _names(kind: str) -> Mapping[str, str]:
    """Meanings of the names of one kind in tables, from data/media_names.csv."""
    rows = _rows("media_names.csv")
    return {row["name"]: row["means"] for row in rows if row["kind"] == kind}


@cache
def _shapes() -> Mapping[tuple[str, str, str], Shape]:
    """Items by table, model and resolution, from data/media_shapes.csv."""
    return {
        (row["source_id"], row["model"], row["resolution"]): Shape(
            *(int(row[name]) for name in ("width", "height", "frames", "steps"))
        )
        for row in _rows("media_shapes.csv")
    }


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines, strict=True)
