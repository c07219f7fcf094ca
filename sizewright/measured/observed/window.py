"""Which time of a running service is compared with its plan?"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from sizing.values.units import SECONDS_PER_DAY, SECONDS_PER_HOUR

SECONDS = {"m": 60, "h": SECONDS_PER_HOUR, "d": SECONDS_PER_DAY, "w": 7 * SECONDS_PER_DAY}
"""Seconds of each unit of a window."""
SHORTEST_S, LONGEST_S = 600, 92 * SECONDS_PER_DAY
"""Limits of a window. Basis: assumed; a step needs some samples, and an answer has a limit."""
YEARS = range(2000, 2200)
A_TIME = "a time as 2026-11-30T06:00:00Z"
SHORTEST_STEP_S, LONGEST_STEP_S = 300, 3600
STEPS = 24
"""Steps of a window, unless they would be shorter or longer than these limits."""


@dataclass(frozen=True)
class Window:
    """A time until `until`, in equal steps. Times are seconds since 1970."""

    until: float
    length_s: int

    @property
    def step_s(self) -> int:
        """Seconds of one step: a part of the window, from 5 minutes to an hour."""
        return int(min(max(self.length_s / STEPS, SHORTEST_STEP_S), LONGEST_STEP_S))

    @property
    def steps(self) -> int:
        """Number of whole steps."""
        return self.length_s // self.step_s

    @property
    def ends(self) -> tuple[float, ...]:
        """End of each step, the first one first."""
        return tuple(self.until - self.step_s * n for n in reversed(range(self.steps)))


def window_seconds(text: str) -> int:
    """Seconds of a window: 90m, 24h, 7d, 2w. Raises ValueError with what was expected."""
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhdw])", text)
    seconds = 0 if found is None else int(found[1]) * SECONDS[found[2]]
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise ValueError("a number with m, h, d or w, from 10m to 92d")
    return seconds


def moment(text: str) -> float:
    """Seconds since 1970 of a date and time of ISO 8601; UTC where it names no zone.

    Raises ValueError with what was expected.
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(A_TIME) from None
    if time.year not in YEARS:
        raise ValueError(A_TIME)
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def shown_moment(time: float) -> str:
    """Return a time for readers: 2026-11-30 06:00 UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
