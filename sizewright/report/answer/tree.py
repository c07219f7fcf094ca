"""The resource tree: every resource below its parent, with the sizes that the plan decides."""

from collections.abc import Iterator

from sizewright.layout.numbers import number
from sizewright.record import Recorded, RecordedResource
from sizewright.record.values import at, short_type
from sizing.plan.claims import claims
from sizing.plan.whole import Plan

SHOWN = 40
"""Longest value shown next to a resource, in characters."""


def tree(recorded: Recorded, plan: Plan) -> Iterator[str]:
    """Yield one line for each resource, indented below its parent, with its sized properties."""
    children: dict[str | None, list[RecordedResource]] = {}
    for resource in recorded.resources:
        children.setdefault(resource.parent, []).append(resource)
    yield from _below(None, 0, children, _sized_paths(plan))


def _below(
    parent: str | None,
    depth: int,
    children: dict[str | None, list[RecordedResource]],
    paths: dict[str, list[str]],
) -> Iterator[str]:
    for resource in children.get(parent, []):
        sizes = ", ".join(_sizes(resource, paths.get(resource.type, [])))
        lock = " (protected)" if resource.protect else ""
        what = f"{short_type(resource.type)} {resource.name}{lock}"
        yield "  " * depth + (f"{what}: {sizes}" if sizes else what)
        yield from _below(resource.key, depth + 1, children, paths)


def _sized_paths(plan: Plan) -> dict[str, list[str]]:
    """First property that each leaf decides, by resource type, in the plan's order."""
    found: dict[str, list[str]] = {}
    first = {claim.path: claim for claim in reversed(list(claims(plan)))}
    for claim in reversed(first.values()):
        paths = found.setdefault(claim.reaches.resource_type, [])
        if claim.reaches.path and claim.reaches.path not in paths:
            paths.append(claim.reaches.path)
    return found


def _sizes(resource: RecordedResource, paths: list[str]) -> Iterator[str]:
    for path in paths:
        value = at(resource.inputs, path)
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            text = number(value)
            if len(text) <= SHOWN:
                # Guard: the last part may be a label's key (sizewright.dev/gpu).
                yield f"{path.rsplit('.', 1)[-1].rsplit('/', 1)[-1]} {text}"
