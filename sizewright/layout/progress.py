"""Progress of long work, shown on stderr on a terminal and removed when the work is done."""

import logging
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING, Protocol, TypeVar

from sizewright.layout.console import moves_cursor

if TYPE_CHECKING:
    from rich.console import Console

T = TypeVar("T")
HELD = 10_000
"""Most messages that wait. Basis: assumed; a program of this size logs a handful."""


class Display(Protocol):
    """A display that rich redraws until it is stopped."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show a text while the block runs; its log messages appear afterwards."""
    if not moves_cursor(sys.stderr):
        yield
        return
    from rich.live import Live
    from rich.spinner import Spinner

    # Guard: by default Live puts itself between the program and its stdout.
    live = Live(
        Spinner("line", text),
        console=_console(),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with _drawn(live):
        yield


@contextmanager
def counted(items: Sequence[T], text: str) -> Iterator[Iterable[T]]:
    """Yield the items while the block runs, and show how many were processed."""
    if not moves_cursor(sys.stderr):
        yield items
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=_console(),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with _drawn(bar):
        yield bar.track(items, description=text)


@contextmanager
def _drawn(display: Display) -> Iterator[None]:
    """Show the display while the block runs; log messages wait until it is removed."""
    said = MemoryHandler(HELD, flushLevel=logging.CRITICAL + 1, target=logging.StreamHandler())
    logging.getLogger().addHandler(said)
    try:
        # Guard: an interrupt during the start must stop it too, or the cursor stays hidden.
        display.start()
        yield
    finally:
        display.stop()
        logging.getLogger().removeHandler(said)
        said.close()


def _console() -> "Console":
    """Return a console on stderr with its own width, and with colours unless NO_COLOR is set."""
    from rich.console import Console

    return Console(stderr=True, force_terminal=True, markup=False, highlight=False, emoji=False)
