"""The answer of `sizewright explain --json`."""

from sizewright.answers.answer import Answer
from sizing.explained.entry import Basis
from sizing.values.exact import Number
from sizing.values.strict import Strict


class ExplanationAnswer(Strict):
    """Explanation of one number."""

    name: str
    """Name of the number; its last word ends in the unit."""
    pointer: str
    """JSON pointer into `size --json`."""
    value: Number
    """The number, in the unit at the end of its name."""
    meaning: str
    """Meaning of the number."""
    symbols: str
    """Its formula in symbols."""
    numbers: str
    """The formula with its numbers."""
    arithmetic: bool
    """True where `numbers` is plain arithmetic that gives the value."""
    basis: Basis
    """Basis of the number."""
    source: str
    """Source of the basis, or the place where a user can change it."""
    low: Number | None
    """Lower end of an estimate's band, in the same unit; null without a band."""
    high: Number | None
    """Upper end of an estimate's band, in the same unit; null without a band."""
    remarks: tuple[str, ...]
    """Further remarks for a reader."""


class ExplainAnswer(Answer):
    """Explanations of the numbers of a plan."""

    explanations: tuple[ExplanationAnswer, ...]
    """One explanation for each number, in the plan's order."""
