"""Load, rate of one GPU, and the methods compared."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.values.exact import Number
from sizing.values.strict import absent


class TrafficPlan(Part):
    requests_per_s_mean: Number
    """Requests a second, mean of the day."""
    requests_per_s_peak: Number | None
    """Requests per second at the peak; null without a peak."""
    users_online_peak: Number | None
    requests_in_flight_peak: Number | None
    """Requests in flight at the peak, if each just meets the latency targets; null without them."""
    engine_requests_per_s_mean: Annotated[Number | None, Field(exclude_if=absent)] = None
    """Requests per second that reach the engines on the mean; absent where all of them do."""
    engine_requests_per_s_peak: Annotated[Number | None, Field(exclude_if=absent)] = None
    """Requests per second that reach the engines at the peak; absent where all of them do."""

    @property
    def peak_at_engines(self) -> Number | None:
        """Requests per second that reach the engines at the peak; null without a peak."""
        behind = self.engine_requests_per_s_peak
        return self.requests_per_s_peak if behind is None else behind


class CapacityPlan(Part):
    method: str
    """Method: given, textbook or calibrated."""
    load: str
    """Load that is sized for: mean or peak."""
    request_s: Number
    """GPU-seconds of one request."""
    requests_per_gpu_per_s: Number
    users_per_gpu_per_day: Number
    peak_flop_per_s: Number | None
    passes: Number | None
    """Forward passes of one request that the textbook rule counts."""
    requests_per_replica_per_s: dict[str, Number]
    """Requests per second that each constraint of the calibrated method allows; empty by other
    methods."""
    saturation_requests_per_s: Number | None
    """Requests per second of one replica with every slot taken; null by other methods."""
    locked: bool
    """True where the rates are those of the lock."""
    gpus_at_mean: int
    """GPUs required by the daily mean, before packing."""
    gpus_at_peak: int | None
    """GPUs required by the peak, before packing; null without a peak."""


class MethodPlan(Part):
    """Answer of one method for the same load and hardware."""

    method: str
    """Method: given, textbook or calibrated."""
    gpus_needed: int
    """GPUs needed by that method, before packing."""
    ratio: Number
    """GPUs of that method over the GPUs needed in the answer."""
    remark: str
    """Scope of the method."""
