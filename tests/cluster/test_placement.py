"""Services that share a pool keep the zones that the plan promises, on the real scheduler.

Four services fill one pool of single-GPU nodes, two more fill one with four GPUs a node. The
documents are those that `render` returns; the nodes are those that the node groups register.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from sizing.plan.whole import Plan
from testbed.control_plane import ControlPlane, until
from tests.cluster.fleet import WAIT_S, Fleet
from tests.components.plans import CHAT, ZONES, plan_of


def service(name: str, requests_per_s: int, **changes: object) -> dict[str, Any]:
    """Service that requires a GPU for each request per second."""
    traffic = {"daily_users": requests_per_s * 8_640, "requests_per_user_per_day": 10}
    return {**CHAT, "name": name, "traffic": traffic, "data": "none", **changes}


@cache
def shared_pools() -> Plan:
    """Needed and built: 4 of 6, 2 of 3, 3 of 4 and 5 of 8 single GPUs; 5 of 12 and 3 of 8 slots."""
    four = {"instance_type": "g6.12xlarge"}
    return plan_of(
        service("answers", 4, redundancy={"zones": 1}),
        service("drafts", 2, redundancy={"zones": 1}),
        service("search", 3, redundancy={"nodes": 1}),
        service("talk", 5, redundancy={"zones": 1}),
        service("words", 5, redundancy={"zones": 1}, hardware=four),
        service("tags", 3, redundancy={"zones": 1}, hardware=four),
    )


@pytest.fixture
def fleet(plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    """Services deployed in an order that the test's parameter seeds."""
    running = Fleet(plane, shared_pools(), seed=getattr(request, "param", 0))
    running.start_nodes()
    running.deploy()
    until(running.complete, WAIT_S)
    yield running
    running.remove()


def test_the_services_share_their_pools() -> None:
    pools = {pool.name: pool.services for pool in shared_pools().pools}
    assert sorted(len(services) for services in pools.values()) == [2, 4]


@pytest.mark.parametrize("fleet", [1], indirect=True)
def test_no_replica_is_misplaced_after_deployment_rollout_and_zone_loss(fleet: Fleet) -> None:
    """All services roll at once, then each zone is lost and returns: no replica moves or sticks."""
    assert fleet.misplaced() == 0, "after a deployment in random order"
    for turn, zone in enumerate(ZONES):
        fleet.roll(f"registry.example/vllm:{turn}")
        until(fleet.complete, WAIT_S)
        assert fleet.misplaced() == 0, "after a rollout of all services"
        fleet.delete_zone(zone)
        for plan in fleet.services:
            assert plan.serving is not None and plan.pool is not None
            planned, left = fleet.planned(plan.name), fleet.placed(plan.name)
            assert left == Counter({**planned, zone: 0}), f"{plan.name} without {zone}"
            if plan.pool.survives.zones:
                assert left.total() >= plan.pool.replicas_needed, f"{plan.name} without {zone}"
        fleet.start_nodes(zone)
        until(fleet.complete, WAIT_S)
        assert fleet.misplaced() == 0, f"after {zone} has returned"


def test_a_rollout_keeps_the_replicas_that_the_plan_promises(fleet: Fleet) -> None:
    """Services whose zones need not take turns roll in all zones at once, within their spares."""
    together = [s for s in fleet.services if s.serving and not s.serving.zones_take_turns]
    assert together
    fleet.roll("registry.example/vllm:next", services=[s.name for s in together])
    fewest = fleet.least_ready(fleet.complete)
    for plan in together:
        assert plan.pool is not None
        assert fewest[plan.name] >= plan.pool.replicas_needed, plan.name


def test_zones_that_take_turns_keep_the_replicas_that_the_plan_promises(fleet: Fleet) -> None:
    """With fewer spare replicas than zones, one zone after another rolls within the spares."""
    in_turn = [s for s in fleet.services if s.serving and s.serving.zones_take_turns]
    assert in_turn
    for zone in ZONES:
        fleet.roll("registry.example/vllm:next", services=[s.name for s in in_turn], zones=[zone])
        fewest = fleet.least_ready(fleet.complete)
        for plan in in_turn:
            assert plan.pool is not None
            assert fewest[plan.name] >= plan.pool.replicas_needed, f"{plan.name} in {zone}"
