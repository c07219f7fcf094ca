"""Bandwidth, the load balancer's patience, and addresses."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Network

import pytest

from sizing.field_error import FieldError
from sizing.network import capacity_units, gateway_plan, mbit_per_s, network_plan
from sizing.plan import ServicePlan
from sizing.site import Site
from sizing.traffic import Rates
from sizing.workload import Workload

SIZES = {"tokens": 500, "request_bytes": 2_000, "response_bytes": 10_000}


def at(site: Site, **changes: object) -> Site:
    return Site.model_validate(site.model_dump() | changes)


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
    prod = at(site, environment="prod", certificate_arn=arn)
    rates = Rates(Fraction(10), None)
    assert gateway_plan(workload(), rates, prod).certificate_arn == arn
    assert gateway_plan(workload(), rates, prod).protected
    assert not gateway_plan(workload(), rates, site).protected


def test_subnets_of_three_zones(site: Site) -> None:
    plan = network_plan(site, [])
    assert [(s.zone, s.private_cidr, s.public_cidr) for s in plan.subnets] == [
        ("use1-az1", "10.0.0.0/19", "10.0.224.0/24"),
        ("use1-az2", "10.0.32.0/19", "10.0.225.0/24"),
        ("use1-az4", "10.0.64.0/19", "10.0.226.0/24"),
    ]


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "10.1.128.0/17", "192.168.64.0/18"])
def test_six_zones_fit_without_overlap(site: Site, cidr: str) -> None:
    zones = [f"use1-az{n}" for n in range(1, 7)]
    plan = network_plan(at(site, zones=zones, vpc_cidr=cidr), [])
    subnets = [IPv4Network(c) for s in plan.subnets for c in (s.private_cidr, s.public_cidr)]
    assert len(subnets) == 12
    assert all(subnet.subnet_of(IPv4Network(cidr)) for subnet in subnets)
    assert not any(a.overlaps(b) for a in subnets for b in subnets if a is not b)


@pytest.mark.parametrize(
    ("environment", "zones", "nat"),
    [("dev", 0, [True, False, False]), ("dev", 1, [True] * 3), ("prod", 0, [True] * 3)],
)
def test_a_nat_gateway_where_a_zone_may_go(
    workload: Callable[..., Workload], site: Site, environment: str, zones: int, nat: list[bool]
) -> None:
    services = [workload(), workload(redundancy={"zones": zones})]
    plan = network_plan(at(site, environment=environment), services)
    assert [subnet.nat for subnet in plan.subnets] == nat


@pytest.mark.parametrize("cidr", ["10.0.0.1/16", "10.0.0.256/16", "10.0/16"])
def test_an_address_range_that_is_none(site: Site, cidr: str) -> None:
    with pytest.raises(FieldError) as fault:
        network_plan(at(site, vpc_cidr=cidr), [])
    assert fault.value.field == ("vpc_cidr",)
