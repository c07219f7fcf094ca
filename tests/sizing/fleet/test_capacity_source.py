"""Capacity bought ahead: accepted ids, counted zones, and shared nodes."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from sizing.catalog import Catalog
from sizing.fleet.capacity_source import check_capacity, pool_name
from sizing.plan.part import Reason
from sizing.plan.service.pool import CapacitySource
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import Workload
from tests.sizing.refusals import refusals

Build = Callable[..., Workload]
ONE, TWO = "cr-0123456789abcdef0", "cr-0123456789abcdef1"


def on(instance_type: str = "g6.xlarge", **capacity: dict[str, str]) -> dict[str, object]:
    return {"instance_type": instance_type, "capacity": capacity}


@pytest.mark.parametrize(
    "capacity",
    [
        "spot",
        {},
        {"reservations": {}},
        {"reservations": {"use1-az1": "cr-1"}},
        {"reservations": {"us-east-1a": ONE}},
        {"reservations": {"use1-az1": ONE}, "blocks": {"use1-az1": TWO}},
    ],
)
def test_what_is_not_a_source_is_refused(workload: Build, capacity: object) -> None:
    with pytest.raises(ValidationError, match="capacity"):
        workload(hardware={"instance_type": "p5.48xlarge", "capacity": capacity})


@pytest.mark.parametrize(
    ("hardware", "field", "message"),
    [
        (on(blocks={"use1-az1": ONE}), "blocks", "g6.xlarge is not sold in capacity blocks"),
        (
            on(reservations={"use1-az6": ONE}),
            "reservations.use1-az6",
            "use1-az6 is not a zone of the site",
        ),
        (
            on("p5en.48xlarge", blocks={"use1-az1": ONE}),
            "blocks.use1-az1",
            "use1-az1 does not sell p5en.48xlarge",
        ),
    ],
)
def test_the_field_of_an_id_that_cannot_be(
    *,
    workload: Build,
    site: Site,
    catalog: Catalog,
    hardware: dict[str, object],
    field: str,
    message: str,
) -> None:
    requested = workload(hardware=hardware)
    with pytest.raises(FieldError, match=message) as fault:
        check_capacity(requested, site, catalog)
    assert ".".join(map(str, fault.value.field)) == f"hardware.capacity.{field}"
    with pytest.raises(FieldError, match=message):
        size([requested], site, catalog)


def test_on_demand_is_the_default(sized: Callable[..., ServicePlan]) -> None:
    said = sized(hardware={"instance_type": "g6.xlarge", "capacity": "on_demand"})
    assert said.pool == sized().pool
    assert said.pool is not None and said.pool.reservation_by_zone == {}
    assert said.pool.capacity_source is CapacitySource.on_demand


def test_zones_without_a_reservation_do_not_count(sized: Callable[..., ServicePlan]) -> None:
    ids = {"use1-az1": ONE, "use1-az2": TWO}
    plan = sized(hardware=on(reservations=ids), redundancy={"zones": 1})
    assert plan.pool is not None
    # one of two zones may fail, so each has all 12
    assert plan.pool.nodes_by_zone == {"use1-az1": 12, "use1-az2": 12}
    assert plan.pool.reservation_by_zone == ids
    (other,) = refusals(plan)
    assert (other.option, other.reason) == ("use1-az4", Reason.offering)
    assert other.numbers.startswith("has no reservation of g6.xlarge")


def test_a_block_keeps_all_nodes_in_its_zone(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(hardware=on("p5.48xlarge", blocks={"use1-az2": ONE}))
    assert plan.pool is not None
    assert list(plan.pool.nodes_by_zone) == ["use1-az2"]
    assert plan.pool.capacity_source is CapacitySource.blocks
    two = sized(hardware=on("p5.48xlarge", blocks={"use1-az1": ONE, "use1-az2": TWO}))
    assert two.pool is not None
    assert list(two.pool.nodes_by_zone) == ["use1-az1", "use1-az2"]


def test_a_type_sold_in_blocks_only_needs_one(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    there = site.model_copy(update={"region": "us-west-2", "zones": ("usw2-az3",)})
    (plan,) = size([workload(hardware={"instance_type": "p5e.48xlarge"})], there, catalog).services
    assert plan.pool is None
    refused = next(r for r in plan.rejected if r.option == "p5e.48xlarge on demand")
    assert refused.reason is Reason.offering
    assert refused.numbers.startswith("sold as capacity_block only")
    bought = workload(hardware=on("p5e.48xlarge", blocks={"usw2-az3": ONE}))
    assert size([bought], there, catalog).services[0].pool is not None


def test_only_the_same_source_shares_nodes(workload: Build, site: Site, catalog: Catalog) -> None:
    bought = on(reservations={"use1-az1": ONE})
    services = [
        workload(name="a"),
        workload(name="b", hardware=bought),
        workload(name="c", hardware=bought),
        workload(name="d", hardware=on(reservations={"use1-az1": TWO})),
    ]
    plan = size(services, site, catalog)
    assert sorted(pool.services for pool in plan.pools) == [("a",), ("b", "c"), ("d",)]
    assert len({pool.name for pool in plan.pools}) == 3
    assert all(s.serving and s.pool and s.serving.pool == s.pool.name for s in plan.services)


def test_the_name_of_a_pool_shows_its_source(workload: Build) -> None:
    hardware = workload(hardware=on("p5.48xlarge", blocks={"use1-az1": ONE})).hardware
    assert hardware is not None
    name = pool_name("p5.48xlarge", 4, hardware.capacity)
    assert name.startswith("p5-48xlarge-tp4-block-") and len(name) <= 63
