"""The error of a rule that knows which field of the input breaks it."""

FieldPath = tuple[str | int, ...]
"""Keys and list indexes down to one value, such as ("workloads", 0, "name")."""


class FieldError(ValueError):
    """A refused value: the path of the field to blame and what would be accepted.

    `field` is relative to the value that the rule was given: a validator of a nested model names
    its own fields. `expected` completes "expected ..."; `suggestion` is a clause of its own.
    """

    def __init__(
        self, field: FieldPath, message: str, expected: str = "", suggestion: str = ""
    ) -> None:
        super().__init__(field, message, expected, suggestion)
        self.field = field
        self.message = message
        self.expected = expected
        self.suggestion = suggestion

    def __str__(self) -> str:
        return self.message
