"""The form of every answer."""

from typing import Any

from sizewright.report.json import print_json
from sizing.plan import SCHEMA_VERSION
from sizing.strict import Strict


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
