"""Where results go: stdout, as wide as a terminal, or as wide as it takes when it is piped.

Messages go to stderr.
"""

import io
import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

import click

from sizewright.exit_code import ExitCode
from sizewright.interrupt import end_if_asked
from sizewright.reading.credentials import masked

if TYPE_CHECKING:
    from rich.console import Console

ENDLESS = 100_000
"""Columns of what is no terminal: nothing wraps there."""


def is_terminal() -> bool:
    """Whether somebody reads stdout on a terminal."""
    # Guard: stdout is None when its descriptor was closed before Python started.
    return sys.stdout is not None and sys.stdout.isatty()


def output_width() -> int:
    """Columns of stdout: the terminal's (COLUMNS overrides it), endless when piped."""
    return shutil.get_terminal_size().columns if is_terminal() else ENDLESS


def moves_cursor(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that understands ANSI codes."""
    # Guard: a stream is None when its descriptor was closed before Python started.
    dumb = os.environ.get("TERM", "").lower() in ("", "dumb", "unknown")
    return stream is not None and stream.isatty() and not dumb


def colour_wanted() -> bool:
    """Whether stdout is a terminal that may be sent colours (NO_COLOR, TERM=dumb)."""
    return moves_cursor(sys.stdout) and not os.environ.get("NO_COLOR")


def layout(width: int, colour: bool) -> "Console":
    """A console to lay out text with, into memory: no markup, no highlighting."""
    # Guard: rich costs a tenth of a second, and --json does without it.
    from rich.console import Console

    return Console(
        file=io.StringIO(),
        width=width,
        color_system="standard" if colour else None,
        force_terminal=colour,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )


def write(text: str) -> None:
    """`text` and a line end on stdout; what its encoding lacks is written as an escape."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    write_bytes(f"{masked(text)}\n".encode(encoding, "backslashreplace"))


def tell(text: str) -> None:
    """`text` and a line end on stderr; one that nobody can read changes nothing else."""
    try:
        click.echo(masked(text), err=True)
    except OSError:
        # Guard: Python would try again when it flushes stderr at exit, and exit with 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def write_bytes(content: bytes) -> None:
    """`content` on stdout as it is; a reader who left early changes nothing else.

    Exits with 1 where stdout cannot be written to.
    """
    end_if_asked()
    try:
        click.echo(content, nl=False, color=True)
    except OSError as error:
        # Guard: Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            tell(f"cannot write to stdout: {error.strerror}")
            sys.exit(ExitCode.unexpected)
