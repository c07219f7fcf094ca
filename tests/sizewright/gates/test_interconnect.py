"""`check` fails where the EFA device plugin does not know the type of replicas over nodes."""

import csv

import pytest

from sizewright.gates.interconnect import interconnect_plugin
from sizing.catalog import DATA, load_catalog
from sizing.plan.whole import Plan
from tests.components.plans import chat_plan, spanning_plan

CATALOG = load_catalog()


def spanning(instance_type: str, chart: str | None) -> Plan:
    """Plan of replicas over nodes of the type, with the plugin's chart."""
    plan = spanning_plan()
    plugin = plan.cluster_services.interconnect_plugin
    assert plugin is not None
    pinned = None if chart is None else plugin.model_copy(update={"version": chart})
    services = plan.cluster_services.model_copy(update={"interconnect_plugin": pinned})
    (pool,) = (pool for pool in plan.pools if pool.interconnect)
    pools = (pool.model_copy(update={"instance_type": instance_type}),)
    return plan.model_copy(update={"cluster_services": services, "pools": pools})


def test_a_plugin_that_misreads_p6_is_refused() -> None:
    """Guard: chart v0.5.7 was pinned; its image v0.5.5 takes wrong devices of p6-b200."""
    (gate,) = interconnect_plugin(spanning("p6-b200.48xlarge", "v0.5.7"), CATALOG)
    assert gate.passed is False
    assert "p6-b200.48xlarge needs chart v0.5.10 or later (image v0.5.6)" in gate.detail


def test_the_pinned_plugin_knows_every_type_of_the_catalog_with_efa() -> None:
    pin = CATALOG.pin("chart:aws-efa-k8s-device-plugin")
    types = [
        row.name
        for row in CATALOG.instance_types
        if row.efa_interfaces and CATALOG.gpu(row.gpu).compute_capability
    ]
    assert len(types) == 37
    for name in types:
        (gate,) = interconnect_plugin(spanning(name, pin.version), CATALOG)
        assert gate.passed is True, gate.detail


def test_versions_are_compared_as_numbers() -> None:
    (gate,) = interconnect_plugin(spanning("p5e.48xlarge", "v0.5.30"), CATALOG)
    assert gate.passed is True
    (gate,) = interconnect_plugin(spanning("g7.48xlarge", "v0.5.7"), CATALOG)
    assert gate.passed is False


def test_a_type_that_no_plugin_is_known_to_support_is_refused() -> None:
    (gate,) = interconnect_plugin(spanning("p9.48xlarge", "v0.5.30"), CATALOG)
    assert (gate.passed, "no version of its chart" in gate.detail) == (False, True)


def test_another_owner_s_plugin_is_not_judged() -> None:
    (gate,) = interconnect_plugin(spanning("p5.48xlarge", None), CATALOG)
    assert gate.passed is None and "p5.48xlarge" in gate.detail
    assert not list(interconnect_plugin(chat_plan(), CATALOG)), "nothing to know"


@pytest.mark.parametrize("column", ["source", "checked", "plugin_chart", "plugin_image"])
def test_every_fact_has_its_source(column: str) -> None:
    with (DATA / "interconnects.csv").open(encoding="utf-8", newline="") as lines:
        assert all(row[column] for row in csv.DictReader(lines))
