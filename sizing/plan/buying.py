"""How the GPU nodes of a service can be bought, and when each request is due."""

from enum import StrEnum

from pydantic import Field

from sizing.plan.part import Part


class Way(StrEnum):
    on_demand = "on_demand"
    """Nodes are bought by the second where the zone has stock."""
    reservation = "reservation"
    """On-demand capacity reservations, one in each zone."""
    capacity_block = "capacity_block"
    """Capacity blocks, bought for days, each in one zone."""
    spot = "spot"
    """Spare nodes, which AWS may take back."""


class WayPlan(Part):
    """One way to buy the nodes, with the limits that allow or forbid it."""

    way: Way
    """Way to buy."""
    used: bool
    """True where the workload's nodes, or those of its burst, are bought this way."""
    within_limits: bool | None
    """True where published limits allow so many nodes; null where a limit is unknown. AWS publishes
    no stock."""
    text: str
    """Reason, with its numbers."""
    quota_code: str | None
    """Quota that counts the nodes; null where none is known."""
    vcpus_needed: int | None
    """vCPUs of the nodes that count against the quota: the value that a new account requests."""
    vcpus_default: int | None
    """vCPUs that the quota allows in a new account; null where it is unknown."""
    vcpus_increase: int | None
    """vCPUs to request above the default; null where the default is unknown."""
    blocks: int | None
    """Capacity blocks to buy; null for other ways."""


class BuyingPlan(Part):
    """Ways to buy the nodes of a service, and the clusters that they need."""

    ways: tuple[WayPlan, ...]
    """Ways to buy, the used one first."""
    zones_selling: tuple[str, ...] | None
    """Zones of the region that sell the type; null where they are unknown."""
    network_interfaces: int
    """Network interfaces of all nodes."""
    nodes_in_a_zone: int
    """Most nodes of the service in one zone of one cluster."""
    clusters: int
    """Clusters that hold the nodes."""
    regions: int
    """Regions with the default number of clusters that hold these clusters."""
    regions_selling: int | None
    """Regions that sell the type; null where they are unknown."""

    @property
    def used(self) -> WayPlan:
        """Way in which the nodes of the floor are bought."""
        return next(way for way in self.ways if way.used)


class CalendarStep(Part):
    """One request or purchase, by the days between it and the start."""

    days_from_start: int
    """Days from the start of the service; negative before it."""
    date: str | None = Field(default=None, exclude_if=lambda date: date is None)
    """Date of the step; left out without a start."""
    late_days: int | None = Field(default=None, exclude_if=lambda days: days is None)
    """Days by which the date is past; left out without today's date."""
    opens: bool
    """True where the step is possible from this day on; false where it is due by this day."""
    ways: tuple[Way, ...]
    """Ways to buy that the step belongs to; empty where it belongs to all."""
    services: tuple[str, ...]
    """Services whose nodes need it."""
    action: str
    """What to request, buy or build."""
    basis: str
    """Basis of the days: vendor or assumed, with the reason."""


class CalendarPlan(Part):
    """Steps until the nodes of all services serve, in the order of their days."""

    steps: tuple[CalendarStep, ...]
    """Steps, the first one first."""
    lead_days: int
    """Days between the first request of the used ways to buy and the start."""
    start: str | None = Field(default=None, exclude_if=lambda date: date is None)
    """First day of service, as stated; left out where no date is stated."""
    earliest_start: str | None = Field(default=None, exclude_if=lambda date: date is None)
    """First day that is possible from today's date; left out without it."""
