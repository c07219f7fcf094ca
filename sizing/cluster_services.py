"""What must run in the cluster beside the services, so that they really serve?"""

from collections.abc import Iterator, Sequence

from sizing.catalog import Catalog
from sizing.plan import (
    BurstServicesPlan,
    ChartPlan,
    ClusterServicesPlan,
    ControllerPlan,
    GroupControllerPlan,
    InterconnectPluginPlan,
    MetricsPlan,
    NodeAutoscalerPlan,
    NodePool,
    OciChartPlan,
    PodAutoscalerPlan,
    ServicePlan,
)

NAMESPACE = "kube-system"
"""Where they run; the cluster's own add-ons run there too."""
DEVICE_PLUGIN = "nvidia-device-plugin"
LOAD_BALANCER_CONTROLLER = "aws-load-balancer-controller"
NODE_AUTOSCALER = "karpenter"
NODE_DEFINITIONS = "karpenter-crd"
POD_AUTOSCALER = "keda"
METRICS = "prometheus"
GROUP_CONTROLLER = "lws"
INTERCONNECT_PLUGIN = "aws-efa-k8s-device-plugin"
"""Charts, and names of their releases; the versions are the items `chart:NAME` of data/pins.csv."""
METRICS_SERVER = "prometheus-server"
"""Service and service account of Prometheus."""
INSTALL_TIMEOUT_S = 600
"""Longest wait for a release to be ready. Basis: assumed, twice Helm's default: images are pulled
by nodes that have just joined."""
CONTROLLER_REPLICAS = 2
"""One leads, one waits, each on a system node. Basis: vendor (the charts' default; KEDA's guide to
high availability)."""
SCRAPE_S = 15
"""Seconds between two looks at an engine's metrics, and between two questions for them. Basis:
assumed; a replica takes minutes to start."""
METRICS_HOURS = 24
"""Hours that metrics are kept: nothing but the last value is asked for. Basis: assumed."""


def cluster_services(
    services: Sequence[ServicePlan], pools: Sequence[NodePool], catalog: Catalog
) -> ClusterServicesPlan:
    """The device plugin where there are GPU nodes, the controller where there is a gateway."""
    gateways = any(service.gateway is not None for service in services)
    spanning = tuple(sorted({pool.instance_type for pool in pools if pool.interconnect}))
    return ClusterServicesPlan(
        device_plugin=_chart(DEVICE_PLUGIN, catalog) if pools else None,
        load_balancer_controller=ControllerPlan(
            **_chart(LOAD_BALANCER_CONTROLLER, catalog).model_dump(), replicas=CONTROLLER_REPLICAS
        )
        if gateways
        else None,
        group_controller=GroupControllerPlan(
            **_chart(GROUP_CONTROLLER, catalog).model_dump(), replicas=CONTROLLER_REPLICAS
        )
        if spanning
        else None,
        interconnect_plugin=InterconnectPluginPlan(
            **_chart(INTERCONNECT_PLUGIN, catalog).model_dump(), instance_types=spanning
        )
        if spanning
        else None,
        burst=_burst([s.name for s in services if s.burst is not None], catalog),
    )


def _burst(services: Sequence[str], catalog: Catalog) -> BurstServicesPlan | None:
    """What the services that burst need; nothing where none does."""
    if not services:
        return None
    karpenter, keda = _chart(NODE_AUTOSCALER, catalog), _chart(POD_AUTOSCALER, catalog)
    return BurstServicesPlan(
        node_definitions=OciChartPlan(**_chart(NODE_DEFINITIONS, catalog).model_dump()),
        node_autoscaler=NodeAutoscalerPlan(**karpenter.model_dump(), replicas=CONTROLLER_REPLICAS),
        pod_autoscaler=PodAutoscalerPlan(**keda.model_dump(), replicas=CONTROLLER_REPLICAS),
        metrics=MetricsPlan(
            **_chart(METRICS, catalog).model_dump(),
            scrape_s=SCRAPE_S,
            kept_hours=METRICS_HOURS,
            services=tuple(services),
        ),
    )


def chart_pins(plan: ClusterServicesPlan) -> Iterator[str]:
    """Items of data/pins.csv of the charts in use."""
    charts = [plan.device_plugin, plan.load_balancer_controller]
    charts += [plan.group_controller, plan.interconnect_plugin]
    if plan.burst is not None:
        burst = plan.burst
        charts += [burst.node_definitions, burst.node_autoscaler, burst.pod_autoscaler]
        charts.append(burst.metrics)
    yield from (_item(chart.chart) for chart in charts if chart is not None)


def _chart(name: str, catalog: Catalog) -> ChartPlan:
    pin = catalog.pin(_item(name))
    if pin.repository is None:
        raise ValueError(f"{pin.item} of data/pins.csv has no repository")
    return ChartPlan(
        chart=name,
        version=pin.version,
        repository=pin.repository,
        timeout_s=INSTALL_TIMEOUT_S,
    )


def _item(chart: str) -> str:
    return f"chart:{chart}"
