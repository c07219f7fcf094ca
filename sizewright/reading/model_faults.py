"""This module turns pydantic's errors into faults by path, in plain words."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ValidationError

from sizewright.reading.input_error import did_you_mean, found, joined, nearest, quoted
from sizewright.reading.model_shape import (
    Place,
    allowed_values,
    field_names,
    models_within,
    place,
    plain_words,
    tags,
    value_at,
)
from sizing.values.exact import exact, plain
from sizing.values.field_error import FieldError, FieldPath

_OTHER_KIND = re.compile(r".*_(type|parsing|parsing_size)|int_from_float|date_.*|none_required")
_TRUTHS = dict.fromkeys(("yes", "on", "y"), "write true") | dict.fromkeys(
    ("no", "off", "n"), "write false"
)
_LONGEST_DESCRIPTION = 80
PERCENT = 100


@dataclass(frozen=True, slots=True)
class ModelFault:
    """One fault of one field; `at_key` is true where the key itself is at fault."""

    path: FieldPath
    message: str
    expected: str = ""
    suggestion: str = ""
    at_key: bool = False


@dataclass(frozen=True, slots=True)
class _Refusal:
    """One error of pydantic, with its place, the value there and the mapping around it."""

    kind: str
    message: str
    context: dict[str, Any]
    place: Place
    value: object
    siblings: object


def model_faults(model: type[BaseModel], data: object, error: ValidationError) -> list[ModelFault]:
    """Return one fault for each field that `model` refuses; paths start at `data`.

    For a union, only the member that the value most resembles is reported. A missing key is left
    out where an unknown key in the same mapping looks like its misspelling.
    """
    refused = [_refusal(model, data, detail) for detail in error.errors()]
    refusals = _resembling(refusal for refusal in refused if not _is_echo(refusal))
    faults = [_fault(r) for r in refusals]
    misspelt = {
        (*r.place.path[:-1], _meant_name(r)) for r in refusals if r.kind == "extra_forbidden"
    }
    return [f for f in faults if not (f.message == "missing" and f.path in misspelt)]


def _is_echo(refusal: _Refusal) -> bool:
    """True where a list with enough entries is called too short, as some are refused themselves."""
    least = refusal.context.get("min_length", 0)
    return (
        refusal.kind == "too_short"
        and isinstance(refusal.value, list)
        and len(refusal.value) >= least
    )


def _fault(refusal: _Refusal) -> ModelFault:
    known = "value_error", "assertion_error", "missing", "extra_forbidden"
    if refusal.place.secret and refusal.kind not in known:
        return _of_a_secret(refusal)
    return _FAULTS.get(refusal.kind, _other_fault)(refusal)


def _refusal(model: type[BaseModel], data: object, detail: Any) -> _Refusal:
    location = detail["loc"]
    at_key = location[-1:] == ("[key]",)
    where = place(model, data, location[:-1] if at_key else location)
    value = value_at(data, where.path, detail["input"])
    siblings = value_at(data, where.path[:-1])
    kind = "key" if at_key else detail["type"]
    return _Refusal(kind, detail["msg"], detail.get("ctx", {}), where, value, siblings)


def _resembling(refusals: Iterable[_Refusal], level: int = 0) -> list[_Refusal]:
    """The refusals; for each union, only those of the member that the value resembles."""
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
    if owner is None or not isinstance(refusal.siblings, dict):
        return ""
    key = str(refusal.place.path[-1])
    names = field_names(owner)
    return nearest(key, [n for n in names if n not in refusal.siblings]) or nearest(key, names)


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
    words = plain_words(refusal.place.annotation)
    expected = _form(refusal.place) if words in ("text", "a mapping") else ""
    expected = expected or _expected(refusal.place) or _limit(refusal.message)
    hint = ""
    if words == "text" and type(refusal.value) in (int, float):
        hint = "write it in quotes"
    if isinstance(refusal.value, str):
        if words == "true or false":
            hint = _TRUTHS.get(refusal.value.lower(), "")
        elif "number" in words and re.match(r"[-+.~<>$]*\d", refusal.value):
            example = "100_000" if "whole" in words else "100_000 or 0.5"
            hint = f"write the digits alone, such as {example}"
    return ModelFault(refusal.place.path, f"found {found(refusal.value)}", expected, hint)


def _other_fault(refusal: _Refusal) -> ModelFault:
    if _OTHER_KIND.fullmatch(refusal.kind):
        return _wrong_type(refusal)
    like, is_form = _like(refusal.place), refusal.kind == "string_pattern_mismatch"
    if (like or _description(refusal.place)) if is_form else (like and refusal.kind == "too_short"):
        return _unlike(refusal, like)
    message = f"must {_limit(refusal.message)}"
    if not isinstance(refusal.value, list | dict):
        message += f", found {found(refusal.value)}"
    return ModelFault(refusal.place.path, message, suggestion=_share_of(refusal))


def _share_of(refusal: _Refusal) -> str:
    """Return the share that a percentage probably means, where a share is at most 1."""
    value, most = refusal.value, refusal.context.get("le", refusal.context.get("lt"))
    if not isinstance(most, int | float | Decimal) or most > 1 or isinstance(value, bool):
        return ""
    if not isinstance(value, int | float) or not 1 < value <= PERCENT:
        return ""
    return f"write {plain(exact(Decimal(str(value))) / PERCENT)} for {value} %"


def _unlike(refusal: _Refusal, like: str) -> ModelFault:
    """Return the fault of a value in another form; a text is described by the form alone."""
    message = f"found {found(refusal.value)}"
    if refusal.kind != "string_pattern_mismatch":
        message = f"must {_limit(refusal.message)}"
    return ModelFault(refusal.place.path, message, _described(like, refusal.place))


def _like(where: Place) -> str:
    """Return an example as a file would have it, or an empty text."""
    if isinstance(where.example, dict):
        pairs = ", ".join(f"{key}: {value}" for key, value in where.example.items())
        return f"a mapping like {{{pairs}}}"
    return f"text like {where.example}" if where.example is not None else ""


def _of_a_secret(refusal: _Refusal) -> ModelFault:
    """Return the fault of a secret's name. Guard: the value, which may be the secret, is not
    shown."""
    hint = ""
    if isinstance(refusal.value, str) and not refusal.value.startswith("arn:"):
        hint = (
            "this looks like the token: store it in AWS Secrets Manager and give the ARN; "
            "replace a token that was shared in a file"
        )
    expected = _described(_like(refusal.place), refusal.place)
    return ModelFault(refusal.place.path, "is no ARN; its value is not shown", expected, hint)


def _wrong_key(refusal: _Refusal) -> ModelFault:
    if isinstance(refusal.context.get("error"), FieldError):
        return replace(_own_words(refusal), at_key=True)
    return ModelFault(refusal.place.path, f"this key must {_limit(refusal.message)}", at_key=True)


def _limit(message: str) -> str:
    limit = message.partition(" should ")[2] or message
    return re.sub(r"Decimal\('([^']*)'\)", r"\1", limit.replace(" after validation", ""))


def _expected(where: Place) -> str:
    return _described(plain_words(where.annotation), where)


def _form(where: Place) -> str:
    """Return an example, or the keys of the mapping; an empty text where neither is known."""
    keys = [key for model in models_within(where.annotation) for key in field_names(model)]
    form = _like(where) or (f"a mapping with {joined(keys)}" if keys else "")
    return _described(form, where) if form else ""


def _described(words: str, where: Place) -> str:
    description = _description(where)
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
