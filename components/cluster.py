"""The EKS cluster: a private control plane, its add-ons, and the way in for Kubernetes objects."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, eks, kms, vpc
from pulumi_kubernetes.provider import Provider as KubernetesProvider

from components.identity import Identity, IdentityArgs
from components.naming import Tags, partition
from sizing.plan import ClusterPlan

LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
LOG_DAYS = 90
NODE_POLICIES = (
    "AmazonEKSWorkerNodePolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEKS_CNI_Policy",
)


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    plan: ClusterPlan
    cluster_name: str
    """Fixed: EKS writes to the log group of that name, which must exist before the cluster."""
    region: str
    vpc_cidr: str
    """Addresses that may call the Kubernetes API."""
    subnet_ids: Sequence[pulumi.Input[str]]
    after: Sequence[pulumi.Resource]
    """What must outlive the cluster."""
    tags: Tags


class Cluster(pulumi.ComponentResource):
    """Its endpoint is reachable from the network only; secrets are encrypted with its own key."""

    name: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    """Group of the control plane and of every managed node."""
    node_role_arn: pulumi.Output[str]
    ready_for_nodes: list[pulumi.Resource]
    """What must exist before a node joins."""
    ready_for_pods: list[pulumi.Resource]
    """What must exist before a pod takes a role."""
    kubernetes: KubernetesProvider

    def __init__(
        self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Cluster", name, None, opts)
        self._name = name
        self._tags = args.tags
        self._child = pulumi.ResourceOptions(parent=self)
        role = self._role("control", "eks.amazonaws.com", ("AmazonEKSClusterPolicy",), args.region)
        nodes = self._role("node", "ec2.amazonaws.com", NODE_POLICIES, args.region)
        key = self._key(args.plan.protected)
        logs = self._logs(args.cluster_name)
        cluster = self._cluster(args, role, key, [*role.grants, logs, *args.after])
        self.name = cluster.name
        self.security_group_id = cluster.vpc_config.cluster_security_group_id
        self.node_role_arn = nodes.arn
        network = [self._addon("vpc-cni"), self._addon("kube-proxy")]
        self.ready_for_nodes = [*nodes.grants, *network]
        door = self._api_rule(args.vpc_cidr)
        self.ready_for_pods = [self._addon("eks-pod-identity-agent"), door]
        self.kubernetes = KubernetesProvider(
            f"{name}-kubernetes", kubeconfig=_kubeconfig(cluster, args.region), opts=self._child
        )
        self.register_outputs({"name": self.name})

    def _role(self, role: str, service: str, policies: tuple[str, ...], region: str) -> Identity:
        return Identity(
            f"{self._name}-{role}",
            IdentityArgs(
                trusted_service=service,
                managed_policies=policies,
                partition=partition(region),
                tags=self._tags,
            ),
            self._child,
        )

    def _key(self, protected: bool) -> kms.Key:
        name = f"{self._name}-key"
        key = kms.Key(
            name,
            description="Secrets of the Kubernetes cluster",
            enable_key_rotation=True,
            tags=self._tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, protect=protected),
        )
        kms.Alias(name, target_key_id=key.key_id, opts=self._child)
        return key

    def _logs(self, cluster_name: str) -> cloudwatch.LogGroup:
        name = f"{self._name}-logs"
        return cloudwatch.LogGroup(
            name,
            name=f"/aws/eks/{cluster_name}/cluster",
            retention_in_days=LOG_DAYS,
            tags=self._tags.named(name),
            opts=self._child,
        )

    def _cluster(
        self, args: ClusterArgs, role: Identity, key: kms.Key, after: list[pulumi.Resource]
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
                "bootstrap_cluster_creator_admin_permissions": True,
            },
            bootstrap_self_managed_addons=False,
            encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
            upgrade_policy={"support_type": "STANDARD"},
            enabled_cluster_log_types=LOG_TYPES,
            deletion_protection=args.plan.protected,
            tags=self._tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )

    def _api_rule(self, vpc_cidr: str) -> vpc.SecurityGroupIngressRule:
        """The Kubernetes API for whoever reaches the network: nodes alone are let in by EKS."""
        name = f"{self._name}-api-from-network"
        return vpc.SecurityGroupIngressRule(
            name,
            security_group_id=self.security_group_id,
            description="Kubernetes API from the network",
            cidr_ipv4=vpc_cidr,
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            tags=self._tags.named(name),
            opts=self._child,
        )

    def _addon(self, addon: str) -> eks.Addon:
        name = f"{self._name}-{addon}"
        return eks.Addon(
            name,
            cluster_name=self.name,
            addon_name=addon,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            tags=self._tags.named(name),
            opts=self._child,
        )


def _kubeconfig(cluster: eks.Cluster, region: str) -> pulumi.Output[str]:
    """Credentials come from the caller's AWS identity at the time of each call."""
    token = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "aws",
        "args": ["eks", "get-token", "--cluster-name", cluster.name, "--region", region],
    }
    endpoint = {
        "server": cluster.endpoint,
        "certificate-authority-data": cluster.certificate_authority.data,
    }
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "eks", "cluster": endpoint}],
            "users": [{"name": "aws", "user": {"exec": token}}],
            "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "aws"}}],
            "current-context": "eks",
        }
    )
