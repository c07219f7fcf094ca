"""`diff OLD NEW`: what a change of a workload changes, cause first."""

from collections.abc import Sequence
from pathlib import Path

import click

from sizewright.changes import load_rules
from sizewright.commands.options import FILE, finish, json_option, site_option
from sizewright.compare import (
    Change,
    ResourceChange,
    ServiceChange,
    counts,
    loses_data,
    resource_changes,
    service_changes,
)
from sizewright.exit_code import ExitCode
from sizewright.feasibility import exit_code
from sizewright.program import record_program
from sizewright.record import Recorded
from sizewright.report.console import write
from sizewright.report.difference import resource_lines, service_lines
from sizewright.report.json import print_json
from sizewright.stack import addressable, buildable, plan_of, read_site, read_workload
from sizing.catalog import load_catalog
from sizing.plan import ServicePlan


@click.command("diff")
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@site_option
@json_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit 3 when anything changes.")
def command(old: Path, new: Path, site: Path, as_json: bool, detailed_exitcode: bool) -> None:
    """Show what changes from the workload file OLD to NEW.

    First the inputs that changed, then the sizing that follows, then what the fleet survives, then
    the resources with their changed properties. Both are recorded offline, on the same site.
    """
    catalog, where = load_catalog(), read_site(site)
    plans = [plan_of([read_workload(path, catalog)], where, catalog) for path in (old, new)]
    for plan in plans:
        buildable(where, plan, catalog)
        addressable(where, plan)
    services = service_changes(*plans)
    if any(exit_code(plan) is ExitCode.infeasible for plan in plans):
        before = after = Recorded((), {})
    else:
        before, after = (record_program(site, [path]) for path in (old, new))
    resources = resource_changes(before, after, load_rules())
    unchanged = len({r.key for r in (*before.resources, *after.resources)}) - len(resources)
    if as_json:
        print_json(_as_json(services, resources, unchanged))
    else:
        lines = [line for service in services for line in (*service_lines(service), "")]
        if not services and not resources:
            lines = ["nothing changes: no input, no sized number, no resource"]
        if not after.resources:
            told = ["resources: not compared; the program refuses a service that is infeasible"]
        else:
            told = list(resource_lines(resources, unchanged))
        write("\n".join([*lines, *told]))
    finish(plans[1])
    if detailed_exitcode and (services or resources):
        raise click.exceptions.Exit(ExitCode.changes)


def _as_json(
    services: Sequence[ServiceChange], resources: Sequence[ResourceChange], unchanged: int
) -> dict[str, object]:
    return {
        "services": [
            {
                "name": service.name,
                "cause": [_leaf(change) for change in service.causes],
                "sizing": [_leaf(change) for change in service.followed],
                "survives": {"old": _survives(service.old), "new": _survives(service.new)},
            }
            for service in services
        ],
        "counts": {**counts(resources), "unchanged": unchanged},
        "resources": [
            {
                "effect": resource.effect.value,
                "type": resource.type,
                "name": resource.name,
                "loses_data": loses_data(resource),
                "properties": [
                    {**_leaf(change), "effect": change.effect.value} for change in resource.changes
                ],
            }
            for resource in resources
        ],
    }


def _leaf(change: Change) -> dict[str, object]:
    return {"path": change.path, "old": change.old, "new": change.new}


def _survives(service: ServicePlan | None) -> dict[str, int] | None:
    return service.pool.survives.model_dump() if service and service.pool else None
