"""`sizewright explain`: why a number has its value."""

from dataclasses import asdict
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from sizewright.answers.answer import print_answer
from sizewright.answers.explain import ExplainAnswer, ExplanationAnswer
from sizewright.commands.answer.labels import bare, labelled, properties
from sizewright.commands.answer.leaves import (
    NamedLeaf,
    UnknownLeafError,
    named_leaves,
    resolve_leaf_name,
)
from sizewright.commands.answer.stack_services import workload_file
from sizewright.commands.options import file_argument, finish, json_option, site_option
from sizewright.layout.console import write
from sizewright.reading.input_error import InputError
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import DEFAULT_SITE, read_site
from sizewright.reading.stack.workload_file import read_workload, with_routes
from sizewright.report.answer.contradicted import first_line
from sizewright.report.change.difference import HEADLINES
from sizing.catalog import load_catalog
from sizing.explain import Explanation, explain, explain_all
from sizing.plan.whole import Plan


def _numbers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the plan's numbers with this beginning; empty where the file cannot be sized."""
    file, site = ctx.params.get("file"), ctx.params.get("site") or DEFAULT_SITE
    try:
        leaves = named_leaves(_plan(file, site)) if file else ()
    except InputError:
        return []
    names = [leaf.name for leaf in leaves if leaf.number is not None and not _is_input(leaf)]
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command(name="explain")
@file_argument
@click.argument("words", metavar="[LABEL]", nargs=-1, shell_complete=_numbers)
@site_option
@click.option("--all", "with_inputs", is_flag=True, help="Also explain the inputs.")
@json_option
def command(
    file: Path, words: tuple[str, ...], site: Path, with_inputs: bool, as_json: bool
) -> None:
    """Show why a number has its value: formula, numbers, basis, remarks.

    \b
    sizewright explain workloads/chat.yaml
    sizewright explain chat price
    sizewright explain chat GPUs needed
    sizewright explain workloads/chat.yaml chat.pool.gpus_total
    sizewright explain workloads/chat.yaml /services/0/pool/gpus_total

    FILE is a workload file, or the name of a service of the stack. LABEL is the text
    that `size`, `compare` or `preview` prints before a number, or a name as the list shows it. It
    may also be a unique end of a name, a part of the plan (chat.pool), or a JSON pointer into
    `size --json`.
    """
    plan = _plan(workload_file(file, site), site)
    leaves = named_leaves(plan)
    if not words:
        chosen = tuple(leaf for leaf in leaves if leaf.number is not None)
        if not with_inputs:
            chosen = tuple(leaf for leaf in chosen if not _is_input(leaf))
    else:
        try:
            chosen = _meant(plan, leaves, " ".join(words))
        except UnknownLeafError as fault:
            raise click.ClickException(str(fault)) from None
    explained = _explained(plan, chosen)
    if as_json:
        answers = tuple(ExplanationAnswer(name=name, **asdict(why)) for name, why in explained)
        print_answer(ExplainAnswer(explanations=answers))
    else:
        for line in first_line(plan):
            write(f"{line}\n")
        _print(explained)
    finish(plan)


def _plan(file: Path, site: Path) -> Plan:
    """Plan of a workload file, with the files of its routes. Raises InputError."""
    catalog = load_catalog()
    files = with_routes(read_workload(file, catalog), catalog)
    return plan_of(files, read_site(site), catalog)


def _meant(plan: Plan, leaves: tuple[NamedLeaf, ...], requested: str) -> tuple[NamedLeaf, ...]:
    """The numbers of a printed label; else of a name, a part, or a printed property.

    Raises UnknownLeafError.
    """
    numbers = {leaf.name: leaf for leaf in leaves if leaf.number is not None}
    if found := list(labelled(requested, list(numbers), HEADLINES)):
        return tuple(numbers[name] for name in found)
    try:
        return resolve_leaf_name(leaves, bare(requested))
    except UnknownLeafError:
        pointers = set(properties(plan, requested))
        decided = tuple(leaf for leaf in numbers.values() if leaf.pointer in pointers)
        if not decided:
            raise
        return decided


def _explained(plan: Plan, chosen: tuple[NamedLeaf, ...]) -> list[tuple[str, Explanation]]:
    if len(chosen) == 1:
        return [(chosen[0].name, explain(plan, chosen[0].pointer))]
    reasons = {why.pointer: why for why in explain_all(plan)}
    return [(leaf.name, reasons[leaf.pointer]) for leaf in chosen]


def _is_input(leaf: NamedLeaf) -> bool:
    return leaf.name.split(".")[1:2] == ["inputs"]


def _print(explained: list[tuple[str, Explanation]]) -> None:
    from sizewright.layout.table import print_tables
    from sizewright.report.answer.explanation import many, one

    print_tables([one(*explained[0])] if len(explained) == 1 else many(explained))
