"""Error of a rule, with the field of the input that breaks it."""

from collections.abc import Iterator
from contextlib import contextmanager

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


class StackFieldError(FieldError):
    """Refused value of a stack, with the input that has the field."""

    def __init__(self, fault: FieldError, workload_index: int | None) -> None:
        super().__init__(fault.field, fault.message, fault.expected, fault.suggestion)
        self.workload_index = workload_index
        """Position of the workload that has the field; None for the site."""


@contextmanager
def of_workload(index: int) -> Iterator[None]:
    """Raise each FieldError of the block as one of the workload at this position."""
    try:
        yield
    except FieldError as fault:
        raise StackFieldError(fault, index) from fault


@contextmanager
def of_site() -> Iterator[None]:
    """Raise each FieldError of the block as one of the site."""
    try:
        yield
    except FieldError as fault:
        raise StackFieldError(fault, None) from fault
