"""Numbers for people: counts in full, others with three significant digits, and the unit.

Only this module turns numbers into text; JSON keeps full precision.
"""

from sizing.values.exact import DIGITS, short
from sizing.values.units import GB, KB, MB, TB

UNKNOWN = "unknown"


def number(value: object) -> str:
    """Return a number with separated thousands: whole ones in full, others with three digits."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return short(value)


def exact_number(value: object) -> str:
    """Return a fraction with every digit, for values that were set or written; else as `number`."""
    if isinstance(value, float) and value != int(value):
        return f"{value:,}"
    return number(value)


def usd(value: float | None) -> str:
    """Return money in whole dollars with all digits, so that amounts add up: 8,813."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def data_size(value: int | None) -> str:
    """Return bytes in decimal units: 3.5 GB, 912 TB."""
    if value is None:
        return UNKNOWN
    for unit, size in (("PB", KB * TB), ("TB", TB), ("GB", GB), ("MB", MB), ("KB", KB)):
        if value >= size:
            return f"{number(value / size)} {unit}"
    return f"{value} B"


def share(value: float | None) -> str:
    """Return a ratio in per cent: 77.2 %."""
    return UNKNOWN if value is None else f"{number(float(f'{value * 100:.{DIGITS}g}'))} %"


def duration(seconds: float | None) -> str:
    """Return seconds, or milliseconds below one second: 9.62 ms, 34.6 s."""
    if seconds is None:
        return UNKNOWN
    return f"{number(seconds * 1000)} ms" if seconds < 1 else f"{number(seconds)} s"


def milliseconds(value: float | None) -> str:
    """Return milliseconds, without a change to seconds: 415 ms."""
    return UNKNOWN if value is None else f"{number(value)} ms"


def plural(value: float, noun: str) -> str:
    """Return `1 node`, `3 nodes`."""
    return f"{number(value)} {noun}" + ("" if value == 1 else "s")
