"""Which time or number of tokens is in a cell of a trace?"""

from collections.abc import Callable
from datetime import UTC, datetime

from sizewright.reading.traces.formats import Clock
from sizing.values.units import MS_PER_S

MOST_TOKENS = 100_000_000
"""Upper limit of the tokens of one prompt or answer. Basis: assumed; a hundred times the longest
context of any model."""
MOST_SECONDS = 1e11
"""Upper limit of a time in seconds. Basis: assumed; three thousand years."""
TOKENS = f"a whole number from 0 to {MOST_TOKENS:,}"


def tokens_of(value: object) -> int | None:
    """Return a number of tokens; None for anything else. Text of a CSV may end in .0.

    An empty cell and a null are 0: logs write a request that failed in these ways.
    """
    if value is None or value == "":
        return 0
    if isinstance(value, str):
        try:
            count = float(value) if "." in value else int(value)
        except ValueError:
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    else:
        count = value
    if not 0 <= count <= MOST_TOKENS or count != int(count):
        return None
    return int(count)


def number_of(value: object) -> float | None:
    """Return a time that is a number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return None
    return seconds if abs(seconds) <= MOST_SECONDS * MS_PER_S else None


def date_of(value: object) -> float | None:
    """Return the seconds of a date and time, UTC without a zone; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        date = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()


def _milliseconds_of(value: object) -> float | None:
    number = number_of(value)
    return None if number is None else number / MS_PER_S


def _either_of(value: object) -> float | None:
    number = number_of(value)
    return date_of(value) if number is None else number


CLOCKS: dict[Clock | None, Callable[[object], float | None]] = {
    Clock.seconds: number_of,
    Clock.milliseconds: _milliseconds_of,
    Clock.date: date_of,
    None: _either_of,
}
"""Readers of a time, by its form."""
TIMES = {
    Clock.seconds: "seconds as a number",
    Clock.milliseconds: "milliseconds as a number",
    Clock.date: "a date and time such as 2026-11-16 18:17:03.98",
    None: "seconds as a number, or a date and time such as 2026-11-16 18:17:03.98",
}
