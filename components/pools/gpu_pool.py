"""GPU nodes of one instance type: a fixed node group in each zone that has nodes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, eks, vpc

from components.naming import Tags
from components.pools.launch_template import Disk, Interconnect, Reservation, launch_template
from sizing.plan.service.disks import VolumePlan
from sizing.plan.service.pool import CapacitySource
from sizing.plan.stack.nodes import NodePool
from templates.render import ROOT_DEVICE
from templates.scheduling import GPU_TAINT, node_labels
from templates.user_data import WEIGHTS_DEVICE

CAPACITY_TYPES = {
    CapacitySource.on_demand: "ON_DEMAND",
    CapacitySource.reservations: "ON_DEMAND",
    CapacitySource.blocks: "CAPACITY_BLOCK",
}


@dataclass(frozen=True, kw_only=True)
class GpuPoolArgs:
    plan: NodePool
    cluster_name: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    """Private subnets by zone id."""
    user_data: str
    """Script that a node runs before it joins."""
    volumes_key_arn: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    cluster_group_id: pulumi.Input[str]
    """Security group of the control plane and the nodes."""
    after: Sequence[pulumi.Resource]
    """Resources that must outlive the nodes."""
    tags: Tags


class GpuPool(pulumi.ComponentResource):
    """The floor: min = desired = max in each zone, so that a changed count shows in a diff.

    Zones do not wait for each other: a zone without capacity stops only itself.
    """

    by_zone: dict[str, pulumi.Resource]
    """Node group of each zone that has nodes."""

    def __init__(
        self, name: str, args: GpuPoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:GpuPool", name, None, opts)
        self._groups = self._security_groups(name, args)
        zonal = args.plan.reservation_by_zone or self._placement(args)
        shared = None if zonal else self._template(name, args)
        self.by_zone = {
            zone: self._nodes(f"{name}-{zone}", args, zone, shared)
            for zone, count in args.plan.nodes_by_zone.items()
            if count > 0
        }
        self.register_outputs({})

    def _template(
        self, name: str, args: GpuPoolArgs, zone: str | None = None
    ) -> ec2.LaunchTemplate:
        """Launch template for all zones, or for one zone with its own capacity or placement."""
        reservation = interconnect = None
        if args.plan.interconnect is not None:
            interconnect = Interconnect(
                plan=args.plan.interconnect,
                security_group_ids=self._groups,
                placement_group=None if zone is None else self._placement_group(name, args),
            )
        if zone in args.plan.reservation_by_zone:
            block = args.plan.capacity_source is CapacitySource.blocks
            reservation = Reservation(id=args.plan.reservation_by_zone[zone], block=block)
        return launch_template(
            f"{name}-template",
            instance_type=args.plan.instance_type,
            disks=_disks(args.plan.volumes),
            key_arn=args.volumes_key_arn,
            tags=args.tags,
            user_data=args.user_data,
            reservation=reservation,
            interconnect=interconnect,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _placement(self, args: GpuPoolArgs) -> str | None:
        return None if args.plan.interconnect is None else args.plan.interconnect.placement

    def _placement_group(self, name: str, args: GpuPoolArgs) -> pulumi.Output[str] | None:
        """Cluster placement group of one zone's nodes, which cannot span zones."""
        strategy = self._placement(args)
        if strategy is None:
            return None
        group = ec2.PlacementGroup(
            f"{name}-placement",
            strategy=strategy,
            tags=args.tags.named(f"{name}-placement"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return group.name

    def _security_groups(self, name: str, args: GpuPoolArgs) -> list[pulumi.Input[str]]:
        """The cluster's group, and a group that allows EFA in both directions; none without EFA.

        Guard: EFA traffic needs rules that name the group itself; a range of addresses does not
        match.
        """
        if args.plan.interconnect is None:
            return []
        efa = f"{name}-efa"
        child = pulumi.ResourceOptions(parent=self)
        group = ec2.SecurityGroup(
            efa,
            vpc_id=args.vpc_id,
            description="EFA between the nodes of one pool",
            tags=args.tags.named(efa),
            opts=child,
        )
        for rule, resource in (
            ("in", vpc.SecurityGroupIngressRule),
            ("out", vpc.SecurityGroupEgressRule),
        ):
            resource(
                f"{efa}-{rule}",
                security_group_id=group.id,
                referenced_security_group_id=group.id,
                description="EFA within the pool",
                ip_protocol="-1",
                tags=args.tags.named(f"{efa}-{rule}"),
                opts=child,
            )
        return [args.cluster_group_id, group.id]

    def _nodes(
        self,
        name: str,
        args: GpuPoolArgs,
        zone: str,
        shared: ec2.LaunchTemplate | None,
    ) -> eks.NodeGroup:
        """Node group of one zone; updates of all zones together stay within the spare nodes.

        Guard: the strategy MINIMAL removes a node before it adds one. The default would first add
        two in each zone, which neither quota nor reservation allows.
        """
        count = args.plan.nodes_by_zone[zone]
        template = shared or self._template(name, args, zone)
        return eks.NodeGroup(
            name,
            cluster_name=args.cluster_name,
            node_role_arn=args.node_role_arn,
            subnet_ids=[args.subnet_ids[zone]],
            scaling_config={"min_size": count, "desired_size": count, "max_size": count},
            update_config={
                "max_unavailable": args.plan.updated_by_zone[zone],
                "update_strategy": "MINIMAL",
            },
            force_update_version=args.plan.force_update,
            capacity_type=CAPACITY_TYPES[args.plan.capacity_source],
            node_repair_config={
                "enabled": True,
                "max_parallel_nodes_repaired_count": args.plan.repairs_at_once,
                "max_unhealthy_node_threshold_count": args.plan.repair_stops_above,
            },
            ami_type=args.plan.ami_type,
            release_version=args.plan.release_by_zone[zone],
            version=args.plan.kubernetes_by_zone[zone],
            labels=node_labels(args.plan, zone),
            taints=[
                {"key": key, "value": value, "effect": "NO_SCHEDULE"}
                for key, value in GPU_TAINT.items()
            ],
            launch_template={
                "id": template.id,
                "version": template.latest_version.apply(str),
            },
            tags=args.tags.named(name),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                custom_timeouts=pulumi.CustomTimeouts(update=f"{args.plan.update_timeout_s}s"),
            ),
        )


def _disks(volumes: VolumePlan) -> list[Disk]:
    disks = [Disk(device=ROOT_DEVICE, size_gib=volumes.root_gib)]
    if volumes.weights_gib is not None:
        weights = Disk(
            device=WEIGHTS_DEVICE,
            size_gib=volumes.weights_gib,
            iops=volumes.weights_iops,
            mib_per_s=volumes.weights_mib_per_s,
        )
        disks.append(weights)
    return disks
