"""Replicas of each zone, and their batches in a rollout within the spares."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.fleet.redundancy import spread, survival
from sizing.fleet.zone_rollout import (
    batches,
    replicas_by_zone,
    rollout_by_zone,
    taken_at_once,
    zones_take_turns,
)
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan

Sized = Callable[..., ServicePlan]
ZONES = ("use1-az1", "use1-az2", "use1-az4")


def serving_of(plan: ServicePlan) -> ServingPlan:
    assert plan.serving is not None
    return plan.serving


def taken(needed: int, total: int, zones: int) -> tuple[dict[str, int], dict[str, int], bool]:
    """Replicas and batches by zone; true where the zones take turns."""
    nodes = spread(total, [f"zone-{index}" for index in range(zones)])
    replicas = {zone: count for zone, count in nodes.items() if count}
    survives = survival(nodes, needed).zones > 0
    spare = total - needed
    at_once = rollout_by_zone(replicas, spare, survives_a_zone=survives)
    return replicas, at_once, zones_take_turns(replicas, spare)


@pytest.mark.parametrize(
    ("needed", "total", "zones", "at_once", "turns"),
    [
        pytest.param(12, 15, 3, [1, 1, 1], False, id="a spare in each zone"),
        pytest.param(12, 18, 3, [2, 2, 2], False, id="a zone may be lost"),
        pytest.param(16, 20, 3, [2, 1, 1], False, id="the rest goes to the first zones"),
        pytest.param(12, 13, 3, [1, 1, 1], True, id="one spare for three zones"),
        pytest.param(12, 14, 3, [1, 1, 1], True, id="two spares for three zones"),
        pytest.param(12, 12, 3, [1, 1, 1], True, id="no spare"),
        pytest.param(2, 3, 3, [1, 1, 1], True, id="one replica a zone"),
        pytest.param(1, 6, 3, [1, 1, 1], False, id="a zone is never emptied"),
        pytest.param(12, 15, 1, [3], False, id="one zone"),
        pytest.param(1, 1, 3, [1], False, id="one replica"),
    ],
)
def test_each_zone_s_share_of_the_spares(
    needed: int, total: int, zones: int, at_once: list[int], turns: bool
) -> None:
    _, by_zone, takes_turns = taken(needed, total, zones)
    assert (list(by_zone.values()), takes_turns) == (at_once, turns)


@given(needed=st.integers(1, 60), spare=st.integers(0, 60), zones=st.integers(1, 6))
def test_a_rollout_never_takes_more_than_the_spares_over_all_zones(
    needed: int, spare: int, zones: int
) -> None:
    """One replica is the least that a Deployment can take: without a spare it is a needed one."""
    replicas, at_once, turns = taken(needed, needed + spare, zones)
    together = max(at_once.values()) if turns else sum(at_once.values())
    assert together <= max(spare, 1)
    assert all(1 <= at_once[zone] <= count for zone, count in replicas.items())


@given(needed=st.integers(1, 60), spare=st.integers(0, 60), zones=st.integers(2, 6))
def test_a_rollout_never_empties_a_zone_of_a_plan_that_survives_a_zone(
    needed: int, spare: int, zones: int
) -> None:
    replicas, at_once, _ = taken(needed, needed + spare, zones)
    nodes = spread(needed + spare, [str(zone) for zone in range(zones)])
    if survival(nodes, needed).zones:
        assert all(at_once[zone] < count for zone, count in replicas.items() if count > 1)


def test_the_replicas_of_a_zone_fill_its_nodes(sized: Sized) -> None:
    plan = sized(hardware={"instance_type": "p4d.24xlarge"}, redundancy={"nodes": 1})
    assert plan.pool is not None
    by_zone = serving_of(plan).replicas_by_zone
    each = plan.pool.replicas_per_node
    assert each == 8
    nodes = {zone: count for zone, count in plan.pool.nodes_by_zone.items() if count}
    assert by_zone == {zone: count * each for zone, count in nodes.items()}
    assert by_zone == replicas_by_zone(plan.pool)
    assert sum(by_zone.values()) == serving_of(plan).replicas


def test_zones_that_take_turns_take_longer(sized: Sized) -> None:
    enough = serving_of(sized(redundancy={"nodes": 3}))
    assert (taken_at_once(enough), batches(enough)) == (3, 5), "5/5/5, one of each at once"
    few = serving_of(sized(redundancy={"nodes": 1}))
    assert (taken_at_once(few), batches(few)) == (1, 13), "5/4/4, one after another"


def test_the_quota_has_room_for_a_lost_zone_while_the_others_roll(sized: Sized) -> None:
    """Pods that a silent kubelet never ends are counted until it returns."""
    plan = sized(redundancy={"nodes": 1})
    assert plan.quota is not None
    assert plan.quota.pods == 13 + 5 + 1 + 1, "5/4/4, one of each at once"
