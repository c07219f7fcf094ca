"""Which dangers of a change must a reviewer see first?

They are lost data, public ingress, lost guards, outages and lost survival. `data/dangers.csv` has a
rule for each dangerous change of a property; `Event` describes its events.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import assert_never

from sizewright.reading.input_error import joined
from sizewright.record.values import at, short_type
from sizewright.review.changes import Effect
from sizewright.review.compare import LOSING, ResourceChange, ServiceChange, loses_data
from sizewright.review.lost_fleets import lost_fleets
from sizing.plan.reaches import BALANCER, BUCKET
from sizing.plan.whole import Plan

RULES = Path(__file__).parent / "data" / "dangers.csv"
COLUMNS = ["type", "property", "event", "value", "danger", "says", "source", "checked"]
TYPES_SHOWN = 8
"""Number of types named among the resources that are deleted with another one."""
_STEP = re.compile(r"[.\[]")
INSIDE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)
"""Ranges that no packet from the internet has. Basis: vendor (RFC 1918, 6598, 4193)."""


class Event(StrEnum):
    lost = "lost"
    """The resource is deleted or replaced, or may be. With a property, it applies to resources that
    have it."""
    gone = "gone"
    """The resource is deleted, and the load balancer or bucket that it guards is not."""
    becomes = "becomes"
    """The property now has one of the values, and had none of them before; null is absent."""
    drops = "drops"
    """The property contained one of the words, and no longer does."""
    lowers = "lowers"
    """The property is a lower number than before. Where the value has `null`, an absent number was
    no limit."""
    lets_in = "lets_in"
    """The property is a range of the internet that was not allowed before."""


class Danger(StrEnum):
    deleted_first = "deleted_first"
    """Something is deleted before its replacement exists, with all its dependants."""
    data = "data"
    """Data would be lost."""
    opens = "opens"
    """The internet gets access."""
    guard = "guard"
    """A guard is removed."""
    outage = "outage"
    """Callers lose access."""
    survival = "survival"
    """The fleet survives fewer failures."""


@dataclass(frozen=True)
class Hazard:
    """One danger, with the effect on a resource, or on a service where the type is empty."""

    danger: Danger
    effect: Effect
    type: str
    name: str
    says: str


@dataclass(frozen=True)
class DangerRule:
    """One row of the rules."""

    property_path: str
    event: Event
    values: tuple[str, ...]
    danger: Danger
    says: str


def dangers(
    services: Sequence[ServiceChange],
    resources: Sequence[ResourceChange],
    old: Plan | None = None,
) -> tuple[Hazard, ...]:
    """Every danger once, by kind, then in the order of the resources.

    `old` is the plan whose nodes serve now. Without it, lost nodes of services are not reported.
    """
    lost = lost_fleets(old, services, resources) if old is not None else ()
    fleets = [Hazard(Danger.outage, each.effect, "", each.service, each.says) for each in lost]
    found = [*fleets, *_survivals(services), *_retentions(services), *_of_resources(resources)]
    return tuple(sorted(dict.fromkeys(found), key=lambda f: list(Danger).index(f.danger)))


def _survivals(services: Sequence[ServiceChange]) -> Iterator[Hazard]:
    """Services that survive fewer lost nodes or zones than before."""
    for service in services:
        old, new = (side.pool if side else None for side in (service.old, service.new))
        if old is None or new is None:
            continue
        for noun in ("nodes", "zones"):
            before, after = (getattr(pool.survives, noun) for pool in (old, new))
            if after < before:
                says = f"{noun} that may fail: {before} -> {after}"
                yield Hazard(Danger.survival, Effect.update, "", service.name, says)


def _retentions(services: Sequence[ServiceChange]) -> Iterator[Hazard]:
    """Services whose conversations are deleted sooner than before, or no longer at all."""
    for service in services:
        if service.old is None or service.new is None or service.old.application is None:
            continue
        before, now = service.old.application.retention.days, service.new.application
        if now is not None and now.retention.days < before:
            days = f"{before} -> {now.retention.days} days"
            says = f"conversations older than the new limit are deleted the next night: {days}"
            yield Hazard(Danger.data, Effect.update, "", service.name, says)
        if now is None and service.new.database is not None:
            says = f"nothing deletes conversations after {before} days any longer"
            yield Hazard(Danger.guard, Effect.update, "", service.name, says)


def _of_resources(resources: Sequence[ResourceChange]) -> Iterator[Hazard]:
    rules = load_danger_rules()
    within = {key for change in resources for key in change.goes_with}
    for change in resources:
        if change.deletes_first and f"{change.type}::{change.name}" not in within:
            first = f"{_forced(change)}{_with_it(change)}"
            yield Hazard(Danger.deleted_first, change.effect, change.type, change.name, first)
        if loses_data(change):
            yield Hazard(Danger.data, change.effect, change.type, change.name, _forced(change))
        for rule in rules.get(change.type, ()):
            if (says := _said(rule, change, resources)) is not None:
                yield Hazard(rule.danger, change.effect, change.type, change.name, says)


def _said(
    rule: DangerRule, change: ResourceChange, resources: Sequence[ResourceChange]
) -> str | None:
    """Text of the rule for the change; None where it does not apply."""
    applies = False
    match rule.event:
        case Event.lost:
            losing = change.effect in LOSING and _has(rule, change.before)
            texts = (rule.says, _forced(change)) if losing else ()
            return "; ".join(text for text in texts if text) or None
        case Event.gone:
            applies = change.effect is Effect.delete and not _guarded_goes(change, resources)
        case Event.becomes:
            after = change.after is not None and _text(change.after, rule) in rule.values
            before = change.before is not None and _text(change.before, rule) in rule.values
            applies = after and not before
        case Event.drops:
            applies = _drops(rule, change)
        case Event.lowers:
            applies = _lowers(rule, change)
        case Event.lets_in:
            new = _new_range(rule, change, resources)
            return None if new is None else f"{rule.says} {new}"
        case _:
            assert_never(rule.event)
    return rule.says if applies else None


def _has(rule: DangerRule, inputs: Mapping[str, object] | None) -> bool:
    """True where the rule names no property, or the inputs have it."""
    return not rule.property_path or at(inputs, rule.property_path) is not None


def _forced(change: ResourceChange) -> str:
    """Properties that replace the resource, by their first step."""
    forcing = (c.path for c in change.changes if c.effect is change.effect is not Effect.update)
    names = dict.fromkeys(_STEP.split(path)[0] for path in forcing)
    return f"because of {joined(names, 3)}" if names else ""


def _with_it(change: ResourceChange) -> str:
    """Resources that are deleted with the resource, counted by type."""
    types = Counter(short_type(key.partition("::")[0]) for key in change.goes_with)
    counted = [f"{count} {type_}" for type_, count in types.items()]
    return f"; deletes with it {joined(counted, TYPES_SHOWN)}" if counted else ""


def _text(inputs: Mapping[str, object], rule: DangerRule) -> str:
    value = at(inputs, rule.property_path)
    return value if isinstance(value, str) else json.dumps(value)


def _drops(rule: DangerRule, change: ResourceChange) -> bool:
    if change.before is None or change.after is None:
        return False
    before, after = (_text(side, rule) for side in (change.before, change.after))
    return any(word in before and word not in after for word in rule.values)


def _lowers(rule: DangerRule, change: ResourceChange) -> bool:
    before, after = (at(side, rule.property_path) for side in (change.before, change.after))
    if change.before is None or not isinstance(after, int | float):
        return False
    if isinstance(before, int | float):
        return after < before
    return before is None and "null" in rule.values


def _guarded_goes(change: ResourceChange, resources: Sequence[ResourceChange]) -> bool:
    """True where what the resource guards is deleted too, and no guard is needed.

    Children are named after their component: sw-chat-gateway-balancer. A component may have the
    name of another one and more, so a bucket's guard has exactly the name of its component.
    """
    for gone in (r for r in resources if r.effect is Effect.delete):
        component = gone.name.rpartition("-")[0]
        if gone.type == BALANCER and change.name.startswith(f"{component}-"):
            return True
        if gone.type == BUCKET and change.name == f"{component}-public-access":
            return True
    return False


def _new_range(
    rule: DangerRule, change: ResourceChange, resources: Sequence[ResourceChange]
) -> str | None:
    """Range of the internet that is newly allowed, unless a range of a changed rule had it."""
    new = _range(change.after, rule)
    if new is None or _within(new, INSIDE):
        return None
    known = [r for r in resources if r.type == change.type and r.before is not None]
    same = [r.before for r in known if r.before and _group(r.before) == _group(change.after)]
    had = [found for before in same if (found := _range(before, rule)) is not None]
    return None if _within(new, had) else str(new)


def _group(inputs: Mapping[str, object] | None) -> object:
    return (inputs or {}).get("securityGroupId")


def _range(
    inputs: Mapping[str, object] | None, rule: DangerRule
) -> IPv4Network | IPv6Network | None:
    value = at(inputs, rule.property_path)
    try:
        return ip_network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None


def _within(new: IPv4Network | IPv6Network, ranges: Sequence[IPv4Network | IPv6Network]) -> bool:
    # Guard: mypy and Python both refuse to compare the two versions.
    return any(
        (isinstance(new, IPv4Network) and isinstance(r, IPv4Network) and new.subnet_of(r))
        or (isinstance(new, IPv6Network) and isinstance(r, IPv6Network) and new.subnet_of(r))
        for r in ranges
    )


@cache
def load_danger_rules(path: Path = RULES) -> Mapping[str, tuple[DangerRule, ...]]:
    """Rows by type. Raises ValueError with file and line of a faulty row."""
    rules: dict[str, tuple[DangerRule, ...]] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        if (columns := next(reader, [])) != COLUMNS:
            raise ValueError(f"{path.name}:1: columns {columns}, expected {COLUMNS}")
        for cells in reader:
            try:
                type_, name, event, value, danger, says, *_ = cells
                rule = DangerRule(name, Event(event), tuple(value.split("|")), Danger(danger), says)
            except ValueError as fault:
                raise ValueError(f"{path.name}:{reader.line_num}: {fault}") from None
            rules[type_] = (*rules.get(type_, ()), rule)
    return rules
