"""What must run in the cluster beside the services, so that they really serve?"""

from collections.abc import Iterator, Sequence

from sizing.catalog import Catalog
from sizing.plan import ChartPlan, ClusterServicesPlan, ControllerPlan, NodePool, ServicePlan
from sizing.reuse import ClusterPart
from sizing.site import Site

DEVICE_PLUGIN = ClusterPart.device_plugin.value
LOAD_BALANCER_CONTROLLER = ClusterPart.load_balancer_controller.value
"""Charts; their versions are the items `chart:NAME` of data/pins.csv."""
INSTALL_TIMEOUT_S = 600
"""Longest wait for a release to be ready. Basis: assumed, twice Helm's default: images are pulled
by nodes that have just joined."""
CONTROLLER_REPLICAS = 2
"""One leads, one waits, each on a system node. Basis: vendor (the chart's default)."""


def cluster_services(
    services: Sequence[ServicePlan], pools: Sequence[NodePool], site: Site, catalog: Catalog
) -> ClusterServicesPlan:
    """The device plugin where there are GPU nodes, the controller where there is a gateway.

    None that the cluster's owner provides; each that the site offers to other stacks.
    """
    gateways = any(service.gateway is not None for service in services)
    plugin = _brought(ClusterPart.device_plugin, site, used=bool(pools))
    controller = _brought(ClusterPart.load_balancer_controller, site, used=gateways)
    return ClusterServicesPlan(
        device_plugin=_chart(DEVICE_PLUGIN, catalog) if plugin else None,
        load_balancer_controller=ControllerPlan(
            **_chart(LOAD_BALANCER_CONTROLLER, catalog).model_dump(), replicas=CONTROLLER_REPLICAS
        )
        if controller
        else None,
    )


def _brought(part: ClusterPart, site: Site, used: bool) -> bool:
    """Whether this stack installs a part of the cluster: as used here, or as offered."""
    return part in site.cluster.offers or (used and part not in site.cluster.provides)


def chart_pins(plan: ClusterServicesPlan) -> Iterator[str]:
    """Items of data/pins.csv of the charts in use."""
    for chart in (plan.device_plugin, plan.load_balancer_controller):
        if chart is not None:
            yield _item(chart.chart)


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
