"""Nodes without GPUs: one node group over all zones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
from pulumi_aws import eks

from components.naming import Tags
from components.pools.launch_template import Disk, launch_template
from sizing.plan.stack.nodes import CpuPool
from templates.render import ROOT_DEVICE


@dataclass(frozen=True, kw_only=True)
class CpuNodesArgs:
    plan: CpuPool
    cluster_name: pulumi.Input[str]
    kubernetes_version: str
    node_role_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    volumes_key_arn: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """Resources that must outlive the nodes."""
    tags: Tags
    security_group_ids: Sequence[pulumi.Input[str]] = ()
    """Security groups of the nodes; empty where EKS gives them the cluster's."""
    taints: Mapping[str, str] = field(default_factory=dict)
    """Labels of the nodes that are their taints too; empty where any pod may run there."""


def create_nodes(name: str, args: CpuNodesArgs, parent: pulumi.Resource) -> eks.NodeGroup:
    """Create the node group of a component, which is the parent of its launch template too."""
    template = launch_template(
        f"{name}-template",
        instance_type=args.plan.instance_type,
        disks=[Disk(device=ROOT_DEVICE, size_gib=args.plan.root_gib)],
        key_arn=args.volumes_key_arn,
        security_group_ids=args.security_group_ids,
        tags=args.tags,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    nodes, count = f"{name}-nodes", args.plan.nodes_total
    taints: list[eks.NodeGroupTaintArgsDict] = [
        {"key": key, "value": value, "effect": "NO_SCHEDULE"} for key, value in args.taints.items()
    ]
    return eks.NodeGroup(
        nodes,
        cluster_name=args.cluster_name,
        node_role_arn=args.node_role_arn,
        subnet_ids=args.subnet_ids,
        scaling_config={"min_size": count, "desired_size": count, "max_size": count},
        update_config={"max_unavailable": 1},
        node_repair_config={"enabled": True},
        ami_type=args.plan.ami_type,
        release_version=args.plan.ami_release,
        version=args.kubernetes_version,
        labels=args.taints or None,
        taints=taints or None,
        launch_template={
            "id": template.id,
            "version": template.latest_version.apply(str),
        },
        tags=args.tags.named(nodes),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=args.after),
    )


class CpuNodes(pulumi.ComponentResource):
    """Nodes for pods that tolerate their taint."""

    def __init__(
        self, name: str, args: CpuNodesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:CpuNodes", name, None, opts)
        create_nodes(name, args, self)
        self.register_outputs({})
