"""Which contradictions of its answer does a workload accept?"""

from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BeforeValidator, StringConstraints

from sizing.values.field_error import FieldError


class Contradicts(StrEnum):
    """Contradiction of an answer with itself or with its own targets."""

    methods_disagree = "methods_disagree"
    """The calibrated estimate needs more than twice or less than half of the GPUs."""
    peak_above_capacity = "peak_above_capacity"
    """The peak exceeds the rate of all GPUs, burst included."""
    single_zone = "single_zone"
    """All nodes are in one zone of a site that has several."""
    latency_missed = "latency_missed"
    """The estimate misses a latency target."""
    latency_unchecked = "latency_unchecked"
    """There is a latency target, but no estimate that could check it."""


Sentence = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$"
    ),
]


def _known_codes(value: Any) -> Any:
    """Return the map unchanged. The error of an unknown code names the most similar code."""
    known = [code.value for code in Contradicts]
    for code in value if isinstance(value, dict) else ():
        if code not in known:
            nearest = get_close_matches(str(code), known, n=1)
            hint = f"did you mean '{nearest[0]}'?" if nearest else ""
            raise FieldError((str(code),), "unknown code", f"one of {', '.join(known)}", hint)
    return value


Accept = Annotated[dict[Contradicts, Sentence], BeforeValidator(_known_codes)]
"""Reason for accepting each contradiction, by its code."""
