"""What would the lock of a stack contain today, and what follows from it?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from sizewright.exit_code import ExitCode
from sizewright.feasibility import exit_code
from sizewright.reading.input_error import InputError
from sizewright.reading.stack.buildable import buildable
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import SiteFile
from sizewright.reading.stack.workload_file import WorkloadFile
from sizewright.reading.stack_lock_file import stack_lock_text, unknown
from sizewright.review.compare import Change, leaf_changes
from sizewright.review.pod_turns import with_pods
from sizewright.review.review import PlannedStack, Review, review
from sizewright.schema.modeline import modeline
from sizing.catalog import Catalog
from sizing.locks.stack_lock import DATABASE, StackLock, chart_item
from sizing.plan.whole import Plan
from sizing.stack.pins import stack_lock
from sizing.stack.unverified import image_repositories


@dataclass(frozen=True)
class StackUpdate:
    """An existing lock and the lock that would be written, with both plans."""

    site: SiteFile
    old: Plan
    new: Plan
    before: StackLock | None
    after: StackLock
    text: str
    """Text of the lock's file."""
    unknown: tuple[tuple[str, str], ...]
    """Path of each null of the new lock, and the command that prints its value."""
    sources: dict[str, str]
    """Source of each changed version."""

    @property
    def moves(self) -> bool:
        """True where the lock changes."""
        return self.before != self.after

    @property
    def changes(self) -> list[Change]:
        """Versions that change."""
        old, new = (_values(lock) for lock in (self.before, self.after))
        return list(leaf_changes(old, new))


def stack_update(files: Sequence[WorkloadFile], site: SiteFile, catalog: Catalog) -> StackUpdate:
    """Return the stack's lock with today's catalog. Raises InputError."""
    free = plan_of(files, replace(site, lock=None), catalog)
    after = stack_lock(free, catalog, site.lock)
    old = plan_of(files, site, catalog)
    after = with_pods(after, plan_of(files, replace(site, lock=after), catalog), site.lock)
    new = plan_of(files, replace(site, lock=after), catalog)
    repositories = image_repositories(new.services)
    region = site.site.region
    return StackUpdate(
        site=site,
        old=old,
        new=new,
        before=site.lock,
        after=after,
        text=stack_lock_text(
            after, region, repositories, modeline(site.lock_path.parent, "stack-lock")
        ),
        unknown=tuple(unknown(after, region, repositories)),
        sources=_sources(after, catalog),
    )


def followed(found: StackUpdate, files: Sequence[Path], catalog: Catalog) -> Review | None:
    """Compare offline recordings with both locks; None where the program would refuse the stack."""
    if exit_code(found.old, found.new) is ExitCode.infeasible:
        return None
    try:
        buildable(found.site, found.new, catalog)
    except InputError:
        return None
    site_path = Path(found.site.keys.file)
    with TemporaryDirectory() as folder:
        path = Path(folder) / found.site.lock_path.name
        path.write_text(found.text, encoding="utf-8")
        old = PlannedStack(tuple(files), site_path, found.old)
        return review(old, PlannedStack(tuple(files), site_path, found.new, path))


def _values(lock: StackLock | None) -> dict[str, object]:
    """The lock without the texts of the pods, which their revisions represent."""
    left = {"templates_by_zone": {"revisions"}}
    return {} if lock is None else lock.model_dump(mode="json", exclude=left)


def _sources(lock: StackLock, catalog: Catalog) -> dict[str, str]:
    """Source and date of each version that the catalog pins, by the lock's path."""
    return dict(_pinned(lock, catalog))


def _pinned(lock: StackLock, catalog: Catalog) -> Iterator[tuple[str, str]]:
    items = {f"charts.{name}": chart_item(name) for name in lock.charts}
    items |= {f"images.{name}.tag": name for name in lock.images}
    items["kubernetes"] = f"kubernetes-{lock.kubernetes}"
    if lock.database is not None:
        items["database"] = DATABASE
    for path, item in items.items():
        pin = catalog.pin(item)
        yield path, f"{pin.source}, {pin.checked or 'no date'}"
