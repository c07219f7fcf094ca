"""What are the targets of a service: latency, rate and tolerated failures?"""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from sizing.values.exact import plain
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict, absent
from sizing.values.written import Count, Positive, Ratio
from sizing.workload.kinds import Load, Method, Precision


def _percent(value: Any) -> Any:
    """Return the value. The error of a share such as 0.95 names the percentage that it means."""
    if isinstance(value, int | float | Decimal) and Decimal("0.5") <= Decimal(str(value)) < 1:
        percent = plain(Decimal(str(value)) * 100)
        expected = "a percentage, at least 50 and below 100"
        raise FieldError((), f"found {value}", expected, f"did you mean {percent}?")
    return value


class Latency(Strict):
    ttft_ms: Positive | None = None
    """Time to the first token, milliseconds."""
    tpot_ms: Positive | None = None
    """Time per output token after the first, milliseconds."""
    response_s: Annotated[Positive | None, Field(exclude_if=absent)] = None
    """Time to the whole image, clip or vector, seconds: its wait and its making. For a queued
    service, it is the deadline of a job, counted over the whole day."""
    percentile: Annotated[Ratio, BeforeValidator(_percent)] = Field(
        default=Decimal(95), ge=50, lt=100
    )
    """Percentage of requests that must meet the targets: 95, not 0.95."""

    @property
    def stated(self) -> tuple[str, ...]:
        """Names of the fields with a target."""
        names = ("ttft_ms", "tpot_ms", "response_s")
        return tuple(name for name in names if getattr(self, name) is not None)


class MeasuredOn(Strict):
    """Model and GPU of a measured rate."""

    model: str = Field(min_length=1, max_length=200)
    """Measured model, by any name that model.name accepts."""
    gpu: str = Field(min_length=1, max_length=100)
    """Measured GPU, e.g. l40s."""
    precision: Precision | None = None
    """Precision of the measured weights. When left out, it is not compared."""


class Capacity(Strict):
    method: Method = Method.calibrated
    """Method for the rate of one GPU."""
    load: Load = Load.peak
    """Load that the fleet is sized for."""
    requests_per_gpu_per_s: Positive | None = None
    """Measured requests per second of one GPU, for method given."""
    measured_on: MeasuredOn | None = Field(default=None, exclude_if=lambda given: given is None)
    """Model and GPU of the given rate. When left out, the answer flags it."""
    gpu: str | None = None
    """GPU whose peak rate the textbook method uses. When left out, the instance type's GPU
    applies."""
    max_utilisation: Ratio | None = Field(default=None, gt=0, le=Decimal("0.95"))
    """Maximum share of a full batch's rate that a replica is planned for, for method calibrated.
    When left out, it is 0.9 with a latency target and 0.99 without."""
    shortfall_cost: Annotated[Ratio, Field(ge=1, le=99)] | None = Field(
        default=None, exclude_if=lambda given: given is None
    )
    """Cost of a missing GPU over that of a spare one, for method calibrated. With k, the quantile
    k / (1 + k) of the band sizes the fleet. When left out, it is 9: the P90 estimate."""
    min_gpu_gb: Positive | None = None
    """Minimum memory of one GPU in decimal gigabytes, as it is sold: an L4 has 24."""
    burst_gpus: Annotated[Count, Field(ge=0, lt=10**6)] = 0
    """GPUs that may be added above the planned ones while the load requires them."""

    @model_validator(mode="after")
    def _rate_with_given(self) -> Self:
        given = self.method is Method.given
        if given and self.requests_per_gpu_per_s is None:
            raise FieldError(
                ("requests_per_gpu_per_s",), "missing", "the measured rate of one GPU for 'given'"
            )
        if not given and self.requests_per_gpu_per_s is not None:
            raise FieldError(
                ("requests_per_gpu_per_s",), "only method given uses it", "method: given"
            )
        if self.measured_on is not None and not given:
            raise FieldError(("measured_on",), "only method given uses it", "method: given")
        if self.gpu is not None and self.method is not Method.textbook:
            raise FieldError(("gpu",), "only method textbook uses it", "hardware.instance_type")
        if self.max_utilisation is not None and self.method is not Method.calibrated:
            raise FieldError(("max_utilisation",), "only method calibrated uses it", "calibrated")
        if self.shortfall_cost is not None and self.method is not Method.calibrated:
            raise FieldError(("shortfall_cost",), "only method calibrated uses it", "calibrated")
        return self


DEFAULT_SHORTFALL_COST = Decimal(9)
"""Cost of a missing GPU over that of a spare one where the workload does not state it: the P90
estimate. Basis: assumed."""


def shortfall_cost(capacity: Capacity | None) -> Decimal:
    """Cost of a missing GPU over that of a spare one, as stated or by default."""
    stated = None if capacity is None else capacity.shortfall_cost
    return DEFAULT_SHORTFALL_COST if stated is None else stated


class Redundancy(Strict):
    """Losses that the service must survive. Among several rules, the one with the most nodes binds.
    They are not added."""

    spare_ratio: Ratio | None = Field(default=None, ge=0, le=1)
    """Spare nodes over needed nodes: 0.20 for 20 %."""
    nodes: Count | None = Field(default=None, ge=0)
    """Nodes that may fail at once."""
    zones: Count | None = Field(default=None, ge=0)
    """Availability zones that may fail at once."""
    availability: Ratio | None = Field(default=None, gt=0, lt=1)
    """Minimum share of time in which enough nodes are alive, if nodes fail independently."""
    mtbf_gpu_hours: Ratio = Field(default=Decimal(50_700), ge=1)
    """Mean time between failures of one GPU and its share of the node, hours."""
    mttr_hours: Ratio = Field(default=Decimal(24), gt=0, le=8760)
    """Mean time to replace a failed node, hours."""

    @property
    def must_survive_a_zone(self) -> bool:
        """True where the service is required to survive the loss of a zone. `Survives.any_zone`
        is what its nodes do survive, whichever rule provides it."""
        return bool(self.zones)
