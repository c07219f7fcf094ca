"""Queries of a recording: a resource by name, children of a component, prerequisites."""

from collections.abc import Callable

from sizewright.record import Recorded, RecordedResource, record


def recorded(program: Callable[[], object], preview: bool = False) -> Recorded:
    def statement() -> None:
        program()

    return record(statement, config={}, stack="test", preview=preview)


def named(recording: Recorded, name: str, type_part: str = "") -> RecordedResource:
    """The only resource of that name whose type contains `type_part`."""
    found = [r for r in recording.resources if r.name == name and type_part in r.type]
    assert len(found) == 1, f"{name}: {[r.key for r in found]}"
    return found[0]


def of_type(recording: Recorded, type_part: str) -> list[RecordedResource]:
    return [r for r in recording.resources if type_part in r.type]


def children(recording: Recorded, parent: str) -> list[str]:
    """Sorted `Type name` of the direct children of the component of that name."""
    return sorted(
        f"{r.type.rsplit(':', 1)[1]} {r.name}"
        for r in recording.resources
        if r.parent is not None and r.parent.split("::")[1] == parent
    )


def before(recording: Recorded, resource: RecordedResource) -> set[str]:
    """Names of all direct and indirect prerequisites of the resource, providers included."""
    by_key = {r.key: r for r in recording.resources}
    seen: set[str] = set()
    waiting = [resource]
    while waiting:
        current = waiting.pop()
        needs = [*current.depends_on, *([current.provider] if current.provider else [])]
        for need in needs:
            if need not in seen:
                seen.add(need)
                waiting.append(by_key[need])
    return seen
