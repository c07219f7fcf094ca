"""Exact numbers up to the plan's edge: in floats ceil(100 x 1.1) is 111."""

from decimal import Decimal
from fractions import Fraction
from math import ceil

Number = int | float
Exact = int | Decimal | Fraction
DIGITS = 3
"""Significant digits in prose and tables of what is not a count."""


def exact(value: Exact) -> Fraction:
    """The same value as a fraction; nothing is rounded."""
    return Fraction(value)


def ceiling(value: Exact) -> int:
    """The smallest whole number that is not below `value`."""
    return ceil(Fraction(value))


def plain(value: Exact) -> Number:
    """`value` as a whole number when it is one, else the nearest float."""
    fraction = Fraction(value)
    return fraction.numerator if fraction.denominator == 1 else float(fraction)


def plain_or_none(value: Exact | None) -> Number | None:
    """`plain(value)`; an unknown stays unknown."""
    return None if value is None else plain(value)


def short(value: float | Exact) -> str:
    """A measure for people: three significant digits, thousands separated.

    Basis: arithmetic.
    """
    rounded = float(f"{float(value):.{DIGITS}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:g}"
