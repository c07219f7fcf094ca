"""Arrivals: the mean, the three ways to a peak, and the requests in flight."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from sizing.replica.traffic import (
    Rates,
    request_rates,
    slowest_answer_s,
    traffic_plan,
    users_online_peak,
)
from sizing.workload import Load, Traffic, Workload

MEAN = Fraction(100_000 * 10, 86_400)
ONE_HOUR_OF_THREE = [1] * 23 + [3]


def traffic(**more: object) -> Traffic:
    return Traffic.model_validate({"daily_users": 100_000, "requests_per_user_per_day": 10, **more})


def test_the_mean_is_exact() -> None:
    assert request_rates(traffic()) == Rates(MEAN, None)


@pytest.mark.parametrize(
    ("more", "peak"),
    [
        # 10 % of 100,000 users, one request a minute each
        ({"peak_users_share": "0.1", "think_time_s": 60}, Fraction(10_000, 60)),
        ({"peak_ratio": "2.5"}, MEAN * Fraction(5, 2)),
        # the busiest hour has 3 of 26 parts of the day, the mean hour 1 of 24
        ({"hourly": ONE_HOUR_OF_THREE}, MEAN * 24 * 3 / 26),
        ({"hourly": [7] * 24}, MEAN),
        ({}, None),
    ],
)
def test_the_peak(more: dict[str, object], peak: Fraction | None) -> None:
    assert request_rates(traffic(**more)) == Rates(MEAN, peak)


def test_users_online() -> None:
    assert users_online_peak(traffic()) is None
    assert users_online_peak(traffic(peak_users_share=Decimal("0.1"), peak_ratio=2)) == 10_000


def test_a_load_picks_its_rate() -> None:
    rates = Rates(Fraction(2), Fraction(5))
    assert rates.at(Load.mean) == 2 and rates.at(Load.peak) == 5
    with pytest.raises(ValueError, match="peak is not known"):
        Rates(Fraction(2), None).at(Load.peak)


@pytest.mark.parametrize(
    ("latency", "request_", "answer_s"),
    [
        # 500 ms + 399 x 50 ms
        (
            {"ttft_ms": 500, "tpot_ms": 50},
            {"input_tokens": 100, "output_tokens": 400},
            Fraction("20.45"),
        ),
        (
            {"ttft_ms": 500, "tpot_ms": 50},
            {"input_tokens": 100, "output_tokens": "0.5"},
            Fraction("0.5"),
        ),
        ({"ttft_ms": 500}, {"input_tokens": 100, "output_tokens": 400}, None),
        ({"tpot_ms": 50}, {"input_tokens": 100, "output_tokens": 400}, None),
        ({"ttft_ms": 500, "tpot_ms": 50}, {"tokens": 500}, None),
        (None, {"input_tokens": 100, "output_tokens": 400}, None),
    ],
)
def test_the_slowest_mean_answer(
    workload: Callable[..., Workload],
    latency: dict[str, object] | None,
    request_: dict[str, object],
    answer_s: Fraction | None,
) -> None:
    assert slowest_answer_s(workload(latency=latency, request=request_)) == answer_s


def test_the_plan_of_traffic(workload: Callable[..., Workload]) -> None:
    peaked = {
        "daily_users": 100_000,
        "requests_per_user_per_day": 10,
        "peak_users_share": 0.1,
        "think_time_s": 60,
    }
    chat = workload(traffic=peaked, latency={"ttft_ms": 500, "tpot_ms": 50})
    plan = traffic_plan(chat, request_rates(chat.traffic))
    assert plan.requests_per_s_mean == pytest.approx(11.574074, abs=1e-6)
    assert plan.requests_per_s_peak == pytest.approx(166.666667, abs=1e-6)
    assert plan.users_online_peak == 10_000
    # Little's law: 166.67/s x 20.45 s
    assert plan.requests_in_flight_peak == pytest.approx(3_408.3333, abs=1e-4)


def test_what_nobody_said_stays_unknown(workload: Callable[..., Workload]) -> None:
    chat = workload()
    plan = traffic_plan(chat, request_rates(chat.traffic))
    assert plan.requests_per_s_peak is None
    assert plan.users_online_peak is None
    assert plan.requests_in_flight_peak is None
