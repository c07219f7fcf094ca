"""The form of every answer."""

from typing import Any

from sizewright.report.json import print_json
from sizing.strict import Strict


class Answer(Strict):
    """What one command prints with `--json`."""

    def as_json(self) -> dict[str, Any]:
        """JSON values, in the order of the fields."""
        return self.model_dump(mode="json")


def print_answer(answer: Answer) -> None:
    """Writes an answer as JSON on stdout."""
    print_json(answer.as_json())
