"""The resource tree: every resource under its parent, with the sizes that the plan gave it."""

from collections.abc import Iterator

from sizewright.record import Recorded, RecordedResource
from sizewright.report.numbers import number
from sizing.plan import Plan
from sizing.reach import claims

SHOWN = 40
"""Longest value shown beside a resource, characters."""


def tree(recorded: Recorded, plan: Plan) -> Iterator[str]:
    """One line a resource, indented below its parent; sized properties behind its name."""
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


def short_type(token: str) -> str:
    """A Pulumi type for people: aws:eks/nodeGroup:NodeGroup -> eks.NodeGroup."""
    package, module, kind = token.split(":")
    if module == "providers":
        return f"provider.{kind}"
    if package == "sizewright":
        return kind
    return f"{module.split('/')[0]}.{kind}"


def _sized_paths(plan: Plan) -> dict[str, list[str]]:
    """The first property that each leaf decides, by resource type, in the plan's order."""
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


def at(inputs: object, path: str) -> object:
    """The value at a dotted path of inputs; None when nothing is there."""
    value = inputs
    while path:
        if isinstance(value, dict):
            # Guard: a Kubernetes key may hold dots itself (nvidia.com/gpu).
            key = path if path in value else path.split(".", 1)[0]
            value, path = value.get(key), path[len(key) + 1 :]
        elif isinstance(value, list):
            index, _, path = path.partition(".")
            value = value[int(index)] if int(index) < len(value) else None
        else:
            return None
    return value
