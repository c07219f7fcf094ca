"""Rejected options for people: one row for each group of similar ones, with its best option."""

from collections.abc import Iterator, Sequence

from sizewright.reading.input_error import joined
from sizing.plan.part import Reason, Rejected

COLUMNS = ("option", "reason", "numbers")
NAMED = 8
"""Number of further options named in one row; JSON has every one with its numbers."""
BY_NUMBERS = (Reason.unknown_fact, Reason.engine, Reason.not_in_this_version)
"""Reasons that are grouped only where their numbers are equal."""


def rejection_rows(rejected: Sequence[Rejected]) -> Iterator[tuple[str, str, str]]:
    """Yield one row for each reason, in the order of its best attempt.

    Basis: the best attempt of each reason is listed first.
    """
    groups: dict[tuple[Reason, str], list[Rejected]] = {}
    for each in rejected:
        numbers = each.numbers if each.reason in BY_NUMBERS else ""
        groups.setdefault((each.reason, numbers), []).append(each)
    for (reason, numbers), alike in groups.items():
        first, *others = alike
        if not others:
            yield first.option, reason.value, first.numbers
        elif numbers:
            yield f"{len(alike)} options", reason.value, f"{numbers}: {_names(alike)}"
        else:
            text = f"closest is {first.option}: {first.numbers}; the others: {_names(others)}"
            yield f"{len(alike)} options", reason.value, text


def _names(alike: Sequence[Rejected]) -> str:
    """The types, or other names of rejected options, each once."""
    names = dict.fromkeys(each.instance_type or each.option for each in alike)
    return joined(names, NAMED)
