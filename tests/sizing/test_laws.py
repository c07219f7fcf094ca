"""Laws that hold for every workload, not for the examples alone."""

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from math import ceil, isfinite
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from sizing.catalog import Catalog
from sizing.fleet.redundancy import (
    k_of_n_availability,
    node_availability,
    nodes_for_zone_loss,
    spread,
)
from sizing.site import Site
from sizing.workload import Redundancy
from tests.sizing.drawn import RULES, ZONES, Values, more, plan_of, pool_of, workloads


@given(values=workloads(), factor=st.integers(1, 9), data=st.data())
def test_more_demand_never_needs_fewer_nodes(
    values: Values, factor: int, data: st.DataObject, site: Site, catalog: Catalog
) -> None:
    keys = ["daily_users", "requests_per_user_per_day", "peak_ratio"]
    key = data.draw(st.sampled_from(keys))
    larger = more(values, "traffic", **{key: values["traffic"][key] * factor})
    before, after = pool_of(values, site, catalog), pool_of(larger, site, catalog)
    assert after.gpus_needed >= before.gpus_needed
    assert after.nodes_total >= before.nodes_total


@given(values=workloads(), rule=st.sampled_from(tuple(RULES)), data=st.data())
def test_more_redundancy_never_needs_fewer_nodes(
    values: Values, rule: str, data: st.DataObject, site: Site, catalog: Catalog
) -> None:
    low, high = sorted(data.draw(st.tuples(RULES[rule], RULES[rule])))
    fewer = pool_of(more(values, "redundancy", **{rule: low}), site, catalog)
    greater = pool_of(more(values, "redundancy", **{rule: high}), site, catalog)
    assert greater.nodes_total >= fewer.nodes_total
    assert greater.nodes_needed == fewer.nodes_needed


@given(values=workloads(), zones=ZONES)
def test_the_promised_survival_holds(
    values: Values, zones: Sequence[str], site: Site, catalog: Catalog
) -> None:
    pool = pool_of(values, site, catalog, zones)
    counts = list(pool.nodes_by_zone.values())
    assert pool.nodes_total >= pool.nodes_needed >= 1
    assert sum(counts) == pool.nodes_total == pool.nodes_needed + pool.nodes_spare
    assert max(counts) - min(counts) <= 1
    assert pool.nodes_total - pool.survives.nodes >= pool.nodes_needed
    for lost in combinations(counts, pool.survives.zones):
        assert pool.nodes_total - sum(lost) >= pool.nodes_needed
    requested = values["redundancy"]
    assert pool.survives.nodes >= requested.get("nodes", 0)
    assert pool.survives.zones >= requested.get("zones", 0)
    assert pool.nodes_total == max(pool.nodes_by_rule.values())
    if "availability" in requested:
        total = pool.nodes_by_rule["availability"]
        alive = node_availability(Decimal(pool.gpus_per_node), Redundancy())
        share = k_of_n_availability(pool.nodes_needed, total, alive)
        assert share >= float(requested["availability"]) - 1e-12


@given(values=workloads())
def test_needed_nodes_carry_the_load(values: Values, site: Site, catalog: Catalog) -> None:
    plan = plan_of(values, site, catalog).services[0]
    assume(plan.pool is not None)
    assert plan.pool is not None and plan.capacity is not None
    at_peak = values["capacity"]["load"] == "peak"
    rate = plan.traffic.requests_per_s_peak if at_peak else plan.traffic.requests_per_s_mean
    assert rate is not None
    pool = plan.pool
    gpus = pool.nodes_needed * pool.replicas_per_node * pool.tensor_parallel
    assert gpus * plan.capacity.requests_per_gpu_per_s >= rate * (1 - 1e-12)
    assert pool.replicas_needed <= pool.nodes_needed * pool.replicas_per_node
    assert pool.tensor_parallel * pool.replicas_per_node <= pool.gpus_per_node
    # one node, one replica, one GPU less would not do
    assert pool.replicas_needed > (pool.nodes_needed - 1) * pool.replicas_per_node
    assert pool.gpus_needed > (pool.replicas_needed - 1) * pool.tensor_parallel
    if pool.gpus_needed > pool.tensor_parallel:
        fewer = pool.gpus_needed - 1
        assert fewer * plan.capacity.requests_per_gpu_per_s < rate * (1 + 1e-12)


@given(values=workloads(), zones=ZONES)
def test_the_same_question_has_the_same_answer(
    values: Values, zones: Sequence[str], site: Site, catalog: Catalog
) -> None:
    first, second = (plan_of(values, site, catalog, zones) for _ in range(2))
    assert first.model_dump_json() == second.model_dump_json()
    assert first.digest == second.digest


@given(needed=st.integers(1, 3_000), zones=st.integers(2, 6), data=st.data())
def test_the_count_for_a_lost_zone_is_minimal(needed: int, zones: int, data: st.DataObject) -> None:
    lost = data.draw(st.integers(1, zones - 1))
    total = nodes_for_zone_loss(needed, zones, lost)

    def left(nodes: int) -> int:
        return nodes - sum(sorted(spread(nodes, range(zones)).values())[-lost:])

    assert left(total) >= needed > left(total - 1)
    if lost == 1:
        assert total == needed + ceil(needed / (zones - 1))


@given(values=workloads(("spare_ratio", "nodes", "zones")), share=st.floats(0.01, 0.99))
def test_splitting_a_service_never_saves_nodes(
    values: Values, share: float, site: Site, catalog: Catalog
) -> None:
    # Availability is left out: two halves each promise the target, which is less than both at once.
    users = values["traffic"]["daily_users"]
    part = max(1, min(users - 1, int(users * share)))
    assume(users > part)
    halves = [
        pool_of(more(values, "traffic", daily_users=n), site, catalog) for n in (part, users - part)
    ]
    whole = pool_of(values, site, catalog)
    assert sum(half.nodes_total for half in halves) >= whole.nodes_total


@given(values=workloads(("spare_ratio", "zones")), factor=st.integers(2, 50))
def test_many_times_the_users_need_at_most_so_many_times_the_nodes(
    values: Values, factor: int, site: Site, catalog: Catalog
) -> None:
    users = values["traffic"]["daily_users"] * factor
    whole = pool_of(more(values, "traffic", daily_users=users), site, catalog)
    part = pool_of(values, site, catalog)
    assert whole.nodes_total <= factor * part.nodes_total


@given(values=workloads(), scale=st.sampled_from([2, 5, 10, 100]))
def test_only_the_product_of_users_and_requests_counts(
    values: Values, scale: int, site: Site, catalog: Catalog
) -> None:
    traffic = values["traffic"]
    users, requests = traffic["daily_users"], traffic["requests_per_user_per_day"]
    busier = more(
        values, "traffic", daily_users=users * scale, requests_per_user_per_day=requests / scale
    )
    before = plan_of(values, site, catalog).services[0]
    after = plan_of(busier, site, catalog).services[0]
    assert (after.pool, after.traffic, after.network) == (
        before.pool,
        before.traffic,
        before.network,
    )


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, int | float):
        yield value


@given(values=workloads(), zones=ZONES)
def test_every_number_is_finite_and_none_is_negative(
    values: Values, zones: Sequence[str], site: Site, catalog: Catalog
) -> None:
    plan = json.loads(plan_of(values, site, catalog, zones).model_dump_json())
    found = list(numbers(plan))
    assert len(found) > 50
    steps = [] if plan["calendar"] is None else plan["calendar"]["steps"]
    before_start = {step["days_from_start"] for step in steps}
    assert all(isfinite(number) and (number >= 0 or number in before_start) for number in found)
