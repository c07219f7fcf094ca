"""Ctrl-C ends a command even where a library swallowed it; the command then writes nothing more."""

import signal
import sys
import threading
from types import FrameType


class _Interrupt:
    """Records a request to stop."""

    requested = False


def listen() -> None:
    """Record each interrupt and also raise it; where interrupts are ignored, they stay ignored."""
    main = threading.current_thread() is threading.main_thread()
    if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _stop)
        sys.unraisablehook = _report


def _stop(number: int, frame: FrameType | None) -> None:
    _Interrupt.requested = True
    signal.default_int_handler(number, frame)


def _report(lost: "sys.UnraisableHookArgs") -> None:
    """Report every exception that could not be raised, except the interrupt, which comes later."""
    if not issubclass(lost.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(lost)


def end_if_interrupted() -> None:
    """Raises KeyboardInterrupt where an earlier one was lost.

    Guard: code that a C extension calls back cannot raise it, such as pydantic's validator builder.
    """
    if _Interrupt.requested:
        raise KeyboardInterrupt
