"""`sizewright orphans`: resources that a killed engine may have left behind."""

import sys
from collections.abc import Sequence

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.orphans import OrphansAnswer
from sizewright.exit_code import ExitCode
from sizewright.layout.console import write
from sizewright.reading.deployed import place, read_json
from sizewright.reading.orphans import Orphan, pending, untracked

COLUMNS = ("cause", "what", "where", "next", "adopt")
NOTHING = "these files show nothing that was left behind"


@click.command(name="orphans")
@click.option(
    "--state",
    "states",
    metavar="FILE",
    multiple=True,
    help="Output of `pulumi stack export`, - for stdin; once for each stack of the account.",
)
@click.option(
    "--tags",
    metavar="FILE",
    help="Output of `aws resourcegroupstaggingapi get-resources`, - for stdin.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(states: tuple[str, ...], tags: str | None, as_json: bool) -> None:
    """Show resources that a killed engine may have left behind.

    \b
    pulumi stack export | sizewright orphans --state -
    aws resourcegroupstaggingapi get-resources > tags.json
    sizewright orphans --tags tags.json --state dev.json --state prod.json

    --state alone shows the operations that began and did not end. --tags shows resources with this
    program's tags that no state contains; without a state, duplicates. docs/recovery.md has the
    steps. Exit code 4: at least one resource is listed.
    """
    if not states and tags is None:
        raise click.UsageError("one of --state and --tags is needed")
    if (*states, tags).count("-") > 1:
        raise click.UsageError("stdin can be read once")
    exports = [(read_json(name), place(name)) for name in states]
    if tags is None:
        found = [orphan for export, where in exports for orphan in pending(export, where)]
    else:
        found = untracked(read_json(tags), place(tags), exports)
    if as_json:
        print_answer(OrphansAnswer(orphans=tuple(found)))
    else:
        _print(found)
    if found:
        sys.exit(ExitCode.gate_failed)


def _print(found: Sequence[Orphan]) -> None:
    if not found:
        write(NOTHING)
        return
    from sizewright.layout.table import Table, print_tables

    rows = [
        (
            each.cause.value,
            f"{each.type or ''} {each.name or ''}".strip(),
            _place(each),
            each.next,
            each.adopt or "",
        )
        for each in found
    ]
    print_tables([Table("", rows, COLUMNS)])


def _place(orphan: Orphan) -> str:
    return orphan.arn or orphan.urn or ""
