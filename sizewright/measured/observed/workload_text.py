"""Numbers of a workload file are replaced in its text, so that comments and layout stay."""

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from sizewright.reading.input_error import InputError
from sizewright.reading.plain_yaml import Plain, PlainYaml
from sizewright.reading.read import Document
from sizing.values.field_error import FieldPath

_NUMBER = re.compile(r"[+-]?[0-9][0-9_.eE+-]*")


def with_numbers(document: Document, text: str, numbers: Mapping[FieldPath, float]) -> str:
    """Return the text of a workload file with other numbers at these places.

    Raises InputError for a place without a plain number.
    """
    lines = text.splitlines(keepends=True)
    for path, number in sorted(numbers.items(), key=lambda each: _place(document, each[0]))[::-1]:
        line, column = _place(document, path)
        before, rest = lines[line - 1][: column - 1], lines[line - 1][column - 1 :]
        found = _NUMBER.match(rest)
        if found is None:
            raise document.error(path, "cannot be replaced", "a plain number")
        lines[line - 1] = f"{before}{_written(number, found[0])}{rest[found.end() :]}"
    changed = "".join(lines)
    _check(document, changed, numbers)
    return changed


def rounded(number: float, digits: int = 3) -> float:
    """Return a number with so many significant digits; whole where it is large."""
    return float(f"{number:.{digits}g}")


def _place(document: Document, path: FieldPath) -> tuple[int, int]:
    return document.value_positions[path]


def _written(number: float, before: str) -> str:
    """Return the number in the style of the one before, with or without grouped digits."""
    if number != int(number):
        return f"{number:g}"
    return f"{int(number):_}" if "_" in before else str(int(number))


def _check(document: Document, changed: str, numbers: Mapping[FieldPath, float]) -> None:
    """Raises InputError where the new text has other data than the numbers say."""
    wanted = deepcopy(document.data)
    for path, number in numbers.items():
        *above, last = path
        into: Any = wanted
        for step in above:
            into = into[step]
        into[last] = number
    # Guard: the path of the schema is in the text and not in the document.
    found = {k: v for k, v in PlainYaml(changed.encode()).data.items() if k in wanted}
    if _plain(found) != _plain(wanted):
        message = "the numbers cannot be replaced in this file"
        raise InputError(document.file, message=message, expected="one number after each key")


def _plain(value: Plain) -> object:
    """Data in which 1 and 1.0 are the same number."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return float(value) if isinstance(value, int | float) else value
