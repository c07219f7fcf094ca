"""A fleet beyond one cluster: what the limits are, which service gets no nodes, and what stays."""

from collections.abc import Callable
from itertools import product

import pytest

from sizing.catalog import Catalog
from sizing.plan.part import Reason
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.stack.addresses import enough_addresses
from sizing.stack.one_cluster import OneCluster, widest_addresses
from sizing.workload import Workload
from tests.components.plans import CHAT, RENDERED
from tests.sizing.stack.test_shared import at, in_existing_subnets, users

Build = Callable[..., Workload]
DATA = {
    "profile_bytes_per_user": 10_000,
    "interaction_bytes": 2_000,
    "client": "own",
    "retention_days": 30,
}


ONE = [Workload.model_validate(CHAT)]
"""One service, without renditions."""


@pytest.fixture
def large(workload: Build, site: Site, catalog: Catalog) -> Callable[..., Plan]:
    """Plan of services a, b, ... that need so many nodes, in existing subnets of a /16 or less."""

    def build(*nodes: int, **changes: object) -> Plan:
        services = [
            workload(name="abcdef"[index], traffic=users(count), data=DATA, **changes)
            for index, count in enumerate(nodes)
        ]
        return size(services, in_existing_subnets(site), catalog)

    return build


def beyond(plan: Plan) -> dict[str, str | None]:
    """Why services get no nodes, by name."""
    return {s.name: s.unserved for s in plan.services if s.exceeds_one_cluster}


def test_a_group_holds_450_nodes_and_no_more(large: Callable[..., Plan]) -> None:
    fits, exceeds = large(3 * 450), large(3 * 450 + 1)
    assert beyond(fits) == {}
    assert fits.pools[0].nodes_by_zone == dict.fromkeys(fits.site.zones, 450)
    assert beyond(exceeds) == {
        "a": "451 nodes of g6-xlarge in use1-az1, of at most 450 a node group"
    }


def test_a_service_beyond_one_cluster_keeps_its_figures_and_stores(
    large: Callable[..., Plan],
) -> None:
    plan = large(3 * 450 + 1)
    (service,) = plan.services
    assert service.pool is not None and service.pool.nodes_total == 1_351
    assert service.choice is not None and service.choice.pool_usd_per_month is not None
    assert service.serving is None and service.quota is None and service.burst is None
    assert service.database is not None and service.buckets
    assert (plan.pools, plan.cluster.node_groups) == ((), 1)
    (reason,) = [r for r in service.rejected if r.reason is Reason.one_cluster]
    assert reason.option == "serving"


def test_services_of_one_type_share_the_group_and_the_last_one_gets_no_nodes(
    large: Callable[..., Plan],
) -> None:
    plan = large(900, 451, 450)
    assert beyond(plan) == {
        "b": "451 nodes of g6-xlarge in use1-az1, of at most 450 a node group, with the services "
        "before it"
    }
    assert plan.pools[0].services == ("a", "c"), "the third takes the room that the second left"
    assert plan.pools[0].nodes_by_zone == dict.fromkeys(plan.site.zones, 450)


@pytest.mark.parametrize(("kinds", "groups", "without"), [(9, 28, 0), (10, 28, 1)])
def test_a_cluster_has_30_groups(
    *, workload: Build, site: Site, catalog: Catalog, kinds: int, groups: int, without: int
) -> None:
    """A group of the system, and three of each type."""
    services = [
        workload(name=f"s{index}", hardware={"instance_type": f"{family}.{size_}xlarge"})
        for index, (family, size_) in enumerate(product(("g5", "g6"), ("", 2, 4, 8, 16)))
    ][:kinds]
    plan = size(services, site, catalog)
    assert plan.cluster.node_groups == groups
    assert len(beyond(plan)) == without
    assert set(beyond(plan).values()) <= {
        "31 node groups, of at most 30 a cluster, with the services before it"
    }


def test_all_groups_together_hold_13_500_nodes(site: Site, catalog: Catalog) -> None:
    cluster = OneCluster.of(in_existing_subnets(site), catalog, ONE)
    full = {("pool", str(number)): 450 for number in range(29)}
    assert not list(cluster._exceeded(type(cluster.groups)(full), type(cluster.held)(z=1)))
    assert cluster.own_groups + len(full) == 30 and 30 * 450 == 13_500
    full["pool", "29"] = 1
    assert list(cluster._exceeded(type(cluster.groups)(full), type(cluster.held)(z=1))) == [
        "31 node groups, of at most 30 a cluster"
    ]


def test_the_widest_network_bounds_the_addresses(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    """A g6.xlarge takes 2 x 15 addresses: (207 x 30 + 30 + 6 + 9) x 1.3 = 8,132 of 8,187."""
    assert (widest_addresses(site), widest_addresses(in_existing_subnets(site))) == (8_187, 65_531)
    fits = size([workload(traffic=users(3 * 207))], site, catalog)
    assert beyond(fits) == {}
    enough_addresses(fits.network)
    exceeds = size([workload(traffic=users(3 * 209))], site, catalog)
    assert beyond(exceeds) == {
        "chat": "8,210 private addresses in use1-az1, of at most 8,187 in the widest network"
    }
    enough_addresses(exceeds.network)


def test_a_narrow_network_stays_a_fault_of_the_site(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    """A wider network would do, so that the service does not exceed the cluster."""
    plan = size([workload(traffic=users(180))], at(site, vpc_cidr="10.0.0.0/18"), catalog)
    assert beyond(plan) == {} and plan.pools


def test_burst_nodes_count_with_their_addresses(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    """All of them may start in one zone."""
    capacity = {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"}
    small, floor = users(3), {"ttft_ms": 500, "tpot_ms": 50}
    for nodes, exceeds in ((200, False), (210, True)):
        burst = workload(traffic=small, latency=floor, capacity=capacity | {"burst_gpus": nodes})
        assert bool(beyond(size([burst], site, catalog))) is exceeds


def test_an_existing_cluster_has_no_group_of_the_system(site: Site, catalog: Catalog) -> None:
    of_stack = {"stack": "org/project/platform"}
    there = at(site, kubernetes_version="1.35", vpc_cidr="10.0.0.0/16", cluster=of_stack)
    assert OneCluster.of(there, catalog, ONE).own_groups == 0
    assert OneCluster.of(site, catalog, ONE).own_groups == 1
    rendering = [Workload.model_validate(RENDERED)]
    assert OneCluster.of(site, catalog, rendering).own_groups == 2


def test_weights_of_a_service_without_nodes_fill_no_disk(large: Callable[..., Plan]) -> None:
    """Weights of six services exceed the local disks of a node. Only the first has nodes."""
    alone, plan = large(3), large(3, *[3 * 450 + 1] * 5)
    assert list(beyond(plan)) == ["b", "c", "d", "e", "f"]
    assert plan.pools[0].volumes == alone.pools[0].volumes
    together = large(*[3] * 6)
    assert together.pools[0].volumes.weights_on is not alone.pools[0].volumes.weights_on
