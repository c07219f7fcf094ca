"""Which data does a service store?"""

from decimal import Decimal
from typing import Any

from pydantic import Field

from sizing.values.strict import Strict
from sizing.values.written import Positive, PositiveCount, Ratio


class Data(Strict):
    profile_bytes_per_user: Positive
    """Stored bytes of each user."""
    interaction_bytes: Positive
    """Stored bytes of each request and its answer."""
    index_ratio: Ratio = Field(default=Decimal(0), ge=0)
    """Bytes of indexes over bytes of interactions."""
    retention_days: PositiveCount
    """Days for which interactions are stored."""


def none_is_absent(value: Any) -> Any:
    """Return None for the word none."""
    return None if value == "none" else value
