"""Arguments and options that commands share, and the exit of commands that size workloads."""

import sys
from math import isfinite
from pathlib import Path
from typing import Any

import click

from sizewright.exit_code import ExitCode
from sizewright.feasibility import exit_code, shortfalls, unserved
from sizewright.layout.console import write_message
from sizewright.reading.stack.site_file import DEFAULT_SITE, SiteFile
from sizewright.reading.traces.formats import Format, own_format
from sizing.plan.whole import Plan

FILE = click.Path(path_type=Path)


class FiniteRange(click.FloatRange):
    """Number of an option within bounds. Guard: NaN is within any bounds for click."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Raises BadParameter for a value that is no finite number within the bounds."""
        number: float = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


files_argument = click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FILE)
stack_files_argument = click.argument("files", metavar="[FILE]...", nargs=-1, type=FILE)
file_argument = click.argument("file", metavar="FILE", type=FILE)
site_option = click.option(
    "--site",
    metavar="FILE",
    type=FILE,
    default=DEFAULT_SITE,
    show_default=True,
    help="Stack file with region, zones and environment.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
verbose_option = click.option(
    "--verbose",
    "-v",
    is_flag=True,
    help="Print every figure, rejected option, unverified pin and resource, not only the summary.",
)


def own_columns(_: click.Context, __: click.Parameter, value: str | None) -> Format | None:
    """Return the format of the stated columns. Raises BadParameter."""
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")]
    if len(names) != 3 or len(set(names)) != 3 or not all(names):
        raise click.BadParameter(f"{value!r}: expected three names, TIME,INPUT,OUTPUT")
    return own_format(names)


columns_option = click.option(
    "--columns",
    metavar="TIME,INPUT,OUTPUT",
    callback=own_columns,
    help="Columns of an own log: arrival, prompt tokens, answer tokens.",
)


def stack_files(given: tuple[Path, ...], site: SiteFile) -> tuple[Path, ...]:
    """The given workload files, else those that the stack names. Raises UsageError for neither."""
    if given:
        return given
    if site.workloads is None:
        raise click.UsageError("Missing argument 'FILE...': the stack file names no workloads.")
    return tuple(Path(name) for name in site.workloads)


def finish(*plans: Plan, built: bool = False) -> None:
    """Exit with code 5 or 6 where a service has no pool or, with `built`, no nodes."""
    code = said_code(*plans, built=built)
    if code:
        sys.exit(code)


def said_code(*plans: Plan, built: bool = False) -> ExitCode:
    """Return the exit code of plans; report on stderr which services lack a pool or nodes."""
    for plan in plans:
        for shortfall in (*shortfalls(plan), *(unserved(plan) if built else ())):
            write_message(shortfall.text)
    return exit_code(*plans, built=built)
