"""Hardware of one service: its choice and its nodes."""

from enum import StrEnum

from sizing.plan.part import Part
from sizing.values.exact import Number


class Survives(Part):
    nodes: int
    """Number of nodes that may fail, whichever they are."""
    zones: int
    """Number of zones that may fail, whichever they are."""

    @property
    def any_zone(self) -> bool:
        """True where any one zone may fail. Updates and rollouts then keep a node in each zone."""
        return self.zones > 0


class CapacitySource(StrEnum):
    on_demand = "on_demand"
    """Nodes are bought by the second where the zone has capacity."""
    reservations = "reservations"
    """Nodes use on-demand capacity reservations, one in each zone."""
    blocks = "blocks"
    """Nodes use capacity blocks, bought for days, each in one zone."""


class PoolPlan(Part):
    """Nodes of one service. Services with the same pool name share node groups (`Plan.pools`)."""

    name: str
    """Instance type, replica size and capacity source, in a form valid in Kubernetes."""
    capacity_source: CapacitySource
    """Capacity source of the nodes."""
    reservation_by_zone: dict[str, str]
    """Ids of capacity bought ahead; empty on demand."""
    instance_type: str
    """EC2 instance type."""
    gpu: str
    """Full name of the GPU in the catalog."""
    gpus_needed: int
    """GPUs needed, before packing."""
    gpus_total: int
    nodes_needed: int
    nodes_spare: int
    nodes_total: int
    """Nodes in total, spare ones included."""
    nodes_by_zone: dict[str, int]
    """Nodes of each zone."""
    survives: Survives
    """Losses that leave enough nodes."""
    nodes_left_after_zone: int
    """Nodes left after the loss of the fullest zone."""
    binding: str
    """Constraint that requires the most GPUs."""
    gpus_by_constraint: dict[str, int]
    """GPUs that each constraint alone requires."""
    redundancy_binding: str
    """Redundancy rule that requires the most nodes."""
    nodes_by_rule: dict[str, int]
    """Nodes that each redundancy rule alone requires."""
    nodes_at_peak: int | None
    """Nodes in total, redundancy included, if the peak were sized for."""
    gpus_per_node: int
    gpu_memory_bytes: int
    vcpu_per_node: int
    memory_gib_per_node: int
    max_pods_per_node: int | None
    tensor_parallel: int
    """GPUs of one node that share each layer."""
    pipeline_parallel: int
    """Number of stages of the layers; 1 unless a replica spans nodes."""
    nodes_per_replica: int
    gpus_per_replica: int
    replicas_per_node: int
    """Replicas of one node, or one part of a replica that spans nodes."""
    replicas_needed: int
    replicas_total: int
    utilisation_at_mean: Number
    """Share of the fleet's rate that the daily mean uses."""
    utilisation_at_peak: Number | None
    """Share of the fleet's rate that the peak uses, above 1 when the fleet is too small."""


class CheckpointPlan(Part):
    """Source of weights that are narrower than the published ones."""

    published: str
    """Precision of the published weights."""
    precision: str
    """Precision of the planned weights."""
    repository: str | None
    """Repository with the planned weights; null where none is known."""
    revision: str | None
    """Commit of the repository; null where none is known."""
    flag: str | None
    """Engine flag that converts published weights as they load. The stack does not pass it."""
    text: str
    """Summary in a clause."""


class ChoicePlan(Part):
    """Hardware, the origin of its choice, and the cost of its nodes."""

    instance_type: str
    """EC2 instance type."""
    tensor_parallel: int
    precision: str
    """Precision of the weights."""
    checkpoint: CheckpointPlan | None
    """Source of narrower weights; null where the weights are as published."""
    chosen_by: str
    """Origin of the choice: workload, lock or ranking."""
    usd_per_hour: Number | None
    """Price of one node on demand, USD an hour; null where it is unknown."""
    price_source: str | None
    """Source of the price."""
    price_checked: str | None
    """Date on which the price was checked."""
    rates_for: str | None
    """Digest of the inputs of the calibrated rates, for the lock; null by other methods."""
    pool_usd_per_month: Number | None
    """Cost of the nodes alone, USD a month."""
