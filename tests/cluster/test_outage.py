"""Tests of the sentences and commands of docs/outages.md: effects of an outage, and remedies."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sizing.plan.whole import Plan
from testbed.control_plane import ControlPlane, until
from tests.cluster.fleet import WAIT_S, Fleet, conditions
from tests.cluster.test_placement import service
from tests.components.plans import plan_of

PAGE = Path(__file__).parents[2] / "docs" / "outages.md"
GRACE_S = 12
"""Seconds until a dead node is noticed; a shorter time takes a loaded machine's nodes for dead."""
LOST = "use1-az1"
LIVING = ("use1-az2", "use1-az4")


@cache
def two_services() -> Plan:
    """`chat` survives a zone with 4 of 6 replicas; `words` has 3 spares on 15 and survives none."""
    return plan_of(
        service("chat", 4, redundancy={"zones": 1}),
        service("words", 12, redundancy={"spare_ratio": "0.20"}),
    )


@pytest.fixture
def fleet(plane: ControlPlane) -> Iterator[Fleet]:
    running = Fleet(plane, two_services(), seed=0)
    running.start_nodes()
    running.deploy()
    until(running.complete, WAIT_S)
    until(lambda: running.budget("chat")["disruptionsAllowed"] == 2, WAIT_S)
    yield running
    running.remove()


def lose_zone(fleet: Fleet) -> None:
    """Silence the zone's kubelets until Kubernetes has noticed."""
    fleet.silence_zone(LOST)
    until(lambda: fleet.budget("chat")["currentHealthy"] == 4, WAIT_S)


def commands(first_words: str) -> list[list[str]]:
    """Commands of the page's block with such a line, as words of kubectl."""
    (block,) = (
        block
        for block in re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        if first_words in block
    )
    return [shlex.split(line)[1:] for line in block.splitlines()]


def run_page(fleet: Fleet, first_words: str) -> list[str]:
    """Output of each command of the block; every command must succeed."""
    printed = []
    for words in commands(first_words):
        done = fleet.plane.kubectl(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        printed.append(done.stdout)
    return printed


def test_an_eviction_is_allowed_while_a_dead_zone_s_pods_count_as_ready(fleet: Fleet) -> None:
    fleet.silence_zone(LOST)
    assert fleet.ready_pods("chat") == 6, "nobody has noticed yet"
    victim = next(p for p in fleet.pods("chat") if LIVING[0] in p["spec"]["nodeName"])
    assert fleet.plane.api.evict(victim), "docs/outages.md states it"
    until(lambda: fleet.budget("chat")["currentHealthy"] <= 4, WAIT_S)


def test_a_loss_that_took_all_spares_blocks_evictions_but_not_those_of_broken_pods(
    fleet: Fleet,
) -> None:
    lose_zone(fleet)
    until(lambda: fleet.budget("chat")["disruptionsAllowed"] == 0, WAIT_S)
    of_zone = {
        zone: next(p for p in fleet.pods("chat") if zone in p["spec"]["nodeName"])
        for zone in (LOST, *LIVING)
    }
    assert not fleet.plane.api.evict(of_zone[LIVING[0]])
    assert conditions(of_zone[LOST])["Ready"] == "False"
    assert fleet.plane.api.evict(of_zone[LOST])


def test_replicas_of_an_unreachable_zone_wait_for_it_and_start_nothing_new(fleet: Fleet) -> None:
    """The taint's default of 300 s is 2 s here; pods that obeyed it would be gone."""
    before = {pod["metadata"]["uid"] for pod in fleet.pods("words")}
    lose_zone(fleet)
    nodes = fleet.nodes().values()
    until(lambda: _tainted(fleet) == _of_zone(fleet), WAIT_S)
    assert len(nodes) == 21
    fleet.hear_zone(LOST)
    until(fleet.complete, WAIT_S)
    assert {pod["metadata"]["uid"] for pod in fleet.pods("words")} == before
    assert fleet.misplaced() == 0


def test_a_rollout_of_all_zones_in_an_outage_completes_in_the_living_ones(fleet: Fleet) -> None:
    """Guard: with a quota for a rollout alone, pods of the lost zone block the others'."""
    lose_zone(fleet)
    fleet.roll("registry.example/vllm:hot-fix")
    until(lambda: fleet.complete_in(LIVING), WAIT_S)
    assert fleet.misplaced_in(LIVING) == 0
    fleet.hear_zone(LOST)
    until(fleet.complete, WAIT_S)
    assert fleet.misplaced() == 0


def test_the_page_s_commands_roll_a_hot_fix_out_in_an_outage(fleet: Fleet) -> None:
    lose_zone(fleet)
    (status,) = run_page(fleet, "get poddisruptionbudget")
    assert re.search(r"chat-floor\s+N/A\s+2\s+0\s", status), status
    *_, rolled = run_page(fleet, "set image")
    assert "successfully rolled out" in rolled
    images = {
        zone: fleet.deployment("chat", zone)["spec"]["template"]["spec"]["containers"][0]["image"]
        for zone in (LOST, *LIVING)
    }
    assert [zone for zone, image in images.items() if image.endswith(":hot-fix")] == [LIVING[0]]


def test_the_page_s_commands_drain_a_node_in_an_outage(fleet: Fleet) -> None:
    lose_zone(fleet)
    node = next(p for p in fleet.pods("chat") if LIVING[0] in p["spec"]["nodeName"])["spec"]
    assert commands("kubectl drain")[1][1].startswith("sw-g6-xlarge-use1-az2-")
    blocked = fleet.plane.kubectl(
        "drain", node["nodeName"], "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=3s"
    )
    assert "violate the pod's disruption budget" in blocked.stderr
    fleet.plane.kubectl("uncordon", node["nodeName"])
    for words in commands("kubectl drain"):
        named = [node["nodeName"] if word.startswith("sw-g6") else word for word in words]
        done = fleet.plane.kubectl(*named)
        assert done.returncode == 0, done.stderr
    until(lambda: fleet.complete_in(LIVING), WAIT_S)


def _tainted(fleet: Fleet) -> set[str]:
    """Nodes from which pods without a toleration are evicted."""
    return {
        name
        for name, node in fleet.nodes().items()
        if any(taint["effect"] == "NoExecute" for taint in node["spec"]["taints"])
    }


def _of_zone(fleet: Fleet) -> set[str]:
    return {name for name in fleet.nodes() if LOST in name}
