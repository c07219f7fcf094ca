"""The nodes of one service."""

from enum import StrEnum

from sizing.plan.part import Part
from sizing.values.exact import Number


class Survives(Part):
    nodes: int
    """Nodes that may go, whichever they are."""
    zones: int
    """Zones that may go, whichever they are."""


class CapacitySource(StrEnum):
    on_demand = "on_demand"
    """Bought by the second where the zone has any left."""
    reservations = "reservations"
    """On-demand capacity reservations, one in each zone."""
    blocks = "blocks"
    """Capacity blocks: bought for days, each in one zone."""


class PoolPlan(Part):
    """One service's nodes; services of the same name of a pool share node groups (`Plan.pools`)."""

    name: str
    """Instance type, replica size and source of capacity, in a form fit for Kubernetes."""
    capacity_source: CapacitySource
    """How its nodes are bought."""
    reservation_by_zone: dict[str, str]
    """Ids of what was bought ahead; empty on demand."""
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
    """Nodes in all, spare ones included."""
    nodes_by_zone: dict[str, int]
    """Nodes of each zone."""
    survives: Survives
    """Losses that leave the nodes that are needed."""
    nodes_left_after_zone: int
    """Nodes left when the fullest zone is gone."""
    binding: str
    """The constraint that needs most GPUs."""
    gpus_by_constraint: dict[str, int]
    """GPUs that each constraint alone would need."""
    redundancy_binding: str
    """The redundancy rule that asks for most nodes."""
    nodes_by_rule: dict[str, int]
    """Nodes that each redundancy rule alone would need."""
    nodes_at_peak: int | None
    """Nodes in all, redundancy included, had the peak been sized for."""
    gpus_per_node: int
    gpu_memory_bytes: int
    vcpu_per_node: int
    memory_gib_per_node: int
    max_pods_per_node: int | None
    tensor_parallel: int
    """GPUs of one node that share each layer."""
    pipeline_parallel: int
    """Stages that the layers are cut into; 1 unless a replica spans nodes."""
    nodes_per_replica: int
    gpus_per_replica: int
    replicas_per_node: int
    """Replicas, or one part of one that spans nodes."""
    replicas_needed: int
    replicas_total: int
    utilisation_at_mean: Number
    """Share of the fleet's rate that the daily mean asks for."""
    utilisation_at_peak: Number | None
    """Share of the fleet's rate that the peak asks for, above 1 when it is short."""
