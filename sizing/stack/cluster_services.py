"""Which shared services must run in the cluster, so that the others really serve?"""

from collections.abc import Iterator, Sequence
from typing import Any

from sizing.catalog import Catalog
from sizing.locks.stack_lock import chart_item
from sizing.plan.service.burst import BurstPlan
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.cluster import (
    ChartImagePlan,
    ChartPlan,
    ControllerPlan,
    GroupControllerPlan,
    InterconnectPluginPlan,
    MetricsPlan,
    NodeAutoscalerPlan,
    OciChartPlan,
    PodAutoscalerPlan,
)
from sizing.plan.stack.cluster_services import BurstServicesPlan, ClusterServicesPlan
from sizing.plan.stack.monitoring import MonitoringPlan
from sizing.plan.stack.nodes import CpuPool, NodePool
from sizing.service.serving import engines_of
from sizing.site import Site
from sizing.site.mirrors import mirrored
from sizing.site.monitoring import MetricsStore
from sizing.site.reuse import ClusterPart
from sizing.stack.monitoring import monitoring_plan

NAMESPACE = "kube-system"
"""Namespace of the shared services and of the cluster's own add-ons."""
DEVICE_PLUGIN = ClusterPart.device_plugin.value
LOAD_BALANCER_CONTROLLER = ClusterPart.load_balancer_controller.value
NODE_AUTOSCALER = ClusterPart.node_autoscaler.value
NODE_DEFINITIONS = "karpenter-crd"
POD_AUTOSCALER = ClusterPart.pod_autoscaler.value
METRICS = ClusterPart.metrics.value
GPU_METRICS = "dcgm-exporter"
GROUP_CONTROLLER = ClusterPart.group_controller.value
INTERCONNECT_PLUGIN = ClusterPart.interconnect_plugin.value
"""Charts, and names of their releases. The versions are the items `chart:NAME` of data/pins.csv."""
POD_AUTOSCALER_ACCOUNT = "keda-operator"
"""Service account of KEDA. Basis: vendor (the chart's serviceAccount.operator.name, 2.20.2)."""
METRICS_SERVER = "prometheus-server"
"""Service and service account of Prometheus."""
STORED_METRICS = "metrics"
"""Release of the Prometheus that keeps metrics. Guard: it has another name than that of a burst, so
that the one starts before the other ends."""
STORED_SERVER = f"{STORED_METRICS}-prometheus"
"""Its service and service account."""
ALERTS_ACCOUNT = f"{STORED_METRICS}-alertmanager"
"""Service account of its Alertmanager. Basis: vendor (the charts: names of release and chart)."""
BURST_PARTS = (ClusterPart.pod_autoscaler, ClusterPart.node_autoscaler, ClusterPart.metrics)
"""Shared services that a burst needs."""
INSTALL_TIMEOUT_S = 600
"""Maximum seconds until a release is ready. Basis: assumed, twice Helm's default: images are pulled
by nodes that have just joined."""
CONTROLLER_REPLICAS = 2
"""Number of replicas: one leads, one waits, each on a system node. Basis: vendor (the charts'
default; KEDA's guide to high availability)."""
SCRAPE_S = 15
"""Seconds between two scrapes of an engine's metrics, and between two queries of them. Basis:
assumed; a replica takes minutes to start."""
METRICS_HOURS = 24
"""Hours that metrics are kept: only the last value is queried. Basis: assumed."""


def cluster_services(
    services: Sequence[ServicePlan],
    pools: Sequence[NodePool],
    site: Site,
    catalog: Catalog,
    cpu_pools: Sequence[CpuPool] = (),
) -> ClusterServicesPlan:
    """Return the device plugin for GPU nodes, the controller for a gateway, the burst services, and
    the metrics that the cluster keeps.

    Services that the cluster's owner provides are left out. Each that the site offers to other
    stacks is included.
    """
    gateways = any(isinstance(service.gateway, GatewayPlan) for service in services)
    spanning = tuple(sorted({pool.instance_type for pool in pools if pool.interconnect}))
    plugin = _brought(ClusterPart.device_plugin, site, used=bool(pools))
    controller = _brought(ClusterPart.load_balancer_controller, site, used=gateways)
    groups = _brought(ClusterPart.group_controller, site, used=bool(spanning))
    interconnect = _brought(ClusterPart.interconnect_plugin, site, used=bool(spanning))
    return ClusterServicesPlan(
        device_plugin=_chart(DEVICE_PLUGIN, site, catalog) if plugin else None,
        load_balancer_controller=ControllerPlan(
            **_values(LOAD_BALANCER_CONTROLLER, site, catalog), replicas=CONTROLLER_REPLICAS
        )
        if controller
        else None,
        group_controller=GroupControllerPlan(
            **_values(GROUP_CONTROLLER, site, catalog), replicas=CONTROLLER_REPLICAS
        )
        if groups
        else None,
        interconnect_plugin=InterconnectPluginPlan(
            **_values(INTERCONNECT_PLUGIN, site, catalog), instance_types=spanning
        )
        if interconnect
        else None,
        burst=_burst([s for s in services if s.burst is not None], site, catalog),
        monitoring=_monitoring(services, pools, site, catalog, cpu_pools)
        if site.metrics_store is MetricsStore.in_cluster
        else None,
    )


def _monitoring(
    services: Sequence[ServicePlan],
    pools: Sequence[NodePool],
    site: Site,
    catalog: Catalog,
    cpu_pools: Sequence[CpuPool],
) -> MonitoringPlan:
    """Return the metrics of all services. The one Prometheus also measures the load of bursts."""
    served = [service for service in services if service.serving is not None]
    gpus = bool(pools) or ClusterPart.device_plugin in site.cluster.offers
    return monitoring_plan(
        served,
        pools,
        cpu_pools,
        site,
        catalog,
        metrics=_metrics([s for s in served if s.exports_metrics], site, catalog),
        gpu_exporter=_chart(GPU_METRICS, site, catalog) if gpus else None,
    )


def _burst(
    services: Sequence[ServicePlan], site: Site, catalog: Catalog
) -> BurstServicesPlan | None:
    """Return the services for a burst here or in other stacks; nothing where there is none.

    Prometheus measures requests in flight. AWS itself counts the jobs of a queue. Where the cluster
    keeps metrics, its Prometheus is no part of the burst.
    """
    kept = site.metrics_store is MetricsStore.in_cluster
    measured = [s for s in services if isinstance(s.burst, BurstPlan)]
    used = dict.fromkeys(BURST_PARTS, bool(services)) | {
        ClusterPart.metrics: bool(measured) and not kept
    }
    brought = {part for part in BURST_PARTS if _brought(part, site, used=used[part])}
    if not services and not brought:
        return None
    nodes = ClusterPart.node_autoscaler in brought
    return BurstServicesPlan(
        node_definitions=OciChartPlan(**_values(NODE_DEFINITIONS, site, catalog))
        if nodes
        else None,
        node_autoscaler=NodeAutoscalerPlan(
            **_values(NODE_AUTOSCALER, site, catalog), replicas=CONTROLLER_REPLICAS
        )
        if nodes
        else None,
        pod_autoscaler=PodAutoscalerPlan(
            **_values(POD_AUTOSCALER, site, catalog),
            replicas=CONTROLLER_REPLICAS,
            reads_queues=ClusterPart.pod_autoscaler in site.cluster.offers
            or len(measured) < len(services),
            measured=kept,
        )
        if ClusterPart.pod_autoscaler in brought
        else None,
        metrics=_metrics(measured, site, catalog) if ClusterPart.metrics in brought else None,
    )


def _metrics(services: Sequence[ServicePlan], site: Site, catalog: Catalog) -> MetricsPlan:
    return MetricsPlan(
        **_values(METRICS, site, catalog),
        scrape_s=SCRAPE_S,
        kept_hours=METRICS_HOURS,
        services=tuple(s.name for s in services),
        encrypted=tuple(s.name for s in services if s.serving and s.serving.encrypted),
        engines=tuple(sorted(engines_of(services))),
    )


def metrics_server(site: Site) -> str:
    """Service and service account of the Prometheus that measures the services of the site."""
    kept = site.metrics_store is MetricsStore.in_cluster
    return STORED_SERVER if kept else METRICS_SERVER


def _brought(part: ClusterPart, site: Site, used: bool) -> bool:
    """True where this stack installs a part of the cluster, for its own use or as an offer."""
    return part in site.cluster.offers or (used and part not in site.cluster.provides)


def charts_in_use(plan: ClusterServicesPlan) -> Iterator[ChartPlan]:
    """Yield the charts that the stack installs."""
    charts: list[ChartPlan | None] = [plan.device_plugin, plan.load_balancer_controller]
    charts += [plan.group_controller, plan.interconnect_plugin]
    if plan.burst is not None:
        burst = plan.burst
        charts += [burst.node_definitions, burst.node_autoscaler, burst.pod_autoscaler]
        charts.append(burst.metrics)
    if plan.monitoring is not None:
        charts += [plan.monitoring.server, plan.monitoring.gpu_exporter]
    yield from (chart for chart in charts if chart is not None)


def chart_pins(plan: ClusterServicesPlan) -> Iterator[str]:
    """Yield the items of data/pins.csv of the charts in use."""
    yield from (chart_item(chart.chart) for chart in charts_in_use(plan))


def _chart(name: str, site: Site, catalog: Catalog) -> ChartPlan:
    pin = catalog.pin(chart_item(name))
    if pin.repository is None:
        raise ValueError(f"{pin.item} of data/pins.csv has no repository")
    return ChartPlan(
        chart=name,
        version=pin.version,
        repository=mirrored(pin.repository, site.mirrors),
        timeout_s=INSTALL_TIMEOUT_S,
        images=tuple(_images(name, site, catalog)),
        pull_secrets=site.image_pull_secrets,
    )


def _images(name: str, site: Site, catalog: Catalog) -> Iterator[ChartImagePlan]:
    for row in catalog.chart_images:
        copy = mirrored(row.image, site.mirrors)
        if row.chart == name and copy != row.image:
            yield ChartImagePlan(
                registry_value=row.registry_value,
                repository_value=row.repository_value,
                repository=copy,
            )


def _values(name: str, site: Site, catalog: Catalog) -> dict[str, Any]:
    return _chart(name, site, catalog).model_dump()
