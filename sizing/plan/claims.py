"""Which leaves of a plan reach infrastructure, and which resource property does each one decide?"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from sizing.plan.part import Part
from sizing.plan.reaches import Reaches
from sizing.plan.whole import Plan

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Claim:
    """Leaf, its path in the plan (attribute names, indexes, keys) and the property it decides."""

    path: Path
    value: object
    reaches: Reaches


def claims(plan: Plan) -> Iterator[Claim]:
    """Yield every leaf annotated with `Reaches`. Each entry of a mapping is a leaf."""
    yield from _below(plan, ())


def _below(value: object, path: Path) -> Iterator[Claim]:
    if isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _below(item, (*path, index))
    elif isinstance(value, Part):
        for name, field in type(value).model_fields.items():
            child = getattr(value, name)
            marks = [mark for mark in field.metadata if isinstance(mark, Reaches)]
            for mark in marks:
                yield from _claims((*path, name), child, mark)
            if not marks:
                yield from _below(child, (*path, name))


def _claims(path: Path, value: object, mark: Reaches) -> Iterator[Claim]:
    """Yield one claim, or one for each entry of a mapping."""
    if isinstance(value, dict):
        yield from (Claim((*path, key), value[key], mark) for key in value)
    else:
        yield Claim(path, value, mark)


def with_leaf(plan: Plan, path: Path, value: object) -> Plan:
    """Return the plan with one leaf changed. Nothing is sized again."""
    changed: Plan = _replaced(plan, path, value)
    return changed


def _replaced(whole: object, path: Path, value: object):  # type: ignore[no-untyped-def]
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(whole, BaseModel):
        child = _replaced(getattr(whole, str(step)), rest, value)
        return whole.model_copy(update={str(step): child})
    if isinstance(whole, tuple):
        index = int(step)
        return (*whole[:index], _replaced(whole[index], rest, value), *whole[index + 1 :])
    if isinstance(whole, dict):
        return {**whole, step: _replaced(whole[step], rest, value)}
    raise KeyError(path)
