"""Differences between two recordings, by resource."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from sizewright.record import Recorded, RecordedResource
from sizewright.review.changes import STATEFUL, Effect, Rules
from sizewright.review.compare import (
    AFTER,
    LOSING,
    ORDER,
    Change,
    ResourceChange,
    leaf_changes,
    ordered,
)
from sizewright.review.following import deleted_with, followers


def resource_changes(old: Recorded, new: Recorded, rules: Rules) -> tuple[ResourceChange, ...]:
    """Resources that differ: losses of data first, then by effect, then as registered."""
    before = {resource.key: resource for resource in old.resources}
    after = {resource.key: resource for resource in new.resources}
    direct = {
        key: change
        for key in [*after, *(key for key in before if key not in after)]
        if (change := _resource_change(before.get(key), after.get(key), rules)) is not None
    }
    replaced = {
        key: change.effect
        for key, change in direct.items()
        if change.effect in LOSING and key in after
    }
    follow = {
        key: forcing for key, forcing in followers(new, replaced, rules).items() if key in before
    }
    changed = {key: direct.get(key) or _unchanged(after[key]) for key in (*direct, *follow)}
    for key, forcing in follow.items():
        changed[key] = _following(changed[key], forcing)
    found = {key: _in_order(change, after.get(key), rules) for key, change in changed.items()}
    return ordered(_with_what_goes(found, old, rules))


def _resource_change(
    old: RecordedResource | None, new: RecordedResource | None, rules: Rules
) -> ResourceChange | None:
    known = new or old
    if known is None:
        return None
    stateful = known.type in STATEFUL
    before = None if old is None else old.inputs
    after = None if new is None else new.inputs
    if old is None or new is None:
        effect = Effect.create if old is None else Effect.delete
        return ResourceChange(effect, known.type, known.name, stateful, (), before, after)
    changes = [
        Change(c.path, c.old, c.new, rules.effect(known.type, c.path))
        for c in leaf_changes(old.inputs, new.inputs)
        if not any(_within(c.path, ignored) for ignored in new.ignore_changes)
    ]
    if old.protect != new.protect:
        changes.append(Change("(protect)", old.protect, new.protect))
    if not changes:
        return None
    effect = min((c.effect for c in changes), key=ORDER.index)
    return ResourceChange(effect, known.type, known.name, stateful, tuple(changes), before, after)


def _within(path: str, other: str) -> bool:
    return path == other or path.startswith((f"{other}.", f"{other}["))


def _unchanged(resource: RecordedResource) -> ResourceChange:
    inputs, stateful = resource.inputs, resource.type in STATEFUL
    return ResourceChange(Effect.update, resource.type, resource.name, stateful, (), inputs, inputs)


def _following(change: ResourceChange, forcing: tuple[tuple[str, Effect], ...]) -> ResourceChange:
    """Return the change with the properties that a replaced resource also changes."""
    reported = {c.path for c in change.changes}
    more = tuple(
        Change(path, None, AFTER, effect) for path, effect in forcing if path not in reported
    )
    effect = min((c.effect for c in (*change.changes, *more)), key=ORDER.index)
    return replace(change, effect=effect, changes=(*change.changes, *more))


def _in_order(change: ResourceChange, new: RecordedResource | None, rules: Rules) -> ResourceChange:
    """Return the change with its order of deletion, from the program or else from the provider."""
    if change.effect not in LOSING or new is None or change.before is None:
        return change
    if new.delete_before_replace is not None:
        return replace(change, deletes_first=new.delete_before_replace)
    before, after = change.before, change.after or {}
    first = any(rules.deletes_first(change.type, c.path, before, after) for c in change.changes)
    return replace(change, deletes_first=first)


def _with_what_goes(
    found: Mapping[str, ResourceChange], old: Recorded, rules: Rules
) -> Iterator[ResourceChange]:
    """Each change; one that deletes first also has what the engine deletes before it."""
    going = {key: deleted_with(old, key, rules) for key, c in found.items() if c.deletes_first}
    inner = {key for keys in going.values() for key in keys}
    for key, change in found.items():
        goes = () if key in inner else going.get(key, ())
        yield replace(change, deletes_first=change.deletes_first or key in inner, goes_with=goes)
