"""Differences between two plans and between two recordings, as values without layout."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from sizewright.review.changes import Effect
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.values.exact import plain
from sizing.workload.route.derived import RoutedWorkload

ORDER = (Effect.delete, Effect.replace, Effect.may_replace, Effect.create, Effect.update)
"""Effects in a reviewer's order; the first effect among changed properties is the resource's."""
COUNTED = (Effect.create, Effect.update, Effect.replace, Effect.may_replace, Effect.delete)
_FLAG = re.compile(r"--?[A-Za-z]")
LOSING = (Effect.delete, Effect.replace, Effect.may_replace)
"""Effects after which a resource may no longer exist."""
AFTER = "(known after the update)"
"""Text for a value that is unknown before the update."""


@dataclass(frozen=True)
class Change:
    """One leaf: dotted path, value before and after; None where it was or is absent."""

    path: str
    old: object
    new: object
    effect: Effect = Effect.update


@dataclass(frozen=True)
class ServiceChange:
    """One service: the changed inputs, and every sized leaf that followed."""

    name: str
    old: ServicePlan | None
    new: ServicePlan | None
    causes: tuple[Change, ...]
    followed: tuple[Change, ...]


@dataclass(frozen=True)
class ResourceChange:
    """One resource: its effect and its changed leaf properties."""

    effect: Effect
    type: str
    name: str
    stateful: bool
    changes: tuple[Change, ...]
    before: Mapping[str, object] | None = None
    """Its inputs before; None for a new one."""
    after: Mapping[str, object] | None = None
    """Its inputs after; None for a deleted one."""
    deletes_first: bool = False
    """True where a replacement deletes it before the next one exists."""
    goes_with: tuple[str, ...] = ()
    """`type::name` of the resources that such a replacement deletes before it and recreates
    after."""


VARIABLES = ".env"
"""End of the path of a container's variables."""
ROUNDING = 1e-12
"""Relative difference of two results of the same arithmetic. Basis: arithmetic, some thousand
roundings of 1e-16."""


def leaf_changes(old: object, new: object, path: str = "") -> Iterator[Change]:
    """Every leaf that differs between two JSON values, in the order of the newer one."""
    old, new = _opened(_reference_as_text(old), _reference_as_text(new))
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*new, *(key for key in old if key not in new)]:
            yield from leaf_changes(old.get(key), new.get(key), f"{path}.{key}" if path else key)
    elif isinstance(old, list) and isinstance(new, list) and _has_flags(old) and _has_flags(new):
        yield from leaf_changes(flags(old), flags(new), path)
    elif path.endswith(VARIABLES) and isinstance(old, list) and isinstance(new, list):
        yield from leaf_changes(_by_name(old), _by_name(new), path)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from leaf_changes(before, after, f"{path}[{index}]")
    elif isinstance(old, dict | list) and new is None:
        yield from leaf_changes(old, type(old)(), path)
    elif isinstance(new, dict | list) and old is None:
        yield from leaf_changes(type(new)(), new, path)
    elif old != new and not _rounded_alike(old, new):
        yield Change(path, old, new)


def _by_name(variables: list[Any]) -> dict[str, Any]:
    """Variables of a container's environment by name: one more must not shift the others."""
    return {each["name"]: each for each in variables}


def _rounded_alike(old: object, new: object) -> bool:
    """True for numbers that differ by the rounding of floating-point arithmetic alone."""
    if isinstance(old, bool) or isinstance(new, bool):
        return False
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return False
    return math.isclose(old, new, rel_tol=ROUNDING, abs_tol=0)


def _reference_as_text(value: object) -> object:
    """Return a reference to another resource as one leaf."""
    if isinstance(value, dict) and set(value) == {"$ref", "property"}:
        return f"${{{value['$ref']}.{value['property']}}}"
    return value


def _opened(old: object, new: object) -> tuple[object, object]:
    """Return two different texts of JSON objects, such as policies, as those objects."""
    if not isinstance(old, str) or not isinstance(new, str) or old == new:
        return old, new
    if not old.startswith("{") or not new.startswith("{"):
        return old, new
    try:
        objects = json.loads(old), json.loads(new)
    except ValueError:
        return old, new
    return (old, new) if objects[0] == objects[1] else objects


def _has_flags(arguments: Sequence[object]) -> bool:
    """True where a list is the arguments of a command with named flags, each at most once."""
    if not all(isinstance(each, str) for each in arguments):
        return False
    names = [str(each).partition("=")[0] for each in arguments if _FLAG.match(str(each))]
    return bool(names) and len(set(names)) == len(names)


def flags(arguments: Sequence[str]) -> dict[str, str | bool]:
    """Arguments of a command by flag; those before and between flags have their position as key.

    A flag without a value is true: `--max-num-seqs 56 --async` is {--max-num-seqs: 56, --async:
    true}.
    """
    found: dict[str, str | bool] = {}
    name = ""
    for place, argument in enumerate(arguments):
        if _FLAG.match(argument):
            name, equals, value = argument.partition("=")
            found[name] = value if equals else True
            name = "" if equals else name
        else:
            found[name or f"[{place}]"] = argument
            name = ""
    return found


def service_changes(old: Plan, new: Plan) -> tuple[ServiceChange, ...]:
    """Services that differ, by name, those of the newer plan first."""
    names = [s.name for s in new.services]
    names += [s.name for s in old.services if s.name not in names]
    pairs = [(name, _service(old, name), _service(new, name)) for name in names]
    return tuple(_service_change(*pair) for pair in pairs if pair[1] != pair[2])


def _service(plan: Plan, name: str) -> ServicePlan | None:
    return next((service for service in plan.services if service.name == name), None)


def _service_change(name: str, old: ServicePlan | None, new: ServicePlan | None) -> ServiceChange:
    before, after = (
        side.model_dump(mode="json", exclude={"inputs"}) if side else {} for side in (old, new)
    )
    changed = (*causes(old and old.inputs, new and new.inputs), *_measured(old, new))
    changed = (*changed, *leaf_changes(_routed(old), _routed(new)))
    return ServiceChange(name, old, new, changed, tuple(leaf_changes(before, after)))


def _measured(old: ServicePlan | None, new: ServicePlan | None) -> tuple[Change, ...]:
    """The calibration file, where it changed: an input that is not in the workload."""
    runs = (side.own_runs.told if side and side.own_runs else None for side in (old, new))
    before, after = runs
    return () if before == after else (Change("calibration", before, after),)


def _routed(side: ServicePlan | None) -> dict[str, object]:
    """What another file says of the requests of a service, by the name of that file's service."""
    inputs = None if side is None else side.inputs
    if not isinstance(inputs, RoutedWorkload) or inputs.access.service is None:
        return {}
    traffic = inputs.host_traffic.model_dump(mode="json", exclude_none=True)
    if not inputs.host_share:
        return {}
    stated = {"route": {"easy": {"share": plain(inputs.host_share)}}, "traffic": traffic}
    return {inputs.access.service: stated}


def causes(old: BaseModel | None, new: BaseModel | None) -> tuple[Change, ...]:
    """Leaves in which two inputs differ, as they were written; None where nothing was written.

    A default that only one side writes out is no change. In a part that only one side has, values
    equal to their default are left out.
    """
    before, after = _Written(old), _Written(new)
    return tuple(
        Change(change.path, before.said.get(change.path), after.said.get(change.path))
        for change in leaf_changes(before.whole, after.whole)
        if change.path in before.chosen or change.path in after.chosen
    )


class _Written:
    """A whole input, its written leaves by path, and which of these are not defaults."""

    def __init__(self, value: BaseModel | None) -> None:
        self.whole = value.model_dump(mode="json") if value else {}
        self.said = _leaves(value.model_dump(mode="json", exclude_unset=True) if value else {})
        chosen = value.model_dump(mode="json", exclude_defaults=True) if value else {}
        self.chosen = _leaves(chosen).keys() & self.said.keys()


def _leaves(value: object) -> dict[str, object]:
    return {leaf.path: leaf.new for leaf in leaf_changes({}, value)}


def ordered(changes: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """Changes that lose data first, then by effect, else in the given order."""
    return tuple(sorted(changes, key=lambda c: (not loses_data(c), ORDER.index(c.effect))))


def loses_data(change: ResourceChange) -> bool:
    """True where a store is deleted or replaced, or may be."""
    return change.stateful and change.effect in LOSING


def counts(changes: Sequence[ResourceChange]) -> dict[str, int]:
    """Number of resources by effect: created, updated, replaced, may be replaced, deleted."""
    return {effect.value: sum(c.effect is effect for c in changes) for effect in COUNTED}


def engine_switch(old: ServicePlan | None, new: ServicePlan | None) -> tuple[Change, ...]:
    """Return the parts that differ, with both sides; empty where the engine stays.

    A setting is its flag, or its place in the engine's file, with its value.
    """
    before, after = (side.serving if side is not None else None for side in (old, new))
    if before is None or after is None or before.engine is after.engine:
        return ()
    was, now = _parts(before), _parts(after)
    names = dict.fromkeys((*was, *now))
    changes = (Change(name, was.get(name), now.get(name)) for name in names)
    return tuple(change for change in changes if change.old != change.new)


def _parts(serving: ServingPlan) -> dict[str, str | None]:
    # Guard: the sizing commands do without templates.
    from templates.engine import engine_command, model_path, setting_texts

    gauges = serving.engine.traits.gauges
    return {
        "engine": serving.engine.value,
        "image": serving.image,
        "command": " ".join(engine_command(serving)),
        "weights": model_path(serving),
        "gauges": None if gauges is None else gauges.pattern,
        "limits_by": serving.limits_by.value,
        **{f"settings.{setting}": text for setting, text in setting_texts(serving).items()},
    }
