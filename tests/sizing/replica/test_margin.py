"""One margin where nobody waits: the band at full load, without a utilisation limit."""

from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.catalog import load_catalog
from sizing.plan.service.whole import ServicePlan
from sizing.replica.calibrated import bought_quantile
from sizing.replica.rate import (
    FULL,
    ReplicaTimes,
    Targets,
    rate_by_constraint,
    replica_times,
    throughput_per_s,
    without_headroom,
)
from sizing.workload import Workload
from tests.sizing.made_up import LENGTHS, corrected, replica

TIMES = ReplicaTimes((0.1, 0.2), 0.05, ((1.0, 0.1),), 0.0, 1.0, 11.0, 1.0, full_load_ratio=1.25)
SATURATION = 2 / (10 * 0.2 + 2 * 0.05)
"""Two slots, ten steps of 0.2 s and two prompts of 0.05 s."""


def test_without_a_target_only_the_band_at_full_load_counts() -> None:
    rates = rate_by_constraint(TIMES, Targets(0.95, None, None))
    assert rates == {"throughput": pytest.approx(0.99 * SATURATION * 1.25)}


@pytest.mark.parametrize("name", ["ttft_s", "tpot_s"])
def test_with_a_target_the_utilisation_limit_counts(name: str) -> None:
    targets = Targets(**{"share": 0.95, "ttft_s": None, "tpot_s": None, name: 1e9})
    assert throughput_per_s(TIMES, targets) == pytest.approx(0.9 * SATURATION)


def test_a_stated_limit_applies_with_and_without_targets() -> None:
    assert throughput_per_s(TIMES, Targets(0.95, None, 1.0, 0.6)) == pytest.approx(0.6 * SATURATION)
    alone = throughput_per_s(TIMES, Targets(0.95, None, None, 0.6))
    assert alone == pytest.approx(0.6 * 1.25 * SATURATION)
    assert throughput_per_s(TIMES, without_headroom(Targets(0.95, None, 1.0))) == pytest.approx(
        FULL * SATURATION
    )


@given(ratio=st.floats(0.2, 3), limit=st.none() | st.floats(0.1, 0.95))
def test_a_target_that_is_always_met_never_gives_a_higher_rate(
    ratio: float, limit: float | None
) -> None:
    times = ReplicaTimes((0.1, 0.2), 0.05, ((1.0, 0.1),), 0.0, 1.0, 11.0, 1.0, ratio)
    loose = min(rate_by_constraint(times, Targets(0.95, 1e9, 1e9, limit)).values())
    free = min(rate_by_constraint(times, Targets(0.95, None, None, limit)).values())
    assert loose <= free * (1 + 1e-9)


def test_the_band_at_full_load_replaces_that_of_the_steps() -> None:
    """TPOT takes up to 2 times as long at P90, a full replica 1.6: it serves 2 / 1.6 as much."""
    made = replica({"weights_ms": 10.0})
    times = replica_times(made, LENGTHS, 2, 0.9)
    assert times.full_load_ratio == pytest.approx(2 / 1.6)
    median = replica_times(made, LENGTHS, 2, 0.5)
    assert times.full_load_per_s == pytest.approx(median.server.saturation_per_s / 1.6)
    own = replica_times(replica({"weights_ms": 10.0}, correction=corrected(1, 1)), LENGTHS, 2, 0.9)
    assert own.full_load_ratio == 1


OFFLINE: dict[str, Any] = {
    "model": "llama-3.1-8b",
    "hardware": "p5.4xlarge",
    "request": {"input_tokens": 1000, "output_tokens": 500},
    "capacity": {"method": "calibrated"},
    "latency": None,
    "traffic": {"daily_users": 24_000_000, "requests_per_user_per_day": 10, "peak_ratio": 1},
}
"""2,778 requests a second."""


@pytest.mark.parametrize(("cost", "quantile"), [(None, 0.9), (1, 0.5), (9, 0.9), (99, 0.99)])
def test_the_cost_of_a_missing_gpu_decides_the_quantile(
    workload: Callable[..., Workload], cost: int | None, quantile: float
) -> None:
    stated = {} if cost is None else {"shortfall_cost": cost}
    given_ = workload(**{**OFFLINE, "capacity": {"method": "calibrated", **stated}})
    assert bought_quantile(given_) == pytest.approx(quantile)


def test_a_rarer_shortfall_needs_more_gpus(sized: Callable[..., ServicePlan]) -> None:
    """P50, P80, P90, P95 and P99 of the band."""
    found = []
    for cost in (1, 4, 9, 19, 99):
        stated = {"method": "calibrated", "shortfall_cost": cost}
        plan = sized(**{**OFFLINE, "capacity": stated})
        assert plan.pool is not None and plan.calibrated is not None
        assert plan.calibrated.quantile_percent == pytest.approx(100 * cost / (1 + cost))
        assert plan.calibrated.safe.gpus_needed == plan.pool.gpus_needed
        found.append(plan.pool.gpus_needed)
        if cost == 1:
            assert plan.calibrated.median == plan.calibrated.safe
        shown = {each.quantile_percent: each.gpus_needed for each in plan.calibrated.quantiles}
        assert shown[50] == plan.calibrated.median.gpus_needed
        assert shown[plan.calibrated.quantile_percent] == plan.pool.gpus_needed
        assert set(shown) == {50, 90, plan.calibrated.quantile_percent}
    assert found == sorted(found)
    high = load_catalog().coefficients.bands["vllm"].full_load.high
    assert found[2] / found[0] == pytest.approx(high, rel=0.01)


def test_a_service_without_targets_is_nearly_full(sized: Callable[..., ServicePlan]) -> None:
    pool = sized(**OFFLINE).pool
    assert pool is not None
    assert 0.98 < pool.utilisation_at_peak * pool.replicas_total / pool.replicas_needed <= 0.99


def test_margins_add_up_in_gpus_and_money(sized: Callable[..., ServicePlan]) -> None:
    """From the mean request without headroom to the fleet, without spares."""
    plan = sized(**{**OFFLINE, "latency": {"ttft_ms": 2000, "tpot_ms": 40}})
    found, pool, choice = plan.calibrated, plan.pool, plan.choice
    assert found is not None and pool is not None and choice is not None
    bare = found.replicas_without_headroom.median
    assert bare is not None
    gpus = [margin.gpus or 0 for margin in found.margins]
    assert ceil(bare) * pool.tensor_parallel + sum(gpus) == pool.gpus_needed
    assert min(gpus) > 0, "both the queue and the band cost GPUs"
    assert choice.pool_usd_per_month is not None
    each = choice.pool_usd_per_month / pool.gpus_total
    assert [m.usd_per_month for m in found.margins] == pytest.approx([each * n for n in gpus])


def test_without_targets_the_band_is_the_only_margin(sized: Callable[..., ServicePlan]) -> None:
    found = sized(**OFFLINE).calibrated
    assert found is not None
    waits, band = found.margins
    assert waits.gpus == 0
    assert band.gpus is not None and band.gpus > 0


def test_one_own_run_narrows_the_band_and_saves_money(sized: Callable[..., ServicePlan]) -> None:
    """An A100 is known from its datasheet only: the band of a measured run is narrower."""
    plan = sized(**{**OFFLINE, "hardware": "p4de.24xlarge"})
    found = plan.calibrated
    assert found is not None and found.one_run is not None and plan.pool is not None
    fewer, saved = found.one_run.gpus_needed, found.one_run.usd_saved_per_month
    assert fewer is not None and fewer < plan.pool.gpus_needed
    assert plan.choice is not None and plan.choice.pool_usd_per_month is not None
    each = plan.choice.pool_usd_per_month / plan.pool.gpus_total
    assert saved == pytest.approx((plan.pool.gpus_needed - fewer) * each)
