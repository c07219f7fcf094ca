"""One margin where nobody waits: the band at full load, without a utilisation limit."""

from collections.abc import Callable
from dataclasses import replace
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.catalog import load_catalog
from sizing.catalog.bands import Band, Bands
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
from tests.sizing.made_up import LENGTHS, QUEUED, replica

TIMES = ReplicaTimes((0.1, 0.2), 0.05, ((1.0, 0.1),), 0.0, 1.0, 11.0, 1.0)
SATURATION = 2 / (10 * 0.2 + 2 * 0.05)
"""Two slots, ten steps of 0.2 s and two prompts of 0.05 s."""
FREE = Targets(0.95, None, None)
LOOSE = Targets(0.95, 1e9, 1e9)


def test_without_a_target_a_replica_is_nearly_full() -> None:
    assert rate_by_constraint(TIMES, FREE) == {"throughput": pytest.approx(0.99 * SATURATION)}


@pytest.mark.parametrize("name", ["ttft_s", "tpot_s"])
def test_with_a_target_the_utilisation_limit_counts(name: str) -> None:
    targets = Targets(**{"share": 0.95, "ttft_s": None, "tpot_s": None, name: 1e9})
    assert throughput_per_s(TIMES, targets) == pytest.approx(0.9 * SATURATION)


def test_a_stated_limit_applies_with_and_without_targets() -> None:
    for targets in (Targets(0.95, None, 1.0, 0.6), Targets(0.95, None, None, 0.6)):
        assert throughput_per_s(TIMES, targets) == pytest.approx(0.6 * SATURATION)
    assert throughput_per_s(TIMES, without_headroom(LOOSE)) == pytest.approx(FULL * SATURATION)


def rate(targets: Targets, bands: Bands, quantile: float) -> float:
    """Requests per second of a replica whose steps the band slows."""
    slower = targets.slowness(bands, quantile)
    times = replace(TIMES, decode_s=tuple(slower * s for s in TIMES.decode_s), slower=slower)
    return min(rate_by_constraint(times, targets).values())


@given(
    tpot=st.floats(1, 3),
    full=st.floats(1, 3),
    quantile=st.floats(0.5, 0.99),
    limit=st.none() | st.floats(0.1, 0.95),
)
def test_without_a_target_the_rate_is_never_lower(
    tpot: float, full: float, quantile: float, limit: float | None
) -> None:
    """Also a higher limit never gives a lower rate, and no limit gives the highest."""
    high = {"tpot": tpot, "ttft": 1.0, "full_load": full}
    bands = Bands(**{name: Band(low=1, high=edge) for name, edge in high.items()})
    loose, free = replace(LOOSE, max_utilisation=limit), replace(FREE, max_utilisation=limit)
    assert rate(loose, bands, quantile) <= rate(free, bands, quantile) * (1 + 1e-9)
    assert rate(free, bands, quantile) <= rate(FREE, bands, quantile) * (1 + 1e-9)
    assert rate(free, bands, 0.99) <= rate(free, bands, quantile) * (1 + 1e-9)


def test_the_narrower_band_slows_a_full_replica() -> None:
    """TPOT takes up to 2 times as long at P90, a full replica 1.6 times."""
    made = replica({"weights_ms": 10.0})
    queued, full, median = (
        replica_times(made, LENGTHS, 2, quantile, targets)
        for quantile, targets in ((0.9, QUEUED), (0.9, FREE), (0.5, FREE))
    )
    assert full.server.saturation_per_s == pytest.approx(median.server.saturation_per_s / 1.6)
    assert queued.server.saturation_per_s == pytest.approx(median.server.saturation_per_s / 2)
    assert (queued.slower, full.slower, median.slower) == (2, 1.6, 1)


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
    bands = load_catalog().coefficients.bands["vllm"]
    high = min(bands.full_load.high, bands.tpot.high)
    assert found[2] / found[0] == pytest.approx(high, rel=0.01)


def test_a_service_without_targets_is_nearly_full(sized: Callable[..., ServicePlan]) -> None:
    pool = sized(**OFFLINE).pool
    assert pool is not None
    assert 0.98 < pool.utilisation_at_peak * pool.replicas_total / pool.replicas_needed <= 0.99


def test_margins_add_up_in_gpus_nodes_and_money(sized: Callable[..., ServicePlan]) -> None:
    """From the mean request without headroom to the fleet, spares included."""
    targets = {"ttft_ms": 2000, "tpot_ms": 40}
    plan = sized(**{**OFFLINE, "latency": targets, "redundancy": {"spare_ratio": 0.2}})
    found, pool, choice = plan.calibrated, plan.pool, plan.choice
    assert found is not None and pool is not None and choice is not None
    bare = found.replicas_without_headroom.median
    assert bare is not None and choice.usd_per_hour is not None
    gpus = [margin.gpus or 0 for margin in found.margins]
    assert ceil(bare) * pool.tensor_parallel + sum(gpus) == pool.gpus_needed
    assert min(gpus) > 0, "both the queue and the band cost GPUs"
    shown = {each.quantile_percent: each for each in found.quantiles}
    assert shown[90].nodes_total == pool.nodes_total
    assert shown[90].usd_per_month == choice.pool_usd_per_month
    waits, band = found.margins
    assert shown[50].nodes_total is not None and waits.nodes is not None
    assert band.nodes == pool.nodes_total - shown[50].nodes_total
    for margin in found.margins:
        assert margin.usd_per_month == pytest.approx(
            (margin.nodes or 0) * choice.usd_per_hour * 730
        )


def test_a_margin_within_one_node_costs_nothing(sized: Callable[..., ServicePlan]) -> None:
    """Eight GPUs a node: P50 and P90 buy the same node."""
    little = {"daily_users": 40_000, "requests_per_user_per_day": 10, "peak_ratio": 1}
    found = sized(**{**OFFLINE, "hardware": "p4de.24xlarge", "traffic": little}).calibrated
    assert found is not None and found.one_run is not None
    assert [margin.nodes for margin in found.margins] == [0, 0]
    assert [margin.usd_per_month for margin in found.margins] == [0, 0]
    assert found.one_run.usd_saved_per_month == 0


def test_without_targets_the_band_is_the_only_margin(sized: Callable[..., ServicePlan]) -> None:
    found = sized(**OFFLINE).calibrated
    assert found is not None
    waits, band = found.margins
    assert waits.gpus == 0
    assert band.gpus is not None and band.gpus > 0


def test_one_own_run_narrows_the_band_and_saves_nodes(sized: Callable[..., ServicePlan]) -> None:
    """An A100 is known from its datasheet only: the band of a measured run is narrower."""
    plan = sized(**{**OFFLINE, "hardware": "p4de.24xlarge"})
    found = plan.calibrated
    assert found is not None and found.one_run is not None and plan.pool is not None
    fewer, saved = found.one_run.gpus_needed, found.one_run.usd_saved_per_month
    assert fewer is not None and fewer < plan.pool.gpus_needed
    assert plan.choice is not None and plan.choice.usd_per_hour is not None
    assert found.one_run.nodes_total is not None
    nodes = plan.pool.nodes_total - found.one_run.nodes_total
    assert saved == pytest.approx(nodes * plan.choice.usd_per_hour * 730)


@pytest.mark.parametrize("level", ["bands", "datasheet_bands", "unmeasured_bands"])
@pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm"])
def test_a_run_that_confirms_the_prediction_never_costs(engine: str, level: str) -> None:
    """The expected band after one run lies within the one before, on both sides."""
    before = getattr(load_catalog().coefficients, level)[engine]
    after = before.after_one_run()
    for name in Bands.model_fields:
        wide, narrow = getattr(before, name), getattr(after, name)
        assert wide.low <= narrow.low <= 1 <= narrow.high <= wide.high
