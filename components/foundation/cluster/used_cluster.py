"""A cluster of another owner: access to it, and a role for the nodes that this stack adds."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.provider import Provider as KubernetesProvider

from components.foundation.cluster.cluster import ClusterIds
from components.foundation.cluster.kubeconfig import kubeconfig
from components.foundation.cluster.node_role import node_role
from components.foundation.cluster.target_writer import TargetWriter
from components.naming import Tags, partition
from sizing.plan.stack.cluster import RolesPlan


@dataclass(frozen=True, kw_only=True)
class UsedClusterArgs:
    name: pulumi.Input[str]
    endpoint: pulumi.Input[str]
    certificate_authority: pulumi.Input[str]
    """Certificate authority of the API server, in Base64."""
    security_group_id: pulumi.Input[str]
    controller: TargetWriter | None
    """Load balancer controller of the cluster's owner; null where this stack runs one."""
    node_autoscaler_role: pulumi.Input[str] | None
    roles: RolesPlan
    region: str
    tags: Tags


class UsedCluster(pulumi.ComponentResource):
    """A used cluster, without control plane and add-ons: those belong to its owner."""

    ids: ClusterIds

    def __init__(
        self, name: str, args: UsedClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:UsedCluster", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        nodes = node_role(f"{name}-node", args.roles, partition(args.region), args.tags, child)
        config = kubeconfig(args.name, args.endpoint, args.certificate_authority, args.region)
        self.ids = ClusterIds(
            name=args.name,
            security_group_id=args.security_group_id,
            node_role_arn=nodes.arn,
            ready_for_nodes=nodes.grants,
            ready_for_pods=[],
            kubernetes=KubernetesProvider(f"{name}-kubernetes", kubeconfig=config, opts=child),
            controller=args.controller,
            node_autoscaler_role=args.node_autoscaler_role,
        )
        self.register_outputs({})
