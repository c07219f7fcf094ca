"""`sizewright size`: node counts, their zones, and the failures that they survive."""

from pathlib import Path

import click

from sizewright.commands.options import (
    FILE,
    files_argument,
    finish,
    json_option,
    site_option,
    verbose_option,
)
from sizewright.feasibility import without_nodes
from sizewright.layout.console import write
from sizewright.layout.json import print_json
from sizewright.reading.stack.plan import read_plan
from sizewright.report.answer.contradicted import first_line
from sizewright.write import write_files
from sizing.plan.whole import Plan


@click.command(name="size")
@files_argument
@click.option("--svg", metavar="FILE", type=FILE, help="Also draw the fleet by zone into FILE.")
@site_option
@json_option
@verbose_option
def command(
    files: tuple[Path, ...], svg: Path | None, site: Path, as_json: bool, verbose: bool
) -> None:
    """Size workloads: GPUs, nodes, redundancy, memory, storage, bandwidth.

    \b
    sizewright size workloads/chat.yaml
    sizewright size workloads/chat.yaml --verbose
    sizewright size workloads/*.yaml --site Pulumi.prod.yaml
    sizewright size workloads/chat.yaml --svg fleet.svg
    sizewright size workloads/chat.yaml --json | jq '.services[0].pool.gpus_total'

    The answer has at most ten lines for each service; `--verbose` prints the tables.

    Exit code 5: a service is infeasible; 6: it is beyond this version. The answer is printed
    either way, with the reasons.
    """
    plan = read_plan(files, site)
    if svg is not None:
        from sizewright.report.answer.fleet import fleet_picture

        write_files({svg: fleet_picture(plan)})
    if as_json:
        print_json(plan.as_json())
    elif verbose:
        _write_tables(plan)
    else:
        from sizewright.report.answer.summary import size_summary

        write(size_summary(plan))
    finish(plan)


def _write_tables(plan: Plan) -> None:
    from sizewright.layout.table import print_tables
    from sizewright.report.answer.sizing import size_tables

    for line in (*first_line(plan), *without_nodes(plan)):
        write(f"{line}\n")
    print_tables(size_tables(plan))
