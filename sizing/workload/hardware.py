"""Where it runs."""

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
    """Capacity bought ahead, by the zone it is in; nodes go nowhere else."""

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
        """The ids by zone id."""
        return self.reservations or self.blocks or {}


def _on_demand_is_absent(value: Any) -> Any:
    if isinstance(value, str) and value != "on_demand":
        expected = "on_demand, or a mapping with reservations or blocks"
        raise FieldError((), f"unknown source of nodes '{value}'", expected)
    return None if value == "on_demand" else value


class Hardware(Strict):
    instance_type: TypeName
    """EC2 instance type, e.g. g6.xlarge; auto takes the cheapest that meets every target."""
    tensor_parallel: PositiveCount | None = None
    """GPUs of one node that a replica uses; the best that hold the model when left out."""
    nodes_per_replica: PositiveCount | None = Field(default=None, le=64)
    """Nodes of one replica; one, or the fewest that hold the model, when left out."""
    families: tuple[str, ...] = ()
    """With auto: instance families to choose from, e.g. g6e; all when left out."""
    precisions: tuple[Precision, ...] = ()
    """With auto: precisions to choose from, e.g. bf16 and fp8; the model's own when left out."""
    capacity: Annotated[
        ReservedCapacity | None,
        BeforeValidator(
            _on_demand_is_absent,
            json_schema_input_type=Literal["on_demand"] | ReservedCapacity | None,
        ),
    ] = None
    """Where nodes come from: on_demand, or ids of reservations or of blocks by zone id."""
    load_time_s: PositiveCount = 300
    """Seconds in which a node must read the weights; on local NVMe, download and read them."""

    @property
    def is_auto(self) -> bool:
        """Whether sizing chooses the instance type."""
        return self.instance_type == AUTO

    def stated(self, instance_type: str, tensor_parallel: int) -> "Hardware":
        """The same hardware with its choice made."""
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
    """A type alone, or auto, is hardware."""
    return {"instance_type": value} if isinstance(value, str) else value
