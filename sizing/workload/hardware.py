"""Which hardware does a service run on?"""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from sizing.values.field_error import FieldError
from sizing.values.strict import Strict
from sizing.values.written import PositiveCount
from sizing.workload.kinds import Precision
from sizing.workload.zones import ReservationId, ZoneId

AUTO = "auto"
TypeName = Annotated[str, Field(min_length=1, max_length=40)]


class ReservedCapacity(Strict):
    """Capacity that is bought ahead, by zone. Nodes start only there."""

    reservations: dict[ZoneId, ReservationId] | None = Field(
        default=None, min_length=1, examples=[{"use1-az1": "cr-0123456789abcdef0"}]
    )
    """On-demand capacity reservations by zone id."""
    blocks: dict[ZoneId, ReservationId] | None = Field(
        default=None, min_length=1, examples=[{"use1-az1": "cr-0123456789abcdef0"}]
    )
    """Capacity blocks by zone id."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.reservations is None and self.blocks is None:
            hint = "or on_demand in place of the mapping"
            raise FieldError((), "names no source of nodes", "reservations or blocks", hint)
        if self.reservations is not None and self.blocks is not None:
            raise FieldError((), "names two sources of nodes", "either reservations or blocks")
        field = "reservations" if self.reservations else "blocks"
        ids = list(self.by_zone.values())
        for zone, bought in self.by_zone.items():
            if ids.count(bought) > 1:
                raise FieldError((field, zone), f"{bought} is named twice", "an id of this zone")
        return self

    @property
    def by_zone(self) -> dict[str, str]:
        """Ids by zone id."""
        return self.reservations or self.blocks or {}


def _on_demand_is_absent(value: Any) -> Any:
    if isinstance(value, str) and value != "on_demand":
        expected = "on_demand, or a mapping with reservations or blocks"
        raise FieldError((), f"unknown source of nodes '{value}'", expected)
    return None if value == "on_demand" else value


class Hardware(Strict):
    instance_type: TypeName
    """EC2 instance type, e.g. g6.xlarge. auto selects the cheapest type that meets every target."""
    tensor_parallel: PositiveCount | None = None
    """GPUs of one node that a replica uses. When left out, sizing chooses the best number."""
    nodes_per_replica: PositiveCount | None = Field(default=None, le=64)
    """Nodes of one replica. When left out, the fewest nodes that fit the model are used."""
    families: tuple[str, ...] = ()
    """Instance families that auto may choose, e.g. g6e. When left out, all families are allowed."""
    precisions: tuple[Precision, ...] = ()
    """Precisions that auto may choose, e.g. bf16 and fp8. When left out, only the model's own is
    allowed."""
    capacity: Annotated[
        ReservedCapacity | None,
        BeforeValidator(
            _on_demand_is_absent,
            json_schema_input_type=Literal["on_demand"] | ReservedCapacity | None,
        ),
    ] = None
    """Source of the nodes: on_demand, or ids of reservations or capacity blocks by zone id."""
    load_time_s: PositiveCount = 300
    """Seconds in which a node must read the weights. On local NVMe, this includes the download."""

    @property
    def is_auto(self) -> bool:
        """True where sizing chooses the instance type."""
        return self.instance_type == AUTO

    def stated(self, instance_type: str, tensor_parallel: int) -> "Hardware":
        """Return the same hardware with its choice made."""
        made = {"instance_type": instance_type, "tensor_parallel": tensor_parallel}
        return self.model_copy(update={**made, "families": (), "precisions": ()})

    @model_validator(mode="after")
    def _bounds_go_with_auto(self) -> Self:
        if self.is_auto and self.capacity is not None:
            raise FieldError(("capacity",), "ids are of one type, not of any", "an instance_type")
        for name in ("families", "precisions"):
            if getattr(self, name) and not self.is_auto:
                raise FieldError((name,), "bounds the choice of auto only", "instance_type: auto")
        return self


def auto_is_a_type(value: Any) -> Any:
    """Return hardware for a type alone, or for auto."""
    return {"instance_type": value} if isinstance(value, str) else value
