"""Nodes for the cluster's own controllers and add-ons."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import eks

from components.pools.cpu_nodes import CpuNodesArgs, create_nodes


@dataclass(frozen=True, kw_only=True)
class SystemPoolArgs:
    nodes: CpuNodesArgs
    coredns_version: str | None
    """Version of the add-on; where it is null, EKS chooses it at creation."""


class SystemPool(pulumi.ComponentResource):
    """One untainted node group over all private subnets, and the add-on that runs on its nodes."""

    def __init__(
        self, name: str, args: SystemPoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:SystemPool", name, None, opts)
        nodes = create_nodes(name, args.nodes, self)
        eks.Addon(
            f"{name}-coredns",
            cluster_name=args.nodes.cluster_name,
            addon_name="coredns",
            addon_version=args.coredns_version,
            tags=args.nodes.tags.named(f"{name}-coredns"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[nodes]),
        )
        self.register_outputs({})
