"""A trace at the sized rate meets the targets, and more load or fewer zones do not."""

import random
from array import array
from collections.abc import Callable
from typing import Any

import pytest

from sizing.catalog import Catalog
from sizing.plan.service.whole import ServicePlan
from sizing.replay.replayed import replayed
from sizing.replay.result import ReplayPart
from sizing.replay.served import UnknownStepsError, served_fleet
from sizing.replay.trace import Trace
from sizing.site import Site

CHAT: dict[str, Any] = {
    "model": {"name": "qwen3-8b", "precision": "fp8"},
    "traffic": {"daily_users": 21_888, "requests_per_user_per_day": 300, "peak_ratio": 1},
    "request": {"input_tokens": 100, "output_tokens": 200, "context_tokens": 1_000},
    "latency": {"ttft_ms": 500, "tpot_ms": 50, "percentile": 95},
    "capacity": {"method": "calibrated", "load": "peak"},
    "hardware": {"instance_type": "g6e.xlarge"},
}
"""76 requests/s on three replicas without a spare, of 25.6 each at 90 % utilisation."""
RATE = 76


def poisson(rate: float, seconds: float, *, prompt: int = 100, answer: int | None = None) -> Trace:
    """Poisson arrivals with answers of 200 tokens on the mean: all alike, or exponential."""
    draw, now = random.Random(3), 0.0
    times, answers = array("d"), array("L")
    while (now := now + draw.expovariate(rate)) < seconds:
        times.append(now)
        answers.append(answer or 1 + min(round(draw.expovariate(1 / 199)), 800))
    return Trace(times, array("L", [prompt]) * len(times), answers)


@pytest.fixture(scope="module")
def chat(sized: Callable[..., ServicePlan]) -> ServicePlan:
    return sized(**CHAT)


@pytest.fixture(scope="module")
def on_chat(chat: ServicePlan, site: Site, catalog: Catalog) -> Callable[[Trace], ReplayPart]:
    fleet = served_fleet(chat, site, catalog)
    return lambda trace: replayed(trace, fleet)


def test_the_sized_rate_meets_the_targets_and_half_again_does_not(
    on_chat: Callable[[Trace], ReplayPart],
) -> None:
    trace = poisson(RATE, 200, answer=200)
    met, over = on_chat(trace), on_chat(trace.faster(1.5))
    assert met.replicas == 3
    assert met.sized.missed is not None and over.sized.missed is not None
    assert met.sized.missed.requests_ratio < 0.05
    assert (met.sized.missed.time_ratio, met.sized.unanswered_ratio) == (0, 0)
    assert over.sized.utilisation_mean == pytest.approx(1.5 * met.sized.utilisation_mean)
    assert over.sized.missed.requests_ratio > 0.2
    assert over.sized.missed.time_ratio == 1
    assert over.sized.unanswered_ratio > 0.1, "the engine refuses what it cannot hold"
    for part in (met, over):
        assert part.median.missed is not None and part.sized.missed is not None
        assert part.median.missed.requests_ratio <= part.sized.missed.requests_ratio


def test_times_are_those_that_the_sizing_states(
    chat: ServicePlan, on_chat: Callable[[Trace], ReplayPart]
) -> None:
    """The plan's P95 at its peak, with equal lengths: within 20 % of TTFT and 10 % of TPOT.

    The sizing adds quantiles and assumes more variation than equal lengths have, so it is above.
    """
    part = on_chat(poisson(RATE, 200, answer=200))
    assert chat.latency is not None and chat.latency.ttft_ms and chat.latency.tpot_ms
    assert part.sized.ttft_ms is not None and part.sized.tpot_ms is not None
    assert 0.80 * chat.latency.ttft_ms < part.sized.ttft_ms < 1.05 * chat.latency.ttft_ms
    assert 0.90 * chat.latency.tpot_ms < part.sized.tpot_ms < 1.05 * chat.latency.tpot_ms


def test_utilisation_is_that_of_the_sizing_for_equal_lengths(
    chat: ServicePlan, on_chat: Callable[[Trace], ReplayPart]
) -> None:
    """Work over a full batch = arrivals / saturation."""
    trace = poisson(RATE, 60, answer=200)
    part = on_chat(trace)
    assert chat.pool is not None and chat.calibrated is not None
    full = float(chat.calibrated.safe.saturation_requests_per_s) * chat.pool.replicas_total
    assert part.sized.utilisation_mean == pytest.approx(trace.requests_per_s / full, rel=0.01)
    assert part.median.utilisation_mean < part.sized.utilisation_mean


def test_a_lost_zone_is_worse_and_the_others_carry_its_load(
    on_chat: Callable[[Trace], ReplayPart],
) -> None:
    for rate in (30, 90, RATE):
        part = on_chat(poisson(rate, 60, answer=200))
        lost = part.lost_zone
        assert lost is not None
        assert (lost.zone, lost.replicas_lost, lost.hour) == ("use1-az1", 1, 0)
        assert lost.utilisation == pytest.approx(part.sized.utilisation_worst * 3 / 2)
        assert lost.missed_ratio is not None and lost.missed_ratio_before is not None
        assert lost.missed_ratio >= lost.missed_ratio_before
        assert lost.missed_ratio_median is not None
        assert lost.missed_ratio_median <= lost.missed_ratio
    assert lost.missed_ratio > 0.3 > lost.missed_ratio_before


def test_hours_are_counted_from_the_first_arrival(on_chat: Callable[[Trace], ReplayPart]) -> None:
    """20 requests in hour 0, none in hour 1, 30 in five minutes of hour 2."""
    times = [10 + 60.0 * n for n in range(20)] + [7_210 + 10.0 * n for n in range(30)]
    part = on_chat(Trace(array("d", times), array("L", [100] * 50), array("L", [200] * 50)))
    assert [hour.requests for hour in part.by_hour] == [20, 0, 30]
    assert part.worst_hour == 0, "a complete hour before an incomplete one"
    assert part.by_hour[1].utilisation == 0
    assert part.sized.waiting_most == 0


def test_the_hour_of_a_lost_zone_begins_with_the_load_before_it(
    on_chat: Callable[[Trace], ReplayPart],
) -> None:
    """600 long prompts a second before hour 1 make its first requests wait, with all zones too."""
    times = [0.0, *[3_599.0] * 600, *(3_600 + 4.5 * n for n in range(800))]
    size = len(times)
    part = on_chat(Trace(array("d", times), array("L", [700] * size), array("L", [200] * size)))
    lost = part.lost_zone
    assert part.worst_hour == 1 and lost is not None
    assert lost.missed_ratio is not None and lost.missed_ratio_before is not None
    assert 0 < lost.missed_ratio_before <= lost.missed_ratio < 0.05
    assert lost.lost_in_flight > 0


def test_longer_requests_are_refused_and_longer_sequences_take_slots(
    on_chat: Callable[[Trace], ReplayPart], chat: ServicePlan
) -> None:
    trace = poisson(5, 60, prompt=700, answer=200)
    long = poisson(5, 60, prompt=900, answer=200)
    part = on_chat(
        Trace(
            array("d", [*trace.arrivals_s, *(60 + each for each in long.arrivals_s)]),
            array("L", [*trace.input_tokens, *long.input_tokens]),
            array("L", [*trace.output_tokens, *long.output_tokens]),
        )
    )
    assert (part.requests, part.too_long) == (trace.requests, long.requests)
    assert chat.memory.max_sequences is not None
    held = int(chat.memory.max_sequences * 300 / 900)
    assert part.sequences_most == min(256, held)
    with pytest.raises(ValueError, match="fits in the context"):
        on_chat(long)


def test_memory_for_fewer_long_sequences_limits_the_batch(
    sized: Callable[..., ServicePlan], site: Site, catalog: Catalog
) -> None:
    request = {"input_tokens": 100, "output_tokens": 200, "context_tokens": 8_000}
    service = sized(**{**CHAT, "request": request})
    part = replayed(poisson(1, 60, prompt=7_000, answer=200), served_fleet(service, site, catalog))
    assert service.memory.max_sequences is not None
    assert part.sequences_most == int(service.memory.max_sequences * 300 / 7_200) < 256


def test_without_targets_nothing_is_missed(
    sized: Callable[..., ServicePlan], site: Site, catalog: Catalog
) -> None:
    service = sized(**{**CHAT, "latency": None})
    part = replayed(poisson(30, 60), served_fleet(service, site, catalog))
    assert part.sized.missed is None and part.lost_zone is not None
    assert part.lost_zone.missed_ratio is None
    assert all(hour.missed_ratio is None for hour in part.by_hour)
    assert part.sized.ttft_ms is not None


def test_a_given_rate_is_replayed_with_calibrated_times_and_says_so(
    sized: Callable[..., ServicePlan], site: Site, catalog: Catalog
) -> None:
    capacity = {"method": "given", "requests_per_gpu_per_s": 20, "load": "peak"}
    service = sized(**{**CHAT, "capacity": capacity})
    part = replayed(poisson(30, 30), served_fleet(service, site, catalog))
    assert part.assumed == ("The method given sized the fleet; the replay uses calibrated times.",)


def test_a_replica_over_nodes_has_no_step_times(
    sized: Callable[..., ServicePlan], site: Site, catalog: Catalog
) -> None:
    service = sized(
        **{
            **CHAT,
            "model": {"name": "llama-3.1-405b", "precision": "bf16"},
            "capacity": {"method": "given", "requests_per_gpu_per_s": 10, "load": "peak"},
            "hardware": {"instance_type": "p5.48xlarge", "nodes_per_replica": 2},
        }
    )
    with pytest.raises(UnknownStepsError, match="a replica spans 2 nodes"):
        served_fleet(service, site, catalog)


def test_a_burst_is_replayed_with_its_start_and_its_cost(
    sized: Callable[..., ServicePlan], site: Site, catalog: Catalog
) -> None:
    """A floor of one replica and twice its load for 20 minutes."""
    service = sized(
        **{
            **CHAT,
            "traffic": {"daily_users": 4_320, "requests_per_user_per_day": 300, "peak_ratio": 4},
            "capacity": {"method": "calibrated", "load": "mean", "burst_gpus": 4},
        }
    )
    trace = poisson(40, 1_200, answer=200)
    part = replayed(trace, served_fleet(service, site, catalog))
    burst, missed = part.burst, part.sized.missed
    assert burst is not None and missed is not None and burst.without is not None
    assert service.rollout is not None and service.choice is not None
    assert burst.start_s == 240 + service.rollout.cold_start_s
    assert (burst.replicas_limit, part.by_hour[0].burst_replicas) == (4, burst.replicas_most)
    assert 1 <= burst.replicas_most <= 4
    assert missed.requests_ratio < burst.without.requests_ratio
    assert burst.usd == pytest.approx(burst.gpu_hours * float(service.choice.usd_per_hour or 0))
