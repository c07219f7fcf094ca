"""Numbers and booleans in the user's notation."""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from sizing.values.exact import plain
from sizing.values.field_error import FieldError


def _no_truth(value: Any) -> Any:
    """Refuse booleans. Guard: pydantic would take true for 1."""
    if isinstance(value, bool):
        raise FieldError((), f"found {str(value).lower()}", "a number")
    return value


A_NUMBER = BeforeValidator(_no_truth)
Count = Annotated[int, A_NUMBER]
PositiveCount = Annotated[Count, Field(gt=0, lt=10**18)]
Ratio = Annotated[
    Decimal,
    A_NUMBER,
    Field(max_digits=36, decimal_places=18),
    PlainSerializer(plain, return_type=int | float, when_used="json"),
]
"""Decimal that is exact internally and a JSON number in output. Guard: below 10^18 and to 18
places, because exact arithmetic on 1e1000000 would not end."""
Positive = Annotated[Ratio, Field(gt=0)]
Flag = Annotated[bool, Field(strict=True)]
