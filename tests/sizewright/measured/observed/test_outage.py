"""Replicas that were down are seen, or said to be unseen, against a real Prometheus."""

from collections.abc import Iterator

import pytest

from sizewright.measured.observed.measured import Floor, Up
from sizewright.measured.observed.queries import ServiceReader
from sizewright.measured.observed.window import Window
from sizewright.reading.prometheus import Prometheus as Reader
from sizing.values.units import SECONDS_PER_DAY
from sizing.workload import EngineName
from testbed.prometheus import Prometheus, prometheus_missing

pytestmark = pytest.mark.skipif(bool(prometheus_missing()), reason=prometheus_missing())

UNTIL, SAMPLE_S, WANTED = 1_780_272_000, 120, 2
DOWN_S = range(64_800, SECONDS_PER_DAY + 1)
"""Last quarter of the day, in which two services have no replica."""
PODS = {"seen": ("floor-a-0", "floor-b-0"), "unseen": ("floor-a-0", "floor-b-0")}
PODS["burst"] = ("floor-a-0", "burst-0")
AVAILABLE = "kube_deployment_status_replicas_available"


@pytest.fixture(scope="module")
def server() -> Iterator[Prometheus]:
    """A day of three services. One has a burst, and lacks one of the floor's replicas."""
    running, available = list[str](), list[str]()
    for second in range(0, SECONDS_PER_DAY + 1, SAMPLE_S):
        time, is_down = UNTIL - SECONDS_PER_DAY + second, second in DOWN_S
        for service, pods in PODS.items():
            if is_down and service != "burst":
                continue
            for pod in pods:
                labels = f'{{namespace="{service}",pod="{service}-{pod}"}}'
                running.append(f"vllm:num_requests_running{labels} 1 {time}")
        for zone in ("a", "b"):
            labels = f'{{namespace="seen",deployment="seen-floor-{zone}"}}'
            available.append(f"{AVAILABLE}{labels} {0 if is_down else 1} {time}")
    text = (f"# TYPE {lines[0].partition('{')[0]} gauge\n" for lines in (running, available))
    samples = [*zip(text, (running, available), strict=True)]
    with Prometheus("\n".join(f"{top}{chr(10).join(x)}" for top, x in samples) + "\n# EOF\n") as it:
        yield it


def up(server: Prometheus, service: str) -> Up | None:
    traits = EngineName.vllm.traits
    assert traits.gauges is not None and traits.requests is not None
    ready = (
        f'{AVAILABLE}{{namespace="{service}",deployment=~"{service}-floor-a|{service}-floor-b"}}'
    )
    source, floor, window = Reader(server.url), Floor(ready, WANTED), Window(UNTIL, SECONDS_PER_DAY)
    reader = ServiceReader(source, service, (traits.gauges, traits.requests), window, floor)
    return reader.read().up


def test_an_outage_of_all_replicas_is_no_time_without_data(server: Prometheus) -> None:
    found = up(server, "seen")
    assert found is not None and found.is_certain
    assert found.ratio == pytest.approx(0.75, abs=0.01)


def test_without_kubernetes_an_outage_is_unseen_and_said_to_be(server: Prometheus) -> None:
    found = up(server, "unseen")
    assert found is not None and not found.is_certain


def test_a_burst_does_not_hide_a_missing_replica_of_the_floor(server: Prometheus) -> None:
    assert up(server, "burst") == Up(0.5, is_certain=True)
