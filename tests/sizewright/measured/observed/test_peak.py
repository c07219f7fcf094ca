"""The peak of a service with random arrivals, against a real Prometheus."""

from collections.abc import Iterator
from random import Random

import pytest

from sizewright.measured.observed.figures import arrivals_peak
from sizewright.measured.observed.measured import Measured
from sizewright.measured.observed.queries import ServiceReader
from sizewright.measured.observed.window import Window
from sizewright.reading.prometheus import Prometheus as Reader
from sizing.values.units import SECONDS_PER_DAY
from sizing.workload import EngineName
from testbed.prometheus import Prometheus, prometheus_missing

pytestmark = pytest.mark.skipif(bool(prometheus_missing()), reason=prometheus_missing())

UNTIL, SCRAPE_S = 1_780_272_000, 15
STORM_S = range(40_000, 40_300)
"""Seconds of the day in which a client of one service repeats each request at once."""
STEADY_PER_S = {"second": 1.0, "rare": 0.01, "burst": 1.0}
"""Arrivals per second by service, the same all day but for the burst."""
PEAK_S, PEAK_TIMES, BURST = range(60_000, 67_200), 4, 3
"""Seconds of the day in which one service has more arrivals, how many, and its added replicas."""


@pytest.fixture(scope="module")
def server() -> Iterator[Prometheus]:
    """A day of Poisson arrivals at a rate that never changes, and five minutes of a fault."""
    lines = dict[str, list[str]]()
    for service, per_s in STEADY_PER_S.items():
        chance, next_s, count = Random(7), 0.0, 0
        for second in range(0, SECONDS_PER_DAY + 1, SCRAPE_S):
            while next_s < second:
                count += 5 if service == "second" and int(next_s) in STORM_S else 1
                is_peak = service == "burst" and int(next_s) in PEAK_S
                next_s += chance.expovariate(per_s * (PEAK_TIMES if is_peak else 1))
            added = BURST if service == "burst" and second in PEAK_S else 0
            for pod in range(1 + added):
                values = (("request_success_total", count), ("num_requests_running", 1))
                for name, value in values[1:] if pod else values:
                    end = f'{{namespace="{service}",pod="{service}-floor-a-{pod}"}}'
                    sample = f"vllm:{name}{end} {value} {UNTIL - SECONDS_PER_DAY + second}"
                    lines.setdefault(name, []).append(sample)
    text = [f"# TYPE vllm:{name} unknown\n" + "\n".join(each) for name, each in lines.items()]
    with Prometheus("\n".join([*text, "# EOF", ""])) as running:
        yield running


def measured(server: Prometheus, service: str) -> Measured:
    traits = EngineName.vllm.traits
    assert traits.gauges is not None and traits.requests is not None
    window = Window(UNTIL, SECONDS_PER_DAY)
    return ServiceReader(
        Reader(server.url), service, (traits.gauges, traits.requests), window
    ).read()


def test_chance_and_a_short_fault_do_not_contradict_a_stated_peak(server: Prometheus) -> None:
    found = measured(server, "second")
    assert found.mean_per_s == pytest.approx(1.0, rel=0.05)
    assert found.peak_window_s == pytest.approx(100, rel=0.05), "at least 100 arrivals"
    assert arrivals_peak(found, stated=1.0).verdict == "met"
    assert arrivals_peak(found, stated=0.85).verdict == "above"
    assert arrivals_peak(found, stated=2.0).verdict == "below"


def test_too_few_requests_have_no_peak(server: Prometheus) -> None:
    found = arrivals_peak(measured(server, "rare"), stated=0.01)
    assert (found.verdict, found.measured) == ("unknown", None)
    assert found.reason == "100 requests take more than an hour, so that a peak is chance"


def test_the_replicas_of_the_peak_are_those_that_served_it(server: Prometheus) -> None:
    found = measured(server, "burst")
    assert found.peak_per_s == pytest.approx(PEAK_TIMES, rel=0.35)
    assert found.peak_replicas == 1 + BURST
    assert found.replicas == pytest.approx(1 + BURST * len(PEAK_S) / SECONDS_PER_DAY, rel=0.05)
