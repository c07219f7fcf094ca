"""Values of the charts of Prometheus and of the exporter of GPUs."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.cluster_services.controllers import resources, spread
from components.cluster_services.monitoring.volumes import CLASS
from sizing.plan.stack.monitoring import MonitoringPlan
from sizing.stack.cluster_services import METRICS, NAMESPACE, STORED_METRICS, STORED_SERVER
from sizing.stack.monitoring import (
    ALERTS_MIB,
    ALERTS_MILLICORES,
    GPU_MIB,
    GPU_MILLICORES,
    NODE_MIB,
    NODE_MILLICORES,
    OBJECTS_MIB,
    OBJECTS_MILLICORES,
    RELOADER_MIB,
    RELOADER_MILLICORES,
    SERVER_MILLICORES,
)
from templates.prometheus.jobs import stored_jobs
from templates.scheduling import BURST_TAINT, GPU_LABEL, GPU_TAINT, POOL_LABEL, ZONE_LABEL

UNUSED_JOBS = (
    "kubernetes-api-servers",
    "kubernetes-nodes",
    "kubernetes-nodes-cadvisor",
    "kubernetes-pods",
    "kubernetes-pods-slow",
    "kubernetes-service-endpoints",
    "kubernetes-service-endpoints-slow",
    "kubernetes-services",
    "prometheus",
    "prometheus-pushgateway",
)
"""Jobs that the chart scrapes by default. Basis: vendor (its values.yaml, 29.27.0)."""
COLLECTORS = ("deployments", "jobs", "nodes", "pods", "statefulsets")
"""Kinds that kube-state-metrics may list: none with secrets."""
NODE_LABELS = (POOL_LABEL, ZONE_LABEL, GPU_LABEL, "topology.kubernetes.io/zone")
POD_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/component")
"""Labels of objects that become labels of metrics."""
NODE_FLAGS = (
    "--collector.filesystem.fs-types-exclude=^(autofs|cgroup2?|configfs|devpts|devtmpfs|overlay"
    "|proc|squashfs|sysfs|tmpfs|tracefs)$",
    "--collector.netdev.device-exclude=^(eni|lo|veth).*$",
)
"""Guard: each pod has an interface and mounts of its own, which would be series of its node."""
ALERTMANAGER_PORT = 9093


def server_values(
    plan: MonitoringPlan,
    rules: Sequence[Mapping[str, Any]],
    alertmanager: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the values of Prometheus, of its exporters and, with a configuration, of Alertmanager.

    rules: groups of recording and alerting rules
    """
    server = plan.server
    pull = {"imagePullSecrets": [{"name": name} for name in server.pull_secrets]}
    return {
        "rbac": {"create": False},
        "serviceAccounts": {"server": {"create": True, "name": STORED_SERVER}},
        "server": _server(plan, sends=alertmanager is not None),
        "configmapReload": {
            "prometheus": {"resources": _requests(RELOADER_MILLICORES, RELOADER_MIB)}
        },
        "scrapeConfigs": {
            **{job: {"enabled": False} for job in UNUSED_JOBS},
            **stored_jobs(server),
        },
        "serverFiles": {"alerting_rules.yml": {"groups": list(rules)}},
        "kube-state-metrics": pull | _objects(),
        "prometheus-node-exporter": pull | _nodes(),
        "prometheus-pushgateway": {"enabled": False},
        "alertmanager": {"enabled": False}
        if plan.alerts is None or alertmanager is None
        else pull | _alertmanager(plan.alerts.replicas, alertmanager),
    }


def _server(plan: MonitoringPlan, *, sends: bool) -> dict[str, Any]:
    """Guard: pods spread over zones when they first start, because their volumes stay there."""
    server = plan.server
    labels = {"app.kubernetes.io/name": METRICS, "app.kubernetes.io/component": "server"}
    zone, node = spread(labels)
    alertmanager = f"{STORED_METRICS}-alertmanager-headless.{NAMESPACE}.svc"
    return {
        "fullnameOverride": STORED_SERVER,
        "global": {
            "scrape_interval": f"{server.scrape_s}s",
            "scrape_timeout": "10s",
            "evaluation_interval": "1m",
        },
        "retention": f"{server.kept_hours}h",
        "retentionSize": f"{server.blocks_gib}GB",
        "replicaCount": server.replicas,
        "statefulSet": {
            "enabled": True,
            "pvcDeleteOnStsDelete": True,
            "pvcDeleteOnStsScale": True,
        },
        "persistentVolume": {
            "enabled": True,
            "size": f"{server.volume_gib}Gi",
            "storageClass": CLASS,
        },
        "resources": _requests(SERVER_MILLICORES, server.memory_mib),
        "topologySpreadConstraints": [{**zone, "whenUnsatisfiable": "DoNotSchedule"}, node],
        "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
        "alertmanagers": [
            {"dns_sd_configs": [{"names": [alertmanager], "type": "A", "port": ALERTMANAGER_PORT}]}
        ]
        if sends
        else [],
    }


def _objects() -> dict[str, Any]:
    return {
        "collectors": list(COLLECTORS),
        "metricLabelsAllowlist": [
            f"nodes=[{','.join(NODE_LABELS)}]",
            f"pods=[{','.join(POD_LABELS)}]",
        ],
        "resources": _requests(OBJECTS_MILLICORES, OBJECTS_MIB),
    }


def _nodes() -> dict[str, Any]:
    return {
        "extraArgs": list(NODE_FLAGS),
        "resources": _requests(NODE_MILLICORES, NODE_MIB),
    }


def _alertmanager(replicas: int, config: Mapping[str, Any]) -> dict[str, Any]:
    """Guard: no volume, because the pods tell each other what they have sent."""
    return {
        "enabled": True,
        "replicaCount": replicas,
        "persistence": {"enabled": False},
        "automountServiceAccountToken": False,
        "config": dict(config),
        "resources": _requests(ALERTS_MILLICORES, ALERTS_MIB),
        "topologySpreadConstraints": spread({"app.kubernetes.io/name": "alertmanager"}),
        "podDisruptionBudget": {"maxUnavailable": 1},
    }


def gpu_exporter_values(counters: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the exporter of GPUs, which reads these metrics on every GPU node.

    counters: kind by name of a metric
    """
    terms = [{"matchExpressions": [{"key": GPU_LABEL, "operator": "Exists"}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    taints = GPU_TAINT | BURST_TAINT
    return {
        "affinity": {"nodeAffinity": required},
        "tolerations": [
            {"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"}
            for key, value in taints.items()
        ],
        "customMetrics": "".join(f"{name}, {kind}, {name}.\n" for name, kind in counters.items()),
        "serviceMonitor": {"enabled": False},
        "resources": _requests(GPU_MILLICORES, GPU_MIB),
    }


def _requests(millicores: int, mib: int) -> dict[str, Any]:
    """Requests, and a memory limit of twice the request, which is an assumed size."""
    return resources(f"{millicores}m", f"{mib}Mi", f"{mib * 2}Mi")
