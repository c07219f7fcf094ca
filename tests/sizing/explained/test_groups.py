"""Replicas over several nodes: nodes of each, whole groups, and their survival."""

from collections.abc import Callable
from decimal import Decimal
from itertools import combinations

import pytest

from sizing.catalog import Catalog
from sizing.fleet.packing import Packing, packing
from sizing.fleet.redundancy import Rule, nodes_by_rule, survival
from sizing.plan.part import Reason
from sizing.plan.service.serving import GroupServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Redundancy, Workload

Sized = Callable[..., ServicePlan]
Build = Callable[..., Workload]
P5 = {"instance_type": "p5.48xlarge"}


def large(sized: Sized, **changes: object) -> ServicePlan:
    return sized(**{"model": "llama-3.1-405b", "hardware": P5, **changes})


def test_a_model_that_one_node_cannot_hold_takes_the_fewest(sized: Sized) -> None:
    plan = large(sized)
    pool = plan.pool
    assert pool is not None
    # 811.7 GB; 8 cards leave 583.0 GB, 16 leave 1,166
    assert (pool.nodes_per_replica, pool.tensor_parallel, pool.pipeline_parallel) == (2, 8, 2)
    assert pool.gpus_per_replica == 16
    assert pool.nodes_total == 2 * pool.replicas_total
    assert isinstance(plan.serving, GroupServingPlan)
    assert sum(plan.serving.replicas_by_zone.values()) == pool.replicas_total


def test_a_leader_waits_for_a_member_whose_node_is_not_there_yet(sized: Sized) -> None:
    plan = large(sized)
    assert plan.serving is not None and plan.volumes is not None
    member = 600 + 3 * plan.volumes.download_s
    own = 3 * plan.volumes.load_s + 600
    assert member + own <= plan.serving.start_s < member + own + 2


def test_more_nodes_than_needed_may_be_requested(sized: Sized) -> None:
    pool = large(sized, hardware=P5 | {"nodes_per_replica": 3}).pool
    # 126 layers on 3 nodes are 42 each
    assert pool is not None and (pool.nodes_per_replica, pool.gpus_per_replica) == (3, 24)
    small = sized(model="llama-3.1-8b", hardware=P5 | {"nodes_per_replica": 2}).pool
    assert small is not None and small.nodes_per_replica == 2


def test_one_requested_node_is_not_made_two(sized: Sized) -> None:
    plan = large(sized, hardware=P5 | {"nodes_per_replica": 1})
    assert plan.pool is None
    assert Reason.memory in {refused.reason for refused in plan.rejected}


def test_nodes_without_efa_form_no_replica(sized: Sized) -> None:
    plan = sized(hardware={"instance_type": "g6.xlarge", "nodes_per_replica": 2})
    assert plan.pool is None
    refused = next(r for r in plan.rejected if r.reason is Reason.interconnect)
    assert refused.numbers == "g6.xlarge has no EFA interface between its nodes"


@pytest.mark.parametrize(
    ("gpus", "nodes_each", "expected"),
    [(16, 2, Packing(1, 1, 2)), (17, 2, Packing(2, 1, 4)), (49, 3, Packing(3, 1, 9))],
)
def test_groups_are_whole(gpus: int, nodes_each: int, expected: Packing) -> None:
    assert packing(gpus, 8, 8 * nodes_each, nodes_each) == expected


def test_rules_act_on_whole_groups() -> None:
    # 4 nodes are 2 groups of two
    rules = Redundancy(spare_ratio=Decimal("0.2"), nodes=1, zones=1)
    counts = nodes_by_rule(rules, 4, 3, Decimal(8), 2)
    assert counts == {Rule.none: 4, Rule.spare_ratio: 6, Rule.nodes: 6, Rule.zones: 6}


@pytest.mark.parametrize("by_zone", [(2, 2, 2), (4, 2, 2), (6,), (4, 4), (9, 6, 6)])
@pytest.mark.parametrize("needed_groups", [1, 2, 3])
def test_whichever_nodes_go_enough_groups_are_left(
    by_zone: tuple[int, ...], needed_groups: int
) -> None:
    each = 3 if by_zone == (9, 6, 6) else 2
    zones = {str(index): count for index, count in enumerate(by_zone)}
    found = survival(zones, needed_groups * each, each)
    nodes = [(zone, n) for zone, count in zones.items() for n in range(count)]
    for gone in combinations(nodes, min(found.nodes, len(nodes))):
        broken = {(zone, n // each) for zone, n in gone}
        whole = len(nodes) // each - len(broken)
        by_count = sum(
            (count - sum(zone == lost for lost, _ in gone)) // each for zone, count in zones.items()
        )
        assert min(whole, by_count) >= min(needed_groups, len(nodes) // each)
    if found.nodes + 1 <= len(nodes) // each:
        one_each = len(nodes) // each - (found.nodes + 1)
        assert one_each < needed_groups, "one more loss, of another group each, is too many"


def test_no_group_leaves_its_zone(workload: Build, site: Site, catalog: Catalog) -> None:
    requested = workload(model="llama-3.1-405b", hardware=P5, redundancy={"nodes": 4})
    (pool,) = size([requested], site, catalog).pools
    assert all(count % 2 == 0 for count in pool.nodes_by_zone.values())
    assert pool.interconnect is not None
    assert pool.interconnect.first_interface == "efa"
    # 32 cards: the first bears the address, the others take none
    assert pool.interconnect.efa_only_interfaces == 31
    assert pool.addresses.interfaces == 2


def test_a_card_without_efa_is_a_plain_interface(
    workload: Build, site: Site, catalog: Catalog
) -> None:
    there = site.model_copy(update={"zones": ("use1-az2", "use1-az6")})
    on = {"instance_type": "p6-b300.48xlarge", "nodes_per_replica": 2}
    (pool,) = size([workload(hardware=on)], there, catalog).pools
    joined = pool.interconnect
    assert joined is not None
    # 17 cards, 16 EFA interfaces
    assert (joined.first_interface, joined.efa_only_interfaces) == ("interface", 16)


def test_groups_do_not_burst(sized: Sized) -> None:
    capacity = {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean", "burst_gpus": 16}
    plan = large(sized, capacity=capacity)
    assert plan.burst is None
    assert "burst of 16 GPUs" in {refused.option for refused in plan.rejected}


def test_a_node_holds_several_stages_where_the_split_is_smaller(sized: Sized) -> None:
    pool = large(sized, hardware=P5 | {"tensor_parallel": 4}).pool
    assert pool is not None
    # two stages in each of two nodes
    assert (pool.nodes_per_replica, pool.tensor_parallel, pool.pipeline_parallel) == (2, 4, 4)
    assert pool.gpus_per_replica == 16


def test_the_quota_counts_every_pod_of_a_group(sized: Sized) -> None:
    plan = large(sized, redundancy={"nodes": 1})
    serving, quota = plan.serving, plan.quota
    assert isinstance(serving, GroupServingPlan) and quota is not None
    # one group in each of two zones: a lost zone's, and one that rolls in the other
    groups = serving.replicas + 2
    assert (quota.pods, quota.gpus) == (groups * 2, groups * 16)
