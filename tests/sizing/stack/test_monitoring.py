"""Series, volumes and memory of the Prometheus of a stack, and what they take of its nodes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.catalog import load_catalog
from sizing.plan.stack.monitoring import MonitoringPlan
from sizing.plan.whole import Plan
from sizing.service.serving import DAEMON_CPU_MILLICORES, DAEMON_MEMORY_MIB
from sizing.stack import monitoring as sizes
from sizing.values.field_error import FieldError
from tests.components.plans import (
    CHAT,
    bursting_plan,
    measured_plan,
)


def kept(plan: Plan) -> MonitoringPlan:
    found = plan.cluster_services.monitoring
    assert found is not None
    return found


def test_series_are_counted_from_engines_nodes_gpus_and_pods() -> None:
    series = kept(measured_plan()).server.series
    assert (series.engine_pods, series.gpus) == (19, 19), "15 replicas and a burst of 4"
    assert series.nodes == 19 + 6, "GPU nodes with those of the burst, and system nodes"
    assert series.pods == 40 + 25 * 10 + 19
    assert series.engine_series == 19 * series.per_engine["chat"]
    assert series.node_series == 25 * series.per_node
    assert series.gpu_series == 19 * series.per_gpu
    scraped = series.total - series.recorded_series
    assert series.recorded_series == pytest.approx(0.1 * scraped, abs=1)


def test_a_histogram_counts_its_buckets() -> None:
    """Guard: a histogram of 22 bounds is 25 series, not one."""
    rows = {row.metric: row for row in load_catalog().metric_series}
    assert rows["vllm:time_to_first_token_seconds"].series == 22 + 1 + 2
    for row in rows.values():
        assert row.kind != "histogram" or row.series > 3, row.metric


def test_an_engine_that_exports_nothing_has_the_series_of_its_target_only() -> None:
    chat = CHAT | {"engine": {"name": "tensorrt-llm"}, "model": "llama-3.1-8b"}
    server = kept(measured_plan(chat, alerts=None)).server
    assert server.series.per_engine == {"chat": sizes.TARGET_SERIES}
    assert "tensorrt-llm" not in server.kept


def test_the_volume_holds_the_days_and_the_log() -> None:
    server = kept(measured_plan()).server
    bytes_kept = server.samples_per_s * (30 * 86_400 * 2 + 3 * 3_600 * 12)
    assert (server.used_gib - 1) * 2**30 < bytes_kept <= server.used_gib * 2**30
    assert server.volume_gib == 16
    assert server.blocks_gib == 12, "80 % of the volume: a full one would stop Prometheus"


@given(samples=st.integers(1, 200_000), days=st.integers(1, 400))
def test_more_samples_or_days_never_need_less(samples: int, days: int) -> None:
    used = sizes.used_gib(samples, days)
    assert sizes.used_gib(samples + 1, days) >= used <= sizes.used_gib(samples, days + 1)
    volume = sizes.volume_gib(used)
    assert sizes.volume_gib(used + 1) >= volume
    assert volume * sizes.FILL_PERCENT >= used * 100, "the metrics fit"
    assert volume & (volume - 1) == 0, "a power of two, which a small change does not change"


def test_longer_retention_and_more_nodes_need_more() -> None:
    day, year = (
        kept(measured_plan(metrics={"store": "in_cluster", "retention_days": days})).server
        for days in (1, 365)
    )
    assert day.volume_gib < year.volume_gib
    assert day.memory_mib == year.memory_mib, "memory follows the series"
    assert (day.kept_hours, year.kept_hours) == (24, 8_760)
    capacity = CHAT["capacity"]
    small, large = (
        kept(
            measured_plan(CHAT | {"capacity": capacity | {"requests_per_gpu_per_s": rate}})
        ).server.series
        for rate in (1, 0.5)
    )
    assert small.nodes < large.nodes
    assert small.total < large.total


def test_two_pods_only_where_one_zone_must_not_end_them() -> None:
    assert kept(measured_plan()).server.replicas == 2
    dev = CHAT | {"redundancy": {"nodes": 1}}
    assert kept(measured_plan(dev, environment="dev")).server.replicas == 1
    lasting = CHAT | {"redundancy": {"zones": 1}}
    assert kept(measured_plan(lasting, environment="dev")).server.replicas == 2


def test_the_requests_of_the_added_pods_are_counted_in_the_system_pool() -> None:
    plan = measured_plan()
    monitoring = kept(plan)
    assert monitoring.requested_mib == 2 * (monitoring.server.memory_mib + 32) + 256 + 128 + 480
    assert monitoring.requested_millicores == 2 * 260 + 50 + 40 + 120
    assert plan.system is not None and plan.system.nodes_total == 6, "they fit"


def test_many_series_need_more_system_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = measured_plan(CHAT, environment="dev")
    monkeypatch.setattr(sizes, "NODE_ROOM_MIB", 2_000)
    monkeypatch.setattr(sizes, "OBJECTS_MIB", 8_000)
    after = measured_plan(CHAT, environment="dev")
    assert before.system is not None and after.system is not None
    assert before.system.nodes_total == 3
    assert after.system.nodes_total == kept(after).system_nodes == 5
    system = [plan.network.zones[0].addresses.system_nodes for plan in (before, after)]
    assert system[0] < system[1], "their addresses are counted"


def test_a_pod_that_fits_no_system_node_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sizes, "NODE_ROOM_MIB", 600)
    with pytest.raises(FieldError, match="a system node has 600") as caught:
        measured_plan()
    assert caught.value.field == ("metrics", "store")


def test_the_exporters_on_gpu_nodes_fit_what_they_keep_free() -> None:
    """The device plugin requests 50 millicores and 128 MiB of the same share."""
    assert sizes.NODE_MILLICORES + sizes.GPU_MILLICORES + 50 <= DAEMON_CPU_MILLICORES / 2
    assert sizes.NODE_MIB + sizes.GPU_MIB + 128 <= DAEMON_MEMORY_MIB / 2


@pytest.mark.parametrize("store", ["none", "absent"])
def test_without_metrics_the_plan_is_as_it_was(store: str) -> None:
    given: Any = None if store == "absent" else {"store": store}
    plan = measured_plan(metrics=given, alerts=None)
    before = bursting_plan()
    same = {"site", "catalog_digest"}
    assert plan.model_dump(exclude=same) == before.model_dump(exclude=same)
    assert "monitoring" not in plan.as_json()["cluster_services"]


def test_prometheus_is_one_release_with_a_burst() -> None:
    plan = measured_plan()
    burst = plan.cluster_services.burst
    assert burst is not None and burst.metrics is None
    assert burst.pod_autoscaler is not None and burst.pod_autoscaler.measured
    assert kept(plan).server.services == ("chat",)
