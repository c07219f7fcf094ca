"""Each plan file has its explanations in the file of the same name, and each number has one."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from inspect import get_annotations
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from sizing.explain import REGISTRY
from sizing.explained.entry import Registry
from sizing.plan.part import Part
from sizing.plan.whole import Plan

SIZING = Path(__file__).parents[3] / "sizing"
NO_PLAN_FILE = {"entry", "inputs", "published"}
"""Form of an explanation, inputs of the user, and remarks of published designs."""


def files(folder: str) -> set[str]:
    """Modules of a folder, by dotted name."""
    paths = (path.relative_to(SIZING / folder) for path in (SIZING / folder).rglob("*.py"))
    return {".".join(path.with_suffix("").parts) for path in paths if path.stem != "__init__"}


EXPLAINED = sorted(files("explained") - NO_PLAN_FILE)


def registry(name: str) -> Registry:
    module: ModuleType = import_module(f"sizing.explained.{name}")
    found: Registry = getattr(module, name.rpartition(".")[2].upper())
    return found


def types_in(annotation: Any) -> set[Any]:
    """Types of which an annotation is made."""
    parts = [types_in(argument) for argument in get_args(annotation)]
    return set[Any]().union(*parts) or {annotation}


def numbers_of(part: type[Part]) -> list[str]:
    """Fields of a part that are numbers, or that hold numbers by key."""
    fields = part.model_fields.items()
    return [name for name, field in fields if types_in(field.annotation) & {int, float, Any}]


def parts_of(part: type[Part]) -> Iterator[type[Part]]:
    """The part and all parts that it may contain."""
    yield part
    for field in part.model_fields.values():
        for kind in types_in(field.annotation):
            if isinstance(kind, type) and issubclass(kind, Part):
                yield from parts_of(kind)


def explained_by(part: type[Part], field: str) -> list[str]:
    """Numbers of the part that a field of its registry names."""
    return [name for name in numbers_of(part) if fnmatchcase(name, field.partition(".")[0])]


def test_each_file_has_a_plan_file_of_its_name() -> None:
    assert EXPLAINED
    assert set(EXPLAINED) <= files("plan")


@pytest.mark.parametrize("name", EXPLAINED)
def test_a_file_explains_only_numbers_of_its_plan_file(name: str) -> None:
    for part, entries in registry(name).items():
        for field in entries:
            numbers = explained_by(part, field)
            assert numbers, f"{part.__name__} has no number {field}"
            for number in numbers:
                kinds = (kind for kind in part.__mro__ if number in get_annotations(kind))
                assert next(kinds).__module__ == f"sizing.plan.{name}", (part, field)


def test_every_file_is_in_the_whole_registry() -> None:
    assert {part: rows for name in EXPLAINED for part, rows in registry(name).items()} == REGISTRY


def test_every_number_of_every_part_has_an_explanation() -> None:
    """No workload is needed. Inputs and the site are no parts, and explain themselves."""
    for part in set(parts_of(Plan)):
        registered = [
            number
            for kind in part.__mro__
            for field in REGISTRY.get(kind, {})
            for number in explained_by(part, field)
        ]
        missing = set(numbers_of(part)) - set(registered)
        assert not missing, f"{part.__name__}: no explanation for {missing}"
