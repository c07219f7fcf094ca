"""`sizewright update`: what would sizing choose today, and what follows from it?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from sizewright.answers.answer import Leaf, print_answer
from sizewright.answers.files import FollowedAnswer, UpdateAnswer
from sizewright.commands.change.update_stack import is_stack_file, update_stack
from sizewright.commands.options import file_argument, finish, json_option, site_option
from sizewright.layout.console import write
from sizewright.reading.lock_file import lock_of, lock_text
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import SiteFile, read_site
from sizewright.reading.stack.workload_file import (
    WorkloadFile,
    catalog_of,
    read_workload,
    with_routes,
)
from sizewright.report.answer.contradicted import first_line
from sizewright.report.change.difference import followed_lines
from sizewright.review.compare import Change, ServiceChange, service_changes
from sizewright.write import write_files
from sizing.catalog import Catalog, load_catalog
from sizing.locks.workload_lock import Lock
from sizing.plan.whole import Plan

CHOICE = (
    "engine",
    "instance_type",
    "tensor_parallel",
    "nodes_per_replica",
    "precision",
    "model",
    "coefficients",
)
"""Keys of a lock that are a choice or its version; the others follow from these."""
HARDWARE = ("engine", "instance_type", "tensor_parallel", "nodes_per_replica", "precision")
INPUTS_MOVED = (
    "the inputs changed since the lock: the request, latency targets, engine, model, "
    "max_utilisation or, of conversations, the traffic; a lock holds only their digest, and `diff` "
    "with the older file shows the change"
)
UNKNOWN_CAUSE = (
    "the inputs changed since the lock, or the choice was not the cheapest: "
    "a lock does not hold the inputs"
)
CATALOG_MOVED = "the catalog changed, but no fact behind the choice did"


@dataclass(frozen=True)
class Update:
    """The plan with the lock, the plan without it, and the lock that the latter would have."""

    old: Plan
    new: Plan
    before: Lock | None
    after: Lock | None
    kept: Lock | None
    """Lock of the locked choice with today's facts; None where the plan does not follow the
    lock."""

    @property
    def facts(self) -> list[Change]:
        """Changed facts on which the locked choice rests; all facts where there is no lock."""
        if self.before is None:
            return _changed({}, self.after.facts if self.after else {})
        return _changed(self.before.facts, self.kept.facts) if self.kept else []

    @property
    def other_facts(self) -> list[Change]:
        """New facts on which the new choice rests, where the lock's choice rests on other facts."""
        if self.before is None or self.after is None or not self.moves:
            return []
        known = (self.kept or self.before).facts
        return [Change(n, None, v) for n, v in self.after.facts.items() if known.get(n) != v]

    @property
    def moves(self) -> bool:
        """True where other hardware or another precision is chosen."""
        return any(change.path in HARDWARE for change in self.choice)

    @property
    def causes(self) -> list[str]:
        """Reasons why the lock differs from today's choice, as far as the lock shows them."""
        before, after = self.before, self.after
        if after is None or after == before:
            return []
        if before is None:
            return ["there was no lock"]
        if before.model_copy(update={"catalog_digest": after.catalog_digest}) == after:
            return [CATALOG_MOVED]
        causes = ["facts behind the choice changed, as listed above"] if self.facts else []
        if before.coefficients != after.coefficients:
            causes.append(f"the coefficients: {before.coefficients} -> {after.coefficients}")
        if self.kept is None:
            causes.append("the lock has a model, precision or type that the inputs do not allow")
        elif before.rates_for and self.kept.rates_for not in (None, before.rates_for):
            causes.append(INPUTS_MOVED)
        return causes or [UNKNOWN_CAUSE]

    @property
    def usd_per_month(self) -> Change:
        """Cost of the service's nodes per month, with the locked choice and with the new one."""
        old, new = (
            plan.services[0].choice.pool_usd_per_month if plan.services[0].choice else None
            for plan in (self.old, self.new)
        )
        return Change("choice.pool_usd_per_month", old, new)

    @property
    def choice(self) -> list[Change]:
        """Changed choices, and the versions with which they were made."""
        old, new = self.before, self.after
        pairs = [(n, getattr(old, n, None), getattr(new, n, None)) for n in CHOICE]
        return [Change(name, was, now) for name, was, now in pairs if was != now]

    @property
    def services(self) -> tuple[ServiceChange, ...]:
        """Sizing that follows from the new choice."""
        return service_changes(self.old, self.new)


@click.command(name="update")
@file_argument
@click.option("--why", is_flag=True, help="Show the causes, the choice and the effects.")
@click.option("--dry-run", is_flag=True, help="Write nothing.")
@site_option
@json_option
def command(file: Path, why: bool, dry_run: bool, site: Path, as_json: bool) -> None:
    """Choose again with today's catalog, and write the lock.

    \b
    sizewright update workloads/chat.yaml --why
    sizewright update workloads/chat.yaml --why --dry-run

    Until then the lock keeps the choice: new prices or coefficients change nothing by themselves.
    Nothing is written when the service becomes infeasible (exit code 5).

    \b
    sizewright update Pulumi.prod.yaml --why --dry-run

    With a stack file it moves that stack's lock, Pulumi.prod.lock: the versions of Kubernetes, its
    add-ons, node images, charts, container images and the database.
    """
    if is_stack_file(file):
        update_stack(file, why=why, dry_run=dry_run, as_json=as_json)
        return
    catalog, where = load_catalog(), read_site(site)
    found = update_of(read_workload(file, catalog), where, catalog)
    path = file.with_suffix(".lock")
    moved = found.after is not None and found.after != found.before
    if moved and not dry_run and found.after is not None:
        write_files({path: lock_text(found.after)})
    if as_json:
        print_answer(_answer(found, path, written=moved and not dry_run))
    else:
        opening = first_line(
            found.old, found.new, labels=("the locked choice of ", "today's choice of ")
        )
        write("\n".join([*opening, *_lines(found, path, why=why, dry_run=dry_run)]))
    finish(found.new)


def update_of(file: WorkloadFile, site: SiteFile, catalog: Catalog) -> Update:
    """Return both plans of a workload file. Raises InputError."""
    first, *others = with_routes(file, catalog)
    old = plan_of([first, *others], site, catalog)
    new = plan_of([replace(first, lock=None), *others], site, catalog)
    known = catalog_of(file, catalog)
    after, kept = (lock_of(file.workload, plan, known) for plan in (new, old))
    return Update(old, new, file.lock, after, kept if _follows(kept, file.lock) else None)


def _follows(now: Lock | None, lock: Lock | None) -> bool:
    """True where the plan with a lock has the choices of the lock."""
    if now is None or lock is None:
        return False
    return all(getattr(now, name) == getattr(lock, name) for name in ("model", *HARDWARE))


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    names = dict.fromkeys((*old, *new))
    return [Change(n, old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)]


def _lines(found: Update, path: Path, *, why: bool, dry_run: bool) -> list[str]:
    if found.after is None:
        return [f"{path}: not changed; the service gets no pool"]
    if found.after == found.before:
        return [f"{path}: current; nothing changes"]
    verb = "would be" if dry_run else "is"
    lines = [f"{path}: {verb} {'updated' if found.before else 'written'}"]
    if not why:
        lines += [f"  {_change_text(change)}" for change in found.choice]
        return [*lines, "`--why` shows the causes and the effects"]
    lines += _moved(found, found.before.catalog_digest if found.before else "none")
    lines += ["", "cause", *(f"  {cause}" for cause in found.causes), "", "the choice"]
    lines += [f"  {_change_text(change)}" for change in found.choice] or ["  stays"]
    if found.other_facts:
        lines += ["", "facts behind the new choice"]
        lines += [f"  {change.path}: {_value(change.new)}" for change in found.other_facts]
    lines += ["", "effects", f"  {_cost(found.usd_per_month)}"]
    followed = [line for change in found.services for line in followed_lines(change)]
    lines += [f"  {line}" for line in followed] or ["  nothing: no sized number changes"]
    return lines


def _moved(found: Update, digest: str) -> list[str]:
    """Lines for a changed catalog, and for changed facts of the locked choice."""
    now = found.after.catalog_digest if found.after else digest
    if digest == now:
        title = "facts behind the locked choice" if found.facts else ""
    else:
        title = f"the catalog: {digest} -> {now}"
    facts = [f"  {_change_text(change)}" for change in found.facts]
    nothing = ["  no fact behind the locked choice changed"] if found.kept else []
    return ["", title, *(facts or nothing)] if title else []


def _cost(change: Change) -> str:
    """Both costs, even where they are equal."""
    old, new = (
        f"{usd:,.0f}" if isinstance(usd, int | float) else "unknown"
        for usd in (change.old, change.new)
    )
    return f"cost of the nodes, USD a month: {old} -> {new}"


def _change_text(change: Change) -> str:
    return f"{change.path}: {_value(change.old)} -> {_value(change.new)}"


def _value(value: object) -> str:
    return "none" if value is None else str(value)


def _answer(found: Update, path: Path, *, written: bool) -> UpdateAnswer:
    return UpdateAnswer(
        lock=str(path),
        written=written,
        catalog=tuple(_leaf(change) for change in found.facts),
        choice=tuple(_leaf(change) for change in found.choice),
        causes=tuple(found.causes),
        rests_on={change.path: str(change.new) for change in found.other_facts},
        usd_per_month=_leaf(found.usd_per_month),
        services=tuple(
            FollowedAnswer(
                name=service.name, sizing=tuple(_leaf(change) for change in service.followed)
            )
            for service in found.services
        ),
    )


def _leaf(change: Change) -> Leaf:
    return Leaf(path=change.path, old=change.old, new=change.new)
