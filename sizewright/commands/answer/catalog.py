"""`sizewright catalog`: known facts about hardware, models, engines and versions, with sources."""

from collections.abc import Callable, Sequence
from typing import get_args

import click
from click.shell_completion import CompletionItem

from sizewright.answers.answer import print_answer
from sizewright.answers.catalog import Kind, KindAnswer, KindsAnswer, OneRowAnswer, Row, RowsAnswer
from sizewright.commands.options import json_option
from sizewright.reading.input_error import did_you_mean, quoted
from sizing.catalog import (
    Catalog,
    EngineSupport,
    UnknownName,
    load_catalog,
)

KINDS: tuple[Kind, ...] = get_args(Kind)


def _kinds(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(kind) for kind in KINDS if kind.startswith(incomplete)]


def _row_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    kind = ctx.params.get("kind")
    names = [row.names[0] for row in _rows(load_catalog(), kind)] if kind in KINDS else []
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command(name="catalog")
@click.argument("kind", metavar="[KIND]", required=False, shell_complete=_kinds)
@click.argument("words", metavar="[NAME]", nargs=-1, shell_complete=_row_names)
@click.option("--region", metavar="REGION", help="List only instance types that are sold there.")
@json_option
def command(kind: str | None, words: tuple[str, ...], region: str | None, as_json: bool) -> None:
    """Show the known instance types, GPUs, models, checkpoints, engines and versions.

    \b
    sizewright catalog
    sizewright catalog instance-types --region eu-west-1
    sizewright catalog instance-types g6.xlarge
    sizewright catalog models llama-3.1-8b --json

    KIND is instance-types, gpus, models, checkpoints, engines or pins. A NAME shows every fact of
    one row with its source; what nobody read in a source is marked unverified. Engines are
    those that engine.name accepts, with the precisions that each runs.
    """
    catalog = load_catalog()
    if region is not None and (kind != "instance-types" or words):
        raise click.ClickException("--region applies only to the list of instance-types")
    if kind is None:
        _show_kinds(catalog, as_json)
        return
    if kind not in KINDS:
        raise _unknown("kind", kind, did_you_mean(kind, KINDS) or f"one of {', '.join(KINDS)}")
    if words:
        _show_row(catalog, kind, _row(catalog, kind, " ".join(words)), as_json)
        return
    rows = _rows(catalog, kind)
    if region is not None:
        rows = _sold_in(catalog, region)
    _show_rows(catalog, kind, rows, as_json)


def _rows(catalog: Catalog, kind: str) -> Sequence[Row]:
    rows: Sequence[Row] = getattr(catalog, kind.replace("-", "_"))
    return rows


def _row(catalog: Catalog, kind: str, name: str) -> Row:
    if kind == "engines":
        return _engine(catalog, name)
    find: dict[str, Callable[[str], Row]] = {
        "instance-types": catalog.instance_type,
        "gpus": catalog.gpu,
        "models": catalog.model,
        "checkpoints": catalog.checkpoint,
        "pins": catalog.pin,
    }
    try:
        return find[kind](name)
    except UnknownName as unknown:
        hint = unknown.hint or f"`sizewright catalog {kind}` lists them"
        raise _unknown(unknown.kind, name, hint) from None


def _engine(catalog: Catalog, name: str) -> EngineSupport:
    engines = {row.names[0]: row for row in catalog.engines}
    if name not in engines:
        hint = did_you_mean(name, engines) or "write both, e.g. vllm fp8"
        raise _unknown("engine and precision", name, hint)
    return engines[name]


def _sold_in(catalog: Catalog, region: str) -> Sequence[Row]:
    regions = sorted({region for row in catalog.instance_types for region in row.regions})
    if region not in regions:
        hint = did_you_mean(region, regions) or f"known: {', '.join(regions)}"
        raise _unknown("region", region, hint)
    return [row for row in catalog.instance_types if region in row.regions]


def _unknown(what: str, name: str, hint: str) -> click.ClickException:
    return click.ClickException(f"unknown {what} {quoted(name)}; {hint}")


def _show_kinds(catalog: Catalog, as_json: bool) -> None:
    counts = {kind: len(_rows(catalog, kind)) for kind in KINDS}
    if as_json:
        kinds = tuple(KindAnswer(kind=kind, count=count) for kind, count in counts.items())
        print_answer(KindsAnswer(catalog_digest=catalog.digest, kinds=kinds))
        return
    from sizewright.layout.table import Table, print_tables

    rows = [(kind, str(count)) for kind, count in counts.items()]
    print_tables([Table(f"catalog {catalog.digest}", rows)])


def _show_rows(catalog: Catalog, kind: str, rows: Sequence[Row], as_json: bool) -> None:
    if as_json:
        print_answer(RowsAnswer(catalog_digest=catalog.digest, kind=kind, rows=tuple(rows)))
        return
    from sizewright.layout.table import print_tables
    from sizewright.report.answer.facts import list_table

    print_tables([list_table(kind, rows)])


def _show_row(catalog: Catalog, kind: str, row: Row, as_json: bool) -> None:
    if as_json:
        print_answer(OneRowAnswer(catalog_digest=catalog.digest, kind=kind, row=row))
        return
    from sizewright.layout.table import Table, print_tables
    from sizewright.report.answer.facts import fact_rows

    print_tables([Table(row.names[0], list(fact_rows(row)))])
