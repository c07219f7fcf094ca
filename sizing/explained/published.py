"""Which published design does a workload match, and what does its source print?"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sizing.catalog import DATA
from sizing.explained.entry import Leaf
from sizing.workload import Workload


@dataclass(frozen=True)
class Design:
    """Published design: the inputs that identify it, its printed values and its errors by leaf."""

    title: str
    when: dict[str, Any]
    printed: dict[str, str]
    slips: dict[str, list[str]]

    def is_of(self, workload: Workload) -> bool:
        """True where the workload has exactly the inputs of this design."""
        inputs = workload.model_dump(mode="json")
        return all(_at(inputs, path) == value for path, value in self.when.items())


@cache
def designs(path: Path = DATA / "published_designs.json") -> tuple[Design, ...]:
    """Return the published designs of the data file, which is read once."""
    return tuple(Design(**row) for row in json.loads(path.read_text(encoding="utf-8")))


def remarks(leaf: Leaf) -> tuple[str, ...]:
    """Return the remarks on this leaf from the design that matches the workload."""
    if leaf.service is None:
        return ()
    below = ".".join(leaf.keys[2:])
    texts = list[str]()
    for design in designs():
        if design.is_of(leaf.service.inputs):
            if below in design.printed:
                texts.append(f"{design.title} prints {design.printed[below]}")
            texts += [f"{design.title} slips: {slip}" for slip in design.slips.get(below, ())]
    return tuple(texts)


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return value
