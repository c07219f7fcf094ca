"""Offline recordings and engine runs in common terms."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sizewright.record import Recorded, RecordedResource, sdk
from sizewright.record.references import archive_digest
from testbed.engine import Step
from testbed.standin.world import Thing

STEPS = re.compile(r"[^.\[\]]+")


def as_given(step: Step) -> dict[str, Any]:
    """Inputs of a step without the engine's additions: its own marks, and a provider's version."""
    provider = step.type.startswith("pulumi:providers:")
    return {
        name: as_recorded(value)
        for name, value in step.inputs.items()
        if not name.startswith("__") and not (provider and name == "version")
    }


def as_recorded(value: Any) -> Any:
    """Value of the engine with its archives as digests and its secrets hidden, as recorded."""
    match value:
        case "[secret]":
            return {"$secret": True}
        case dict() if value.get(sdk.SIGNATURE) == sdk.SECRET:
            return {"$secret": True}
        case dict() if value.get(sdk.SIGNATURE) == sdk.ARCHIVE:
            return {"$archive": archive_digest(value)}
        case dict():
            return {name: as_recorded(item) for name, item in value.items()}
        case list():
            return [as_recorded(item) for item in value]
    return value


def as_engine_shows(value: object) -> object:
    """Recorded preview value as the engine's events show it."""
    match value:
        case {"$unknown": True}:
            return sdk.UNKNOWN
        case dict():
            return {key: as_engine_shows(item) for key, item in value.items()}
        case list():
            return [as_engine_shows(item) for item in value]
    return value


class NotYetError(LookupError):
    """Reference of a value to something that does not exist."""


class Resolved:
    """Recorded inputs with each reference replaced by the value of the resource in the world."""

    def __init__(
        self,
        recorded: Recorded,
        things: Sequence[Thing],
        reported: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """`reported` contains outputs of other stacks, by the key of the reference to each."""
        self._things = {f"{thing.type}::{thing.name}": thing for thing in things}
        assert len(self._things) == len(things)
        for key, outputs in (reported or {}).items():
            type_, name = key.rsplit("::", 1)
            self._things[key] = Thing("", type_, name, "", {}, {"outputs": outputs})
        self._keys = sorted((resource.key for resource in recorded.resources), key=len)[::-1]

    def inputs(self, resource: RecordedResource) -> Any:
        return self._value(resource.inputs)

    def previewed(self, shown: object, value: object) -> Any:
        """Value of a first preview as the engine shows it; known where its dependencies exist."""
        match shown, value:
            case {"$unknown": True}, _:
                try:
                    return self._value(value)
                except NotYetError:
                    return sdk.UNKNOWN
            case dict(), dict():
                return {name: self.previewed(item, value[name]) for name, item in shown.items()}
            case list(), list():
                return [self.previewed(*pair) for pair in zip(shown, value, strict=True)]
        return shown

    def _value(self, value: object) -> Any:
        match value:
            case {"$ref": str(key), "property": str(path)}:
                return self._output(key, path)
            case dict():
                return {name: self._value(item) for name, item in value.items()}
            case list():
                return [self._value(item) for item in value]
            case str():
                return self._text(value)
        return value

    def _text(self, text: str) -> str:
        """Text with references replaced, longest key first: keys contain dots and colons."""
        for key in self._keys:
            mark = f"${{{key}."
            while (start := text.find(mark)) >= 0:
                end = text.index("}", start)
                path = text[start + len(mark) : end]
                text = text[:start] + str(self._output(key, path)) + text[end + 1 :]
        return text

    def _output(self, key: str, path: str) -> Any:
        if key not in self._things:
            raise NotYetError(key)
        thing = self._things[key]
        value = thing.id if path == "id" else _at(thing, path)
        # Guard: offline a computed number is a text, so the program's use of it is not compared.
        return _NumberOrText(value) if isinstance(value, int) else value


class _NumberOrText(int):
    """A number that equals its own text."""

    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return str(int(self)) == str(other)


def _at(thing: Thing, path: str) -> Any:
    value: Any = thing.outputs
    for step in STEPS.findall(path):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
