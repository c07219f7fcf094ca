"""How does a service work off jobs that wait in a queue?"""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import Flag, Positive, PositiveCount, Ratio
from sizing.workload.request import Request

PIXEL_STEP, LEAST_PIXELS = 8, 64
"""Step between two widths or heights of a job, and the smallest one, in pixels. Basis: assumed; the
program that accepts jobs has the same."""


class Queue(Strict):
    """Queue of jobs. A request is accepted at once, and its image or clip is fetched later."""

    peak_hours: Annotated[Positive, Field(le=23)] = Decimal(1)
    """Hours of a day at the peak rate. The other hours share the rest of the day's requests. An
    hourly traffic states the whole day itself."""
    drain_s: Annotated[Positive | None, Field(le=86_400, exclude_if=absent)] = None
    """Maximum seconds from the largest backlog of a day until no job waits. When left out, only
    the mean load and `latency.response_s` decide."""
    attempts: Annotated[PositiveCount, Field(le=10)] = 3
    """Attempts of one job. A job that fails more often goes to the dead letters."""
    repeated_ratio: Annotated[Ratio, Field(ge=0, lt=1)] = Decimal("0.02")
    """Attempts that fail or are interrupted, over all attempts. Their work is done again. The
    default is assumed."""
    spot: Flag = False
    """True where nodes above the floor may be spot instances. A reclaimed node gives its job back,
    and another worker repeats it."""


def its_item_is_a_job(request: Request) -> None:
    """Raises FieldError where the function would refuse a job of the sized item."""
    for name, side in (("width", request.width), ("height", request.height)):
        if side is not None and (side % PIXEL_STEP or side < LEAST_PIXELS):
            expected = f"a multiple of {PIXEL_STEP}, at least {LEAST_PIXELS}"
            raise FieldError(("request", name), "no job has this size", expected)
