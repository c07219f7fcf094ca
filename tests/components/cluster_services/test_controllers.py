"""Controllers request CPU and memory, and two replicas of one run on different nodes."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from sizewright.record import Recorded
from tests.components.plans import bursting_plan, spanning_plan
from tests.components.recording import of_type
from tests.components.stacks import stack

REPLICATED = ("aws-load-balancer-controller", "karpenter", "keda", "lws")


@cache
def built() -> tuple[Recorded, Recorded]:
    return stack(bursting_plan()), stack(spanning_plan())


def values(chart: str) -> Any:
    """Values of the release of that chart."""
    releases = [r for recording in built() for r in of_type(recording, "helm.sh/v3:Release")]
    return next(r.inputs.get("values") for r in releases if r.inputs["name"] == chart)


def requested(tree: Any) -> Iterator[Any]:
    """Every `requests` and `limits` in the values; KEDA has one for each of its parts."""
    if isinstance(tree, dict):
        if "requests" in tree:
            yield tree
        for below in tree.values():
            yield from requested(below)


@pytest.mark.parametrize(
    ("chart", "containers"),
    [
        ("aws-load-balancer-controller", 1),
        ("nvidia-device-plugin", 1),
        ("aws-efa-k8s-device-plugin", 1),
        ("lws", 1),
        ("karpenter", 1),
        ("keda", 3),
        ("prometheus", 2),
    ],
)
def test_every_controller_requests_cpu_and_memory_and_is_bounded_in_memory(
    chart: str, containers: int
) -> None:
    """Guard: without requests they are evicted first, and crowd a node without notice."""
    found = list(requested(values(chart)))
    assert len(found) == containers
    for one in found:
        assert one["requests"].keys() == {"cpu", "memory"}
        assert "memory" in one["limits"]


@pytest.mark.parametrize("chart", REPLICATED)
def test_two_of_one_controller_are_spread_over_zones_and_nodes(chart: str) -> None:
    """Guard: two replicas on one node fail together with it."""
    of = values(chart)
    found = of.get("topologySpreadConstraints") or of["affinity"]["podAntiAffinity"]
    text = str(found)
    assert "topology.kubernetes.io/zone" in text and "kubernetes.io/hostname" in text
    assert "labelSelector" in text, "a constraint without a selector spreads nothing"
    assert "DoNotSchedule" not in text and "required" not in text, "a lost zone blocks no restart"


def test_a_controller_s_second_replica_is_planned() -> None:
    for chart in REPLICATED:
        of = values(chart)
        number = of.get("replicaCount") or of.get("replicas") or of["operator"]["replicaCount"]
        assert number == 2, chart
