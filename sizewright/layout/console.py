"""Results go to stdout, as wide as the terminal, or without a limit where it is piped.

Messages go to stderr.
"""

import io
import os
import shutil
import sys
from typing import TYPE_CHECKING, TextIO

import click

from sizewright.exit_code import ExitCode
from sizewright.interrupt import end_if_interrupted
from sizewright.reading.credentials import masked

if TYPE_CHECKING:
    from rich.console import Console

ENDLESS = 100_000
"""Width of an output that is not a terminal: nothing wraps there."""


def is_terminal() -> bool:
    """True where stdout is a terminal."""
    # Guard: stdout is None when its descriptor was closed before Python started.
    return sys.stdout is not None and sys.stdout.isatty()


def output_width() -> int:
    """Columns of stdout: the terminal's (COLUMNS overrides it), or no limit when piped."""
    return shutil.get_terminal_size().columns if is_terminal() else ENDLESS


def moves_cursor(stream: TextIO | None) -> bool:
    """True where a stream is a terminal that understands ANSI codes."""
    # Guard: a stream is None when its descriptor was closed before Python started.
    dumb = os.environ.get("TERM", "").lower() in ("", "dumb", "unknown")
    return stream is not None and stream.isatty() and not dumb


def colour_wanted() -> bool:
    """True where stdout is a terminal that accepts colours (NO_COLOR, TERM=dumb)."""
    return moves_cursor(sys.stdout) and not os.environ.get("NO_COLOR")


def layout(width: int, colour: bool) -> "Console":
    """Return a console that lays out text in memory, without markup and highlighting."""
    # Guard: rich takes a tenth of a second to import, and --json does not need it.
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
    """Write `text` and a line end to stdout; characters missing in its encoding become escapes."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    write_bytes(f"{masked(text)}\n".encode(encoding, "backslashreplace"))


def write_message(text: str) -> None:
    """Write `text` and a line end to stderr; an error of stderr has no other effect."""
    try:
        click.echo(masked(text), err=True)
    except OSError:
        # Guard: Python would try again when it flushes stderr at exit, and exit with 120.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def write_bytes(content: bytes) -> None:
    """Write `content` to stdout unchanged; a reader who leaves early has no other effect.

    Exits with 1 where stdout cannot be written to.
    """
    end_if_interrupted()
    try:
        click.echo(content, nl=False, color=True)
    except OSError as error:
        # Guard: Python would complain again when it flushes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            write_message(f"cannot write to stdout: {error.strerror}")
            sys.exit(ExitCode.unexpected)
