"""Controllers that add replicas and nodes as the load grows: KEDA, Prometheus, Karpenter."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.helm.v3 import Release

from components.cluster_services.chart import release
from components.cluster_services.controllers import resources, spread
from components.cluster_services.monitoring.values import UNUSED_JOBS
from components.cluster_services.node_autoscaler import NodeAutoscaler, NodeAutoscalerArgs
from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity
from components.naming import PRODUCT, Tags, partition
from components.policy import allow, policy
from sizing.plan.stack.cluster import MetricsPlan, PodAutoscalerPlan, RolesPlan
from sizing.plan.stack.cluster_services import BurstServicesPlan
from sizing.stack.cluster_services import METRICS_SERVER, NAMESPACE, POD_AUTOSCALER_ACCOUNT
from sizing.workload.engines import EngineName
from templates.prometheus.jobs import SCALER_PORT, Job, engine_jobs

METRICS_MEMORY, METRICS_DISK = "512Mi", "2Gi"
"""Memory and disk of Prometheus: about 60 series of each engine for a day. Basis: assumed."""
UNUSED_PARTS = (
    "alertmanager",
    "kube-state-metrics",
    "prometheus-node-exporter",
    "prometheus-pushgateway",
)
SCALER = POD_AUTOSCALER_ACCOUNT
"""Label `app` of the pods of KEDA. Basis: vendor (the chart's operator.name, 2.20.2)."""


@dataclass(frozen=True, kw_only=True)
class BurstServicesArgs:
    plan: BurstServicesPlan
    roles: RolesPlan
    cluster_name: pulumi.Input[str]
    cluster: str
    """Name of the cluster as a plain text, which IAM policies need."""
    has_nodes: bool
    node_autoscaler_role: pulumi.Input[str] | None
    """Role of the Karpenter of the cluster's owner."""
    region: str
    account_ids: Sequence[str]
    volumes_key_arn: pulumi.Input[str] | None
    """Key of the nodes' volumes; null only where the stack has no nodes."""
    after: Sequence[pulumi.Resource]
    """Nodes and add-ons that must outlive the controllers."""
    tags: Tags


class BurstServices(pulumi.ComponentResource):
    """KEDA, Prometheus and Karpenter. KEDA calls AWS only to read queues of jobs, and Prometheus
    never does.

    The component requires a Kubernetes provider among its options.
    """

    node_autoscaler: NodeAutoscaler | None
    """Karpenter; null where the stack has no burst nodes and no other stack uses it."""
    ready_for_scaling: list[pulumi.Resource]
    """Resources that must exist before the load decides the replica count."""

    def __init__(
        self, name: str, args: BurstServicesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:BurstServices", name, None, opts)
        self._name = name
        self._args = args
        self._after = pulumi.ResourceOptions(parent=self, depends_on=args.after)
        metrics, scaler, nodes = (
            args.plan.metrics,
            args.plan.pod_autoscaler,
            args.plan.node_autoscaler,
        )
        wanted = args.has_nodes or nodes is not None
        self.node_autoscaler = self._node_autoscaler() if wanted else None
        self.ready_for_scaling = [
            *([] if metrics is None else [self._metrics(metrics)]),
            *([] if scaler is None else [self._pod_autoscaler(scaler)]),
        ]
        self.register_outputs({})

    def _node_autoscaler(self) -> NodeAutoscaler:
        args = self._args
        if args.volumes_key_arn is None:
            raise ValueError(f"{self._name}: burst nodes need a key for their volumes")
        return NodeAutoscaler(
            f"{self._name}-nodes",
            NodeAutoscalerArgs(
                plan=args.plan.node_autoscaler,
                definitions=args.plan.node_definitions,
                has_nodes=args.has_nodes,
                role_elsewhere=args.node_autoscaler_role,
                roles=args.roles,
                cluster_name=args.cluster_name,
                cluster=args.cluster,
                region=args.region,
                account_ids=args.account_ids,
                volumes_key_arn=args.volumes_key_arn,
                after=args.after,
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _pod_autoscaler(self, plan: PodAutoscalerPlan) -> Release:
        """Return the release of KEDA; it scales Deployments and reads only its own secrets."""
        restricted = {"restrict": {"secret": True}}
        one_away = {"maxUnavailable": 1}
        values = {
            "operator": {"replicaCount": plan.replicas},
            "metricsServer": {"replicaCount": plan.replicas},
            "podDisruptionBudget": {"operator": one_away, "metricServer": one_away},
            "resources": {
                "operator": resources("100m", "256Mi", limit="1000Mi"),
                "metricServer": resources("100m", "128Mi", limit="512Mi"),
                "webhooks": resources("10m", "64Mi", limit="256Mi"),
            },
            "topologySpreadConstraints": {
                "operator": spread({"app": SCALER}),
                "metricsServer": spread({"app": f"{SCALER}-metrics-apiserver"}),
            },
            "rbac": {"enabledCustomScaledRefKinds": False},
            "permissions": {"operator": restricted, "metricServer": restricted},
        }
        if plan.measured:
            values["prometheus"] = {"operator": {"enabled": True, "port": SCALER_PORT}}
        reader = [self._queue_reader()] if plan.reads_queues else []
        after = pulumi.ResourceOptions(parent=self, depends_on=[*self._args.after, *reader])
        return release(f"{self._name}-pods", plan, values, after)

    def _queue_reader(self) -> eks.PodIdentityAssociation:
        """Role of KEDA, which counts the jobs of this product's queues and reads their age.

        Guard: one role for all stacks on the cluster, by tag. CloudWatch has no resource for
        metrics. Basis: vendor (KEDA's scalers, which call these actions; IAM reference of SQS).
        """
        args = self._args
        queues = f"arn:{partition(args.region)}:sqs:{args.region}:{args.account_ids[0]}:*"
        own = {"StringEquals": {"aws:ResourceTag/managed-by": PRODUCT}}
        _, association = pod_identity(
            f"{self._name}-pods",
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=NAMESPACE,
                service_account=SCALER,
                policy=policy(
                    allow("sqs:GetQueueAttributes", queues, own),
                    allow("cloudwatch:GetMetricData", "*"),
                ),
                roles=args.roles,
                partition=partition(args.region),
                account_ids=args.account_ids,
                tags=args.tags,
            ),
            self,
        )
        return association

    def _metrics(self, plan: MetricsPlan) -> Release:
        """Return the release of Prometheus, whose only rights are those that services grant it."""
        values = {
            **{part: {"enabled": False} for part in UNUSED_PARTS},
            "rbac": {"create": False},
            "serviceAccounts": {"server": {"create": True, "name": METRICS_SERVER}},
            "server": {
                "fullnameOverride": METRICS_SERVER,
                "global": {
                    "scrape_interval": f"{plan.scrape_s}s",
                    "scrape_timeout": "10s",
                    "evaluation_interval": "1m",
                },
                "retention": f"{plan.kept_hours}h",
                "persistentVolume": {"enabled": False},
                "emptyDir": {"sizeLimit": METRICS_DISK},
                "resources": resources("100m", METRICS_MEMORY),
            },
            "configmapReload": {"prometheus": {"resources": resources("10m", "32Mi", "64Mi")}},
            "scrapeConfigs": {
                **{job: {"enabled": False} for job in UNUSED_JOBS},
                **_jobs(plan),
            },
        }
        return release(f"{self._name}-metrics", plan, values, self._after)


def _jobs(plan: MetricsPlan) -> dict[str, Job]:
    """Scrape configurations by name of the job."""
    return engine_jobs(plan.services, plan.encrypted, "|".join(_kept(plan.engines)))


def _kept(engines: Sequence[EngineName]) -> Iterator[str]:
    """Yield regular expressions of the metrics that scaling rules read."""
    for engine in engines:
        gauges, requests = engine.traits.gauges, engine.traits.requests
        if gauges is not None:
            yield gauges.pattern
        if requests is not None:
            yield from (f"{requests.first_token.name}_bucket", requests.answers.name)
