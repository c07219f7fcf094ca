"""The cache of answers: what it holds, and what it saves."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from sizing.catalog import Catalog
from sizing.compare.comparison import compare
from sizing.plan.service.application.cache import AnswerCachePlan
from sizing.plan.service.whole import UNSERVED, ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from tests.sizing.drawn import Values, workloads
from tests.sizing.service.test_application import APP, ISSUER

CACHE: dict[str, Any] = {"hit_ratio": 0.4, "low_hit_ratio": 0.25, "ttl_s": 3_600}
TRAFFIC = {"daily_users": 1_000_000, "requests_per_user_per_day": 8, "peak_ratio": 3}


@pytest.fixture(scope="session")
def kept(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> Callable[..., ServicePlan]:
    """Plan of a chat with an application, and with a cache of answers where one is given."""

    def build(cache: dict[str, Any] | None = None, **changes: object) -> ServicePlan:
        application = {"api": "ogx"} | ({} if cache is None else {"cache": cache})
        values = {**APP, "traffic": TRAFFIC, **changes, "application": application}
        there = site.model_copy(update=ISSUER)
        return size([workload(**values)], there, catalog).services[0]

    return build


def cache_of(plan: ServicePlan) -> AnswerCachePlan:
    assert plan.application is not None and plan.application.cache is not None
    return plan.application.cache


def test_engines_see_the_rest_and_everything_else_sees_all(
    kept: Callable[..., ServicePlan],
) -> None:
    none, some = kept(), kept(CACHE)
    mean, peak = 1_000_000 * 8 / 86_400, 3 * 1_000_000 * 8 / 86_400
    traffic = some.traffic
    assert (traffic.requests_per_s_mean, traffic.requests_per_s_peak) == pytest.approx((mean, peak))
    assert traffic.engine_requests_per_s_mean == pytest.approx(mean * 0.75)
    assert traffic.engine_requests_per_s_peak == pytest.approx(peak * 0.75)
    for plan in (none, some):
        assert plan.capacity is not None and plan.pool is not None
    assert none.capacity is not None and some.capacity is not None
    request_s = Fraction(some.capacity.request_s)
    assert some.capacity.gpus_at_mean == ceil(
        Fraction(traffic.engine_requests_per_s_mean) * request_s
    )
    assert some.capacity.gpus_at_mean < none.capacity.gpus_at_mean
    assert some.pool is not None and none.pool is not None
    assert some.pool.gpus_needed < none.pool.gpus_needed
    assert some.database == none.database
    assert some.network == none.network and some.storage == none.storage
    before, after = none.application, some.application
    assert before is not None and after is not None
    assert after.requests_per_s == before.requests_per_s
    extra = after.cpu_s_per_request - before.cpu_s_per_request
    assert extra == pytest.approx(cache_of(some).cpu_s_per_request)


def test_what_it_holds(kept: Callable[..., ServicePlan], catalog: Catalog) -> None:
    plan = kept(CACHE)
    cache, peak = cache_of(plan), Fraction(3 * 1_000_000 * 8, 86_400)
    each = catalog.application("cache_entry_bytes").sized
    each += 10_000 * catalog.application("cache_bytes_per_byte").sized
    assert cache.entry_bytes == ceil(each)
    assert cache.entries == ceil(peak * 3_600 * Fraction(3, 4))
    assert cache.stored_bytes == cache.entries * cache.entry_bytes
    assert cache.storage_gb == ceil(cache.stored_bytes / 0.75 / 1e9)
    assert cache.ecpu_per_request == 5 + 10
    assert cache.ecpu_per_s == pytest.approx(float(peak) * 15)
    assert cache.ecpu_per_s_allowed == ceil(peak * 15 * Fraction(4, 3))
    assert plan.application is not None
    assert cache.connections == 2 * plan.application.pods_total


def test_a_day_of_answers_is_a_day_of_the_mean(kept: Callable[..., ServicePlan]) -> None:
    day = 8_000_000 * Fraction(3, 4)
    for ttl_s, most in ((28_800, day), (86_400, day), (86_401, 2 * day)):
        assert cache_of(kept(CACHE | {"ttl_s": ttl_s})).entries == most, ttl_s


def test_a_small_service_gets_the_smallest_cache(kept: Callable[..., ServicePlan]) -> None:
    cache = cache_of(kept(CACHE, traffic={**TRAFFIC, "daily_users": 10}))
    assert (cache.storage_gb, cache.ecpu_per_s_allowed) == (1, 1_000)


def test_the_conservative_end_sizes_above_the_median(kept: Callable[..., ServicePlan]) -> None:
    ends = CACHE | {"high_hit_ratio": 0.6}
    capacity = {"method": "calibrated", "load": "peak"}
    for cost, ratio in ((9, 0.25), (1, 0.4)):
        plan = kept(ends, capacity=capacity | {"shortfall_cost": cost})
        assert cache_of(plan).hit_ratio == ratio
    hits = cache_of(kept(ends, capacity=capacity)).hits
    assert [each.hit_ratio for each in hits] == [0.25, 0.4, 0.6]
    needed = [each.gpus_needed or 0 for each in hits]
    assert needed == sorted(needed, reverse=True) and needed[0] > needed[-1]


def test_the_gpus_of_the_ends_are_those_of_such_a_service(kept: Callable[..., ServicePlan]) -> None:
    cache, capacity = cache_of(kept(CACHE)), {"method": "textbook", "load": "peak"}
    cache = cache_of(kept(CACHE, capacity=capacity))
    for each in cache.hits:
        alone = kept({"hit_ratio": each.hit_ratio, "ttl_s": 60}, capacity=capacity).pool
        assert alone is not None and alone.gpus_needed == each.gpus_needed
    without = kept(capacity=capacity).pool
    assert without is not None and without.gpus_needed == cache.gpus_needed_without


def test_an_empty_cache_says_what_the_fleet_holds(kept: Callable[..., ServicePlan]) -> None:
    capacity = {"method": "textbook", "load": "peak"}
    plan = kept({"hit_ratio": 0.6, "ttl_s": 60}, capacity=capacity, redundancy={})
    cache = cache_of(plan)
    assert plan.pool is not None and plan.capacity is not None
    rate = plan.pool.gpus_total / plan.capacity.request_s
    assert cache.empty_ratio == pytest.approx(rate / (3 * 8_000_000 / 86_400))
    assert 0.39 < (cache.empty_ratio or 0) < 0.5
    spared = kept({"hit_ratio": 0.01, "ttl_s": 60}, capacity=capacity, redundancy={"nodes": 9})
    assert cache_of(spared).empty_ratio == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"traffic": {**TRAFFIC, "daily_users": 9_000_000}, "cache": {"ttl_s": 30 * 86_400}},
            "of kept answers exceed the 5,000 of a cache; application.cache.ttl_s of at most",
        ),
        (
            {"traffic": {**TRAFFIC, "peak_ratio": 60_000}, "cache": {}},
            "processing units/s of its cache exceed the 15,000,000",
        ),
    ],
)
def test_more_than_one_cache_holds_is_refused(
    kept: Callable[..., ServicePlan], changes: dict[str, Any], reason: str
) -> None:
    cache = CACHE | changes.pop("cache")
    plan = kept(cache, **changes)
    refused = [each.numbers for each in plan.rejected if each.option == UNSERVED]
    assert [each for each in refused if reason in each], refused


@pytest.mark.parametrize(
    ("cache", "message"),
    [
        ({"ttl_s": 60}, "hit_ratio"),
        ({"hit_ratio": 0.1}, "ttl_s"),
        ({"hit_ratio": 1, "ttl_s": 60}, "hit_ratio"),
        ({"hit_ratio": 0.5, "high_hit_ratio": 1, "ttl_s": 60}, "high_hit_ratio"),
        ({"hit_ratio": 0.1, "ttl_s": 0}, "ttl_s"),
        ({"hit_ratio": 0.1, "low_hit_ratio": 0.2, "ttl_s": 60}, "is above hit_ratio"),
        ({"hit_ratio": 0.1, "high_hit_ratio": 0.05, "ttl_s": 60}, "is below hit_ratio"),
        ({"hit_ratio": 0.1, "ttl_s": 30 * 86_400 + 1}, "longer than data.retention_days"),
    ],
)
def test_a_wrong_cache_is_refused(
    kept: Callable[..., ServicePlan], cache: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        kept(cache)


def test_without_it_the_plan_has_no_trace(kept: Callable[..., ServicePlan]) -> None:
    text = kept().model_dump_json()
    assert "engine_requests_per_s" not in text and '"cache"' not in text


def test_the_comparison_of_hardware_sees_the_rest_too(
    workload: Callable[..., Workload], site: Site, catalog: Catalog
) -> None:
    counts = []
    for application in ({"api": "ogx"}, {"api": "ogx", "cache": {"hit_ratio": 0.5, "ttl_s": 60}}):
        values = {**APP, "traffic": TRAFFIC, "application": application}
        best = compare(workload(**values), site.model_copy(update=ISSUER), catalog).ranked.best
        assert best is not None
        counts.append(best.pool.gpus_needed)
    assert counts[1] < counts[0]


@given(values=workloads(), data=st.data())
def test_a_higher_hit_ratio_never_needs_more_gpus(
    values: Values, data: st.DataObject, site: Site, catalog: Catalog
) -> None:
    """The law, for any method, load and redundancy; the calibrated method too."""
    calibrated = data.draw(st.booleans())
    request = {"input_tokens": 300, "output_tokens": 100}
    drawn: Values = {
        **values,
        "request": {**request, "request_bytes": 2_000, "response_bytes": 4_000},
        "data": {"retention_days": 9},
        "access": {"claims": [{"name": "aud", "values": ["chat"]}]},
    }
    if calibrated:
        drawn["capacity"] = {"method": "calibrated", "load": values["capacity"]["load"]}
    low, high = sorted(data.draw(st.tuples(RATIOS, RATIOS)))
    pools = []
    for ratio in (None, low, high):
        cache = {} if ratio is None else {"cache": {"hit_ratio": ratio, "ttl_s": 60}}
        changed = {**drawn, "application": {"api": "ogx", **cache}}
        there = site.model_copy(update=ISSUER)
        pools.append(size([Workload.model_validate(changed)], there, catalog).services[0].pool)
    assume(all(pool is not None for pool in pools))
    gpus = [pool.gpus_needed for pool in pools if pool is not None]
    nodes = [pool.nodes_total for pool in pools if pool is not None]
    assert gpus == sorted(gpus, reverse=True)
    assert nodes == sorted(nodes, reverse=True)


RATIOS = st.decimals(0, 1, places=3).filter(lambda ratio: ratio < 1)
