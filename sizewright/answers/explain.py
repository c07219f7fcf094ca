"""`sizewright explain --json`."""

from sizewright.answers.answer import Answer
from sizing.explained.entry import Basis
from sizing.values.exact import Number
from sizing.values.strict import Strict


class ExplanationAnswer(Strict):
    """Why one number is what it is."""

    name: str
    """Name of the number; its last word ends in the unit."""
    pointer: str
    """JSON pointer into `size --json`."""
    value: Number
    """The number, in the unit that its name ends in."""
    meaning: str
    """What it is."""
    symbols: str
    """Its formula in symbols."""
    numbers: str
    """The formula with its numbers."""
    arithmetic: bool
    """Whether `numbers` is plain arithmetic that gives the value."""
    basis: Basis
    """What it rests on."""
    source: str
    """Where that is from, or where to change it."""
    low: Number | None
    """Lower end of an estimate's band, in the same unit; null without a band."""
    high: Number | None
    """Upper end of an estimate's band, in the same unit; null without a band."""
    remarks: tuple[str, ...]
    """What else a reader should know."""


class ExplainAnswer(Answer):
    """Numbers of a plan, explained."""

    explanations: tuple[ExplanationAnswer, ...]
    """One a number, in the plan's order."""
