"""Text of `update` for the lock of a stack: its changes, their sources, and what follows."""

from collections.abc import Iterator

from sizewright.report.change.difference import danger_lines, resource_lines, service_lines
from sizewright.review.compare import Change
from sizewright.review.review import Review
from sizewright.review.stack_update import StackUpdate


def stack_update_lines(
    found: StackUpdate, follows: Review | None, *, why: bool, dry_run: bool
) -> Iterator[str]:
    """Changes of the lock, with `why` also their sources and effects, then the unknown versions."""
    path = found.site.lock_path
    if not found.moves:
        yield f"{path}: current; nothing changes"
    else:
        done = "updated" if found.before else "written"
        yield f"{path}: {'would be' if dry_run else 'is'} {done}"
        yield from (f"  {_moved(change, found, why=why)}" for change in found.changes)
        if not why:
            yield "`--why` shows the source of each version and the effects"
    if why and found.moves:
        yield from _followed(follows)
    if found.unknown:
        yield ""
        yield f"unknown: null in {path} until you enter the output of each command"
        yield from (f"  {name}: {command}" for name, command in found.unknown)


def _moved(change: Change, found: StackUpdate, *, why: bool) -> str:
    text = f"{change.path}: {_value(change.old)} -> {_value(change.new)}"
    source = found.sources.get(change.path)
    return f"{text}  [{source}]" if why and source else text


def _value(value: object) -> str:
    """Value as YAML spells it."""
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def _followed(follows: Review | None) -> Iterator[str]:
    yield from ("", "effects")
    if follows is None:
        yield "  not compared: the stack cannot be built yet; `sizewright check` gives the reason"
        return
    yield from (f"  {line}" for line in danger_lines(follows.dangers))
    for service in follows.services:
        yield from (f"  {line}" for line in service_lines(service))
    yield from (f"  {line}" for line in resource_lines(follows.resources, follows.unchanged))
