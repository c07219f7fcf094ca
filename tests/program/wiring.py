"""Leaves of a plan are changed, and the property that each claims must change.

The plan is built without sizing it again. In `make test` many leaves change in one recording, each
of which claims another property. In `make prove` each leaf changes alone.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import pytest

from components.foundation.other_stack import shape
from components.platform import build
from sizewright.record import Recorded, record
from sizewright.record.values import at
from sizing.plan.claims import Claim, claims, with_leaf
from sizing.plan.claims import Path as LeafPath
from sizing.plan.service.disks import WeightsOn
from sizing.plan.service.pool import CapacitySource
from sizing.plan.whole import Plan
from sizing.workload import DraftMethod

ROOT = Path(__file__).parents[2]
UNKNOWN_IN_A_PREVIEW = "redrivePolicy"
"""Property whose text names another queue. Its claims are recorded as in an update."""
OTHER = {
    "frames": 81,
    "ami_release": "1.35.0-20260101",
    "callers": ("another",),
    "email": ("another@example.com",),
    "max_model_len": 4096,
    "sequences_per_request": 2,
    "bf16": "fp16",
    "fp16": "bf16",
    "weights_path": "/elsewhere/0",
    "kv_precision": "fp8",
    "private_cidr": "10.9.0.0/19",
    "public_cidr": "10.9.9.0/24",
    "vpc_cidr": "10.8.0.0/16",
    "expire_days": 7,
    "fps": 25,
    "start_s": 9000,
    "on_demand": CapacitySource.blocks,
    "reservations": CapacitySource.blocks,
    "ngram": DraftMethod.mtp,
    "nvme": WeightsOn.gp3,
    "gp3": WeightsOn.nvme,
    "artefacts": "elsewhere",
    "standard_ia": "intelligent_tiering",
    "glacier_ir": "intelligent_tiering",
    "reserved_units": 120,
    "content_paths": ("/elsewhere",),
    "public_cidrs": ("198.51.100.0/24",),
    "cidrs": ("10.98.0.0/16",),
    "prefix_list_ids": ("pl-00000000000000002",),
    "pull_secrets": ("another",),
    "values": ("another",),
    "paths": ("/v1/another",),
    "format": "string-array",
}
"""Another valid value of leaves to which nothing can be added."""
ABSENT_OR_TRUE = ("force_update",)
"""Leaves that are null where they are not true."""
DECIDES = ("public",)
"""Leaves that decide which resources exist."""


class Recording(Protocol):
    def __call__(self, plan: Plan, *, preview: bool) -> Recorded: ...


def recording(of: Plan, *, preview: bool = True) -> Recorded:
    def program() -> None:
        build(of)

    return record(program, config={}, preview=preview, referenced=shape(of.site.zones))


@dataclass(frozen=True)
class Group:
    """Claims whose leaves change in one recording."""

    claims: tuple[Claim, ...]

    @property
    def preview(self) -> bool:
        return all(claim.reaches.path != UNKNOWN_IN_A_PREVIEW for claim in self.claims)

    def __str__(self) -> str:
        first = self.claims[0]
        more = len({claim.path for claim in self.claims}) - 1
        return place(first) + (f"-and-{more}-more" if more else "")


class Wiring:
    """Claims of a plan that a module tests; `chosen` is true for each of them."""

    def __init__(
        self,
        plan: Callable[[], Plan],
        chosen: Callable[[Claim], object],
        record: Recording = recording,
    ) -> None:
        self._plan, self._chosen, self._record = plan, chosen, record
        self.baseline = cache(self._baseline)

    @cached_property
    def plan(self) -> Plan:
        return self._plan()

    @cached_property
    def claims(self) -> list[Claim]:
        return [claim for claim in claims(self.plan) if self._chosen(claim)]

    @property
    def leaves(self) -> set[str]:
        """Names of the leaves that claim a property."""
        return {str(claim.path[-1]) for claim in self.claims}

    def _baseline(self, *, preview: bool = True) -> Recorded:
        return self._record(self.plan, preview=preview)

    def assert_moved(self, group: Group) -> None:
        """Fail where a claimed property stays as it was, or goes away, as the leaves change."""
        before = self.baseline(preview=group.preview)
        after = self._record(changed(self.plan, group), preview=group.preview)
        assert [place(claim) for claim in group.claims if not moved(claim, before, after)] == []


def cases(*wirings: Wiring) -> list[Any]:
    """Parameters `wiring` and `group`: groups for each test run, and each leaf for `make prove`."""
    return [*grouped(*wirings), *each_alone(*wirings)]


def grouped(*wirings: Wiring) -> list[Any]:
    return [
        pytest.param(wiring, group, id=f"{number}-{group}")
        for number, wiring in enumerate(wirings)
        for group in together(wiring.claims)
    ]


def each_alone(*wirings: Wiring) -> list[Any]:
    return [
        pytest.param(wiring, group, id=f"{number}-{group}-alone", marks=pytest.mark.prove)
        for number, wiring in enumerate(wirings)
        for group in alone(wiring.claims)
    ]


def alone(found: Iterable[Claim]) -> Iterator[Group]:
    """Yield all claims of each leaf, of properties that a preview knows and of others."""

    def leaf(claim: Claim) -> tuple[LeafPath, bool]:
        return claim.path, claim.reaches.path == UNKNOWN_IN_A_PREVIEW

    for _, group in groupby(found, leaf):
        yield Group(tuple(group))


def together(found: Sequence[Claim]) -> list[Group]:
    """Join leaves as long as no two of a group claim the same property, or one a part of the other.

    A leaf that renames a part of the whole plan, or decides which resources exist, stays alone.
    """
    groups = list[Group]()
    for leaf in alone(found):
        fits = (number for number, group in enumerate(groups) if _fit(group, leaf))
        at_number = next(fits, None)
        if at_number is None:
            groups.append(leaf)
        else:
            groups[at_number] = Group(groups[at_number].claims + leaf.claims)
    return groups


def _fit(group: Group, leaf: Group) -> bool:
    if group.preview != leaf.preview:
        return False
    if any(renames(c) or c.path[-1] in DECIDES for c in (*group.claims, *leaf.claims)):
        return False
    return not any(_overlap(one, other) for one in group.claims for other in leaf.claims)


def _overlap(one: Claim, another: Claim) -> bool:
    if one.reaches.resource_type != another.reaches.resource_type:
        return False
    first, second = (f"{claim.reaches.path}." for claim in (one, another))
    return first == "." or second == "." or first.startswith(second) or second.startswith(first)


def changed(plan: Plan, group: Group) -> Plan:
    """Return the plan with another value of each leaf of a group."""
    for claim in group.claims:
        if renames(claim):
            renamed = plan.model_dump_json().replace(f'"{claim.value}"', f'"{other(claim)}"')
            return Plan.model_validate_json(renamed)
        plan = with_leaf(plan, claim.path, other(claim))
    return plan


def renames(claim: Claim) -> bool:
    """True for a zone and a pool, which change their name everywhere in the plan: a service whose
    pool the plan lacks has no nodes to wait for.
    """
    return claim.path[-1] == "zone" or claim.path[-2:] == ("serving", "pool")


def moved(claim: Claim, before: Recorded, after: Recorded) -> bool:
    """True where the claimed property has another value, or the type other resources."""
    old, new = values_of(before, claim), values_of(after, claim)
    if not claim.reaches.path:
        return old != new
    return any(pair not in old for pair in new)


def values_of(recorded: Recorded, claim: Claim) -> list[object]:
    """Values of the claimed property on every resource of the type; '' names the resources."""
    mine = [r for r in recorded.resources if r.type == claim.reaches.resource_type]
    assert mine, f"no {claim.reaches.resource_type} is built: the claim cannot be tested"
    if not claim.reaches.path:
        return [*sorted(r.name for r in mine)]
    return [(r.name, at(r.inputs, claim.reaches.path)) for r in mine]


def other(claim: Claim) -> object:
    """Another value of the claimed leaf."""
    for name in (str(claim.path[-1]), str(claim.value)):
        if name in OTHER:
            return OTHER[name]
    if isinstance(claim.value, bool) or claim.path[-1] in ABSENT_OR_TRUE:
        return not claim.value
    if isinstance(claim.value, int | float):
        return claim.value + 1
    if isinstance(claim.value, tuple):
        return claim.value[:-1]
    if claim.path[-1] == "zone":
        return "use1-az6"
    return f"{claim.value}-other"


def place(claim: Claim) -> str:
    where = ".".join(str(step) for step in claim.path)
    return f"{where}->{claim.reaches.path.rsplit('.', 1)[-1]}"
