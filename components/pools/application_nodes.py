"""Nodes of applications, and the security group by which databases know them."""

from dataclasses import dataclass, replace

import pulumi
from pulumi_aws import ec2

from components.pools.cpu_nodes import CpuNodesArgs, create_nodes


@dataclass(frozen=True, kw_only=True)
class ApplicationNodesArgs:
    nodes: CpuNodesArgs
    vpc_id: pulumi.Input[str]
    cluster_group_id: pulumi.Input[str]
    """Security group of the cluster, which all its nodes have."""


class ApplicationNodes(pulumi.ComponentResource):
    """One tainted node group over all private subnets. Databases admit its security group."""

    group_id: pulumi.Output[str]
    """Security group of these nodes alone."""

    def __init__(
        self, name: str, args: ApplicationNodesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:ApplicationNodes", name, None, opts)
        group = ec2.SecurityGroup(
            f"{name}-group",
            description="Nodes of applications",
            vpc_id=args.vpc_id,
            tags=args.nodes.tags.named(f"{name}-group"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Guard: with groups in the launch template, EKS adds none of its own.
        groups = (args.cluster_group_id, group.id)
        create_nodes(name, replace(args.nodes, security_group_ids=groups), self)
        self.group_id = group.id
        self.register_outputs({})
