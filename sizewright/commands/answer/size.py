"""`sizewright size`: node counts, their zones, and the failures that they survive."""

from datetime import date, datetime
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
from sizing.stack.calendar import dated

DAY = click.DateTime(["%Y-%m-%d"])


@click.command(name="size")
@files_argument
@click.option("--svg", metavar="FILE", type=FILE, help="Also draw the fleet by zone into FILE.")
@click.option(
    "--start", type=DAY, metavar="YYYY-MM-DD", help="First day of service: dates every request."
)
@click.option(
    "--as-of",
    type=DAY,
    metavar="YYYY-MM-DD",
    help="Today's date: shows late requests and the earliest start; no clock is read.",
)
@site_option
@json_option
@verbose_option
def command(
    *,
    files: tuple[Path, ...],
    svg: Path | None,
    start: datetime | None,
    as_of: datetime | None,
    site: Path,
    as_json: bool,
    verbose: bool,
) -> None:
    """Size workloads: GPUs, nodes, redundancy, memory, storage, bandwidth.

    \b
    sizewright size workloads/chat.yaml
    sizewright size workloads/chat.yaml --verbose
    sizewright size workloads/chat.yaml --site Pulumi.prod.yaml
    sizewright size workloads/chat.yaml --svg fleet.svg
    sizewright size workloads/chat.yaml --start 2027-02-01 --as-of 2026-12-01
    sizewright size workloads/chat.yaml --json | jq '.services[0].pool.gpus_total'

    The answer has at most ten lines for each service; `--verbose` prints the tables. A date adds
    the calendar: what to request, buy and build, and by which day.

    Exit code 5: a service is infeasible; 6: it is beyond this version. The answer is printed
    either way, with the reasons.
    """
    plan = _with_dates(read_plan(files, site), start and start.date(), as_of and as_of.date())
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
        if start or as_of:
            _write_calendar(plan)
    finish(plan)


def _with_dates(plan: Plan, start: date | None, as_of: date | None) -> Plan:
    """Return the plan whose calendar has dates, where any is stated."""
    if start is not None and as_of is not None and start <= as_of:
        raise click.UsageError(f"--start {start} is not after --as-of {as_of}.")
    if plan.calendar is None or (start is None and as_of is None):
        return plan
    return plan.model_copy(update={"calendar": dated(plan.calendar, start, as_of)})


def _write_calendar(plan: Plan) -> None:
    from sizewright.layout.table import table_text
    from sizewright.report.buying import calendar_table

    write(f"\n{table_text(calendar_table(plan))}")


def _write_tables(plan: Plan) -> None:
    from sizewright.layout.table import print_tables
    from sizewright.report.answer.sizing import size_tables
    from sizewright.report.buying import buying_tables, calendar_table

    for line in (*first_line(plan), *without_nodes(plan)):
        write(f"{line}\n")
    print_tables([*size_tables(plan), *buying_tables(plan), calendar_table(plan)])
