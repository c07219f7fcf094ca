"""Options that were not taken, for people: alike ones in a row, which quotes the best of them."""

from collections.abc import Iterator, Sequence

from sizewright.reading.input_error import joined
from sizing.plan import Reason, Rejected

COLUMNS = ("option", "reason", "numbers")
NAMED = 8
"""Names of further options in one row; JSON has every one with its numbers."""
BY_NUMBERS = (Reason.unknown_fact, Reason.engine, Reason.not_in_this_version)
"""Reasons that are alike only where their numbers are."""


def rejection_rows(rejected: Sequence[Rejected]) -> Iterator[tuple[str, str, str]]:
    """One row a reason, in the order of the best attempt of each.

    Basis: of each reason the best attempt is listed first.
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
    """The types, or what else was refused, each once."""
    names = dict.fromkeys(each.instance_type or each.option for each in alike)
    return joined(names, NAMED)
