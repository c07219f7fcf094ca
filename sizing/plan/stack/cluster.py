"""The cluster, its keys, its access, and its shared services."""

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
from sizing.workload import EngineName


class UsedKeysPlan(Part):
    """ARNs of existing keys by class of data; null where the stack makes its own."""

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
    """KMS keys of the stack, one for each class of data."""

    used: UsedKeysPlan | None
    """Existing keys, by ARN."""
    made: tuple[str, ...]
    """Classes of data whose key the stack makes."""
    deletion_days: Annotated[int, Reaches(KEY, "deletionWindowInDays")]
    protected: bool
    """True where the keys are protected from deletion."""


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
    """Access to the cluster's API."""

    creator: Annotated[
        bool,
        Reaches("aws:eks/cluster:Cluster", "accessConfig.bootstrapClusterCreatorAdminPermissions"),
    ]
    """True where the role that creates the cluster administers it."""
    policies: Annotated[
        dict[str, str],
        Reaches("aws:eks/accessPolicyAssociation:AccessPolicyAssociation", "policyArn"),
    ]
    """Access policy by role."""


class ClusterRolePlan(Part):
    """Role of the control plane, which EKS cannot change."""

    path: Annotated[str, Reaches(ROLE, "path")]
    """IAM path of the role."""
    name: Annotated[str | None, Reaches(ROLE, "name")]
    """Name of the role; null where Pulumi chooses it."""


class ClusterPlan(Part):
    """Cluster. The stack creates it where `used` and `stack` are null."""

    used: UsedClusterPlan | None
    """Existing cluster, by its ids."""
    stack: StackPlan | None
    """Stack of this program that made cluster and network."""
    role: ClusterRolePlan
    """Role of the control plane of a created cluster."""
    access: AccessPlan
    """Access to a created cluster."""
    controller_elsewhere: bool
    """True where the cluster's owner runs the load balancer controller."""
    node_autoscaler_elsewhere: bool
    """True where the cluster's owner runs Karpenter."""
    kubernetes_version: Annotated[
        str, Reaches("aws:eks/cluster:Cluster", "version"), Reaches(NODE_GROUP, "version")
    ]
    addons: Annotated[dict[str, str | None], Reaches(ADDON, "addonVersion")]
    """Version by EKS add-on that the stack installs; null where EKS chooses it."""
    end_of_support: str
    """Date on which the version's standard support ends."""
    node_groups: int
    """Managed node groups of the stack."""
    log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]
    protected: Annotated[bool, Reaches("aws:eks/cluster:Cluster", "deletionProtection")]


class RolesPlan(Part):
    """Requirements of the account for every IAM role."""

    path: Annotated[str, Reaches(ROLE, "path")]
    permissions_boundary_arn: Annotated[str | None, Reaches(ROLE, "permissionsBoundary")]


class ChartImagePlan(Part):
    """Chart image from a mirror."""

    registry_value: str | None
    """Path of the chart's value for the registry; null where the repository has it too."""
    repository_value: str
    """Path of the chart's value for the repository."""
    repository: str
    """Registry and name of the mirror's image."""


class ChartPlan(Part):
    """Helm release at an exact version."""

    chart: Annotated[str, Reaches(RELEASE, "chart")]
    version: Annotated[str, Reaches(RELEASE, "version")]
    repository: Annotated[str, Reaches(RELEASE, "repositoryOpts.repo")]
    timeout_s: Annotated[int, Reaches(RELEASE, "timeout")]
    images: tuple[ChartImagePlan, ...]
    """Images from a mirror. The chart decides the registry of the others."""
    pull_secrets: Annotated[tuple[str, ...], Reaches(RELEASE, "values.imagePullSecrets")]
    """Names of existing secrets in the release's namespace."""


class ControllerPlan(ChartPlan):
    """Helm release whose pods replace each other."""

    replicas: Annotated[int, Reaches(RELEASE, "values.replicaCount")]


class OciChartPlan(ChartPlan):
    """Helm release from an OCI registry, which has no index of charts."""

    repository: Annotated[str, Reaches(RELEASE, "chart")]


class NodeAutoscalerPlan(OciChartPlan):
    replicas: Annotated[int, Reaches(RELEASE, "values.replicas")]


class PodAutoscalerPlan(ChartPlan):
    replicas: Annotated[
        int,
        Reaches(RELEASE, "values.operator.replicaCount"),
        Reaches(RELEASE, "values.metricsServer.replicaCount"),
    ]
    reads_queues: Annotated[bool, Field(default=False, exclude_if=operator.not_)]
    """True where it has a role that reads the queues of jobs: here, or in other stacks."""
    measured: Annotated[
        bool,
        Reaches(RELEASE, "values.prometheus.operator.enabled"),
        Field(default=False, exclude_if=operator.not_),
    ]
    """True where Prometheus scrapes it."""


class MetricsPlan(ChartPlan):
    """Prometheus for the pod autoscaler. It scrapes only engines."""

    scrape_s: Annotated[int, Reaches(RELEASE, "values.server.global.scrape_interval")]
    kept_hours: Annotated[int, Reaches(RELEASE, "values.server.retention")]
    services: Annotated[tuple[str, ...], Reaches(RELEASE, "values.scrapeConfigs.engines")]
    """Services with a burst, whose namespaces contain the scraped engines."""
    encrypted: Annotated[
        tuple[str, ...],
        Reaches(RELEASE, "values.scrapeConfigs"),
        Field(default=(), exclude_if=operator.not_),
    ]
    """Services with a burst whose engines serve HTTPS."""
    engines: Annotated[
        tuple[EngineName, ...],
        Reaches(RELEASE, "values.scrapeConfigs"),
        Field(default=(), exclude_if=lambda names: {*names} <= {EngineName.vllm}),
    ]
    """Engines of these services; left out where all are vLLM."""


class GroupControllerPlan(OciChartPlan):
    replicas: Annotated[int, Reaches(RELEASE, "values.replicaCount")]


class InterconnectPluginPlan(ChartPlan):
    """Plugin that offers EFA interfaces to pods."""

    instance_types: Annotated[
        tuple[str, ...], Reaches(RELEASE, "values.supportedInstanceLabels.values")
    ]
