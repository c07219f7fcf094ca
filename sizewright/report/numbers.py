"""Numbers for people: separators, four significant digits, the unit beside them."""

from sizing.units import GB, KB, MB, TB

UNKNOWN = "unknown"


def number(value: object) -> str:
    """A number with thousands separated: whole ones in full, others to four significant digits."""
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.4g}'):g}"


def data_size(value: int | None) -> str:
    """Bytes in decimal units: 3.5 GB, 912.5 TB."""
    if value is None:
        return UNKNOWN
    for unit, size in (("PB", KB * TB), ("TB", TB), ("GB", GB), ("MB", MB), ("KB", KB)):
        if value >= size:
            return f"{number(value / size)} {unit}"
    return f"{value} B"


def share(value: float | None) -> str:
    """A ratio in per cent: 77.2 %."""
    return UNKNOWN if value is None else f"{number(float(f'{value * 100:.3g}'))} %"


def duration(seconds: float | None) -> str:
    """Seconds, in milliseconds below one: 9.615 ms, 34.6 s."""
    if seconds is None:
        return UNKNOWN
    return f"{number(seconds * 1000)} ms" if seconds < 1 else f"{number(seconds)} s"


def plural(value: float, noun: str) -> str:
    """`1 node`, `3 nodes`."""
    return f"{number(value)} {noun}" + ("" if value == 1 else "s")
