"""`sizewright check --json`."""

from sizewright.answers.answer import Answer
from sizing.values.strict import Strict


class GateAnswer(Strict):
    """What one gate found."""

    name: str
    """Name of the gate."""
    passed: bool | None
    """Whether it holds; null where nothing was judged."""
    detail: str
    """The numbers why."""
    remedy: str | None
    """What to do where it failed; null elsewhere."""
    source: str | None
    """Where the limit is from; null where it is the product's own."""


class CheckAnswer(Answer):
    """Gates over workloads, sizing and infrastructure."""

    passed: bool
    """Whether no gate failed."""
    gates: tuple[GateAnswer, ...]
    """Every gate, in the order in which they were asked."""
