"""How fast, how much, and what may fail."""

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from sizing.values.exact import plain
from sizing.values.field_error import FieldError
from sizing.values.strict import Strict
from sizing.values.written import Count, Positive, Ratio
from sizing.workload.kinds import Load, Method, Precision


def _percent(value: Any) -> Any:
    """The value; a share such as 0.95 is refused with the percentage that it means."""
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
    percentile: Annotated[Ratio, BeforeValidator(_percent)] = Field(
        default=Decimal(95), ge=50, lt=100
    )
    """Share of requests, in percent, that must be this fast: 95, not 0.95."""


class MeasuredOn(Strict):
    """What a given rate was measured with."""

    model: str = Field(min_length=1, max_length=200)
    """Model that was measured, by any name that model.name takes."""
    gpu: str = Field(min_length=1, max_length=100)
    """GPU that was measured, e.g. l40s."""
    precision: Precision | None = None
    """Precision of the weights that were measured; not compared when left out."""


class Capacity(Strict):
    method: Method = Method.calibrated
    """How the rate of one GPU is known."""
    load: Load = Load.peak
    """Which load is sized for."""
    requests_per_gpu_per_s: Positive | None = None
    """Requests one GPU completes in a second, as measured; for method given."""
    measured_on: MeasuredOn | None = Field(default=None, exclude_if=lambda given: given is None)
    """Model and GPU that the given rate was measured with; flagged when left out."""
    gpu: str | None = None
    """GPU whose peak rate the textbook method uses; the instance type's own when left out."""
    max_utilisation: Ratio | None = Field(default=None, gt=0, le=Decimal("0.95"))
    """Highest share of a full batch's rate that a replica is planned for; for method calibrated."""
    min_gpu_gb: Positive | None = None
    """Least memory of one GPU, decimal gigabytes, rounded as it is sold: an L4 has 24."""
    burst_gpus: Annotated[Count, Field(ge=0, lt=10**6)] = 0
    """GPUs that may be added above the planned ones while the load asks for them."""

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
        return self


class Redundancy(Strict):
    """What may fail. Of several rules the one that asks for most binds; they are not added."""

    spare_ratio: Ratio | None = Field(default=None, ge=0, le=1)
    """Spare nodes over needed nodes: 0.20 for 20 %."""
    nodes: Count | None = Field(default=None, ge=0)
    """Nodes that may fail at once."""
    zones: Count | None = Field(default=None, ge=0)
    """Availability zones that may fail at once."""
    availability: Ratio | None = Field(default=None, gt=0, lt=1)
    """Least share of time with all needed nodes alive, when nodes fail independently."""
    mtbf_gpu_hours: Ratio = Field(default=Decimal(50_700), ge=1)
    """Mean time between failures of one GPU and its share of the node, hours."""
    mttr_hours: Ratio = Field(default=Decimal(24), gt=0, le=8760)
    """Mean time to replace a failed node, hours."""
