"""Prometheus with its exporters, volumes and rules, and the delivery of its alerts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from components.cluster_services.chart import release
from components.cluster_services.monitoring.topic import Topic, TopicArgs
from components.cluster_services.monitoring.values import gpu_exporter_values, server_values
from components.cluster_services.monitoring.volumes import Volumes, VolumesArgs
from components.naming import Tags
from sizing.plan.stack.cluster import ChartPlan, RolesPlan
from sizing.plan.stack.monitoring import AlertsPlan, MonitoringPlan
from sizing.stack.cluster_services import NAMESPACE, STORED_METRICS, STORED_SERVER
from templates.prometheus.alertmanager import alertmanager_config

MADE_WITH = ["values.server.persistentVolume.size", "values.server.retentionSize"]
"""Sizes that Kubernetes takes only as it makes the volumes."""
DASHBOARD_LABEL = {"grafana_dashboard": "1"}
"""Label by which Grafana's sidecar finds dashboards. Basis: vendor (Grafana's chart)."""


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    plan: MonitoringPlan
    rules: Sequence[Mapping[str, Any]]
    """Groups of recording and alerting rules."""
    dashboards: Mapping[str, Mapping[str, Any]]
    """Dashboards of Grafana by name."""
    roles: RolesPlan
    cluster_name: pulumi.Input[str]
    cluster: str
    """Name of the cluster as a plain text, which IAM policies need."""
    volumes_addon_version: str | None
    """Version of the add-on of volumes; null where EKS chooses it."""
    region: str
    account_id: str
    volumes_key_arn: pulumi.Input[str]
    """Key of the volumes."""
    messages_key_arn: pulumi.Input[str]
    """Key of the messages to people."""
    after: Sequence[pulumi.Resource]
    """Nodes and add-ons that must outlive the metrics."""
    tags: Tags


class Monitoring(pulumi.ComponentResource):
    """Metrics and alerts of a cluster. It requires a Kubernetes provider among its options."""

    server: Release
    """Prometheus, which answers questions on the load of bursts."""

    def __init__(
        self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Monitoring", name, None, opts)
        self._name = name
        self._args = args
        self._after = pulumi.ResourceOptions(parent=self, depends_on=args.after)
        alerts = args.plan.alerts
        topic = None if alerts is None else self._topic(alerts)
        self.server = self._server(topic)
        if args.plan.gpu_exporter is not None:
            self._gpu_exporter(args.plan.gpu_exporter)
        for dashboard, content in args.dashboards.items():
            self._dashboard(dashboard, content)
        self.register_outputs({})

    def _topic(self, plan: AlertsPlan) -> Topic:
        args = self._args
        return Topic(
            f"{self._name}-alerts",
            TopicArgs(
                plan=plan,
                cluster_name=args.cluster_name,
                region=args.region,
                account_id=args.account_id,
                roles=args.roles,
                key_arn=args.messages_key_arn,
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _server(self, topic: Topic | None) -> Release:
        """Return the release. Prometheus reads pods only where a role lets it."""
        args = self._args
        config = None if topic is None else alertmanager_config(topic.arn, args.region)
        before = [*self._volumes().ready, self._exporters_access()]
        before += [] if topic is None else topic.ready
        return release(
            f"{self._name}-server",
            args.plan.server,
            server_values(args.plan, args.rules, config),
            pulumi.ResourceOptions(
                parent=self, depends_on=[*args.after, *before], ignore_changes=MADE_WITH
            ),
            release_name=STORED_METRICS,
        )

    def _volumes(self) -> Volumes:
        args = self._args
        return Volumes(
            f"{self._name}-volumes",
            VolumesArgs(
                cluster_name=args.cluster_name,
                cluster=args.cluster,
                addon_version=args.volumes_addon_version,
                region=args.region,
                account_id=args.account_id,
                roles=args.roles,
                key_arn=args.volumes_key_arn,
                after=list(args.after),
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _exporters_access(self) -> RoleBinding:
        """Role binding by which Prometheus finds the exporters."""
        name, group = f"{STORED_SERVER}-exporters", "rbac.authorization.k8s.io"
        reader = Role(
            f"{self._name}-exporters",
            metadata={"name": name, "namespace": NAMESPACE},
            rules=[{"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}],
            opts=self._after,
        )
        return RoleBinding(
            f"{self._name}-exporters-access",
            metadata={"name": name, "namespace": NAMESPACE},
            role_ref={"api_group": group, "kind": "Role", "name": name},
            subjects=[{"kind": "ServiceAccount", "name": STORED_SERVER, "namespace": NAMESPACE}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[reader]),
        )

    def _gpu_exporter(self, plan: ChartPlan) -> Release:
        values = gpu_exporter_values(self._args.plan.gpu_counters)
        return release(f"{self._name}-gpus", plan, values, self._after)

    def _dashboard(self, dashboard: str, content: Mapping[str, Any]) -> ConfigMap:
        return ConfigMap(
            f"{self._name}-dashboard-{dashboard}",
            metadata={
                "name": f"dashboard-{dashboard}",
                "namespace": NAMESPACE,
                "labels": DASHBOARD_LABEL,
            },
            data={f"{dashboard}.json": json.dumps(content, sort_keys=True)},
            opts=self._after,
        )
