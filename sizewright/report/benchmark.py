"""Text of `sizewright benchmark`: runs, time, money, limits and steps."""

from sizewright.answers.files import BenchmarkAnswer, BenchmarkRunAnswer
from sizewright.layout.console import write
from sizewright.layout.numbers import number
from sizewright.layout.paragraph import wrapped
from sizewright.layout.table import Table, table_text

HEADINGS = ("", "load", "requests", "warm-up", "minutes at most")


def print_benchmark(answer: BenchmarkAnswer) -> None:
    """Write the answer on stdout."""
    rows = [_row(run) for run in answer.runs]
    title = f"{answer.service}: runs on one replica"
    parts = [table_text(Table(title, rows, HEADINGS)), _money(answer)]
    parts.append("\n".join(wrapped(note) for note in answer.notes))
    parts.append("\n".join(["Run it:", *(f"  {step}" for step in answer.steps)]))
    write("\n\n".join(parts))


def _row(run: BenchmarkRunAnswer) -> tuple[str, ...]:
    load = (
        f"{number(run.requests_per_s)} requests/s"
        if run.requests_per_s is not None
        else f"{run.concurrency} in flight"
    )
    return (
        run.name,
        load,
        f"{run.requests:,}",
        f"{run.warm_up_requests:,}",
        number(run.minutes_at_most),
    )


def _money(answer: BenchmarkAnswer) -> str:
    cost = (
        "an unknown cost, because no source states the price of a node"
        if answer.usd_at_most is None
        else f"{answer.usd_at_most:,.2f} USD of node time"
    )
    return wrapped(
        f"In all at most {number(answer.minutes_at_most)} minutes, {answer.requests:,} requests "
        f"and {cost}. The Job ends after {number(answer.bound_minutes)} minutes and never retries."
    )
