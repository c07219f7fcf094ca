"""A change for a reviewer, as values: cause, sizing and resources of two sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sizewright.exit_code import ExitCode
from sizewright.feasibility import exit_code
from sizewright.reading.stack.buildable import addressable, buildable
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import read_site
from sizewright.reading.stack.workload_file import read_workload
from sizewright.record import Recorded
from sizewright.record.program import record_program
from sizewright.review.changes import load_rules
from sizewright.review.compare import (
    Change,
    ResourceChange,
    ServiceChange,
    causes,
    loses_data,
    service_changes,
)
from sizewright.review.compare_resources import resource_changes
from sizewright.review.dangers import Hazard, dangers
from sizewright.review.lost_fleets import flag_notes
from sizing.catalog import load_catalog
from sizing.plan.whole import Plan


@dataclass(frozen=True)
class PlannedStack:
    """Workload files on a site with their plan: the older or the newer one of a comparison."""

    files: tuple[Path, ...]
    site: Path
    plan: Plan
    lock_path: Path | None = None
    """Lock that is read instead of the stack's own."""


@dataclass(frozen=True)
class Review:
    """Differences, with notes on how the sides were compared."""

    services: tuple[ServiceChange, ...]
    resources: tuple[ResourceChange, ...]
    unchanged: int
    """Number of resources that are the same on both sides."""
    is_compared: bool
    """True where resources were compared; the program refuses an infeasible service."""
    notes: tuple[str, ...] = ()
    site: tuple[Change, ...] = ()
    """Keys of the stack file that changed."""
    old: Plan | None = None
    """Plan of the older side, whose nodes serve now."""
    new: Plan | None = None
    """Plan of the newer side."""

    @property
    def dangers(self) -> tuple[Hazard, ...]:
        """Dangers that a reader must see first."""
        return dangers(self.services, self.resources, self.old)

    @property
    def stores_lost(self) -> int:
        """Number of stores that are deleted or replaced, or may be."""
        return sum(loses_data(change) for change in self.resources)

    @property
    def is_empty(self) -> bool:
        """True where nothing differs."""
        return not self.services and not self.resources and not self.site


def read_planned_stack(files: Sequence[Path], site: Path) -> PlannedStack:
    """Return a side that can be built, from its files. Raises InputError."""
    catalog, where = load_catalog(), read_site(site)
    plan = plan_of([read_workload(path, catalog) for path in files], where, catalog)
    buildable(where, plan, catalog)
    addressable(where, plan)
    return PlannedStack(tuple(files), site, plan)


def review(old: PlannedStack, new: PlannedStack, notes: tuple[str, ...] = ()) -> Review:
    """Record both sides offline and compare them."""
    services = service_changes(old.plan, new.plan)
    site = causes(old.plan.site, new.plan.site)
    if any(exit_code(stack.plan) is ExitCode.infeasible for stack in (old, new)):
        return Review(services, (), 0, False, notes, site, old.plan, new.plan)
    before, after = (_recorded(stack) for stack in (old, new))
    resources = resource_changes(before, after, load_rules())
    keys = {resource.key for resource in (*before.resources, *after.resources)}
    same = len(keys) - len(resources)
    notes = (*notes, *flag_notes(resources))
    return Review(services, resources, same, True, notes, site, old.plan, new.plan)


def _recorded(stack: PlannedStack) -> Recorded:
    """Recording of a side; empty without services, which is the state before the first `up`."""
    if not stack.files:
        return Recorded((), {})
    return record_program(stack.site, stack.files, stack.plan, lock_path=stack.lock_path)
