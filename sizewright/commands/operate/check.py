"""`sizewright check`: gates over workloads, sizing and the infrastructure that they require."""

import sys
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.check import CheckAnswer, GateAnswer
from sizewright.commands.options import (
    json_option,
    site_option,
    stack_files,
    stack_files_argument,
)
from sizewright.exit_code import ExitCode
from sizewright.feasibility import exit_code, shortfalls, unserved
from sizewright.gates import gates
from sizewright.gates.contradictions import contradictions, measured_rates
from sizewright.gates.engine import engine_limits
from sizewright.gates.engine_flags import engine_flags
from sizewright.gates.gates import Gate
from sizewright.gates.interconnect import interconnect_plugin
from sizewright.gates.lock import lock_gates
from sizewright.gates.node_updates import node_updates, zone_turns
from sizewright.gates.pull import docker_hub_pulls
from sizewright.gates.zone_loss import zone_loss
from sizewright.layout.console import write, write_message
from sizewright.layout.progress import working
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import SiteFile, read_site
from sizewright.reading.stack.workload_file import WorkloadFile, read_workload
from sizewright.report.answer.contradicted import first_line
from sizing.catalog import Catalog, load_catalog
from sizing.plan.whole import Plan

WORDS = {True: "ok", False: "failed", None: "-"}


@click.command(name="check")
@stack_files_argument
@site_option
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="Date for the checks of support and age; no clock is read.",
)
@json_option
def command(files: tuple[Path, ...], site: Path, as_of: datetime | None, as_json: bool) -> None:
    """Check workloads, sizing and infrastructure against gates.

    \b
    sizewright check workloads/chat.yaml
    sizewright check workloads/chat.yaml --site Pulumi.prod.yaml --as-of 2026-11-21

    Without FILE the stack's own workloads are checked. Each gate is ok, failed, or - where nothing
    was judged. Exit code 4: a gate failed; 5: a service is infeasible; 6: one is beyond this
    version.
    """
    catalog = load_catalog()
    site_file = read_site(site)
    files = stack_files(files, site_file)
    read = [read_workload(path, catalog) for path in files]
    plan = plan_of(read, site_file, catalog)
    day = as_of.date() if as_of else None
    with working("checking the gates"):
        verdicts = [
            Gate("inputs", True, ", ".join(str(path) for path in (*files, site))),
            *_sizing_gates(site_file, plan, catalog, read, as_of=day),
            *_building_gates(plan, catalog, site, site_file, files),
        ]
    code = _exit_code(plan, verdicts)
    if as_json:
        print_answer(_answer(verdicts))
    else:
        for line in first_line(plan):
            write(line)
        _print(verdicts)
    if code:
        failed = [gate.name for gate in verdicts if gate.passed is False]
        missing = ["feasible"] * bool(shortfalls(plan)) + ["served"] * bool(unserved(plan))
        write_message(f"{'failed' if failed else 'incomplete'}: {', '.join(failed or missing)}")
        sys.exit(code)


def _sizing_gates(
    site: SiteFile,
    plan: Plan,
    catalog: Catalog,
    files: Sequence[WorkloadFile],
    *,
    as_of: date | None,
) -> Iterator[Gate]:
    yield gates.feasible(plan)
    yield gates.served(plan)
    yield gates.one_cluster(plan)
    yield gates.node_groups(plan)
    yield gates.nodes_per_group(plan)
    yield gates.sold(plan, catalog)
    yield gates.elastic_ips(plan)
    yield gates.addresses(plan)
    yield from gates.vcpus(plan, catalog)
    yield from gates.reserved_capacity(plan)
    yield gates.kubernetes_support(plan, as_of)
    yield gates.ami_release(plan, as_of)
    yield node_updates(plan)
    if (zones := zone_turns(plan, site)) is not None:
        yield zones
    if (loss := zone_loss(plan)) is not None:
        yield loss
    yield from engine_flags(plan)
    yield from engine_limits(plan, catalog)
    yield from interconnect_plugin(plan, catalog)
    yield docker_hub_pulls(plan)
    yield from gates.checkpoints(plan, catalog)
    yield from gates.locks(files, plan)
    yield from contradictions(plan)
    yield from measured_rates(plan)
    yield from lock_gates(site, plan, catalog)


def _building_gates(
    plan: Plan, catalog: Catalog, site_path: Path, site: SiteFile, files: Sequence[Path]
) -> Iterator[Gate]:
    # Guard: jinja2 and Pulumi take seconds to import, and a plan that is not built does not need
    # them.
    from templates.render import render

    needs = gates.building_needs(site, plan, catalog)
    yield needs
    try:
        yield gates.documents(render(plan))
    except ValueError as fault:
        yield Gate("documents", False, str(fault))
    if not needs.passed:
        yield Gate("resource graph", None, "not built: the site lacks build inputs")
    elif exit_code(plan) is ExitCode.infeasible:
        yield Gate("resource graph", None, "not built: a service is infeasible")
    else:
        yield from _graph_gates(plan, site_path, site, files)


def _graph_gates(
    plan: Plan, site_path: Path, site: SiteFile, files: Sequence[Path]
) -> Iterator[Gate]:
    import pulumi

    from sizewright.gates.graph import graph, group_rules
    from sizewright.gates.public_ingress import public_ingress
    from sizewright.gates.requirements import requirements
    from sizewright.record import RecordError
    from sizewright.record.program import record_program
    from templates.needs import met_elsewhere

    try:
        recorded = record_program(site_path, files)
    except (RecordError, pulumi.RunError) as fault:
        yield Gate("resource graph", False, str(fault))
        return
    yield graph(recorded)
    yield group_rules(recorded)
    yield requirements(recorded, met_elsewhere(site.site))
    yield public_ingress(recorded, plan)


def _exit_code(plan: Plan, verdicts: Sequence[Gate]) -> ExitCode:
    code = exit_code(plan, built=True)
    if code is not ExitCode.infeasible and any(gate.passed is False for gate in verdicts):
        return ExitCode.gate_failed
    return code


def _answer(verdicts: Sequence[Gate]) -> CheckAnswer:
    return CheckAnswer(
        passed=all(gate.passed is not False for gate in verdicts),
        gates=tuple(
            GateAnswer(
                name=gate.name,
                passed=gate.passed,
                detail=gate.detail,
                remedy=gate.remedy,
                source=gate.source or None,
            )
            for gate in verdicts
        ),
    )


def _print(verdicts: Sequence[Gate]) -> None:
    from sizewright.layout.table import Table, print_tables

    print_tables(
        [Table("", [(WORDS[gate.passed], gate.name, _gate_text(gate)) for gate in verdicts])]
    )


def _gate_text(gate: Gate) -> str:
    source = f" [{gate.source}]" if gate.source else ""
    return gate.detail + source + (f". Remedy: {gate.remedy}" if gate.remedy else "")
