"""Values that exist only after creation, filled into rendered documents."""

import re
from collections.abc import Mapping
from typing import Any

import pulumi

_WIRE = re.compile(r"\$\{wire:([^}]*)\}")


def wired(value: Any, inputs: Mapping[str, pulumi.Input[str]]) -> Any:
    """Return a parsed document with every `${wire:NAME}` replaced by the Input of that name.

    Raises ValueError for a name that `inputs` lacks, and for a malformed wire.
    """
    match value:
        case str():
            return _wired_text(value, inputs)
        case list():
            return [wired(item, inputs) for item in value]
        case dict():
            return {_without_wire(key): wired(item, inputs) for key, item in value.items()}
    return value


def _wired_text(text: str, inputs: Mapping[str, pulumi.Input[str]]) -> pulumi.Input[str]:
    *parts, rest = _WIRE.split(text)
    if not parts:
        return _without_wire(text)
    pieces: list[pulumi.Input[str]] = []
    for literal, name in zip(parts[::2], parts[1::2], strict=True):
        if name not in inputs:
            raise ValueError(f"nothing is wired to ${{wire:{name}}}; known: {sorted(inputs)}")
        pieces += [_without_wire(literal), inputs[name]]
    return pulumi.Output.concat(*pieces, _without_wire(rest))


def _without_wire(text: str) -> str:
    if "${wire" in text:
        raise ValueError(f"leftover wire in {text!r}")
    return text
