"""Where tables go: stdout, as wide as a terminal, or as wide as it takes when it is piped."""

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console

ENDLESS = 100_000
"""Columns of what is no terminal: nothing wraps there."""


def output_width() -> int:
    """Columns of stdout: the terminal's (COLUMNS overrides it), endless when piped."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else ENDLESS


def colour_wanted() -> bool:
    """Whether stdout is a terminal that may be sent ANSI codes (NO_COLOR, TERM=dumb)."""
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return sys.stdout.isatty() and not dumb and not os.environ.get("NO_COLOR")


def console(width: int | None = None, colour: bool | None = None) -> "Console":
    """A console that prints text as it is: no markup, no highlighting, nothing cut."""
    # Guard: rich costs a tenth of a second, and --json does without it.
    from rich.console import Console

    coloured = colour_wanted() if colour is None else colour
    return Console(
        file=sys.stdout,
        width=max(width or output_width(), 1),
        color_system="standard" if coloured else None,
        force_terminal=coloured,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )


def write(text: str) -> None:
    """`text` and a line end on stdout; what its encoding lacks is written as an escape."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(text.encode(encoding, "backslashreplace").decode(encoding), color=colour_wanted())
