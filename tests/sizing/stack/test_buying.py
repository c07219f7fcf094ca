"""How nodes can be bought: quotas with their increase, zones, blocks, spot, clusters, regions."""

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest

from sizewright.report.buying import buying_line
from sizing.catalog import Catalog
from sizing.plan.buying import BuyingPlan, Way, WayPlan
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.stack.buying import dated_reservation
from sizing.workload import Workload
from tests.golden.test_published import golden
from tests.golden.test_published import sized as golden_plan
from tests.sizing.stack.test_shared import at, in_existing_subnets, users

Build = Callable[..., Workload]
CLIPS: dict[str, Any] = {
    "kind": "video",
    "model": "wan2.2-ti2v-5b",
    "request": {"width": 832},
    "capacity": {"method": "given", "requests_per_gpu_per_s": 0.01, "load": "mean"},
    "traffic": users(1),
}


def bought(plan: ServicePlan) -> BuyingPlan:
    assert plan.buying is not None
    return plan.buying


def way(plan: ServicePlan, name: Way) -> WayPlan:
    return next(each for each in bought(plan).ways if each.way is name)


def test_the_quota_counts_vcpus_of_floor_and_burst(sized: Callable[..., ServicePlan]) -> None:
    """12 nodes of 4 vCPUs, and 3 more of the burst. An update adds none."""
    capacity = {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"}
    for burst, vcpus in ((0, 48), (3, 60)):
        plan = sized(capacity=capacity | {"burst_gpus": burst})
        used = bought(plan).used
        assert (used.way, used.quota_code) == (Way.on_demand, "L-DB2E81BA")
        assert (used.vcpus_needed, used.vcpus_default, used.vcpus_increase) == (vcpus, 0, vcpus)
        assert bought(plan).network_interfaces == vcpus // 4 * 2


def test_without_a_pool_nothing_is_bought(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(redundancy={"zones": 3})
    assert plan.pool is None and plan.buying is None


def test_a_reservation_names_its_zones_and_shares_the_quota(
    sized: Callable[..., ServicePlan],
) -> None:
    reserved = way(sized(), Way.reservation)
    assert reserved.within_limits is True and not reserved.used
    assert reserved.quota_code == "L-DB2E81BA"
    assert "use1-az1 4, use1-az2 4, use1-az4 4; for a day 5 to 120 days ahead" in reserved.text


@pytest.mark.parametrize(
    ("name", "possible"),
    [("g6.xlarge", True), ("gr6.4xlarge", True), ("p5.48xlarge", False), ("inf2.xlarge", False)],
)
def test_only_some_families_are_reserved_for_a_later_day(
    *, catalog: Catalog, name: str, possible: bool
) -> None:
    assert (dated_reservation(catalog.instance_type(name), catalog) is not None) is possible


@pytest.mark.parametrize(
    ("nodes", "blocks", "numbers"),
    [
        # three zones of 64 and less are a block each
        (192, 3, "use1-az1 1, use1-az2 1, use1-az4 1"),
        (193, 4, "use1-az1 2, use1-az2 1, use1-az4 1"),
        (256, 6, "use1-az1 2, use1-az2 2, use1-az4 2"),
        (257, None, "257 nodes, of at most 256 in all blocks"),
    ],
)
def test_blocks_of_64_nodes_and_256_in_all(
    *,
    workload: Build,
    site: Site,
    catalog: Catalog,
    nodes: int,
    blocks: int | None,
    numbers: str,
) -> None:
    eight = workload(hardware={"instance_type": "p4d.24xlarge"}, traffic=users(8 * nodes))
    (plan,) = size([eight], in_existing_subnets(site), catalog).services
    found = way(plan, Way.capacity_block)
    assert (found.blocks, found.within_limits) == (blocks, blocks is not None)
    assert numbers in found.text


def test_a_type_without_blocks_says_so(sized: Callable[..., ServicePlan]) -> None:
    found = way(sized(), Way.capacity_block)
    assert (found.within_limits, found.blocks) == (False, None)
    assert found.text == "g6.xlarge is not sold in capacity blocks"


def test_a_type_of_blocks_alone_has_no_quota_of_vcpus(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    """The workload names the blocks, and the used way comes first."""
    ohio = at(site, region="us-east-2", zones=("use2-az1", "use2-az2"))
    blocks = {zone: f"cr-0000000{zone[-1]}" for zone in ohio.zones}
    own = {"instance_type": "p5e.48xlarge", "capacity": {"blocks": blocks}}
    (plan,) = size([workload(hardware=own)], ohio, catalog).services
    first, *others = bought(plan).ways
    assert (first.way, first.used, first.within_limits) == (Way.capacity_block, True, True)
    assert bought(plan).used is first and not any(each.used for each in others)
    for name in (Way.on_demand, Way.reservation):
        refused = way(plan, name)
        assert (refused.within_limits, refused.quota_code) == (False, None)
        assert refused.text == "p5e.48xlarge is sold as capacity_block only"


BURST = CLIPS | {"capacity": CLIPS["capacity"] | {"burst_gpus": 3}}
ON_G6E = {"hardware": {"instance_type": "g6e.xlarge"}}


def test_spot_is_for_jobs_that_can_run_again(sized: Callable[..., ServicePlan]) -> None:
    asynchronous = way(sized(**ON_G6E, **BURST), Way.spot)
    assert asynchronous.within_limits is True and not asynchronous.used
    assert (asynchronous.quota_code, asynchronous.vcpus_increase) == ("L-3819A6DF", 12)
    chat = way(sized(), Way.spot)
    assert (chat.within_limits, chat.quota_code) == (False, None)
    assert chat.text == "a node may be lost with 2 minutes' notice during a request"


def test_the_floor_of_a_queued_service_is_never_spot(sized: Callable[..., ServicePlan]) -> None:
    plan = sized(**ON_G6E, **CLIPS)
    # 100 GPUs at the given rate with 2 % repeated, at 90 % utilisation: 114 nodes of 4 vCPUs
    assert bought(plan).used.vcpus_needed == 456
    spot = way(plan, Way.spot)
    assert (spot.within_limits, spot.vcpus_needed) == (False, None)
    assert spot.text == "only the nodes of a burst may be spot, and there is none"


def test_each_quota_is_requested_for_its_own_nodes(sized: Callable[..., ServicePlan]) -> None:
    """A burst on demand needs 3 more nodes of that quota, and one on spot a quota of its own."""
    on_demand = sized(**ON_G6E, **BURST)
    assert bought(on_demand).used.vcpus_needed == 456 + 12
    plan = sized(
        **ON_G6E, **BURST, queue={"spot": True}, data={"client": "own", "retention_days": 30}
    )
    first, second, *others = bought(plan).ways
    assert bought(plan).used is first
    assert [each.way for each in (first, second)] == [Way.on_demand, Way.spot]
    assert (first.used, second.used) == (True, True) and not any(o.used for o in others)
    assert (first.vcpus_needed, second.vcpus_needed) == (456, 12)
    assert way(plan, Way.reservation).vcpus_needed == 456
    assert "a burst that gets no spot nodes needs 12 more" in first.text
    assert second.text.startswith("for the burst: 3 nodes x 4 = 12 vCPUs of quota L-3819A6DF")
    assert bought(plan).network_interfaces == 117 * 2
    text = buying_line(plan)
    assert "456 vCPUs of quota L-DB2E81BA" in text and "12 vCPUs of quota L-3819A6DF" in text


def test_both_quotas_are_in_the_calendar(*, workload: Build, site: Site, catalog: Catalog) -> None:
    fields = (
        ON_G6E | BURST | {"queue": {"spot": True}, "data": {"client": "own", "retention_days": 30}}
    )
    calendar = size([workload(**fields)], site, catalog).calendar
    assert calendar is not None
    requests = [step.action for step in calendar.steps if "request" in step.action]
    for wanted in ("request 456 for quota L-DB2E81BA", "request 12 for quota L-3819A6DF"):
        assert any(action.startswith(wanted) for action in requests), requests


def test_a_burst_that_also_serves_requests_is_on_demand(
    *, workload: Build, site: Site, catalog: Catalog
) -> None:
    jobs = workload(
        name="clips",
        **ON_G6E,
        **BURST,
        queue={"spot": True},
        data={"client": "own", "retention_days": 30},
    )
    capacity = {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean", "burst_gpus": 2}
    chat = workload(name="chat", **ON_G6E, capacity=capacity)
    alone, together = (size(each, site, catalog).services[0] for each in ([jobs], [jobs, chat]))
    assert (way(alone, Way.spot).used, way(together, Way.spot).used) == (True, False)
    assert bought(together).used.vcpus_needed == 456 + 12


@pytest.mark.parametrize(
    ("name", "code"), [("p4d.24xlarge", "L-7212CCBC"), ("p5.48xlarge", "L-C4BD4855")]
)
def test_spot_quotas_of_p_families(
    *, sized: Callable[..., ServicePlan], name: str, code: str
) -> None:
    assert way(sized(hardware={"instance_type": name}, **BURST), Way.spot).quota_code == code


def test_an_unknown_spot_quota_stays_unknown(sized: Callable[..., ServicePlan]) -> None:
    found = way(sized(hardware={"instance_type": "p5en.48xlarge"}, zones="146", **CLIPS), Way.spot)
    assert (found.within_limits, found.quota_code, found.vcpus_needed) == (None, None, None)
    assert found.text == "the quota of spot nodes of p5en is unknown"


@pytest.mark.parametrize(("nodes", "clusters"), [(1_350, 1), (1_351, 2), (2_701, 3)])
def test_clusters_follow_from_the_fullest_zone(
    *, workload: Build, site: Site, catalog: Catalog, nodes: int, clusters: int
) -> None:
    (plan,) = size([workload(traffic=users(nodes))], in_existing_subnets(site), catalog).services
    assert bought(plan).nodes_in_a_zone == 450
    assert bought(plan).clusters == clusters == ceil(ceil(nodes / 3) / 450)
    assert plan.exceeds_one_cluster is (clusters > 1)


def test_addresses_bound_the_nodes_of_a_zone_in_a_network_of_the_stack(
    sized: Callable[..., ServicePlan],
) -> None:
    """floor(8,187 / 1.3) = 6,297; less 30, 6 and 9 for the rest, over 30 addresses a node."""
    assert bought(sized()).nodes_in_a_zone == (6_297 - 45) // 30 == 208
    assert not sized(traffic=users(3 * 208)).exceeds_one_cluster
    assert sized(traffic=users(3 * 208 + 1)).exceeds_one_cluster


def test_the_published_images_can_be_bought() -> None:
    """G3 for 100 million users: 8 nodes of 96 vCPUs in one cluster."""
    plan = golden_plan(golden("text-to-image"))
    used = bought(plan).used
    assert (used.within_limits, used.quota_code, used.vcpus_increase) == (True, "L-417A185B", 768)
    assert (bought(plan).clusters, bought(plan).regions) == (1, 1)
    assert bought(plan).zones_selling == ("use1-az1", "use1-az2", "use1-az4", "use1-az6")
    assert way(plan, Way.capacity_block).blocks == 3
    assert plan.choice is not None and plan.choice.pool_usd_per_month is not None


def test_the_published_images_by_physics_exceed_one_cluster() -> None:
    """The same users with the calibrated method: the answer has quota, zones, money, clusters."""
    data = golden("text-to-image").model_dump(exclude_unset=True)
    data |= {
        "model": {"name": "sd3.5-large"},
        "capacity": {"method": "calibrated", "load": "mean"},
        "request": {"width": 1024, "height": 1024},
        "accept": {},
        "data": {**data["data"], "client": "own"},
    }
    plan = golden_plan(Workload.model_validate(data))
    assert plan.pool is not None and plan.choice is not None
    assert plan.exceeds_one_cluster and plan.serving is None
    used = bought(plan).used
    assert used.vcpus_increase == plan.pool.nodes_total * 96
    fullest = max(plan.pool.nodes_by_zone.values())
    assert bought(plan).clusters == ceil(fullest / bought(plan).nodes_in_a_zone) > 1
    assert bought(plan).regions == ceil(bought(plan).clusters / 100)
    assert plan.choice.pool_usd_per_month is not None


def test_the_published_videos_cannot_be_bought() -> None:
    """G4 for 100 million users: more clusters than all regions that sell the type can have."""
    plan = golden_plan(golden("text-to-video"))
    found, used = bought(plan), bought(plan).used
    assert used.within_limits is False
    assert found.regions_selling is not None and found.regions > found.regions_selling
    assert found.regions == ceil(found.clusters / 100)
    assert f"{found.clusters:,} clusters need {found.regions:,} regions" in used.text
    assert plan.pool is not None and used.vcpus_increase == plan.pool.nodes_total * 8
