"""`sizewright preview`: the infrastructure, recorded offline, with the reasons."""

from collections.abc import Iterator
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.preview import PreviewAnswer
from sizewright.commands.options import (
    finish,
    json_option,
    site_option,
    stack_files,
    stack_files_argument,
    verbose_option,
)
from sizewright.exit_code import ExitCode
from sizewright.feasibility import exit_code, without_nodes
from sizewright.gates.lock import nothing_pinned
from sizewright.gates.node_updates import GUIDE, warnings
from sizewright.gates.pull import docker_hub_pulls
from sizewright.layout.console import write, write_message
from sizewright.layout.paragraph import wrapped
from sizewright.layout.progress import working
from sizewright.layout.table import print_tables
from sizewright.reading.stack.buildable import addressable, buildable
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import SiteFile, read_site
from sizewright.reading.stack.workload_file import read_workload
from sizewright.record import Recorded
from sizewright.record.program import record_program
from sizewright.report.answer.contradicted import first_line
from sizewright.report.answer.paragraphs import answer
from sizewright.report.answer.sizing import size_tables
from sizewright.report.answer.summary import preview_summary
from sizewright.report.answer.tree import tree
from sizing.catalog import load_catalog
from sizing.plan.whole import Plan

CAVEAT = (
    "Offline preview: this machine records what this project's Pulumi program registers, without "
    "engine, account or network. It is not a diff against a cloud or a stack. Every resource "
    "appears as new, and ids and ARNs do not exist yet."
)


@click.command(name="preview")
@stack_files_argument
@site_option
@json_option
@verbose_option
def command(files: tuple[Path, ...], site: Path, as_json: bool, verbose: bool) -> None:
    """Preview the infrastructure of workloads, offline.

    \b
    sizewright preview workloads/chat.yaml
    sizewright preview workloads/chat.yaml --verbose
    sizewright preview workloads/chat.yaml --site Pulumi.prod.yaml
    sizewright preview workloads/*.yaml --json
    sizewright preview --site stacks/Pulumi.existing-cluster.yaml

    Without FILE the stack's own workloads are previewed.

    The answer has at most ten lines for each service. With `--verbose`, it has a note on offline
    previews, a paragraph, the figures and the resource tree. Exit code 5: a service is infeasible,
    and nothing would be built; 6: its pool or its engine is beyond this version, and its stores are
    shown.
    """
    catalog, where = load_catalog(), read_site(site)
    files = stack_files(files, where)
    plan = plan_of([read_workload(path, catalog) for path in files], where, catalog)
    buildable(where, plan, catalog)
    addressable(where, plan)
    built = exit_code(plan) is not ExitCode.infeasible
    with working("recording what the program registers"):
        recorded = record_program(site, files, plan) if built else Recorded((), {})
    if as_json:
        print_answer(PreviewAnswer.model_validate(recorded.as_json()))
    elif verbose:
        write("\n\n".join(_opening(plan, where)) + "\n")
        print_tables(size_tables(plan))
        write("\n" + "\n".join(_resources(recorded, plan)))
    else:
        write(preview_summary(plan, recorded, list(_sentences(plan, where))))
    pulls = docker_hub_pulls(plan)
    if pulls.passed is None:
        write_message(f"warning: {pulls.detail}")
    finish(plan, built=True)


def _opening(plan: Plan, site: SiteFile) -> Iterator[str]:
    yield from first_line(plan)
    yield from (wrapped(text) for text in without_nodes(plan))
    yield wrapped(CAVEAT)
    for service in plan.services:
        yield wrapped(answer(service))
    yield from (wrapped(text) for text in warnings(plan, site))
    if site.lock is None:
        text = nothing_pinned(site)
        yield wrapped(f"{text[0].upper()}{text[1:]}.")


def _sentences(plan: Plan, site: SiteFile) -> Iterator[str]:
    """Return the warnings of the opening, each as one short sentence."""
    if any(warnings(plan, site)):
        yield f"Node updates need care ({GUIDE})."
    if site.lock is None:
        yield "No lock pins the versions."


def _resources(recorded: Recorded, plan: Plan) -> Iterator[str]:
    if not recorded.resources:
        yield "resources: none; the program refuses a service that is infeasible"
        return
    custom = sum(resource.custom for resource in recorded.resources)
    total = len(recorded.resources)
    yield (
        f"resources: {custom} in {total - custom} components, {total} with the components; each "
        "line shows what the plan decides"
    )
    yield from tree(recorded, plan)
