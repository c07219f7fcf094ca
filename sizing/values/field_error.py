"""Error of a rule, with the field of the input that breaks it."""

FieldPath = tuple[str | int, ...]
"""Keys and list indexes down to one value, such as ("workloads", 0, "name")."""


class FieldError(ValueError):
    """Refused value: the path of its field, and the accepted values.

    `field` is relative to the value that the rule gets: a validator of a nested model names its own
    fields. `expected` completes "expected ..."; `suggestion` is a clause of its own.
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
