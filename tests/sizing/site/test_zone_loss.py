"""Which parts of a stack survive the loss of a zone, and who requires it?"""

from collections.abc import Callable

import pytest

from sizing.catalog import Catalog
from sizing.plan.service.pool import Survives
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload

DATA = {
    "profile_bytes_per_user": 10_000,
    "interaction_bytes": 2_000,
    "client": "own",
    "retention_days": 9,
}


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("zones", [None, 0, 1])
def test_nat_gateways_and_databases_follow_one_rule(
    *,
    workload: Callable[..., Workload],
    site: Site,
    catalog: Catalog,
    environment: str,
    zones: int | None,
) -> None:
    there = Site.model_validate(site.model_dump() | {"environment": environment})
    chat = workload(redundancy={} if zones is None else {"zones": zones}, data=DATA)
    other = workload(name="other", data=DATA)
    required = environment == "prod" or zones == 1
    assert there.must_survive_a_zone([other, chat]) is required
    plan = size([other, chat], there, catalog)
    databases = [s.database.instances for s in plan.services if s.database is not None]
    assert databases == [1 + (environment == "prod"), 1 + required]
    assert [subnet.nat for subnet in plan.network.subnets] == [True, required, required]
    assert plan.system is not None and plan.system.nodes_total >= len(site.zones)


def test_a_stack_without_workloads_follows_its_environment(site: Site) -> None:
    prod = Site.model_validate(site.model_dump() | {"environment": "prod"})
    assert (site.must_survive_a_zone([]), prod.must_survive_a_zone([])) == (False, True)


def test_nodes_may_survive_a_zone_that_nobody_required(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    chat = workload(redundancy={"nodes": 6})
    assert not chat.redundancy.must_survive_a_zone
    (service,) = size([chat], site, catalog).services
    # 12 of 18 nodes are needed, six in each of three zones
    assert service.pool is not None and service.pool.survives.any_zone


@pytest.mark.parametrize(("zones", "survives"), [(0, False), (1, True), (2, True)])
def test_the_loss_of_any_zone(zones: int, survives: bool) -> None:
    assert Survives(nodes=0, zones=zones).any_zone is survives
