"""`sizewright schema`: JSON schemas of input files and of what `--json` prints."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from sizewright.answers.answer import print_answer
from sizewright.answers.schema import NamedSchema, SchemasAnswer, WrittenAnswer
from sizewright.commands.operate.published_schemas import NAMES, schema_file, schema_of, schema_text
from sizewright.commands.options import FILE, json_option
from sizewright.layout.console import write
from sizewright.layout.json import print_json
from sizewright.reading.input_error import did_you_mean, joined, quoted
from sizewright.schema.reference import PAGES
from sizewright.write import write_files


def _names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in NAMES if name.startswith(incomplete)]


@click.command(name="schema")
@click.argument("name", metavar="[NAME]", required=False, shell_complete=_names)
@click.option("--directory", type=FILE, metavar="DIR", help="Write every schema into a folder.")
@click.option(
    "--markdown", "as_markdown", is_flag=True, help="Print the fields as a page: workload or site."
)
@json_option
def command(name: str | None, directory: Path | None, as_markdown: bool, as_json: bool) -> None:
    """Print the JSON schema of a file or of an answer.

    \b
    sizewright schema
    sizewright schema workload
    sizewright schema workload --markdown
    sizewright schema --directory docs/schema

    NAME is workload, site, stack-lock, feedback, or a command. The schema of a command describes
    what it prints with --json, and feedback what users send to an application. error is the output
    of any command that refuses its input with --json.
    An editor completes and explains a workload file with the first line
    `# yaml-language-server: $schema=PATH`. PATH leads from the file to its schema.
    """
    if directory is not None:
        if name is not None or as_markdown:
            raise click.UsageError("--directory takes every schema, no NAME and no --markdown")
        _write_all(directory, as_json=as_json)
    elif as_markdown:
        _print_page(name, as_json=as_json)
    elif name is None:
        _list(as_json=as_json)
    elif name in NAMES:
        print_json(schema_of(name))
    else:
        hint = did_you_mean(name, NAMES) or f"one of {joined(NAMES, len(NAMES))}"
        raise click.ClickException(f"unknown schema {quoted(name)}; {hint}")


def _print_page(name: str | None, *, as_json: bool) -> None:
    if name not in PAGES or as_json:
        names = " or ".join(PAGES)
        raise click.UsageError(f"--markdown takes the NAME {names}, without --json")
    write(PAGES[name]().rstrip("\n"))


def _write_all(directory: Path, *, as_json: bool) -> None:
    texts = {directory / schema_file(name): schema_text(name) for name in NAMES}
    write_files(texts)
    paths = tuple(str(path) for path in texts)
    if as_json:
        print_answer(WrittenAnswer(written=paths))
    else:
        write("\n".join(paths))


def _list(*, as_json: bool) -> None:
    named = tuple(NamedSchema(name=name, title=schema_of(name)["title"]) for name in NAMES)
    if as_json:
        print_answer(SchemasAnswer(schemas=named))
        return
    from sizewright.layout.table import Table, print_tables

    print_tables([Table("", [(each.name, each.title) for each in named])])
