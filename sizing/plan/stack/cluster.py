"""The cluster, its keys, who gets in, and what runs in it for all."""

import operator
from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import (
    ADDON,
    AURORA,
    ENCRYPTION,
    KEY,
    KUBERNETES,
    LOGS,
    NODE_GROUP,
    RELEASE,
    ROLE,
    STACK_REFERENCE,
    TEMPLATE,
    Reaches,
)


class UsedKeysPlan(Part):
    """ARNs of keys that stand, by class of data; null where the stack makes its own."""

    cluster: Annotated[
        str | None, Reaches("aws:eks/cluster:Cluster", "encryptionConfig.provider.keyArn")
    ]
    volumes: Annotated[str | None, Reaches(TEMPLATE, "blockDeviceMappings.0.ebs.kmsKeyId")]
    data: Annotated[str | None, Reaches(AURORA, "kmsKeyId")]
    weights: Annotated[
        str | None,
        Reaches(ENCRYPTION, "rules.0.applyServerSideEncryptionByDefault.kmsMasterKeyId"),
    ]
    logs: Annotated[str | None, Reaches(LOGS, "kmsKeyId")]


class KeysPlan(Part):
    """The KMS keys of the stack, one a class of data that it has."""

    used: UsedKeysPlan | None
    """Keys that stand, by ARN."""
    made: tuple[str, ...]
    """Classes of data whose key the stack makes."""
    deletion_days: Annotated[int, Reaches(KEY, "deletionWindowInDays")]
    protected: bool
    """Whether the keys are protected from deletion."""


class UsedClusterPlan(Part):
    """Existing cluster."""

    name: Annotated[str, Reaches(NODE_GROUP, "clusterName")]
    endpoint: Annotated[str, Reaches(KUBERNETES, "kubeconfig")]
    certificate_authority: Annotated[str, Reaches(KUBERNETES, "kubeconfig")]
    security_group_id: Annotated[
        str, Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "securityGroupId")
    ]
    load_balancer_controller_role: Annotated[
        str | None, Reaches("aws:iam/rolePolicy:RolePolicy", "role")
    ]
    node_autoscaler_role: Annotated[str | None, Reaches("aws:iam/rolePolicy:RolePolicy", "role")]


class StackPlan(Part):
    name: Annotated[str, Reaches(STACK_REFERENCE, "name")]


class AccessPlan(Part):
    """Who gets into the cluster's API."""

    creator: Annotated[
        bool,
        Reaches("aws:eks/cluster:Cluster", "accessConfig.bootstrapClusterCreatorAdminPermissions"),
    ]
    """Whether whoever makes the cluster administers it."""
    policies: Annotated[
        dict[str, str],
        Reaches("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "policyArn"),
    ]
    """Access policy by role."""


class ClusterRolePlan(Part):
    """The role of the control plane, which EKS cannot change."""

    path: Annotated[str, Reaches(ROLE, "path")]
    """IAM path."""
    name: Annotated[str | None, Reaches(ROLE, "name")]
    """Null where Pulumi chooses it."""


class ClusterPlan(Part):
    """With `used` and `stack` null it is made here."""

    used: UsedClusterPlan | None
    """The cluster that stands, by its ids."""
    stack: StackPlan | None
    """Stack of this program that made cluster and network."""
    role: ClusterRolePlan
    """The role of the control plane that is made."""
    access: AccessPlan
    """Who gets into the cluster that is made."""
    controller_elsewhere: bool
    """Whether the cluster's owner runs the load balancer controller."""
    node_autoscaler_elsewhere: bool
    """Whether the cluster's owner runs Karpenter."""
    kubernetes_version: Annotated[
        str, Reaches("aws:eks/cluster:Cluster", "version"), Reaches(NODE_GROUP, "version")
    ]
    addons: Annotated[dict[str, str | None], Reaches(ADDON, "addonVersion")]
    """Version by EKS add-on that the stack makes; null where EKS chooses it."""
    end_of_support: str
    """Day on which the version's standard support ends."""
    node_groups: int
    """Managed node groups of the stack."""
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]
    protected: Annotated[bool, Reaches("aws:eks/cluster:Cluster", "deletionProtection")]


class RolesPlan(Part):
    """What the account asks of every IAM role."""

    path: Annotated[str, Reaches(ROLE, "path")]
    permissions_boundary_arn: Annotated[str | None, Reaches(ROLE, "permissionsBoundary")]


class ChartImagePlan(Part):
    """An image of a chart that comes from a mirror."""

    registry_value: str | None
    """Path of the chart's value for the registry; null where the repository has it too."""
    repository_value: str
    """Path of the chart's value for the repository."""
    repository: str
    """Registry and name of the mirror's image."""


class ChartPlan(Part):
    """A Helm release at an exact version."""

    chart: Annotated[str, Reaches(RELEASE, "chart")]
    version: Annotated[str, Reaches(RELEASE, "version")]
    repository: Annotated[str, Reaches(RELEASE, "repositoryOpts.repo")]
    timeout_s: Annotated[int, Reaches(RELEASE, "timeout")]
    images: tuple[ChartImagePlan, ...]
    """Images that come from a mirror; the others come from where the chart says."""
    pull_secrets: Annotated[tuple[str, ...], Reaches(RELEASE, "values.imagePullSecrets")]
    """Names of existing secrets of the release's namespace."""


class ControllerPlan(ChartPlan):
    """A Helm release whose pods stand in for each other."""

    replicas: Annotated[int, Reaches(RELEASE, "values.replicaCount")]


class OciChartPlan(ChartPlan):
    """A Helm release from an OCI registry, which has no index of charts."""

    repository: Annotated[str, Reaches(RELEASE, "chart")]


class NodeAutoscalerPlan(OciChartPlan):
    replicas: Annotated[int, Reaches(RELEASE, "values.replicas")]


class PodAutoscalerPlan(ChartPlan):
    replicas: Annotated[
        int,
        Reaches(RELEASE, "values.operator.replicaCount"),
        Reaches(RELEASE, "values.metricsServer.replicaCount"),
    ]


class MetricsPlan(ChartPlan):
    """The Prometheus that the pod autoscaler asks; it scrapes engines and nothing else."""

    scrape_s: Annotated[int, Reaches(RELEASE, "values.server.global.scrape_interval")]
    kept_hours: Annotated[int, Reaches(RELEASE, "values.server.retention")]
    services: Annotated[tuple[str, ...], Reaches(RELEASE, "values.scrapeConfigs.engines")]
    """Services that burst: what it scrapes is in their namespaces."""
    encrypted: Annotated[
        tuple[str, ...],
        Reaches(RELEASE, "values.scrapeConfigs"),
        Field(default=(), exclude_if=operator.not_),
    ]
    """Those of them whose engines serve HTTPS."""


class GroupControllerPlan(OciChartPlan):
    replicas: Annotated[int, Reaches(RELEASE, "values.replicaCount")]


class InterconnectPluginPlan(ChartPlan):
    """Offers EFA interfaces to pods."""

    instance_types: Annotated[
        tuple[str, ...], Reaches(RELEASE, "values.supportedInstanceLabels.values")
    ]


class BurstServicesPlan(Part):
    """What adds replicas and nodes while the load asks for them; null where the cluster's owner
    runs it, or nothing would use it."""

    node_definitions: OciChartPlan | None
    """Chart of the definitions that Karpenter's objects need."""
    node_autoscaler: NodeAutoscalerPlan | None
    """Karpenter."""
    pod_autoscaler: PodAutoscalerPlan | None
    """KEDA."""
    metrics: MetricsPlan | None
    """Prometheus."""


class ClusterServicesPlan(Part):
    """What runs in the cluster beside the services; null where nothing would use it."""

    device_plugin: ChartPlan | None
    """Offers GPUs to pods."""
    load_balancer_controller: ControllerPlan | None
    """Registers pods with load balancers."""
    group_controller: GroupControllerPlan | None
    """Keeps the pods of a replica over several nodes together."""
    interconnect_plugin: InterconnectPluginPlan | None
    """Offers the fast path between nodes."""
    burst: BurstServicesPlan | None
    """What adds replicas and nodes under load."""
