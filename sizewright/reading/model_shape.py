"""What do a model's annotations say about one place of a file: its type, names and unions?"""

import re
import types
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sizewright.reading.docstrings import attribute_docstrings
from sizewright.reading.input_error import joined
from sizing.values.field_error import FieldPath

_WORDS: tuple[tuple[type, str], ...] = (
    (Enum, ""),
    (bool, "true or false"),
    (int, "a whole number"),
    (float, "a number"),
    (Decimal, "a number"),
    (Fraction, "a number"),
    (str, "text"),
    (date, "a date such as 2026-01-31"),
    (BaseModel, "a mapping"),
    (Mapping, "a mapping"),
    (Collection, "a list"),
)
_WRAPPED = re.compile(r"function-\w+\[[^,]*, (.*)\]")
_NOWHERE = object()


@dataclass(frozen=True, slots=True)
class Place:
    """Place of an error of pydantic: the path in the file, and the model's facts about it.

    `annotation` is the whole type, unions included. `owner` is the model that has the field.
    `choices` are the unions on the path, each with pydantic's label of the tried member. `example`
    is an acceptable value, or None. A `secret` value must not be shown.
    """

    path: FieldPath
    annotation: Any
    description: str
    owner: type[BaseModel] | None
    choices: tuple[tuple[FieldPath, str | int], ...]
    example: object
    secret: bool


def place(model: type[BaseModel], data: object, location: FieldPath) -> Place:
    """Return the place of `location`, which contains labels of unions among keys and indexes."""
    path: FieldPath = ()
    whole: Any = model
    tried: Any = model
    description = ""
    owner: type[BaseModel] | None = None
    field: FieldInfo | None = None
    secret = False
    choices: list[tuple[FieldPath, str | int]] = []
    for step in location:
        members = union_members(tried)
        if len(members) > 1:
            choices.append((path, step))
            tried = _member(members, step)
            continue
        within = members[0] if members else Any
        if within is Any and value_at(data, (*path, step), _NOWHERE) is _NOWHERE:
            continue
        field = None
        for owner in models_within(within):
            description = _description(owner, str(step))
            field = field_names(owner).get(str(step))
            secret = secret or (field is not None and not field.repr)
        path = (*path, step)
        whole = tried = _below(within, step)
    stated = field.examples if field else None
    example = next(iter(stated or _examples(whole)), None)
    return Place(path, whole, description, owner, tuple(choices), example, secret)


def _examples(annotation: Any) -> list[Any]:
    """Examples that annotate a type, or the first member of its union that has examples."""
    if get_origin(annotation) is Annotated:
        noted = [note for note in get_args(annotation)[1:] if isinstance(note, FieldInfo)]
        found = [example for note in noted for example in note.examples or ()]
        return found or _examples(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [example for part in get_args(annotation) for example in _examples(part)]
    return []


def _description(model: type[BaseModel], key: str) -> str:
    """Docstring below the field of a key; empty where there is none."""
    names = {field.alias or name: name for name, field in model.model_fields.items()}
    return attribute_docstrings(model).get(names.get(key, ""), "")


def value_at(data: object, path: FieldPath, otherwise: object = None) -> object:
    """Return the value of the file at `path`, or `otherwise` where there is none."""
    for step in path:
        here = isinstance(data, list) and isinstance(step, int) and step < len(data)
        if not here and not (isinstance(data, dict) and step in data):
            return otherwise
        data = data[step]  # type: ignore[index]
    return data


def field_names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Keys that a file may have for `model`, as written there, with their fields."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def union_members(annotation: Any) -> list[Any]:
    """Types that `annotation` allows, except None, without their own annotations."""
    if get_origin(annotation) is Annotated:
        return union_members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return [m for part in get_args(annotation) for m in union_members(part)]
    return [] if annotation is types.NoneType else [annotation]


def allowed_values(annotation: Any) -> list[str]:
    """Values of the literals and enums among the members, as a file would have them."""
    values: list[object] = []
    for member in union_members(annotation):
        if get_origin(member) is Literal:
            values += [v.value if isinstance(v, Enum) else v for v in get_args(member)]
        elif isinstance(member, type) and issubclass(member, Enum):
            values += [v.value for v in member]
    return [str(value) for value in values]


def tags(annotation: Any, discriminator: str) -> list[str]:
    """Values of the field `discriminator` that choose a member of a union."""
    fields = [field_names(model).get(discriminator) for model in models_within(annotation)]
    return [value for field in fields if field for value in allowed_values(field.annotation)]


def models_within(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models directly at `annotation`."""
    return filter(_is_model, union_members(annotation))


def plain_words(annotation: Any) -> str:
    """Return `a whole number or a mapping`, `one of text, chat`; empty where no type is known."""
    values = allowed_values(annotation)
    words = [f"one of {joined(values)}" if len(values) > 1 else values[0]] if values else []
    for member in union_members(annotation):
        kind = get_origin(member) or member
        if isinstance(kind, type):
            words += [w for base, w in _WORDS if issubclass(kind, base)][:1]
    return " or ".join(dict.fromkeys(filter(None, words)))


def _is_model(annotation: Any) -> TypeGuard[type[BaseModel]]:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _below(annotation: Any, step: str | int) -> Any:
    if _is_model(annotation):
        field = field_names(annotation).get(str(step))
        return field.annotation if field else Any
    arguments = [a for a in get_args(annotation) if a is not Ellipsis]
    if not arguments or get_origin(annotation) is Literal:
        return Any
    if get_origin(annotation) is tuple and isinstance(step, int):
        return arguments[min(step, len(arguments) - 1)]
    return arguments[-1]


def _member(members: list[Any], label: str | int) -> Any:
    name = str(label)
    while wrapped := _WRAPPED.fullmatch(name):
        name = wrapped[1]
    for member in members:
        kind = get_origin(member) or member
        if getattr(kind, "__name__", "") == name.partition("[")[0]:
            return member
    for model in filter(_is_model, members):
        if any(name in tags(model, key) for key in field_names(model)):
            return model
    return Any
