"""`sizewright new`: a repository of the user's own, which pins this project by version."""

import shlex
from pathlib import Path

import click

from sizewright.answers.answer import print_answer
from sizewright.answers.files import NewAnswer
from sizewright.commands.options import FILE, json_option
from sizewright.layout.console import write
from sizewright.layout.numbers import plural
from sizewright.project_files import project_files, project_name
from sizewright.write import refuse_full, write_files


@click.command(name="new")
@click.argument("directory", metavar="DIR", type=FILE)
@json_option
def command(*, directory: Path, as_json: bool) -> None:
    """Create a repository of your own.

    \b
    sizewright new gpu-serving
    sizewright new .

    The folder contains only your own files: the Pulumi project, a stack file, a workload, their
    locks, and a CI workflow. requirements.txt pins this version of sizewright. DIR is new or empty;
    it may contain a .git. Nothing is written otherwise (exit code 2).
    """
    refuse_full(directory, except_for=(".git",))
    files = project_files(project_name(directory))
    texts = {directory / path: text for path, text in files.items()}
    write_files(texts)
    if as_json:
        print_answer(NewAnswer(written=tuple(str(path) for path in texts)))
        return
    write(f"wrote {plural(len(texts), 'file')} into {directory}\n\nnext:")
    if directory != Path():
        write(f"  cd {shlex.quote(str(directory))}")
    write("  python3 -m venv .venv && .venv/bin/pip install --requirement requirements.txt")
    write("  .venv/bin/sizewright preview\n\nREADME.md has the rest.")
