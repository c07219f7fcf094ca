"""`diff OLD NEW`: what a change of a workload changes, cause first."""

from dataclasses import asdict
from pathlib import Path

import click

from sizewright.changes import load_rules
from sizewright.compare import counts, resource_changes, service_changes
from sizewright.exit_code import ExitCode
from sizewright.program import record_program
from sizewright.report.difference import resource_lines, service_lines
from sizewright.report.json import print_json
from sizewright.stack import DEFAULT_SITE, SiteFile, WorkloadFile, buildable, plan_of, read_site
from sizewright.stack import read_workload as read_workload_file
from sizing.catalog import load_catalog


@click.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--site", type=click.Path(path_type=Path), default=DEFAULT_SITE, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Every changed leaf, as JSON.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit 3 when anything changes.")
def command(old: Path, new: Path, site: Path, as_json: bool, detailed_exitcode: bool) -> None:
    """Show what changes from the workload file OLD to NEW.

    First the inputs that changed, then the sizing that follows, then what the fleet survives, then
    the resources with their changed properties. Both are recorded offline, on the same site.
    """
    catalog, where = load_catalog(), read_site(site)
    buildable(where)
    plans = [plan_of([read_workload_file(path, catalog)], where, catalog) for path in (old, new)]
    before, after = (record_program(site, [path]) for path in (old, new))
    services = service_changes(*plans)
    resources = resource_changes(before, after, load_rules())
    keys = {(r.type, r.name) for r in after.resources}
    gone = {(r.type, r.name) for r in before.resources} - keys
    unchanged = len(keys) + len(gone) - len(resources)
    if as_json:
        print_json(
            {
                "services": [
                    {
                        "name": s.name,
                        "cause": [_leaf(c) for c in s.causes],
                        "sizing": [_leaf(c) for c in s.followed],
                        "survives": [
                            x.pool.survives.model_dump() if x and x.pool else None
                            for x in (s.old, s.new)
                        ],
                    }
                    for s in services
                ],
                "counts": {**counts(resources), "unchanged": unchanged},
                "resources": [asdict(r) for r in resources],
            }
        )
    else:
        lines = [line for service in services for line in (*service_lines(service), "")]
        click.echo("\n".join([*lines, *resource_lines(resources, unchanged)]))
    if detailed_exitcode and (services or resources):
        raise click.exceptions.Exit(ExitCode.changes)
