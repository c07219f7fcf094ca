"""How many users does a service have, and how often do they send requests?"""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict
from sizing.values.units import SECONDS_PER_DAY
from sizing.values.written import Count, Positive, Ratio

NO_TRAFFIC = {"daily_users": 0, "requests_per_user_per_day": 1}
"""Traffic of a file that states none of its own."""


class Traffic(Strict):
    daily_users: Annotated[Count, Field(ge=0, lt=10**18)]
    """People who use the service on one day. 0, or `traffic: none`, is for a service that gets only
    what the application of another one routes to it."""
    requests_per_user_per_day: Positive
    """Requests of one user on one day."""
    peak_users_share: Ratio | None = Field(default=None, gt=0, le=1)
    """Share of the daily users who are online at the peak, 0 to 1."""
    think_time_s: Positive | None = None
    """Seconds between two requests of a user who is online."""
    peak_ratio: Ratio | None = Field(default=None, ge=1)
    """Peak rate over mean rate, at least 1."""
    hourly: tuple[Annotated[Ratio, Field(ge=0)], ...] | None = None
    """24 relative loads, one for each hour. The peak is the highest."""

    @model_validator(mode="after")
    def _one_way_to_the_peak(self) -> Self:
        ways = [self.think_time_s, self.peak_ratio, self.hourly]
        if sum(way is not None for way in ways) > 1:
            raise FieldError(
                (),
                "the peak is given twice",
                "one of peak_users_share with think_time_s, peak_ratio, or hourly",
            )
        if self.peak_users_share is not None and not any(way is not None for way in ways):
            raise FieldError(("think_time_s",), "missing", "seconds between a user's requests")
        if self.think_time_s is not None and self.peak_users_share is None:
            raise FieldError(("peak_users_share",), "missing", "a share from 0 to 1")
        if self.hourly is not None and (len(self.hourly) != 24 or sum(self.hourly) == 0):
            raise FieldError(("hourly",), "wrong length", "24 numbers, not all zero")
        self._peak_is_not_below_the_mean()
        return self

    def _peak_is_not_below_the_mean(self) -> None:
        if self.peak_users_share is None or self.think_time_s is None:
            return
        slowest_s = self.peak_users_share * SECONDS_PER_DAY / self.requests_per_user_per_day
        if self.think_time_s > slowest_s:
            raise FieldError(
                ("think_time_s",),
                "the peak is below the daily mean",
                f"at most {float(slowest_s):.6g}",
            )


PEAKS = ("think_time_s", "peak_ratio", "hourly")
"""Fields of the traffic that give its peak."""


def has_a_peak(traffic: Any) -> bool:
    """True where the traffic of a file gives its peak."""
    if isinstance(traffic, dict):
        return any(traffic.get(name) is not None for name in PEAKS)
    return any(getattr(traffic, name, None) is not None for name in PEAKS)


def none_is_no_users(value: Any) -> Any:
    """Return traffic without users for the word none."""
    return NO_TRAFFIC if value == "none" else value
