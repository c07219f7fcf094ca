"""Ctrl-C ends a command even where a library swallowed it: nothing is written afterwards."""

import signal
import sys
import threading
from types import FrameType


class _Heard:
    """Whether somebody asked to stop."""

    asked = False


def listen() -> None:
    """Remembers an interrupt beside raising it; where interrupts are ignored they stay so."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
        sys.unraisablehook = _tell


def _stop(number: int, frame: FrameType | None) -> None:
    _Heard.asked = True
    signal.default_int_handler(number, frame)


def _tell(lost: "sys.UnraisableHookArgs") -> None:
    """Of what could not be raised all but the interrupt, which is told at the end."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def end_if_asked() -> None:
    """Raises KeyboardInterrupt where one was lost.

    Guard: code that a C extension calls back, pydantic's as it builds a validator, cannot raise it.
    """
    if _Heard.asked:
        raise KeyboardInterrupt
