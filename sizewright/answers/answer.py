"""The base form of every answer."""

from typing import Any

from sizewright.layout.json import print_json
from sizing.plan.whole import SCHEMA_VERSION
from sizing.values.strict import Strict


class Answer(Strict):
    """Output of one command with `--json`."""

    schema_version: str = SCHEMA_VERSION
    """Version of this output format."""

    def as_json(self) -> dict[str, Any]:
        """Return JSON values, in the order of the fields."""
        return self.model_dump(mode="json")


def print_answer(answer: Answer) -> None:
    """Write an answer as JSON on stdout."""
    print_json(answer.as_json())


class Leaf(Strict):
    """A value before and after a change; null where the value is absent."""

    path: str
    """Dotted path of the value; its last word ends in the unit, where it has one."""
    old: Any
    """Value before the change."""
    new: Any
    """Value after the change."""
