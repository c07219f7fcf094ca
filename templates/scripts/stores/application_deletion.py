"""Run a program that deletes rows: `expire` what is due, or `erase OWNER` altogether.

It uses the standard library alone. BATCH and RETENTION_DAYS are whole numbers of at least 1.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from application_secret import code_of, report

Expire = Callable[[Mapping[str, str], int, int], Awaitable[int]]
Erase = Callable[[Mapping[str, str], str, int], Awaitable[int]]
"""Work on an environment, with days or an owner and the size of a batch; it returns how much is
left."""


def run(
    words: Sequence[str],
    given: Mapping[str, str],
    *,
    expire: Expire,
    erase: Erase,
    faults: tuple[type[BaseException], ...],
) -> int:
    """Run one of the two, and return the exit code: 0, 1 where something is left or out of reach,
    or 2 for wrong arguments.

    Guard: an empty owner is refused: rows without one belong to nobody.
    """
    # Guard: as the first process of a container it would ignore the signal.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    work: Any
    try:
        batch = positive(given["BATCH"])
        match words:
            case ["expire"]:
                work = expire(given, positive(given["RETENTION_DAYS"]), batch)
            case ["erase", owner] if owner:
                work = erase(given, owner, batch)
            case _:
                raise ValueError
    except (KeyError, ValueError):
        report("wrong_arguments")
        return 2
    try:
        return 1 if asyncio.run(work) else 0
    except faults as fault:
        report("rows_failed", reason=code_of(fault))
        return 1


def positive(text: str) -> int:
    """Whole number of at least 1. Raises ValueError."""
    if (number := int(text)) < 1:
        raise ValueError
    return number
