"""`sizewright orphans --json`."""

from sizewright.answers.answer import Answer
from sizewright.reading.orphans import Orphan


class OrphansAnswer(Answer):
    """What an engine that was killed may have left behind."""

    orphans: tuple[Orphan, ...]
    """In the order of the files; empty where nothing was found."""
