"""What the commands share that answer on a table: arguments, facts, messages and exit codes."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from tally import Tally

from sizewright.exit_code import ExitCode
from sizewright.measured.prediction import Predictor, config_files
from sizewright.reading.input_error import InputError
from sizing.catalog import load_catalog

CONFIGS = Path(__file__).parent / "data" / "configs"


def table_parser(doc: str | None) -> ArgumentParser:
    """Arguments of a command that reads a table of published throughputs."""
    parser = ArgumentParser(description=doc)
    parser.add_argument("table", type=Path, help="CSV, one row per measurement")
    parser.add_argument(
        "--configs",
        type=Path,
        metavar="DIR",
        help="folder of <org>--<model>.json, for models by their Hugging Face id",
    )
    return parser


def replay_of(given: Namespace) -> Predictor:
    """Return the catalog with the models of this project and of the given folder."""
    if given.configs is not None and not given.configs.is_dir():
        expected = "<org>--<model>.json"
        raise InputError(str(given.configs), message="is not a folder", expected=expected)
    return Predictor(load_catalog(), config_files(CONFIGS) | config_files(given.configs))


def exit_code(
    command: Callable[[Namespace], Tally],
    parser: ArgumentParser,
    arguments: Sequence[str] | None = None,
) -> int:
    """Run the command: 0, 2 for a file that cannot be used, 6 where no row was answered."""
    try:
        tally = command(parser.parse_args(arguments))
    except InputError as fault:
        print(fault, file=sys.stderr)
        return ExitCode.bad_input
    if not tally.has_answers:
        print("no row of the table was answered", file=sys.stderr)
        return ExitCode.incomplete
    return ExitCode.ok
