"""The answer of `sizewright orphans --json`."""

from sizewright.answers.answer import Answer
from sizewright.reading.orphans import Orphan


class OrphansAnswer(Answer):
    """Resources that a killed engine may have left behind."""

    orphans: tuple[Orphan, ...]
    """Resources in the order of the files; empty where none is left behind."""
