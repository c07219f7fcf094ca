"""Nodes for the cluster's own controllers and add-ons."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, eks

from components.naming import Tags
from components.pools.launch_template import Disk, launch_template
from sizing.plan.stack.nodes import SystemPool as SystemPoolPlan
from templates.render import ROOT_DEVICE


@dataclass(frozen=True, kw_only=True)
class SystemPoolArgs:
    plan: SystemPoolPlan
    cluster_name: pulumi.Input[str]
    kubernetes_version: str
    coredns_version: str | None
    """Version of the add-on; where it is null, EKS chooses it at creation."""
    node_role_arn: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    volumes_key_arn: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """Resources that must outlive the nodes."""
    tags: Tags


class SystemPool(pulumi.ComponentResource):
    """One untainted node group over all private subnets, and the add-on that runs on its nodes."""

    def __init__(
        self, name: str, args: SystemPoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:SystemPool", name, None, opts)
        template = launch_template(
            f"{name}-template",
            instance_type=args.plan.instance_type,
            disks=[Disk(device=ROOT_DEVICE, size_gib=args.plan.root_gib)],
            key_arn=args.volumes_key_arn,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        nodes = self._nodes(f"{name}-nodes", args, template)
        eks.Addon(
            f"{name}-coredns",
            cluster_name=args.cluster_name,
            addon_name="coredns",
            addon_version=args.coredns_version,
            tags=args.tags.named(f"{name}-coredns"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[nodes]),
        )
        self.register_outputs({})

    def _nodes(
        self, name: str, args: SystemPoolArgs, template: ec2.LaunchTemplate
    ) -> eks.NodeGroup:
        count = args.plan.nodes_total
        return eks.NodeGroup(
            name,
            cluster_name=args.cluster_name,
            node_role_arn=args.node_role_arn,
            subnet_ids=args.subnet_ids,
            scaling_config={"min_size": count, "desired_size": count, "max_size": count},
            update_config={"max_unavailable": 1},
            node_repair_config={"enabled": True},
            ami_type=args.plan.ami_type,
            release_version=args.plan.ami_release,
            version=args.kubernetes_version,
            launch_template={
                "id": template.id,
                "version": template.latest_version.apply(str),
            },
            tags=args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
