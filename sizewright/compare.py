"""What differs between two plans and between two recordings; values only, no layout."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sizewright.changes import STATEFUL, Effect, Rules
from sizewright.record import Recorded, RecordedResource
from sizing.plan import Plan, ServicePlan

ORDER = (Effect.create, Effect.delete, Effect.replace, Effect.may_replace, Effect.update)
"""Of several changed properties the first effect is the resource's."""


@dataclass(frozen=True)
class Change:
    """One leaf: dotted path, value before and after; None where it was or is absent."""

    path: str
    old: object
    new: object
    effect: Effect = Effect.update


@dataclass(frozen=True)
class ServiceChange:
    """One service: inputs that changed, and every sized leaf that followed."""

    name: str
    old: ServicePlan | None
    new: ServicePlan | None
    causes: tuple[Change, ...]
    followed: tuple[Change, ...]


@dataclass(frozen=True)
class ResourceChange:
    """One resource: what happens to it, and its changed leaf properties."""

    effect: Effect
    type: str
    name: str
    stateful: bool
    changes: tuple[Change, ...]


def leaf_changes(old: object, new: object, path: str = "") -> Iterator[Change]:
    """Every leaf that differs between two JSON values, in the order of the newer one."""
    old, new = _reference_as_text(old), _reference_as_text(new)
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from leaf_changes(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from leaf_changes(before, after, f"{path}[{index}]")
    elif isinstance(old, dict | list) and new is None:
        yield from leaf_changes(old, type(old)(), path)
    elif isinstance(new, dict | list) and old is None:
        yield from leaf_changes(type(new)(), new, path)
    elif old != new:
        yield Change(path, old, new)


def _reference_as_text(value: object) -> object:
    """A reference to another resource as one leaf."""
    if isinstance(value, dict) and set(value) == {"$ref", "property"}:
        return f"${{{value['$ref']}.{value['property']}}}"
    return value


def service_changes(old: Plan, new: Plan) -> tuple[ServiceChange, ...]:
    """The services that differ, by name, those of the newer plan first."""
    names = [s.name for s in new.services]
    names += [s.name for s in old.services if s.name not in names]
    pairs = [(name, _service(old, name), _service(new, name)) for name in names]
    return tuple(_service_change(*pair) for pair in pairs if pair[1] != pair[2])


def _service(plan: Plan, name: str) -> ServicePlan | None:
    return next((service for service in plan.services if service.name == name), None)


def _service_change(name: str, old: ServicePlan | None, new: ServicePlan | None) -> ServiceChange:
    before = old.model_dump(mode="json") if old else {}
    after = new.model_dump(mode="json") if new else {}
    causes = leaf_changes(before.pop("inputs", {}), after.pop("inputs", {}))
    return ServiceChange(name, old, new, tuple(causes), tuple(leaf_changes(before, after)))


def resource_changes(old: Recorded, new: Recorded, rules: Rules) -> tuple[ResourceChange, ...]:
    """The resources that differ, stateful losses first, then by effect, then as registered."""
    before = {resource.key: resource for resource in old.resources}
    after = {resource.key: resource for resource in new.resources}
    changed = [
        change
        for key in [*after, *(key for key in before if key not in after)]
        if (change := _resource_change(before.get(key), after.get(key), rules)) is not None
    ]
    return ordered(changed)


def ordered(changes: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """What loses data first, then by effect, else in the order given."""
    return tuple(sorted(changes, key=lambda c: (not loses_data(c), ORDER.index(c.effect))))


def loses_data(change: ResourceChange) -> bool:
    """Whether a store is deleted or replaced, or may be."""
    losing = (Effect.delete, Effect.replace, Effect.may_replace)
    return change.stateful and change.effect in losing


def counts(changes: Sequence[ResourceChange]) -> dict[str, int]:
    """How many resources are created, updated, replaced, may be replaced, deleted."""
    return {effect.value: sum(c.effect is effect for c in changes) for effect in ORDER}


def _resource_change(
    old: RecordedResource | None, new: RecordedResource | None, rules: Rules
) -> ResourceChange | None:
    known = new or old
    if known is None:
        return None
    stateful = known.type in STATEFUL
    if old is None or new is None:
        effect = Effect.create if old is None else Effect.delete
        return ResourceChange(effect, known.type, known.name, stateful, ())
    changes = [
        Change(c.path, c.old, c.new, rules.effect(known.type, c.path))
        for c in leaf_changes(old.inputs, new.inputs)
    ]
    if old.protect != new.protect:
        changes.append(Change("(protect)", old.protect, new.protect))
    if not changes:
        return None
    effect = min((c.effect for c in changes), key=ORDER.index)
    return ResourceChange(effect, known.type, known.name, stateful, tuple(changes))
