"""What does an unquoted YAML scalar mean: null, true, false, a number, or its own text?"""

import math
import re

from sizewright.reading.input_error import quoted
from sizing.values.field_error import FieldError

DIGIT_LIMIT = 30

_DIGITS = "[0-9]+(?:_[0-9]+)*"
_WHOLE = re.compile(f"[-+]?{_DIGITS}")
_OTHER_BASE = re.compile("0o[0-7]+|0x[0-9a-fA-F]+")
_NUMBER = re.compile(rf"[-+]?(?:\.{_DIGITS}|{_DIGITS}(?:\.(?:{_DIGITS})?)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile("[-+]?0_?[0-9]")
_WORDS = dict.fromkeys(("", "~", "null", "Null", "NULL")) | {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}


def core_scalar(text: str) -> int | float | bool | str | None:
    """Return an unquoted scalar as a number, true, false or null, or else as its text.

    Unlike YAML 1.2, underscores may group digits. Dates, yes, no, on and off are text. Raises
    FieldError for numbers that are not finite, too long, or start with a zero. An account id
    without its quotes starts with a zero, for example.
    """
    if text in _WORDS:
        return _WORDS[text]
    return _number(text)


def _number(text: str) -> int | float | str:
    if _NOT_FINITE.fullmatch(text):
        raise FieldError((), f"{text} is refused", "a finite number")
    whole = _WHOLE.fullmatch(text) or _OTHER_BASE.fullmatch(text)
    if not whole and not _NUMBER.fullmatch(text):
        return text
    if _LEADING_ZERO.match(text):
        hint = "quote it if it is text, drop the zero if not"
        raise FieldError((), f"number {quoted(text)} starts with a zero", suggestion=hint)
    if whole:
        if sum(c.isalnum() for c in text) > DIGIT_LIMIT:
            raise FieldError((), "whole number too long", f"at most {DIGIT_LIMIT} digits")
        return int(text, 0)
    number = float(text)
    if math.isinf(number):
        raise FieldError((), f"number {quoted(text)} is too large", "a finite number")
    return number
