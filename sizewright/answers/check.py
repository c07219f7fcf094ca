"""The answer of `sizewright check --json`."""

from sizewright.answers.answer import Answer
from sizing.values.strict import Strict


class GateAnswer(Strict):
    """Verdict of one gate."""

    name: str
    """Name of the gate."""
    passed: bool | None
    """True where the gate passes; null where the gate did not judge."""
    detail: str
    """Numbers that explain the verdict."""
    remedy: str | None
    """Remedy where the gate failed; null elsewhere."""
    source: str | None
    """Source of the limit; null where the limit is the product's own."""


class CheckAnswer(Answer):
    """Gates over workloads, sizing and infrastructure."""

    passed: bool
    """True where no gate failed."""
    gates: tuple[GateAnswer, ...]
    """Every gate, in the order of the checks."""
