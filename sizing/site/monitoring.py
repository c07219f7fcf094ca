"""Where are the metrics of a stack kept, and who receives its alerts?"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict

Email = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._%+-]{1,64}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,63}$",
        max_length=254,
        examples=["on-call@example.com"],
    ),
]


class MetricsStore(StrEnum):
    none = "none"
    """Prometheus runs only where a service bursts, for a day, without exporters and rules."""
    in_cluster = "in_cluster"
    """The created cluster runs Prometheus on volumes, with exporters of nodes, GPUs and objects."""
    existing = "existing"
    """The Prometheus of the cluster's owner scrapes the engines of all services."""


class Metrics(Strict):
    """Metrics of the engines, the nodes and the GPUs."""

    store: MetricsStore = Field(examples=["in_cluster"])
    """Place of the metrics."""
    retention_days: int = Field(default=30, ge=1, le=400, examples=[30])
    """Days that metrics are kept. Sizing computes the volume from them. Alerts that compare with
    past weeks need 22."""

    @model_validator(mode="after")
    def _kept_here(self) -> Self:
        kept_here = self.store is MetricsStore.in_cluster
        if "retention_days" in self.model_fields_set and not kept_here:
            raise FieldError(
                ("retention_days",), f"not used with store: {self.store}", "store: in_cluster"
            )
        return self


class Alerts(Strict):
    """Receivers of alerts. Each address confirms its subscription once."""

    email: tuple[Email, ...] = Field(min_length=1, max_length=10)
    """Addresses that receive each alert."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for index, address in enumerate(self.email):
            if address in self.email[:index]:
                raise FieldError(("email", index), f"{address} is named twice", "each address once")
        return self
