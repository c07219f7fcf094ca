"""Which source and which zones do nodes come from: on demand, reservations or blocks?"""

from collections.abc import Sequence
from hashlib import sha256

from sizing.catalog import Catalog, InstanceType
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import CapacitySource
from sizing.site import Site
from sizing.values.field_error import FieldError
from sizing.workload import ReservedCapacity, Workload

SHORT = {CapacitySource.reservations: "res", CapacitySource.blocks: "block"}


def source_of(reserved: ReservedCapacity | None) -> CapacitySource:
    """Capacity source that a workload names."""
    if reserved is None:
        return CapacitySource.on_demand
    return CapacitySource.blocks if reserved.blocks else CapacitySource.reservations


def pool_name(
    instance_type: str,
    tensor_parallel: int,
    reserved: ReservedCapacity | None = None,
    nodes_per_replica: int = 1,
) -> str:
    """Name of a service's node pool, valid in Kubernetes: g6.xlarge -> g6-xlarge.

    Guard: replicas of different sizes do not share nodes. Spread over all of them, small replicas
    would leave no node free for a large one. Examples: p5.48xlarge in fours -> p5-48xlarge-tp4,
    over two nodes -> p5-48xlarge-tp8-x2. A node bought ahead serves only its own service, so the
    digest of the ids is part of the name.
    """
    name = instance_type.replace(".", "-")
    name = name if tensor_parallel == 1 else f"{name}-tp{tensor_parallel}"
    name = name if nodes_per_replica == 1 else f"{name}-x{nodes_per_replica}"
    if reserved is None:
        return name
    ids = " ".join(f"{zone}={id_}" for zone, id_ in sorted(reserved.by_zone.items()))
    return f"{name}-{SHORT[source_of(reserved)]}-{sha256(ids.encode()).hexdigest()[:6]}"


def check_capacity(workload: Workload, site: Site, catalog: Catalog) -> None:
    """Check a workload's capacity ids.

    Raises FieldError for a zone that the site lacks or that does not sell the type. Raises
    FieldError for a capacity block of a type that is not sold in blocks.
    """
    hardware = workload.hardware
    if hardware is None or hardware.capacity is None:
        return
    instance = catalog.instance_type(hardware.instance_type)
    field = ("hardware", "capacity", source_of(hardware.capacity).value)
    if hardware.capacity.blocks and "capacity_block" not in instance.purchase:
        message = f"{instance.name} is not sold in capacity blocks"
        raise FieldError(field, message, "reservations, or on_demand")
    selling = catalog.zones_selling(instance.name, site.region)
    for zone in hardware.capacity.by_zone:
        if zone not in site.zones:
            expected = "one of " + ", ".join(site.zones)
            raise FieldError((*field, zone), f"{zone} is not a zone of the site", expected)
        if selling is not None and zone not in selling:
            expected = "one of " + ", ".join(selling)
            raise FieldError((*field, zone), f"{zone} does not sell {instance.name}", expected)


def not_on_demand(instance: InstanceType, reserved: ReservedCapacity | None) -> Rejected | None:
    """Return why a type is only available with capacity that was bought ahead; None otherwise."""
    if reserved is not None or "on_demand" in instance.purchase:
        return None
    numbers = f"sold as {', '.join(instance.purchase)} only; hardware.capacity takes the block's id"
    return Rejected(
        option=f"{instance.name} on demand",
        reason=Reason.offering,
        numbers=numbers,
        instance_type=instance.name,
    )


def with_capacity(
    zones: Sequence[str], instance: InstanceType, reserved: ReservedCapacity | None
) -> tuple[tuple[str, ...], list[Rejected]]:
    """Return the zones that nodes may use: all on demand, else those with an id; and the others."""
    if reserved is None:
        return tuple(zones), []
    kind = "block" if reserved.blocks else "reservation"
    others = [
        Rejected(
            option=zone,
            zone=zone,
            reason=Reason.offering,
            numbers=f"has no {kind} of {instance.name} and does not count for the spread",
        )
        for zone in zones
        if zone not in reserved.by_zone
    ]
    return tuple(zone for zone in zones if zone in reserved.by_zone), others
