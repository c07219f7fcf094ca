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
    Compared,
    Table,
    compared,
    errors,
    grouped,
    read_table,
    summary,
)
from sizewright.measured.prediction import Predictor, config_files
from sizewright.reading.input_error import InputError
from sizing.catalog import Catalog, load_catalog

COLUMNS = ("", "rows", "answered", "median", "mean", "P90", "bias", "in band")
TITLE = (
    "{}: |predicted / measured - 1| in %: median, mean and P90 of the rows; bias: the median of "
    "predicted / measured, above 1 is too slow; in band: rows measured between P10 and P90, of "
    "which 80 % would be right"
)
NAMES = {"tpot_ms": "TPOT", "ttft_ms": "TTFT", "seconds_per_item": "item"}
UNITS = {"tpot_ms": "ms", "ttft_ms": "ms", "seconds_per_item": "s"}


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

    CSV has the columns of bench/data/serving_steps.csv, or those of a table of throughputs:
    workload, model, engine, gpu, n_gpus, items_s, sec_per_item and others. Of such a table, images
    and clips are predicted. A row that cannot be answered stays in the table with the reason. The
    fit already contains some runs, and `make accuracy` leaves them out.
    """
    if configs is not None and not configs.is_dir():
        raise InputError(str(configs), message="is not a folder", expected="<org>--<model>.json")
    catalog = load_catalog()
    predictor, table = Predictor(catalog, config_files(configs)), read_table(file)
    with counted(list(table.rows), "predicting runs") as runs:
        rows = compared(runs, predictor)
    if as_json:
        print_answer(
            AccuracyAnswer.model_validate(
                {
                    "catalog_digest": catalog.digest,
                    "fitted": _fitted(catalog, table),
                    "rows": [row.as_json(table.quantities) for row in rows],
                    "summary": summary(rows),
                }
            )
        )
        return
    _print(catalog, table, rows)


def _fitted(catalog: Catalog, table: Table) -> str:
    """Date of the coefficients that predict the table."""
    known = catalog.media_coefficients if table.is_media else catalog.coefficients
    return known.fitted


def _print(catalog: Catalog, table: Table, rows: Sequence[Compared]) -> None:
    from sizewright.layout import table as layout

    fitted = f"coefficients fitted {_fitted(catalog, table)}"
    title = f"Predicted against measured, {fitted}"
    tables = [layout.Table(title, list(_lines(table, rows)), _row_columns(table))]
    for quantity in table.quantities:
        lines = [_summary_line("all", rows, quantity)]
        for by in GROUPS:
            lines += [_summary_line(n or "-", g, quantity) for n, g in grouped(rows, by).items()]
        tables.append(layout.Table(TITLE.format(NAMES[quantity]), lines, COLUMNS))
    layout.print_tables(tables)


def _row_columns(table: Table) -> tuple[str, ...]:
    times = [(f"{NAMES[q]} measured", "predicted", "P10 to P90") for q in table.quantities]
    return ("row", *(name for columns in times for name in columns), "")


def _lines(table: Table, rows: Sequence[Compared]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        cells = []
        for quantity in table.quantities:
            limits, unit = row.limits(quantity), UNITS[quantity]
            cells += [_time(row.measured(quantity), unit), _time(row.predicted(quantity), unit)]
            cells.append(
                "-" if limits is None else f"{number(limits[0])} to {_time(limits[1], unit)}"
            )
        yield (row.id or "-", *cells, row.reason or _label(row))


def _label(row: Compared) -> str:
    return (
        ""
        if row.answer is None or row.answer.evidence.is_measured
        else "GPU or precision from its datasheet"
    )


def _time(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{number(value)} {unit}"


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
