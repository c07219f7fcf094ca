"""The form of every answer."""

from typing import Any

from sizewright.layout.json import print_json
from sizing.plan import SCHEMA_VERSION
from sizing.values.strict import Strict


class Answer(Strict):
    """What one command prints with `--json`."""

    schema_version: str = SCHEMA_VERSION
    """Version of this form."""

    def as_json(self) -> dict[str, Any]:
        """JSON values, in the order of the fields."""
        return self.model_dump(mode="json")


def print_answer(answer: Answer) -> None:
    """Writes an answer as JSON on stdout."""
    print_json(answer.as_json())


class Leaf(Strict):
    """A value before and after; null where it was or is absent."""

    path: str
    """Dotted path of the value; its last word ends in the unit, where it has one."""
    old: Any
    """Before."""
    new: Any
    """After."""
