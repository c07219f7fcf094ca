"""`sizewright benchmark`: a Job that loads one replica, within a bound of time and of money."""

from fractions import Fraction
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.commands.operate.measured_replica import answer_of, chosen, price_per_hour
from sizewright.commands.options import (
    FILE,
    FiniteRange,
    files_argument,
    finish,
    json_option,
    site_option,
)
from sizewright.layout.console import write_message
from sizewright.reading.input_error import InputError
from sizewright.reading.stack.plan import read_plan
from sizewright.report.benchmark import print_benchmark
from sizewright.write import refuse_full, write_files
from sizing.benchmark import benchmark, bound_s

DEFAULT_USD = 50.0
"""US dollars. Basis: assumed; an hour of most nodes."""


@click.command(name="benchmark")
@files_argument
@site_option
@click.option(
    "--directory",
    type=FILE,
    metavar="DIR",
    default=Path("benchmark"),
    show_default=True,
    help="Empty folder for the files.",
)
@click.option("--service", metavar="NAME", help="Service to measure, where FILE names several.")
@click.option(
    "--minutes",
    type=click.IntRange(5, 1440),
    default=60,
    show_default=True,
    help="Minutes after which the Job ends.",
)
@click.option(
    "--usd",
    type=FiniteRange(0, min_open=True),
    help=f"US dollars of node time after which the Job ends.  [default: {DEFAULT_USD:g}]",
)
@json_option
def command(
    *,
    files: tuple[Path, ...],
    site: Path,
    directory: Path,
    service: str | None,
    minutes: int,
    usd: float | None,
    as_json: bool,
) -> None:
    """Write a Job that loads one replica at the plan's lengths and rates.

    \b
    sizewright benchmark workloads/chat.yaml
    sizewright benchmark workloads/chat.yaml --minutes 30 --usd 5 --directory measured

    The command prints runs, minutes and dollars, and the kubectl commands that take one replica
    out of the traffic, start the Job and save its log. `sizewright calibrate` reads the log.
    Nothing is started. Engines other than vLLM have no such Job.
    """
    from templates.benchmark import benchmark_files

    plan = read_plan(files, site)
    measured = chosen(plan, files, service)
    if measured.serving is None:
        finish(plan, built=True)
        raise InputError(str(files[0]), message=f"no engine serves {measured.name}")
    price = price_per_hour(measured)
    if price is None and usd is not None:
        raise InputError(
            str(files[0]),
            message="no source states the price of a node, so --usd cannot bound the Job",
            expected="--minutes alone",
        )
    most_s = bound_s(minutes, Fraction(DEFAULT_USD if usd is None else usd), price)
    found = benchmark(measured, most_s)
    if not found.runs:
        least_s = min(run.seconds for run in found.left_out)
        raise InputError(
            str(files[0]),
            message=f"no run ends within {most_s / 60:,.1f} minutes",
            expected=f"a bound of at least {-(-least_s // 60)} minutes",
        )
    refuse_full(directory)
    texts = benchmark_files(plan, measured, found.runs, most_s)
    write_files({directory / name: text for name, text in texts.items()})
    answer = answer_of(measured, found, most_s, tuple(texts), directory)
    for run in answer.left_out:
        write_message(f"left out: {run.name}: it does not fit into the bound")
    if as_json:
        print_answer(answer)
    else:
        print_benchmark(answer)
    finish(plan)
