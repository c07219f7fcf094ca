"""How are zones and capacity bought in them identified?"""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from sizing.values.field_error import FieldError

REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
"""Pattern of the name of a region."""
ZONE_ID = r"^[a-z]{2,4}[0-9]-az[0-9]{1,2}$"
_ZONE_NAME = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9][a-z]")


def _is_a_zone_id(value: Any) -> Any:
    """Check a zone id. Guard: a zone's name means another place in each account."""
    if not isinstance(value, str) or re.match(ZONE_ID, value):
        return value
    message = "is not a zone id"
    if _ZONE_NAME.fullmatch(value):
        message = "is a zone's name, which means another place in each account"
    raise FieldError(
        (),
        f"'{value}' {message}",
        "the zone's id, such as use1-az1",
        "`aws ec2 describe-availability-zones` lists the ids next to the names",
    )


ZoneId = Annotated[str, Field(pattern=ZONE_ID), BeforeValidator(_is_a_zone_id)]
ReservationId = Annotated[
    str, Field(pattern=r"^cr-[0-9a-f]{8,17}$", examples=["cr-0123456789abcdef0"])
]
