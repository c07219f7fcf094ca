"""Progress of long work: on stderr while somebody watches a terminal, and gone when it is done."""

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
"""Messages that wait at most. Basis: assumed; a program of this size says a handful."""


class Display(Protocol):
    """What rich draws over again until it is stopped."""

    def start(self) -> None: ...

    def stop(self) -> None: ...


@contextmanager
def working(text: str) -> Iterator[None]:
    """Says what is being done while the block runs; what it logs is said after it."""
    if not moves_cursor(sys.stderr):
        yield
        return
    from rich.live import Live
    from rich.spinner import Spinner

    # Guard: Live would put itself between the program and its stdout.
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
    """The items to take while the block runs, with how many were taken."""
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
    """The display while the block runs; log messages wait until it is gone."""
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
    """Stderr as it is: its own width, and colours where NO_COLOR lets them."""
    from rich.console import Console

    return Console(stderr=True, force_terminal=True, markup=False, highlight=False, emoji=False)
