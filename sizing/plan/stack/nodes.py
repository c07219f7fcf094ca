"""Node groups that services share."""

import operator
from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import NODE_CLASS, NODE_GROUP, NODE_POOL, PLACEMENT, TEMPLATE, Reaches
from sizing.plan.service.disks import PoolVolumePlan
from sizing.plan.service.pool import CapacitySource
from sizing.plan.stack.addresses import NodeAddressPlan


class BurstPoolPlan(Part):
    """Nodes that Karpenter may add to a pool and remove again."""

    nodes: int
    """Maximum number of added nodes."""
    gpus: Annotated[int, Reaches(NODE_POOL, "spec.limits.nvidia.com/gpu")]
    zones: Annotated[
        tuple[str, ...],
        Reaches(NODE_POOL, "spec.template.spec.requirements"),
        Reaches(NODE_CLASS, "spec.subnetSelectorTerms"),
    ]
    image: Annotated[str, Reaches(NODE_CLASS, "spec.amiSelectorTerms.0.alias")]
    idle_s: Annotated[int, Reaches(NODE_POOL, "spec.disruption.consolidateAfter")]
    node_hours: Annotated[int, Reaches(NODE_POOL, "spec.template.spec.expireAfter")]
    drain_s: Annotated[int, Reaches(NODE_POOL, "spec.template.spec.terminationGracePeriod")]
    spot: Annotated[
        bool,
        Reaches(NODE_POOL, "spec.template.spec.requirements"),
        Field(default=False, exclude_if=operator.not_),
    ]
    """True where the nodes may be spot instances, and on-demand ones where none is to be had."""


class InterconnectPlan(Part):
    """Fast path between nodes that share a replica."""

    first_interface: Annotated[str, Reaches(TEMPLATE, "networkInterfaces.0.interfaceType")]
    """Type of network card 0, which has the node's address: efa where the card supports it."""
    efa_only_interfaces: Annotated[int, Reaches(TEMPLATE, "networkInterfaces")]
    """Number of interfaces on the other cards, one on each. They take no address."""
    placement: Annotated[str | None, Reaches(PLACEMENT, "strategy")]
    """Placement of the nodes of one zone; null where capacity bought ahead decides it."""


class NodePool(Part):
    """GPU nodes of one instance type and capacity source, shared by their services."""

    name: str
    """Instance type, replica size and capacity source, in a form valid in Kubernetes."""
    instance_type: Annotated[str, Reaches(TEMPLATE, "instanceType")]
    ami_type: Annotated[str, Reaches(NODE_GROUP, "amiType")]
    ami_release: str | None
    """Release of the image that all zones have or move to; null where EKS chooses the newest."""
    release_by_zone: Annotated[dict[str, str | None], Reaches(NODE_GROUP, "releaseVersion")]
    """Release of the image in each zone."""
    kubernetes_by_zone: Annotated[dict[str, str], Reaches(NODE_GROUP, "version")]
    """EKS version of the nodes in each zone."""
    gpu: Annotated[str, Reaches(NODE_GROUP, "labels.sizewright.dev/gpu")]
    nodes_by_zone: Annotated[
        dict[str, int],
        Reaches(NODE_GROUP, "scalingConfig.desiredSize"),
        Reaches(NODE_GROUP, "scalingConfig.minSize"),
        Reaches(NODE_GROUP, "scalingConfig.maxSize"),
    ]
    repairs_at_once: Annotated[
        int, Reaches(NODE_GROUP, "nodeRepairConfig.maxParallelNodesRepairedCount")
    ]
    """Nodes of one zone in repair at once. All zones together stay within the spare, where each has
    one."""
    repair_stops_above: Annotated[
        int, Reaches(NODE_GROUP, "nodeRepairConfig.maxUnhealthyNodeThresholdCount")
    ]
    """Unhealthy nodes of one zone above which automatic repair stops."""
    updated_by_zone: Annotated[dict[str, int], Reaches(NODE_GROUP, "updateConfig.maxUnavailable")]
    """Nodes of each zone that a new image or version replaces at once."""
    zones_take_turns: bool
    """True where zones must be updated in turn: spare nodes are fewer than zones with nodes."""
    force_update: Annotated[bool | None, Reaches(NODE_GROUP, "forceUpdateVersion")]
    """True where an update continues although pods do not leave in time; null where they do."""
    update_timeout_s: int
    """Seconds after which the update of one zone's nodes fails."""
    capacity_source: Annotated[CapacitySource, Reaches(NODE_GROUP, "capacityType")]
    reservation_by_zone: Annotated[
        dict[str, str],
        Reaches(
            TEMPLATE,
            "capacityReservationSpecification.capacityReservationTarget.capacityReservationId",
        ),
    ]
    volumes: PoolVolumePlan
    """Disks of its nodes."""
    addresses: NodeAddressPlan
    """Addresses of one node."""
    interconnect: InterconnectPlan | None
    """Fast path between nodes; null unless a replica spans nodes."""
    burst: BurstPoolPlan | None
    """Nodes above the floor; null without a burst."""
    services: tuple[str, ...]
    """Services on the nodes."""

    @property
    def nodes_at_most(self) -> int:
        """Nodes of the floor and of the burst together."""
        return sum(self.nodes_by_zone.values()) + (self.burst.nodes if self.burst else 0)

    def nodes_at_most_in(self, zone: str) -> int:
        """Maximum nodes in a zone: all of the burst may start in the same one."""
        floor, burst = self.nodes_by_zone.get(zone, 0), self.burst
        return floor + (burst.nodes if burst is not None and zone in burst.zones else 0)


class CpuPool(Part):
    """Nodes without GPUs."""

    instance_type: Annotated[str, Reaches(TEMPLATE, "instanceType")]
    ami_type: Annotated[str, Reaches(NODE_GROUP, "amiType")]
    ami_release: Annotated[str | None, Reaches(NODE_GROUP, "releaseVersion")]
    """Release of the image; null where EKS chooses the newest."""
    nodes_total: Annotated[int, Reaches(NODE_GROUP, "scalingConfig.desiredSize")]
    root_gib: Annotated[int, Reaches(TEMPLATE, "blockDeviceMappings.0.ebs.volumeSize")]
    addresses: NodeAddressPlan
    """Addresses of one node."""


class SystemPool(CpuPool):
    """Nodes for the cluster's own services."""


class RenditionPool(CpuPool):
    """Nodes of the workers that make renditions, one worker on each."""

    services: tuple[str, ...]
    """Services whose workers are on the nodes."""


class ApplicationPool(CpuPool):
    """Nodes of applications in front of engines, one pod on each. They may reach databases."""

    services: tuple[str, ...]
    """Services whose applications are on the nodes."""
