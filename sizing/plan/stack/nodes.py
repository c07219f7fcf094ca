"""Node groups that services share."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import NODE_CLASS, NODE_GROUP, NODE_POOL, PLACEMENT, TEMPLATE, Reaches
from sizing.plan.service.disks import PoolVolumePlan
from sizing.plan.service.pool import CapacitySource


class NodeAddressPlan(Part):
    """Private addresses that one node takes for itself and its pods."""

    pods: int
    """Pods that take an address."""
    interfaces: int
    """Network interfaces that the pods need."""
    addresses_per_interface: int
    """The interface's own and those for pods."""


class BurstPoolPlan(Part):
    """Nodes that Karpenter may add to a pool, and takes away again."""

    nodes: int
    """Nodes that may be added at most."""
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


class InterconnectPlan(Part):
    """The fast path between nodes that share a replica."""

    first_interface: Annotated[str, Reaches(TEMPLATE, "networkInterfaces.0.interfaceType")]
    """Of network card 0, which bears the node's address: efa where the card can."""
    efa_only_interfaces: Annotated[int, Reaches(TEMPLATE, "networkInterfaces")]
    """One on each other card; they take no address."""
    placement: Annotated[str | None, Reaches(PLACEMENT, "strategy")]
    """Of the nodes of one zone; null where capacity bought ahead decides it."""


class NodePool(Part):
    """GPU nodes of one instance type and source, shared by the services that use them."""

    name: str
    """Instance type, replica size and source of capacity, in a form fit for Kubernetes."""
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
    """Of one zone's nodes: all zones together stay within the spare, where there is one each."""
    repair_stops_above: Annotated[
        int, Reaches(NODE_GROUP, "nodeRepairConfig.maxUnhealthyNodeThresholdCount")
    ]
    """Unhealthy nodes of one zone beyond which a person must look."""
    updated_by_zone: Annotated[dict[str, int], Reaches(NODE_GROUP, "updateConfig.maxUnavailable")]
    """Nodes of each zone that a new image or version takes at once."""
    zones_take_turns: bool
    """Whether nodes must be updated zone after zone: fewer are spare than zones have nodes."""
    force_update: Annotated[bool | None, Reaches(NODE_GROUP, "forceUpdateVersion")]
    """Whether an update goes on where pods do not leave in time; null where they do."""
    update_timeout_s: int
    """Seconds after which the update of one zone's nodes is given up."""
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
    """Null unless a replica spans nodes."""
    burst: BurstPoolPlan | None
    """Nodes above the floor; null without a burst."""
    services: tuple[str, ...]
    """Services that run on it."""

    @property
    def nodes_at_most(self) -> int:
        """Nodes of the floor and of the burst together."""
        return sum(self.nodes_by_zone.values()) + (self.burst.nodes if self.burst else 0)

    def nodes_at_most_in(self, zone: str) -> int:
        """Nodes that may stand in a zone: all of the burst may come to the same one."""
        floor, burst = self.nodes_by_zone.get(zone, 0), self.burst
        return floor + (burst.nodes if burst is not None and zone in burst.zones else 0)


class SystemPool(Part):
    """Nodes for what the cluster itself runs."""

    instance_type: Annotated[str, Reaches(TEMPLATE, "instanceType")]
    ami_type: Annotated[str, Reaches(NODE_GROUP, "amiType")]
    ami_release: Annotated[str | None, Reaches(NODE_GROUP, "releaseVersion")]
    """Release of the image; null where EKS chooses the newest."""
    nodes_total: Annotated[int, Reaches(NODE_GROUP, "scalingConfig.desiredSize")]
    root_gib: Annotated[int, Reaches(TEMPLATE, "blockDeviceMappings.0.ebs.volumeSize")]
    addresses: NodeAddressPlan
    """Addresses of one node."""
