"""The EKS cluster: a private control plane, its add-ons, and the access for Kubernetes objects."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, eks
from pulumi_kubernetes.provider import Provider as KubernetesProvider

from components.foundation.cluster.access import access
from components.foundation.cluster.kubeconfig import kubeconfig
from components.foundation.cluster.node_role import node_role
from components.foundation.cluster.target_writer import TargetWriter
from components.foundation.network.ingress import ingress, ingress_from_allowed
from components.identity import Identity, IdentityArgs
from components.naming import Tags, partition
from components.policy import allow, policy
from sizing.plan.stack.cluster import ClusterPlan, RolesPlan
from sizing.plan.stack.network import AllowedPlan

MADE_WITH = ["accessConfig.bootstrapClusterCreatorAdminPermissions", "encryptionConfig"]
"""Inputs that EKS reads only at creation; a change would first delete the cluster."""
LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]


@dataclass(frozen=True, kw_only=True)
class ClusterIds:
    """Identifiers of a cluster, made here or used, that its workloads require."""

    name: pulumi.Input[str]
    security_group_id: pulumi.Input[str]
    """Group of the control plane and of every managed node."""
    node_role_arn: pulumi.Input[str]
    ready_for_nodes: Sequence[pulumi.Resource]
    """Resources that must exist before a node joins."""
    ready_for_pods: Sequence[pulumi.Resource]
    """Resources that must exist before a pod takes a role."""
    kubernetes: KubernetesProvider
    controller: TargetWriter | None
    """Load balancer controller of the cluster's owner; null where this stack runs one."""
    node_autoscaler_role: pulumi.Input[str] | None
    """Role of the owner's Karpenter, to which this stack grants rights for burst nodes. Null where
    this stack runs Karpenter, or where that role may pass and use every resource."""


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    plan: ClusterPlan
    roles: RolesPlan
    cluster_name: str
    """Fixed name: EKS writes to the log group of that name, which must exist before the cluster."""
    region: str
    vpc_cidr: pulumi.Input[str]
    """Addresses from which the Kubernetes API is reachable."""
    allowed: AllowedPlan
    """Sources outside the network that may also call the API."""
    subnet_ids: Sequence[pulumi.Input[str]]
    secrets_key_arn: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """Resources that must outlive the cluster."""
    tags: Tags


class Cluster(pulumi.ComponentResource):
    """The cluster. Only the network reaches its endpoint; secrets and logs are encrypted."""

    ids: ClusterIds
    name: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    """Group of the control plane and of every managed node."""
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Cluster", name, None, opts)
        self._name = name
        self._tags = args.tags
        self._addons = args.plan.addons
        self._child = pulumi.ResourceOptions(parent=self)
        role = self._control_role(args)
        nodes = node_role(
            f"{name}-node", args.roles, partition(args.region), self._tags, self._child
        )
        logs = self._logs(args)
        cluster = self._cluster(args, role, [*role.grants, logs, *args.after])
        self.name = cluster.name
        self.security_group_id = cluster.vpc_config.cluster_security_group_id
        self.endpoint = cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.data
        network = [
            self._addon("vpc-cni", {"enableNetworkPolicy": "true"}),
            self._addon("kube-proxy"),
        ]
        # Node repair does not see GPU faults without the agent of this add-on.
        agent = self._addon("eks-node-monitoring-agent")
        api_rules = self._api_rules(args)
        self.ids = ClusterIds(
            name=self.name,
            security_group_id=self.security_group_id,
            node_role_arn=nodes.arn,
            ready_for_nodes=[*nodes.grants, *network, agent],
            ready_for_pods=[self._addon("eks-pod-identity-agent"), *api_rules, *self._access(args)],
            kubernetes=self._kubernetes(args.region),
            controller=None,
            node_autoscaler_role=None,
        )
        self.register_outputs({"name": self.name})

    def _control_role(self, args: ClusterArgs) -> Identity:
        return Identity(
            f"{self._name}-control",
            IdentityArgs(
                trusted_service="eks.amazonaws.com",
                managed_policies=("AmazonEKSClusterPolicy",),
                roles=args.roles,
                role_name=args.plan.role.name,
                path=args.plan.role.path,
                partition=partition(args.region),
                policy=_use_key(args.secrets_key_arn),
                tags=self._tags,
            ),
            self._child,
        )

    def _kubernetes(self, region: str) -> KubernetesProvider:
        config = kubeconfig(self.name, self.endpoint, self.certificate_authority, region)
        return KubernetesProvider(f"{self._name}-kubernetes", kubeconfig=config, opts=self._child)

    def _logs(self, args: ClusterArgs) -> cloudwatch.LogGroup:
        name = f"{self._name}-logs"
        return cloudwatch.LogGroup(
            name,
            name=log_group_name(args.cluster_name),
            retention_in_days=args.plan.log_days,
            kms_key_id=args.logs_key_arn,
            tags=self._tags.named(name),
            opts=self._child,
        )

    def _cluster(
        self, args: ClusterArgs, role: Identity, after: list[pulumi.Resource]
    ) -> eks.Cluster:
        name = f"{self._name}-control-plane"
        return eks.Cluster(
            name,
            name=args.cluster_name,
            version=args.plan.kubernetes_version,
            role_arn=role.arn,
            vpc_config={
                "subnet_ids": args.subnet_ids,
                "endpoint_private_access": True,
                "endpoint_public_access": False,
            },
            access_config={
                "authentication_mode": "API",
                "bootstrap_cluster_creator_admin_permissions": args.plan.access.creator,
            },
            bootstrap_self_managed_addons=False,
            encryption_config={
                "provider": {"key_arn": args.secrets_key_arn},
                "resources": ["secrets"],
            },
            upgrade_policy={"support_type": "STANDARD"},
            enabled_cluster_log_types=LOG_TYPES,
            deletion_protection=args.plan.protected,
            zonal_shift_config={"enabled": True},
            tags=self._tags.named(name),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=after,
                protect=args.plan.protected,
                ignore_changes=MADE_WITH,
            ),
        )

    def _access(self, args: ClusterArgs) -> list[pulumi.Resource]:
        return access(
            f"{self._name}-access",
            cluster_name=self.name,
            policies=args.plan.access.policies,
            partition=partition(args.region),
            tags=self._tags,
            opts=self._child,
        )

    def _api_rules(self, args: ClusterArgs) -> list[pulumi.Resource]:
        """Rules that open the API to the network and the allowed sources: EKS admits nodes only."""
        network = ingress(
            f"{self._name}-api-from-network",
            into=self.security_group_id,
            description="Kubernetes API from the network",
            port=443,
            cidr=args.vpc_cidr,
            tags=self._tags,
            opts=self._child,
        )
        allowed = ingress_from_allowed(
            f"{self._name}-api-from",
            into=self.security_group_id,
            allowed=args.allowed,
            description="Kubernetes API from an allowed source",
            tags=self._tags,
            opts=self._child,
        )
        return [network, *allowed]

    def _addon(self, addon: str, configuration: Mapping[str, str] | None = None) -> eks.Addon:
        name = f"{self._name}-{addon}"
        return eks.Addon(
            name,
            cluster_name=self.name,
            addon_name=addon,
            addon_version=self._addons[addon],
            configuration_values=json.dumps(configuration) if configuration else None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self._tags.named(name),
            opts=self._child,
        )


def _use_key(key_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:ListGrants"]
    return policy(allow(actions, key_arn))


def log_group_name(cluster_name: str) -> str:
    """Name of the log group that EKS writes to."""
    return f"/aws/eks/{cluster_name}/cluster"
