"""Cluster services: nothing is installed that nothing would use."""

from collections.abc import Callable

import pytest

from sizing.catalog import Catalog
from sizing.site import Site
from sizing.size import size
from sizing.stack.cluster_services import chart_pins, cluster_services
from sizing.workload import Workload

Build = Callable[..., Workload]


def test_gpus_and_a_gateway_need_both(workload: Build, site: Site, catalog: Catalog) -> None:
    plan = size([workload()], site, catalog)
    plugin, controller = (
        plan.cluster_services.device_plugin,
        plan.cluster_services.load_balancer_controller,
    )
    assert plugin is not None and controller is not None
    assert plugin.version == catalog.pin("chart:nvidia-device-plugin").version
    assert controller.repository == "https://aws.github.io/eks-charts"
    assert controller.replicas == 2
    reported = " ".join(plan.unverified)
    assert "chart:nvidia-device-plugin" in reported
    assert "chart:aws-load-balancer-controller" not in reported, "its release was read"


def test_gpus_without_a_gateway_need_the_plugin_only(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    plan = size([workload()], site, catalog)
    served = plan.services[0].model_copy(update={"gateway": None})
    alongside = cluster_services([served], plan.pools, site, catalog)
    assert alongside.device_plugin is not None
    assert alongside.load_balancer_controller is None
    assert list(chart_pins(alongside)) == ["chart:nvidia-device-plugin"]


def test_an_empty_stack_needs_neither(site: Site, catalog: Catalog) -> None:
    alongside = size([], site, catalog).cluster_services
    assert (alongside.device_plugin, alongside.load_balancer_controller) == (None, None)


def test_a_chart_without_a_repository_is_refused(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    pools = size([workload()], site, catalog).pools
    pins = tuple(pin.model_copy(update={"repository": None}) for pin in catalog.pins)
    with pytest.raises(ValueError, match=r"nvidia-device-plugin of data/pins\.csv"):
        cluster_services([], pools, site, catalog.model_copy(update={"pins": pins}))
