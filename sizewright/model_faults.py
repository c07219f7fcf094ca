"""What a model refuses, in plain words: pydantic's errors as faults by path."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel, ValidationError

from sizewright.input_error import did_you_mean, found, joined, nearest, quoted
from sizewright.model_shape import (
    Place,
    allowed_values,
    field_names,
    models_within,
    place,
    plain_words,
    tags,
    value_at,
)
from sizing.field_error import FieldError, FieldPath

_OTHER_KIND = re.compile(r".*_(type|parsing|parsing_size)|int_from_float|date_.*|none_required")
_TRUTHS = dict.fromkeys(("yes", "on", "y"), "write true") | dict.fromkeys(
    ("no", "off", "n"), "write false"
)
_LONGEST_DESCRIPTION = 80


@dataclass(frozen=True, slots=True)
class ModelFault:
    """One fault of one field; `at_key` where the key itself is to blame."""

    path: FieldPath
    message: str
    expected: str = ""
    suggestion: str = ""
    at_key: bool = False


@dataclass(frozen=True, slots=True)
class _Refusal:
    """One error of pydantic, the place it means, the value there and the mapping around it."""

    kind: str
    message: str
    context: dict[str, Any]
    place: Place
    value: object
    beside: object


def model_faults(model: type[BaseModel], data: object, error: ValidationError) -> list[ModelFault]:
    """One fault for each field that `model` refuses; paths start at `data`.

    Of the members of a union only the one that the value most resembles is reported; a missing key
    is left out where an unknown key beside it looks like its misspelling.
    """
    refusals = _resembling(_refusal(model, data, detail) for detail in error.errors())
    faults = [_FAULTS.get(r.kind, _other_fault)(r) for r in refusals]
    misspelt = {
        (*r.place.path[:-1], _meant_name(r)) for r in refusals if r.kind == "extra_forbidden"
    }
    return [f for f in faults if not (f.message == "missing" and f.path in misspelt)]


def _refusal(model: type[BaseModel], data: object, detail: Any) -> _Refusal:
    location = detail["loc"]
    at_key = location[-1:] == ("[key]",)
    where = place(model, data, location[:-1] if at_key else location)
    value = value_at(data, where.path, detail["input"])
    beside = value_at(data, where.path[:-1])
    kind = "key" if at_key else detail["type"]
    return _Refusal(kind, detail["msg"], detail.get("ctx", {}), where, value, beside)


def _resembling(refusals: Iterable[_Refusal], level: int = 0) -> list[_Refusal]:
    """The refusals, of each union only those of the member that the value resembles."""
    kept = []
    unions: dict[FieldPath, dict[object, list[_Refusal]]] = defaultdict(lambda: defaultdict(list))
    for refusal in refusals:
        if len(refusal.place.choices) <= level:
            kept.append(refusal)
        else:
            path, label = refusal.place.choices[level]
            unions[path][label].append(refusal)
    for path, by_member in unions.items():
        alike = [m for m in by_member.values() if not any(_other_kind(r, path) for r in m)]
        if alike:
            nearest_member: list[_Refusal] = min(alike, key=_misfit)
            kept += _resembling(nearest_member, level + 1)
        else:
            kept.append(next(iter(by_member.values()))[0])
    return kept


def _other_kind(refusal: _Refusal, union: FieldPath) -> bool:
    if refusal.place.path != union:
        return False
    if refusal.kind in ("enum", "literal_error"):
        return not isinstance(refusal.value, str)
    return bool(_OTHER_KIND.fullmatch(refusal.kind))


def _misfit(refusals: list[_Refusal]) -> tuple[int, int]:
    return len(refusals), sum(r.kind == "missing" for r in refusals)


def _unknown_key(refusal: _Refusal) -> ModelFault:
    path = refusal.place.path
    owner = refusal.place.owner
    names = field_names(owner) if owner else {}
    expected = f"one of {joined(names)}" if names else ""
    meant = _meant_name(refusal)
    hint = f"did you mean '{meant}'?" if meant else ""
    for name, field in names.items():
        if any(path[-1] in field_names(model) for model in models_within(field.annotation)):
            hint = f"'{path[-1]}' belongs under '{name}'"
    return ModelFault(path, "unknown key", expected, hint, at_key=True)


def _meant_name(refusal: _Refusal) -> str:
    owner = refusal.place.owner
    if owner is None or not isinstance(refusal.beside, dict):
        return ""
    key = str(refusal.place.path[-1])
    names = field_names(owner)
    return nearest(key, [n for n in names if n not in refusal.beside]) or nearest(key, names)


def _missing(refusal: _Refusal) -> ModelFault:
    return ModelFault(refusal.place.path, "missing", _expected(refusal.place))


def _own_words(refusal: _Refusal) -> ModelFault:
    path = refusal.place.path
    error = refusal.context["error"]
    if isinstance(error, FieldError):
        return ModelFault((*path, *error.field), error.message, error.expected, error.suggestion)
    return ModelFault(path, str(error) or "refused")


def _choice(refusal: _Refusal) -> ModelFault:
    return _choice_fault(
        refusal.place.path,
        refusal.value,
        allowed_values(refusal.place.annotation),
        _expected(refusal.place),
    )


def _choice_fault(path: FieldPath, value: object, allowed: list[str], expected: str) -> ModelFault:
    if not isinstance(value, str):
        return ModelFault(path, f"found {found(value)}", expected)
    return ModelFault(
        path, f"unknown value {quoted(value)}", expected, did_you_mean(value, allowed)
    )


def _tag(refusal: _Refusal) -> ModelFault:
    key = refusal.context["discriminator"].strip("'")
    allowed = tags(refusal.place.annotation, key)
    if not allowed:
        return _wrong_type(refusal)
    path = (*refusal.place.path, key)
    expected = f"one of {joined(allowed)}"
    if refusal.kind == "union_tag_not_found":
        return ModelFault(path, "missing", expected)
    return _choice_fault(path, value_at(refusal.value, (key,)), allowed, expected)


def _wrong_type(refusal: _Refusal) -> ModelFault:
    expected = _expected(refusal.place) or _limit(refusal.message)
    words = plain_words(refusal.place.annotation)
    hint = ""
    if isinstance(refusal.value, str):
        if words == "true or false":
            hint = _TRUTHS.get(refusal.value.lower(), "")
        elif "number" in words and re.match(r"[-+.~<>$]*\d", refusal.value):
            hint = "write the digits alone, such as 100_000 or 0.5"
    return ModelFault(refusal.place.path, f"found {found(refusal.value)}", expected, hint)


def _other_fault(refusal: _Refusal) -> ModelFault:
    if _OTHER_KIND.fullmatch(refusal.kind):
        return _wrong_type(refusal)
    message = f"must {_limit(refusal.message)}"
    if not isinstance(refusal.value, list | dict):
        message += f", found {found(refusal.value)}"
    expected = _description(refusal.place) if refusal.kind == "string_pattern_mismatch" else ""
    return ModelFault(refusal.place.path, message, expected)


def _wrong_key(refusal: _Refusal) -> ModelFault:
    if isinstance(refusal.context.get("error"), FieldError):
        return replace(_own_words(refusal), at_key=True)
    return ModelFault(refusal.place.path, f"this key must {_limit(refusal.message)}", at_key=True)


def _limit(message: str) -> str:
    limit = message.partition(" should ")[2] or message
    return limit.replace(" after validation", "")


def _expected(where: Place) -> str:
    words, description = plain_words(where.annotation), _description(where)
    return f"{words} ({description})" if words and description else words or description


def _description(where: Place) -> str:
    first_line = where.description.strip().partition("\n")[0].rstrip(".:;")
    return first_line if len(first_line) <= _LONGEST_DESCRIPTION else ""


_FAULTS: dict[str, Callable[[_Refusal], ModelFault]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "value_error": _own_words,
    "assertion_error": _own_words,
    "enum": _choice,
    "literal_error": _choice,
    "union_tag_invalid": _tag,
    "union_tag_not_found": _tag,
    "key": _wrong_key,
}
