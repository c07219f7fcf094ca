"""`sizewright update`: what sizing would choose today, and what follows if it does."""

from dataclasses import dataclass, replace
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.change import Leaf
from sizewright.answers.files import FollowedAnswer, UpdateAnswer
from sizewright.commands.options import file_argument, finish, json_option, site_option
from sizewright.compare import Change, ServiceChange, service_changes
from sizewright.lock_file import lock_of, lock_text
from sizewright.report.console import write
from sizewright.report.difference import service_lines
from sizewright.stack import SiteFile, WorkloadFile, catalog_of, plan_of, read_site, read_workload
from sizewright.write import write_files
from sizing.catalog import Catalog, load_catalog
from sizing.lock import Lock
from sizing.plan import Plan

CHOICE = (
    "instance_type",
    "tensor_parallel",
    "nodes_per_replica",
    "precision",
    "model",
    "coefficients",
)
"""What of a lock is a choice or its version; the rest follows."""


@dataclass(frozen=True)
class Update:
    """The plan as locked, the plan without the lock, and the lock that the latter would have."""

    old: Plan
    new: Plan
    before: Lock | None
    after: Lock | None

    @property
    def facts(self) -> list[Change]:
        """Facts of the catalog that the choice rests on and that moved; all without a lock."""
        old = self.before.facts if self.before else {}
        new = self.after.facts if self.after else {}
        names = dict.fromkeys((*old, *new))
        return [Change(n, old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)]

    @property
    def choice(self) -> list[Change]:
        """What was chosen otherwise, and the versions that it was chosen with."""
        old, new = self.before, self.after
        pairs = [(n, getattr(old, n, None), getattr(new, n, None)) for n in CHOICE]
        return [Change(name, was, now) for name, was, now in pairs if was != now]

    @property
    def services(self) -> tuple[ServiceChange, ...]:
        """The sizing that follows."""
        return service_changes(self.old, self.new)


@click.command(name="update")
@file_argument
@click.option("--why", is_flag=True, help="Show what moved, what is chosen, and what follows.")
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@site_option
@json_option
def command(file: Path, why: bool, dry_run: bool, site: Path, as_json: bool) -> None:
    """Choose again with today's catalog, and write the lock.

    \b
    sizewright update workloads/chat.yaml --why
    sizewright update workloads/chat.yaml --why --dry-run

    Until then the lock keeps what was chosen: new prices or coefficients change nothing by
    themselves. Nothing is written when the service becomes infeasible (exit code 5).
    """
    catalog, where = load_catalog(), read_site(site)
    found = update_of(read_workload(file, catalog), where, catalog)
    path = file.with_suffix(".lock")
    moved = found.after is not None and found.after != found.before
    if moved and not dry_run and found.after is not None:
        write_files({path: lock_text(found.after)})
    if as_json:
        print_answer(_answer(found, path, written=moved and not dry_run))
    else:
        write("\n".join(_lines(found, path, why=why, dry_run=dry_run)))
    finish(found.new)


def update_of(file: WorkloadFile, site: SiteFile, catalog: Catalog) -> Update:
    """Both plans of a workload file. Raises InputError."""
    old = plan_of([file], site, catalog)
    new = plan_of([replace(file, lock=None)], site, catalog)
    after = lock_of(file.workload, new, catalog_of(file, catalog))
    return Update(old, new, file.lock, after)


def _lines(found: Update, path: Path, *, why: bool, dry_run: bool) -> list[str]:
    if found.after is None:
        return [f"{path}: not changed; the service gets no pool"]
    if found.after == found.before:
        return [f"{path}: current; nothing changes"]
    verb = "would be" if dry_run else "is"
    lines = [f"{path}: {verb} {'updated' if found.before else 'written'}"]
    if not why:
        lines += [f"  {_told(change)}" for change in found.choice]
        return [*lines, "`--why` shows what moved and what follows"]
    digests = [found.before.catalog_digest if found.before else "none", found.after.catalog_digest]
    lines += ["", f"the catalog: {digests[0]} -> {digests[1]}"]
    lines += [f"  {_told(change)}" for change in found.facts]
    if not found.facts:
        lines.append("  nothing in it that this choice rests on has moved")
    lines += ["", "the choice"]
    lines += [f"  {_told(change)}" for change in found.choice] or ["  stays"]
    lines += ["", "what follows"]
    followed = [line for change in found.services for line in service_lines(change)]
    lines += [f"  {line}" for line in followed] or ["  nothing: no sized number changes"]
    return lines


def _told(change: Change) -> str:
    return f"{change.path}: {_value(change.old)} -> {_value(change.new)}"


def _value(value: object) -> str:
    return "none" if value is None else str(value)


def _answer(found: Update, path: Path, *, written: bool) -> UpdateAnswer:
    return UpdateAnswer(
        lock=str(path),
        written=written,
        catalog=tuple(_leaf(change) for change in found.facts),
        choice=tuple(_leaf(change) for change in found.choice),
        services=tuple(
            FollowedAnswer(
                name=service.name, sizing=tuple(_leaf(change) for change in service.followed)
            )
            for service in found.services
        ),
    )


def _leaf(change: Change) -> Leaf:
    return Leaf(path=change.path, old=change.old, new=change.new)
