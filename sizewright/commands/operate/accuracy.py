"""`sizewright accuracy`: predictions of the step model for measured runs, and their errors."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from sizewright.answers.accuracy import AccuracyAnswer
from sizewright.answers.answer import print_answer
from sizewright.commands.options import FILE, json_option
from sizewright.layout.numbers import number
from sizewright.layout.progress import counted
from sizewright.measured.accuracy import (
    GROUPS,
    QUANTITIES,
    Compared,
    compared,
    errors,
    grouped,
    summary,
)
from sizewright.measured.replay import Replay, config_files
from sizewright.measured.run import read_runs
from sizewright.reading.input_error import InputError
from sizing.catalog import Catalog, load_catalog

COLUMNS = ("", "rows", "answered", "median", "mean", "P90", "bias", "in band")
TITLE = (
    "{}: |predicted / measured - 1| in %: median, mean and P90 of the rows; bias: the median of "
    "predicted / measured, above 1 is too slow; in band: rows measured between P10 and P90, of "
    "which 80 % would be right"
)
ROW_COLUMNS = (
    "row",
    "TPOT measured",
    "predicted",
    "P10 to P90",
    "TTFT measured",
    "predicted",
    "P10 to P90",
    "",
)


@click.command(name="accuracy")
@click.argument("file", metavar="CSV", type=FILE)
@click.option(
    "--configs",
    metavar="DIR",
    type=FILE,
    help="Folder of <org>--<model>.json, for models by their Hugging Face id.",
)
@json_option
def command(file: Path, configs: Path | None, as_json: bool) -> None:
    """Compare measured serving runs with what the step model predicts.

    \b
    sizewright accuracy bench/data/serving_steps.csv --configs bench/data/configs
    sizewright accuracy runs.csv --json | jq .summary.all

    CSV has the columns of bench/data/serving_steps.csv. A row that cannot be answered stays in the
    table with the reason. The fit already contains some runs, and `make accuracy` leaves them out.
    """
    if configs is not None and not configs.is_dir():
        raise InputError(str(configs), message="is not a folder", expected="<org>--<model>.json")
    catalog = load_catalog()
    replay = Replay(catalog, config_files(configs))
    with counted(list(read_runs(file)), "predicting runs") as runs:
        rows = compared(runs, replay)
    if as_json:
        print_answer(
            AccuracyAnswer.model_validate(
                {
                    "catalog_digest": catalog.digest,
                    "fitted": catalog.coefficients.fitted,
                    "rows": [row.as_json() for row in rows],
                    "summary": summary(rows),
                }
            )
        )
        return
    _print(catalog, rows)


def _print(catalog: Catalog, rows: Sequence[Compared]) -> None:
    from sizewright.layout.table import Table, print_tables

    fitted = f"coefficients fitted {catalog.coefficients.fitted}"
    tables = [Table(f"Predicted against measured, {fitted}", list(_lines(rows)), ROW_COLUMNS)]
    for quantity, name in zip(QUANTITIES, ("TPOT", "TTFT"), strict=True):
        lines = [_summary_line("all", rows, quantity)]
        for by in GROUPS:
            lines += [_summary_line(n or "-", g, quantity) for n, g in grouped(rows, by).items()]
        tables.append(Table(TITLE.format(name), lines, COLUMNS))
    print_tables(tables)


def _lines(rows: Sequence[Compared]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        cells = []
        for quantity in QUANTITIES:
            limits = row.limits(quantity)
            cells += [_ms(row.measured(quantity)), _ms(row.predicted(quantity))]
            cells.append("-" if limits is None else f"{number(limits[0])} to {_ms(limits[1])}")
        yield (row.id or "-", *cells, row.reason or _label(row))


def _label(row: Compared) -> str:
    return (
        ""
        if row.answer is None or row.answer.evidence.is_measured
        else "GPU or precision from its datasheet"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{number(value)} ms"


def _summary_line(name: str, rows: Sequence[Compared], quantity: str) -> tuple[str, ...]:
    answered = sum(row.answer is not None for row in rows)
    found = errors(rows, quantity)
    if found is None:
        return (name, str(len(rows)), str(answered), "-", "-", "-", "-", "-")
    return (
        name,
        str(len(rows)),
        str(answered),
        f"{number(found.median_percent)} %",
        f"{number(found.mean_percent)} %",
        f"{number(found.p90_percent)} %",
        f"x {number(found.bias_ratio)}",
        f"{found.in_band_percent:.0f} %",
    )
