"""`sizewright render`: the files for cluster, nodes and monitoring, with unfilled wires."""

from pathlib import Path

import click

from sizewright.commands.options import FILE, files_argument, finish, json_option, site_option
from sizewright.layout.console import write, write_message
from sizewright.layout.json import print_json
from sizewright.reading.stack.plan import read_plan
from sizewright.report.answer.contradicted import first_line
from sizewright.write import refuse_full, write_files
from sizing.plan.whole import SCHEMA_VERSION


@click.command(name="render")
@files_argument
@site_option
@click.option("--directory", type=FILE, metavar="DIR", help="Write the files into an empty folder.")
@json_option
def command(files: tuple[Path, ...], site: Path, directory: Path | None, as_json: bool) -> None:
    """Print the Kubernetes, node and monitoring files of workloads.

    \b
    sizewright render workloads/chat.yaml
    sizewright render workloads/chat.yaml --directory rendered
    sizewright render workloads/chat.yaml --json | jq -r '.["kubernetes/chat/service.yaml"]'

    ${wire:NAME} marks a value that exists only after creation. monitoring/ has the alerts and
    dashboards for your own Prometheus and Grafana.
    """
    from templates.monitoring.files import monitoring_files
    from templates.render import render

    plan = read_plan(files, site)
    try:
        texts = dict(sorted({**render(plan), **monitoring_files(plan)}.items()))
    except ValueError as fault:
        raise click.ClickException(str(fault)) from None
    if directory is not None:
        refuse_full(directory)
        write_files({directory / path: text for path, text in texts.items()})
    if as_json:
        print_json({"schema_version": SCHEMA_VERSION, **texts})
    elif directory is not None:
        for line in first_line(plan):
            write_message(line)
        write("\n".join(str(directory / path) for path in texts))
    elif texts:
        contradicted = "".join(f"# {line}\n" for line in first_line(plan))
        files_of = "\n".join(f"# {path}\n{text}" for path, text in texts.items())
        write(f"{contradicted}{files_of}".rstrip("\n"))
    finish(plan)
