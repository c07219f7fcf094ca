"""`sizewright orphans --json`."""

from sizewright.answers.answer import Answer
from sizewright.reading.orphans import Cause
from sizing.values.strict import Strict


class OrphanAnswer(Strict):
    """One resource that may be left behind."""

    cause: Cause
    """Why it is listed."""
    type: str | None
    """Token of Pulumi; null where only its tags are known."""
    name: str | None
    """Name in the program; null where it has none."""
    urn: str | None
    """URN in the state; null where only its tags are known."""
    arn: str | None
    """ARN; null where only the state is known."""
    next: str
    """A command that finds it, or what to look for."""
    adopt: str | None
    """A command that takes it into the state, with ID in the place of its id; null where another
    way is better."""


class OrphansAnswer(Answer):
    """What an engine that was killed may have left behind."""

    orphans: tuple[OrphanAnswer, ...]
    """In the order of the files; empty where nothing was found."""
