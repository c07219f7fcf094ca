"""A fault of an input file as one safe line: place, field, message and suggestion."""

import difflib
import re
from collections.abc import Iterable
from typing import Final

from sizewright.reading.credentials import LONGEST_LOOKED_AT, masked
from sizing.values.field_error import FieldPath

LONGEST_VALUE = 80
LONGEST_CLAUSE = 400
LISTED_NAMES = 12
LISTED_FAULTS = 5
ALIKE, ALIKE_OF_MANY = 0.7, 0.76
"""Least share of letters that a word and the intended one have in common, in their order. The
second value applies where hundreds of words are known. Basis: assumed; one wrong letter of four is
0.75."""
_BARE_KEY = re.compile(r"[\w/:-]+", re.ASCII)


class InputError(Exception):
    """One refused input file: the first fault in full, the others in `more`.

    `line` and `column` count from 1 and are None where the file as a whole is at fault. `expected`
    completes "expected ..."; `suggestion` is a clause of its own. The constructor escapes and
    shortens the texts: no content of a file can forge a line or move a terminal's cursor.
    """

    def __init__(
        self,
        file: str,
        line: int | None = None,
        column: int | None = None,
        *,
        field: str = "",
        message: str = "",
        expected: str = "",
        suggestion: str = "",
        more: tuple["InputError", ...] = (),
    ) -> None:
        super().__init__(message)
        self.file: Final = file
        self.line: Final = line
        self.column: Final = column
        self.field: Final = escaped(masked(field))
        self.message: Final = shortened(message, LONGEST_CLAUSE)
        self.expected: Final = shortened(expected, LONGEST_CLAUSE)
        self.suggestion: Final = shortened(suggestion, LONGEST_CLAUSE)
        self.more: Final = more

    def __str__(self) -> str:
        """Return `file:line:column: field: message; expected ...; suggestion (and 2 more: ...)`."""
        place = escaped(masked(self.file))
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        text = ": ".join(part for part in (place, self.field, self.message) if part)
        if self.expected:
            text += f"; expected {self.expected}"
        if self.suggestion:
            text += f"; {self.suggestion}"
        if self.more:
            listed = [f"line {fault.line} {fault.field}" for fault in self.more]
            text += f" (and {len(self.more)} more: {joined(listed, LISTED_FAULTS)})"
        return text

    def and_more(self, others: tuple["InputError", ...]) -> "InputError":
        """Return the same fault, which also counts and names `others`."""
        return InputError(
            self.file,
            self.line,
            self.column,
            field=self.field,
            message=self.message,
            expected=self.expected,
            suggestion=self.suggestion,
            more=others,
        )


def escaped(text: str) -> str:
    r"""Return `text` with characters that are invisible or move a cursor as \n, \x1b, \u202e."""
    if text.isprintable():
        return text
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return "".join(shown)


def shortened(text: str, longest: int = LONGEST_VALUE) -> str:
    """Return `text`, escaped, in at most `longest` characters."""
    # Guard: the text is also cut before escaping, so that a megabyte is not escaped first. A
    # credential is masked before it is cut, because a part of one has no shape.
    shown = escaped(masked(text[: longest + LONGEST_LOOKED_AT])[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 3] + "..."


def quoted(text: str) -> str:
    """Return `text` between single quotes, in at most LONGEST_VALUE characters."""
    return f"'{shortened(text, LONGEST_VALUE - 2)}'"


def joined(names: Iterable[str], most: int = LISTED_NAMES) -> str:
    """Return the first `most` names with commas, and dots for the rest."""
    names = list(names)
    return ", ".join([*names[:most], "..."] if len(names) > most else names)


def dotted(path: FieldPath) -> str:
    """Return the path as people write it: traffic.daily_users, workloads[0], tags["a b"]."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _BARE_KEY.fullmatch(step):
            text += ("." if text else "") + shortened(step)
        else:
            text += f'["{shortened(step)}"]'
    return text


def found(value: object) -> str:
    """Describe a value of a file with its type: text 'abc', whole number 5, a list."""
    match value:
        case bool():
            return f"true/false value {str(value).lower()}"
        case int():
            return f"whole number {value}"
        case float():
            return f"number {value}"
        case str():
            return f"text {quoted(value)}"
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else "a mapping"


def nearest(word: str, known: Iterable[str], cutoff: float = ALIKE) -> str:
    """Return the known word that the user probably meant, or an empty text."""
    by_lower = {name.lower().replace("-", "_"): name for name in known}
    close = difflib.get_close_matches(word.lower().replace("-", "_"), by_lower, n=1, cutoff=cutoff)
    return by_lower[close[0]] if close else ""


def did_you_mean(word: str, known: Iterable[str], cutoff: float = ALIKE) -> str:
    """Return `did you mean 'daily_users'?`, or an empty text where no known word is near."""
    name = nearest(word, known, cutoff)
    return f"did you mean '{name}'?" if name else ""
