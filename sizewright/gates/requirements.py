"""Does a recorded graph contain what its resources require to work?"""

import json
from base64 import b64decode
from collections.abc import Collection, Iterator

from sizewright.gates.gates import Gate
from sizewright.layout.numbers import plural
from sizewright.record import Recorded, RecordedResource
from templates.needs import NEEDS, Need, ResourcePattern


def requirements(recorded: Recorded, elsewhere: Collection[ResourcePattern] = ()) -> Gate:
    """Check that each used resource has its provider in the graph or `elsewhere`."""
    used = [need for need in NEEDS if any(is_a(r, need.user) for r in recorded.resources)]
    own = [need for need in used if need.provider not in elsewhere]
    if faults := list(_faults(recorded, own)):
        return Gate("requirements", False, "; ".join(faults))
    others = len(used) - len(own)
    detail = f"{plural(len(used), 'need')} met" + (f", {others} by other stacks" if others else "")
    return Gate("requirements", True if used else None, detail)


def _faults(recorded: Recorded, used: list[Need]) -> Iterator[str]:
    for need in used:
        if not any(is_a(resource, need.provider) for resource in recorded.resources):
            yield f"{need.user} lacks {need.provider}, which {need.why}"


def is_a(resource: RecordedResource, thing: ResourcePattern) -> bool:
    """True where the resource matches the pattern."""
    if resource.type != thing.resource_type:
        return False
    if not thing.path:
        return True
    found = list(_values(resource.inputs, thing.path))
    if thing.line is not None:
        return any(thing.line in _lines(value) for value in found)
    return bool(found) if thing.value is None else any(value in found for value in thing.values)


def _lines(value: object) -> list[str]:
    text = b64decode(value).decode() if isinstance(value, str) else ""
    return [line.strip() for line in text.splitlines()]


def _values(value: object, path: tuple[str, ...]) -> Iterator[object]:
    if not path:
        yield value
        return
    step, rest = path[0], path[1:]
    if step == "*" and isinstance(value, list):
        for item in value:
            yield from _values(item, rest)
    elif isinstance(value, dict) and step in value:
        yield from _values(value[step], rest)
    elif isinstance(value, str) and value.startswith("{"):
        yield from _values(json.loads(value), path)
