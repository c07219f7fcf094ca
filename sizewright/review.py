"""A change for a reviewer, as values: cause, sizing and resources between two sides."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sizewright.changes import load_rules
from sizewright.compare import (
    Change,
    ResourceChange,
    ServiceChange,
    causes,
    loses_data,
    service_changes,
)
from sizewright.compare_resources import resource_changes
from sizewright.dangers import Found, dangers
from sizewright.exit_code import ExitCode
from sizewright.feasibility import exit_code
from sizewright.lost_fleets import flag_notes
from sizewright.program import record_program
from sizewright.record import Recorded
from sizewright.report.contradicted import first_line
from sizewright.stack import addressable, buildable, plan_of, read_site, read_workload
from sizing.catalog import load_catalog
from sizing.plan import Plan


@dataclass(frozen=True)
class Side:
    """What one side of a comparison builds: workload files on a site."""

    files: tuple[Path, ...]
    site: Path
    plan: Plan
    lock_path: Path | None = None
    """A lock that is read instead of the stack's own."""


@dataclass(frozen=True)
class Review:
    """What differs, and what a reader must know about how it was compared."""

    services: tuple[ServiceChange, ...]
    resources: tuple[ResourceChange, ...]
    unchanged: int
    """Resources that both sides have alike."""
    is_compared: bool
    """Whether resources were compared: the program refuses a service that is infeasible."""
    notes: tuple[str, ...] = ()
    site: tuple[Change, ...] = ()
    """Keys of the stack file that changed."""
    contradictions: tuple[str, ...] = ()
    """The line that names contradictions of both sides; empty where none is."""
    old: Plan | None = None
    """The plan of the older side, whose nodes serve now."""

    @property
    def dangers(self) -> tuple[Found, ...]:
        """What a reader must see first."""
        return dangers(self.services, self.resources, self.old)

    @property
    def stores_lost(self) -> int:
        """Stores that are deleted or replaced, or may be."""
        return sum(loses_data(change) for change in self.resources)

    @property
    def is_empty(self) -> bool:
        """Whether nothing differs."""
        return not self.services and not self.resources and not self.site


def read_side(files: Sequence[Path], site: Path) -> Side:
    """A side that can be built, from its files. Raises InputError."""
    catalog, where = load_catalog(), read_site(site)
    plan = plan_of([read_workload(path, catalog) for path in files], where, catalog)
    buildable(where, plan, catalog)
    addressable(where, plan)
    return Side(tuple(files), site, plan)


def contradicted(old: Side, new: Side) -> tuple[str, ...]:
    """The line that names the contradictions of both sides."""
    return tuple(first_line(old.plan, new.plan, sides=("before, ", "after, ")))


def review(old: Side, new: Side, notes: tuple[str, ...] = ()) -> Review:
    """Both sides recorded offline and compared."""
    services = service_changes(old.plan, new.plan)
    site = causes(old.plan.site, new.plan.site)
    if any(exit_code(side.plan) is ExitCode.infeasible for side in (old, new)):
        said = contradicted(old, new)
        return Review(services, (), 0, False, notes, site, said, old.plan)
    before, after = (_recorded(side) for side in (old, new))
    resources = resource_changes(before, after, load_rules())
    keys = {resource.key for resource in (*before.resources, *after.resources)}
    same = len(keys) - len(resources)
    said = contradicted(old, new)
    notes = (*notes, *flag_notes(resources))
    return Review(services, resources, same, True, notes, site, said, old.plan)


def _recorded(side: Side) -> Recorded:
    """Nothing at all where the side has no service: it stands for before the first `up`."""
    if not side.files:
        return Recorded((), {})
    return record_program(side.site, side.files, side.plan, lock_path=side.lock_path)
