"""Numbers for people: counts in full, all else to three significant digits, with the unit.

This is the one place where numbers become text; JSON keeps full precision.
"""

from sizing.values.exact import DIGITS, short
from sizing.values.units import GB, KB, MB, TB

UNKNOWN = "unknown"


def number(value: object) -> str:
    """A number with thousands separated: whole ones in full, others to three digits."""
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
    """A number with every digit, for values that are set or were written; else as `number`."""
    if isinstance(value, float) and value != int(value):
        return f"{value:,}"
    return number(value)


def usd(value: float | None) -> str:
    """Money in whole dollars, in full, so that amounts add up: 8,813."""
    return UNKNOWN if value is None else f"{value:,.0f}"


def data_size(value: int | None) -> str:
    """Bytes in decimal units: 3.5 GB, 912 TB."""
    if value is None:
        return UNKNOWN
    for unit, size in (("PB", KB * TB), ("TB", TB), ("GB", GB), ("MB", MB), ("KB", KB)):
        if value >= size:
            return f"{number(value / size)} {unit}"
    return f"{value} B"


def share(value: float | None) -> str:
    """A ratio in per cent: 77.2 %."""
    return UNKNOWN if value is None else f"{number(float(f'{value * 100:.{DIGITS}g}'))} %"


def duration(seconds: float | None) -> str:
    """Seconds, in milliseconds below one: 9.62 ms, 34.6 s."""
    if seconds is None:
        return UNKNOWN
    return f"{number(seconds * 1000)} ms" if seconds < 1 else f"{number(seconds)} s"


def milliseconds(value: float | None) -> str:
    """Milliseconds as such, however many: 415 ms."""
    return UNKNOWN if value is None else f"{number(value)} ms"


def plural(value: float, noun: str) -> str:
    """`1 node`, `3 nodes`."""
    return f"{number(value)} {noun}" + ("" if value == 1 else "s")
