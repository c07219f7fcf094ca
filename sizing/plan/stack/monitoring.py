"""Metrics of a created cluster: Prometheus on volumes, exporters, and the delivery of alerts."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import RELEASE, SUBSCRIPTION, Reaches
from sizing.plan.stack.cluster import ChartPlan, MetricsPlan


class SeriesPlan(Part):
    """Series that one Prometheus holds at most, and the objects that they are counted from."""

    engine_pods: int
    """Engines that export metrics, those of bursts among them."""
    nodes: int
    """Nodes of the cluster, those of bursts among them."""
    gpus: int
    """GPUs of these nodes."""
    pods: int
    """Pods of the cluster."""
    per_engine: dict[str, int]
    """Series of one engine, by service."""
    per_node: int
    """Series of one node's exporters, without those of its GPUs."""
    per_gpu: int
    """Series of one GPU."""
    objects_per_node: int
    """Series of the Kubernetes object of one node."""
    objects_per_pod: int
    """Series of the Kubernetes objects of one pod."""
    objects_per_service: int
    """Series of the scaling rule of one service."""
    engine_series: int
    """Series of the engines."""
    node_series: int
    """Series of the exporters of nodes."""
    gpu_series: int
    """Series of the exporters of GPUs."""
    object_series: int
    """Series of Kubernetes objects and of scaling rules."""
    recorded_series: int
    """Series that rules record."""
    total: int
    """All series."""


class StoredMetricsPlan(MetricsPlan):
    """Prometheus that scrapes engines, nodes, GPUs and objects, and keeps them on volumes."""

    kept_hours: Annotated[int, Reaches(RELEASE, "values.server.retention")]
    """Hours of the days that the stack file states."""
    exporter_scrape_s: Annotated[int, Reaches(RELEASE, "values.scrapeConfigs.nodes")]
    """Seconds between two reads of a node, a GPU or the objects."""
    replicas: Annotated[int, Reaches(RELEASE, "values.server.replicaCount")]
    """Pods with the same metrics, each with its own volume."""
    kept: Annotated[dict[str, str], Reaches(RELEASE, "values.scrapeConfigs")]
    """Regular expression of the metrics that are kept, by exporter or engine."""
    series: SeriesPlan
    """Series of each pod."""
    samples_per_s: int
    """Samples that each pod takes in."""
    used_gib: int
    """Size of the metrics on a volume."""
    volume_gib: Annotated[int, Reaches(RELEASE, "values.server.persistentVolume.size")]
    """Size of each volume."""
    blocks_gib: Annotated[int, Reaches(RELEASE, "values.server.retentionSize")]
    """Size above which the oldest metrics are deleted."""
    memory_mib: Annotated[int, Reaches(RELEASE, "values.server.resources.requests.memory")]
    """Memory of each pod."""


class AlertsPlan(Part):
    """Alertmanager, and the topic through which it reaches people."""

    replicas: Annotated[int, Reaches(RELEASE, "values.alertmanager.replicaCount")]
    """Pods of Alertmanager, which share what they have sent."""
    email: Annotated[tuple[str, ...], Reaches(SUBSCRIPTION, "endpoint")]
    """Addresses that receive each alert."""


class MonitoringPlan(Part):
    """Metrics and alerts of a created cluster."""

    server: StoredMetricsPlan
    """Prometheus with the exporters of nodes and of objects."""
    gpu_exporter: ChartPlan | None
    """Exporter of GPUs; null where the stack has no GPU nodes."""
    gpu_counters: Annotated[dict[str, str], Reaches(RELEASE, "values.customMetrics")]
    """Kind of each metric that the exporter of GPUs reads; empty without one."""
    alerts: AlertsPlan | None
    """Delivery of alerts; null where nobody receives them."""
    requested_millicores: int
    """CPU that the added pods request on system nodes."""
    requested_mib: int
    """Memory that the added pods request on system nodes."""
    system_nodes: int
    """System nodes that these requests need."""
