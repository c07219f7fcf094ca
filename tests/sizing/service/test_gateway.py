"""The bandwidth of a service, and the waits and capacity units of its load balancer."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from sizing.plan.service.whole import ServicePlan
from sizing.replica.traffic import Rates
from sizing.service.gateway import capacity_units, gateway_plan, mbit_per_s
from sizing.site import Site
from sizing.workload import Workload

SIZES = {"tokens": 500, "request_bytes": 2_000, "response_bytes": 10_000}


def test_megabits_of_a_rate_of_messages() -> None:
    # 125/s x 1,000 bytes x 8 bits
    assert mbit_per_s(Fraction(125), Decimal(1_000)) == 1
    assert mbit_per_s(None, Decimal(1_000)) is None
    assert mbit_per_s(Fraction(125), None) is None


def test_bandwidth_at_the_mean_and_at_the_peak(sized: Callable[..., ServicePlan]) -> None:
    traffic = {"daily_users": 864_000, "requests_per_user_per_day": 1, "peak_ratio": 2}
    moved = sized(traffic=traffic, request=SIZES).network
    # 10/s in, 20/s at the peak
    assert (moved.ingress_mbit_per_s, moved.ingress_mbit_per_s_peak) == (0.16, 0.32)
    assert (moved.egress_mbit_per_s, moved.egress_mbit_per_s_peak) == (0.8, 1.6)


def test_half_a_size_is_half_an_answer(sized: Callable[..., ServicePlan]) -> None:
    moved = sized(request={"tokens": 500, "request_bytes": 2_000}).network
    assert moved.ingress_mbit_per_s is not None and moved.egress_mbit_per_s is None
    assert moved.ingress_mbit_per_s_peak is None


@pytest.mark.parametrize(
    ("response_bytes", "latency", "rate", "units"),
    [
        # 1,000/s: 40 units of new connections, 1,000 x 120 s / 3,000 = 40 of active ones,
        # 1,000 x 3,000 bytes x 3,600 s = 10.8 GB an hour
        (1_000, None, 1_000, 40),
        # with answers of 20.45 s 6.8 units of active ones, 40 of new connections still
        (1_000, {"ttft_ms": 500, "tpot_ms": 50}, 1_000, 40),
        # with answers of 20.45 s 6.8 units of active ones; 1,000 x 102 KB x 3,600 = 367.2 GB
        (100_000, {"ttft_ms": 500, "tpot_ms": 50}, 1_000, 368),
        # one answer of 100 s + 400 s: 1/s x 500 s / 3,000 < 1
        (1_000, {"ttft_ms": 100_000, "tpot_ms": 1_002}, 1, 1),
        (1_000, {"ttft_ms": 100_000, "tpot_ms": 1_002}, 100, 17),
    ],
)
def test_capacity_units_of_the_load_balancer(
    workload: Callable[..., Workload],
    response_bytes: int,
    latency: dict[str, int] | None,
    rate: int,
    units: int,
) -> None:
    request = {"input_tokens": 100, "output_tokens": 400, "request_bytes": 2_000}
    chat = workload(request={**request, "response_bytes": response_bytes}, latency=latency)
    assert capacity_units(chat, Rates(Fraction(rate), None)) == units
    assert capacity_units(chat, Rates(Fraction(1, 9), Fraction(rate))) == units, "the peak counts"


@pytest.mark.parametrize(
    ("rate", "needed", "reserved"), [(1, 1, None), (2_475, 99, None), (2_500, 100, 100)]
)
def test_units_are_reserved_from_the_fewest_that_can_be(
    workload: Callable[..., Workload], site: Site, rate: int, needed: int, reserved: int | None
) -> None:
    request = {"input_tokens": 1, "output_tokens": 1, "request_bytes": 1, "response_bytes": 1}
    latency = {"ttft_ms": 1, "tpot_ms": 1}
    plan = gateway_plan(
        workload(request=request, latency=latency), Rates(Fraction(rate), None), site
    )
    assert (plan.capacity_units, plan.reserved_units) == (needed, reserved)


def test_a_dead_replica_is_noticed_within_the_checks(
    workload: Callable[..., Workload], site: Site
) -> None:
    plan = gateway_plan(workload(), Rates(Fraction(1), None), site)
    # two checks, 10 s apart, and 5 s for the last to time out
    assert plan.failure_detection_s == 25
    assert plan.health_timeout_s < plan.health_interval_s, "the vendor refuses it otherwise"


def test_capacity_units_need_both_sizes(workload: Callable[..., Workload]) -> None:
    assert capacity_units(workload(), Rates(Fraction(10), None)) is None


@pytest.mark.parametrize(
    ("latency", "longest_s", "idle_s", "drain_s"),
    [
        (None, 120, 130, 120),
        # 4 x (500 ms + 399 x 50 ms) = 81.8 s
        ({"ttft_ms": 500, "tpot_ms": 50}, 81.8, 92, 82),
        # 4 x (1 s + 399 x 3 s) = 4,792 s: above what the load balancer can wait
        ({"ttft_ms": 1_000, "tpot_ms": 3_000}, 4_792, 4_000, 3_600),
    ],
)
def test_the_load_balancer_outwaits_the_longest_answer(
    *,
    workload: Callable[..., Workload],
    site: Site,
    latency: dict[str, int] | None,
    longest_s: float,
    idle_s: int,
    drain_s: int,
) -> None:
    plan = gateway_plan(workload(latency=latency), Rates(Fraction(10), None), site)
    assert plan.longest_answer_s == longest_s
    assert (plan.idle_timeout_s, plan.deregistration_delay_s) == (idle_s, drain_s)


def test_the_gateway_takes_the_site_as_it_is(workload: Callable[..., Workload], site: Site) -> None:
    arn = "arn:aws:acm:us-east-1:123456789012:certificate/1"
    prod = Site.model_validate(site.model_dump() | {"environment": "prod", "certificate_arn": arn})
    rates = Rates(Fraction(10), None)
    assert gateway_plan(workload(), rates, prod).certificate_arn == arn
    assert gateway_plan(workload(), rates, prod).protected
    assert not gateway_plan(workload(), rates, site).protected
