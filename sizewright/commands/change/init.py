"""`sizewright init`: a new workload file, sized before it is written, and a first stack file."""

import re
import sys
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.files import InitAnswer
from sizewright.commands.change.starter import (
    Guesses,
    guessed_lines,
    starter_site_text,
    starter_text,
)
from sizewright.commands.change.traced import traced_lines
from sizewright.commands.options import FILE, columns_option, json_option, said_code, site_option
from sizewright.layout.console import write
from sizewright.reading.input_error import InputError, quoted
from sizewright.reading.lock_file import lock_of, lock_text
from sizewright.reading.plain_yaml import PlainYaml
from sizewright.reading.read import Document, is_taken
from sizewright.reading.stack.plan import plan_of
from sizewright.reading.stack.site_file import DEFAULT_SITE, read_site, site_in
from sizewright.reading.stack.workload_file import WorkloadFile
from sizewright.reading.traces.formats import Format
from sizewright.reading.traces.trace_file import read_trace
from sizewright.schema.modeline import modeline
from sizewright.write import write_files
from sizing.catalog import Catalog, ModelFacts, UnknownName, load_catalog
from sizing.replay.shape import trace_shape
from sizing.workload import AUTO, DNS_LABEL, Workload


@click.command(name="init")
@click.argument("name")
@click.option("--kind", type=click.Choice(["text", "chat"]), default="chat", show_default=True)
@click.option("--model", default="llama-3.1-8b", show_default=True, help="A model of the catalog.")
@click.option(
    "--instance-type", default=AUTO, show_default=True, help="EC2 type; auto is the cheapest."
)
@click.option(
    "--users",
    type=click.IntRange(min=1, max=10**12),
    default=10_000,
    show_default=True,
    help="Users on one day.",
)
@click.option(
    "--trace", type=FILE, metavar="FILE", help="Trace from which arrivals and lengths come."
)
@columns_option
@click.option("--directory", type=FILE, metavar="DIR", default=Path("workloads"), show_default=True)
@site_option
@json_option
def command(
    *,
    name: str,
    kind: str,
    model: str,
    instance_type: str,
    users: int,
    trace: Path | None,
    columns: Format | None,
    directory: Path,
    site: Path,
    as_json: bool,
) -> None:
    """Write a new workload file, its lock, and a stack file where none exists.

    \b
    sizewright init search --kind text --users 50000
    sizewright init support --model mistral-7b-v0.3 --instance-type g5.xlarge
    sizewright init code --trace AzureLLMInferenceTrace_code.csv

    With --trace, mean, peak and lengths of the requests come from a trace that `replay` reads, and
    comments say how. The users stay a guess, because a trace has none.

    Below a folder with docs/schema/workload.schema.json, the file names that schema to editors.
    `sizewright schema --directory docs/schema` writes it. The workload is sized before it is
    written. Nothing is written when it is infeasible (exit code 5) or a file of that name exists
    (exit code 2).
    """
    if not re.fullmatch(DNS_LABEL, name):
        expected = "lower-case letters, digits and hyphens, at most 30, a letter first"
        raise click.ClickException(f"NAME {quoted(name)}: expected {expected}")
    path, lock_path = directory / f"{name}.yaml", directory / f"{name}.lock"
    for taken in (path, lock_path):
        # Guard: a broken link also counts, because the file would be written to its target.
        if is_taken(taken):
            raise InputError(str(taken), message="exists already", expected="a new name")
    catalog = load_catalog()
    known = _model(catalog, model)
    text = modeline(directory) + starter_text(
        name=name,
        kind=kind,
        model=known.model,
        instance_type=_instance_type(catalog, instance_type),
        lines=_lines(trace, columns, users, known),
    )
    document = _document(path, text)
    workload = document.validate(Workload)
    site_text = _first_site_text(site, path)
    site_file = read_site(site) if site_text is None else site_in(_document(site, site_text), site)
    plan = plan_of([WorkloadFile(path, document, workload, None)], site_file, catalog)
    lock = lock_of(workload, plan, catalog)
    if lock is None:
        sys.exit(said_code(plan))
    texts = {path: text, lock_path: lock_text(lock)}
    if site_text is not None:
        texts[site] = site_text
    write_files(texts)
    if as_json:
        print_answer(InitAnswer(written=tuple(map(str, texts))))
    else:
        _say_next(tuple(texts), site, trace)


def _lines(trace: Path | None, columns: Format | None, users: int, model: ModelFacts) -> Guesses:
    """Return the lines on traffic and requests. Raises ClickException and InputError."""
    if trace is None:
        if columns is not None:
            raise click.UsageError("--columns names those of a trace, so --trace FILE is missing.")
        return guessed_lines(users, model.context)
    read = read_trace(trace, columns)
    shape = trace_shape(read.trace)
    mean = sum(tokens * share for tokens, share in (*shape.input_tokens, *shape.output_tokens))
    if model.context is not None and mean > model.context:
        raise click.ClickException(
            f"--model {model.model}: the mean request of {trace} has {mean:,.0f} tokens; expected "
            f"a model of a longer context than {model.context:,}"
        )
    return traced_lines(read, shape, users, model.context)


def _first_site_text(site: Path, workload: Path) -> str | None:
    """Text of the first stack file; None where one exists or `--site` names another one."""
    if site != DEFAULT_SITE or any(map(is_taken, (site, *Path().glob("Pulumi.*.yaml")))):
        return None
    return modeline(Path(), "site") + starter_site_text(workload)


def _document(path: Path, text: str) -> Document:
    """Return the document of a file that is not written yet."""
    yaml = PlainYaml(text.encode())
    return Document(str(path), yaml.data, yaml.key_positions, yaml.value_positions)


def _model(catalog: Catalog, name: str) -> ModelFacts:
    try:
        model = catalog.model(name)
    except UnknownName as unknown:
        raise _refused("--model", unknown, "models") from None
    if not model.is_language or model.parameters is None:
        raise click.ClickException(
            f"--model {model.model}: {model.kind} of {model.parameters or 'unknown'} parameters; "
            "expected a language model of a known size"
        )
    return model


def _instance_type(catalog: Catalog, name: str) -> str:
    try:
        return AUTO if name == AUTO else catalog.instance_type(name).name
    except UnknownName as unknown:
        raise _refused("--instance-type", unknown, "instance-types") from None


def _refused(option: str, unknown: UnknownName, kind: str) -> click.ClickException:
    hint = unknown.hint or f"`sizewright catalog {kind}` lists them"
    return click.ClickException(f"{option} {quoted(unknown.name)} is unknown; {hint}")


def _say_next(written: tuple[Path, ...], site: Path, trace: Path | None) -> None:
    path, option = written[0], "" if site == DEFAULT_SITE else f" --site {site}"
    files = f"{', '.join(map(str, written[:-1]))} and {written[-1]}"
    write(f"wrote {files}\n\nnext, with your own numbers in {path}:")
    write(f"  sizewright size {path}{option}\n  sizewright preview {path}{option}")
    if trace is not None:
        write(f"  sizewright replay {trace} {path}{option}")
