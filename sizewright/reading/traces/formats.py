"""Which columns of a trace hold its times and tokens, by the names of its columns?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sizewright.reading.input_error import did_you_mean


class Clock(StrEnum):
    """Form of a time in a trace."""

    seconds = "seconds"
    """Seconds since any start."""
    milliseconds = "milliseconds"
    """Milliseconds since any start."""
    date = "date"
    """Date and time, as in ISO 8601; UTC without a zone."""


@dataclass(frozen=True)
class Format:
    """Columns of one kind of trace."""

    title: str
    """Name of the format for people."""
    time: str
    """Column of the arrival."""
    input_tokens: str
    """Column of the whole prompt's tokens."""
    output_tokens: str
    """Column of the answer's tokens."""
    clock: Clock | None
    """Form of the times; None where each is a number of seconds or a date."""

    @property
    def columns(self) -> tuple[str, str, str]:
        return self.time, self.input_tokens, self.output_tokens


FORMATS = (
    Format("Azure LLM inference", "TIMESTAMP", "ContextTokens", "GeneratedTokens", Clock.date),
    Format("BurstGPT", "Timestamp", "Request tokens", "Response tokens", Clock.seconds),
    Format("Mooncake", "timestamp", "input_length", "output_length", Clock.milliseconds),
    Format("own log", "time", "input_tokens", "output_tokens", None),
)
"""Known kinds of traces. Basis: vendor (Azure/AzurePublicDataset, AzureLLMInferenceDataset2024.md;
HPMLL/BurstGPT 2.0, README; kvcache-ai/Mooncake, FAST25-release/README.md; read 2026-12-01)."""
IN_MILLISECONDS = "_ms"
"""Ending of a column of an own log whose times are milliseconds."""


def own_format(columns: Sequence[str]) -> Format:
    """Return the format of an own log with these names of time, input and output tokens."""
    time, given, made = columns
    clock = Clock.milliseconds if time.endswith(IN_MILLISECONDS) else None
    return Format("own log", time, given, made, clock)


def format_of(names: Collection[str], stated: Format | None) -> Format | None:
    """Return the stated format, or the one that these columns have; None for neither."""
    known = FORMATS if stated is None else (stated,)
    return next((each for each in known if set(each.columns) <= set(names)), None)


def expected(stated: Format | None) -> str:
    """Columns that a trace may have, in words."""
    if stated is not None:
        return f"the columns {', '.join(stated.columns)}"
    listed = (f"{', '.join(each.columns)} ({each.title})" for each in FORMATS)
    return f"one of: {'; '.join(listed)}"


def suggestion(names: Collection[str], stated: Format | None) -> str:
    """Hint at a column with a similar name, or at the option that names columns."""
    if stated is not None:
        missing = next(each for each in stated.columns if each not in names)
        return did_you_mean(missing, names)
    return "--columns TIME,INPUT,OUTPUT names those of an own log"
