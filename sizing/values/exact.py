"""Exact numbers up to the plan's output: in floats ceil(100 x 1.1) is 111."""

from decimal import Decimal
from fractions import Fraction
from math import ceil

Number = int | float
Exact = int | Decimal | Fraction
DIGITS = 3
"""Significant digits of numbers in prose and tables, except counts."""


def exact(value: Exact) -> Fraction:
    """Return the same value as a fraction. Nothing is rounded."""
    return Fraction(value)


def ceiling(value: Exact) -> int:
    """Return the smallest whole number that is not below `value`."""
    return ceil(Fraction(value))


def plain(value: Exact) -> Number:
    """Return `value` as a whole number where it is one, else as the nearest float."""
    fraction = Fraction(value)
    return fraction.numerator if fraction.denominator == 1 else float(fraction)


def plain_or_none(value: Exact | None) -> Number | None:
    """Return `plain(value)`. An unknown value remains unknown."""
    return None if value is None else plain(value)


def short(value: float | Exact) -> str:
    """Format a measure for people: three significant digits, thousands separated.

    Basis: arithmetic.
    """
    rounded = float(f"{float(value):.{DIGITS}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:g}"
