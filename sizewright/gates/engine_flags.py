"""Does each pinned image have the flags that its engine gets?"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from sizewright.gates.gates import Gate
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.workload import EngineName
from templates.engine import flags, option_places

FLAGS = Path(__file__).parent / "data" / "engine_flags.json"
SOURCE = "data/engine_flags.json"


class ImageFlags(BaseModel, frozen=True, extra="forbid"):
    """Flags of the command of one image tag, and options of its file.

    Basis: as cited in `source`, which says where a list is not complete.
    """

    engine: EngineName
    tag: str
    source: str
    checked: str
    flags: frozenset[str]
    options: frozenset[str]
    """Places in the file of options, with dots."""


@cache
def image_flags() -> dict[tuple[EngineName, str], ImageFlags]:
    """Return the flags of each known image, by engine and tag."""
    rows = TypeAdapter(tuple[ImageFlags, ...]).validate_json(FLAGS.read_bytes())
    return {(row.engine, row.tag): row for row in rows}


def engine_flags(plan: Plan) -> Iterator[Gate]:
    """Check that each image has the flags that its engine gets: an unknown one stops the engine."""
    for service in plan.services:
        if service.serving is not None:
            yield _flags(service, service.serving)


def _flags(service: ServicePlan, serving: ServingPlan) -> Gate:
    name, given = f"flags of {service.name}", flags(serving) | option_places(serving)
    tag = serving.image.partition("@")[0].rpartition(":")[2]
    known = image_flags().get((serving.engine, tag))
    if known is None:
        return Gate(name, False, f"no list has the flags of {serving.image}", SOURCE)
    if unknown := sorted(given - known.flags - known.options):
        return Gate(name, False, f"{serving.image} lacks {', '.join(unknown)}", SOURCE)
    return Gate(name, True, f"{serving.image} has all {len(given)}", SOURCE)
