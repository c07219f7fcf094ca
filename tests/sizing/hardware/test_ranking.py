"""The choice of hardware: the cheapest that meets every target, and reasons against the others."""

import re
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.catalog import Catalog
from sizing.catalog.bands import Band
from sizing.catalog.lookup import facts_of
from sizing.compare.comparison import compare, frontier
from sizing.locks.workload_lock import Lock
from sizing.model.memory import tensor_parallel_sizes
from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.values.units import HOURS_PER_PRICED_MONTH
from sizing.workload import Precision, Workload
from tests.examples import examples
from tests.sizing.drawn import Values, more
from tests.sizing.replica.test_calibrated import BASE

AUTO: Values = {**BASE, "hardware": "auto", "latency": {"ttft_ms": 2_000, "tpot_ms": 60}}
ALLOWED: Values = {
    **AUTO,
    "hardware": {"instance_type": "auto", "precisions": ["bf16", "fp16", "fp8"]},
}
"""The workload where weights narrower than published are allowed."""
Sized = Callable[..., ServicePlan]


@pytest.fixture(scope="module")
def answer(site: Site, catalog: Catalog) -> Sized:
    def build(values: Values, lock: Lock | None = None, known: Catalog = catalog) -> ServicePlan:
        locks = {"chat": lock} if lock else None
        return size([Workload.model_validate(values)], site, known, locks).services[0]

    return build


def brute_force(values: Values, answer: Sized, site: Site, catalog: Catalog) -> Fraction | None:
    """Least cost of every type, tensor-parallel size and precision, stated one by one.

    The catalog of each has its type alone, so that a refusal names no other types.
    """
    costs = list[Fraction]()
    facts = facts_of(Workload.model_validate(values), catalog)
    families = values["hardware"]["families"]
    for instance in catalog.instance_types:
        price = catalog.price(instance.name, site.region)
        if instance.family not in families or price is None:
            continue
        alone = catalog.model_copy(update={"instance_types": (instance,)})
        for precision in ("bf16", "fp16", "fp8"):
            for tp in tensor_parallel_sizes(facts.model, int(instance.gpu_count) or 1):
                stated = {
                    **values,
                    "model": {"name": values["model"], "precision": precision},
                    "hardware": {"instance_type": instance.name, "tensor_parallel": tp},
                }
                pool = answer(stated, known=alone).pool
                if pool is not None:
                    hourly = Fraction(price.usd_per_hour)
                    costs.append(pool.nodes_total * hourly * HOURS_PER_PRICED_MONTH)
    return min(costs, default=None)


@st.composite
def drawn(draw: st.DrawFn) -> Values:
    families = draw(
        st.lists(st.sampled_from(["g6", "g6e", "g5", "g4dn", "p4d", "p5"]), min_size=1, max_size=2)
    )
    return {
        **BASE,
        "model": draw(st.sampled_from(["llama-3.1-8b", "qwen3-30b-a3b", "llama-3.1-70b"])),
        "traffic": {
            "daily_users": draw(st.integers(1, 3_000_000)),
            "requests_per_user_per_day": 5,
            "peak_ratio": 2,
        },
        "latency": {
            "ttft_ms": draw(st.integers(500, 6_000)),
            "tpot_ms": draw(st.integers(20, 200)),
        },
        "redundancy": {"zones": draw(st.integers(0, 1)), "nodes": draw(st.integers(0, 2))},
        "hardware": {
            "instance_type": "auto",
            "families": families,
            "precisions": ["bf16", "fp16", "fp8"],
        },
    }


@settings(max_examples=examples(12))
@given(values=drawn())
def test_the_optimum_is_that_of_brute_force(
    values: Values, answer: Sized, site: Site, catalog: Catalog
) -> None:
    plan = answer(values)
    least = brute_force(values, answer, site, catalog)
    found = plan.choice.pool_usd_per_month if plan.choice else None
    assert (found is None) == (least is None)
    if least is not None:
        assert found == pytest.approx(float(least))


def test_the_others_are_reported_with_their_reasons(answer: Sized, catalog: Catalog) -> None:
    plan = answer(AUTO)
    assert plan.choice is not None and plan.choice.chosen_by == "ranking"
    assert plan.choice.price_source and plan.choice.pool_usd_per_month
    reasons = {r.reason for r in plan.rejected}
    assert {Reason.more_expensive, Reason.offering, Reason.engine, Reason.memory} <= reasons
    costly = [r for r in plan.rejected if r.reason is Reason.more_expensive]
    cheapest = f"{plan.choice.pool_usd_per_month:,.0f} USD"
    assert all(r.numbers.endswith(cheapest) for r in costly)
    assert {r.instance_type for r in costly} <= {each.name for each in catalog.instance_types}
    assert plan.inputs.hardware is not None and plan.inputs.hardware.is_auto


def test_an_unknown_price_is_never_zero(answer: Sized, catalog: Catalog) -> None:
    cheapest = answer(AUTO).choice
    assert cheapest is not None
    expensive = tuple(p for p in catalog.prices if p.name != cheapest.instance_type)
    plan = answer(AUTO, known=catalog.model_copy(update={"prices": expensive}))
    assert plan.choice is not None and plan.choice.instance_type != cheapest.instance_type
    (unknown,) = [
        r for r in plan.rejected if r.option.startswith(f"{cheapest.instance_type}, tensor")
    ]
    assert unknown.reason is Reason.unknown_price
    unpriced = answer(AUTO, known=catalog.model_copy(update={"prices": ()})).choice
    assert unpriced is not None and unpriced.pool_usd_per_month is None


def test_the_bounds_are_kept(answer: Sized) -> None:
    hardware = {"instance_type": "auto", "families": ["g5"], "precisions": ["bf16"]}
    choice = answer({**AUTO, "hardware": hardware}).choice
    assert choice is not None
    assert choice.instance_type.startswith("g5.") and choice.precision == "bf16"


def test_nothing_meets_it_and_every_type_says_why(answer: Sized) -> None:
    plan = answer(more(AUTO, "latency", tpot_ms="0.01"))
    assert plan.pool is None and plan.choice is None
    assert any(r.reason is Reason.latency for r in plan.rejected)


def lock_of(plan: ServicePlan, **changes: Any) -> Lock:
    choice, capacity = plan.choice, plan.capacity
    assert choice is not None and capacity is not None
    split = choice.tensor_parallel
    rates = capacity.requests_per_replica_per_s
    made = {
        "model": "llama-3.1-8b",
        "precision": choice.precision,
        "instance_type": choice.instance_type,
        "tensor_parallel": split,
        "catalog_digest": "0" * 12,
        "rates_for": choice.rates_for,
        "gpu_seconds": {name: split / rate for name, rate in rates.items()}
        | {"full": split / (capacity.saturation_requests_per_s or 1)},
    }
    return Lock.model_validate(made | changes)


def slower(catalog: Catalog) -> Catalog:
    """Catalog with coefficients of another day, by which steps take twice as long."""
    old = catalog.coefficients
    bands = {
        engine: each.model_copy(update={"tpot": Band(low=each.tpot.low, high=2 * each.tpot.high)})
        for engine, each in old.bands.items()
    }
    newer = {
        "bands": bands,
        "datasheet_bands": bands,
        "unmeasured_bands": bands,
        "fitted": "2027-01-01",
    }
    return catalog.model_copy(update={"coefficients": old.model_copy(update=newer)})


def test_new_prices_and_coefficients_change_nothing_by_themselves(
    answer: Sized, catalog: Catalog
) -> None:
    before = answer(ALLOWED)
    lock = lock_of(before)
    cheap = tuple(
        p.model_copy(update={"usd_per_hour": p.usd_per_hour / 100}) if p.name == "p5.4xlarge" else p
        for p in catalog.prices
    )
    newer = slower(catalog).model_copy(update={"prices": cheap})
    moved, kept = answer(ALLOWED, known=newer), answer(ALLOWED, lock, newer)
    assert moved.pool is not None and before.pool is not None and kept.pool is not None
    assert moved.pool.instance_type == "p5.4xlarge" != before.pool.instance_type
    assert kept.choice is not None and kept.choice.chosen_by == "lock"
    assert kept.pool == before.pool
    assert kept.capacity is not None and kept.capacity.locked
    # more users need more of the same, at the locked rate
    busier = answer(more(ALLOWED, "traffic", daily_users=1_728_000), lock, newer)
    assert busier.pool is not None and busier.capacity is not None and busier.capacity.locked
    assert busier.pool.gpus_needed == pytest.approx(2 * before.pool.gpus_needed, abs=1)


def test_other_lengths_are_sized_again_on_the_locked_type(answer: Sized) -> None:
    lock = lock_of(answer(AUTO))
    plan = answer(more(AUTO, "request", output_tokens=501), lock)
    assert plan.choice is not None and plan.choice.chosen_by == "lock"
    assert plan.choice.instance_type == lock.instance_type
    assert plan.capacity is not None and not plan.capacity.locked


def test_a_lock_of_another_model_is_not_followed(answer: Sized) -> None:
    lock = lock_of(answer(AUTO), model="qwen3-8b")
    plan = answer(AUTO, lock)
    assert plan.choice is not None and plan.choice.chosen_by == "ranking"
    assert any(r.reason is Reason.stale_lock for r in plan.rejected)


def test_the_comparison_ranks_and_names_what_doubles(site: Site, catalog: Catalog) -> None:
    # so many users that one node more or less is no doubling
    many = more(AUTO, "traffic", daily_users=20_000_000)
    found = compare(Workload.model_validate(many), site, catalog)
    costs = [o.usd_per_month for o in found.ranked.options if o.usd_per_month is not None]
    assert costs == sorted(costs) and len(costs) > 20
    fastest = min(
        (o for o in found.ranked.options if o.usd_per_month is not None),
        key=lambda o: o.tpot_s or 0.0,
    )
    marked = frontier(found.ranked.options)
    assert {fastest.name, found.ranked.options[0].name} <= marked
    factors = [s.factor for s in found.sensitivities if s.factor is not None]
    assert factors == sorted(factors) and factors[0] > 1
    by_users = next(s for s in found.sensitivities if "daily_users" in s.input)
    assert by_users.factor is not None and 1.5 < by_users.factor < 2.2


def test_the_frontier_is_what_nothing_beats_in_cost_and_both_latencies(
    site: Site, catalog: Catalog
) -> None:
    found = compare(Workload.model_validate(AUTO), site, catalog)
    priced = [o for o in found.ranked.options if o.usd_per_month is not None]
    points = {o.name: (o.usd_per_month, o.ttft_s, o.tpot_s) for o in priced}

    def no_worse(name: str, than: str) -> bool:
        return all(a <= b for a, b in zip(points[name], points[than], strict=True))  # type: ignore[operator]

    for option in found.ranked.options:
        if option.usd_per_month is None:
            continue
        beats = [n for n in points if no_worse(n, option.name) and points[n] != points[option.name]]
        assert (option.name in frontier(found.ranked.options)) == (not beats)


def test_a_measured_rate_gives_way_to_one_of_every_type(site: Site, catalog: Catalog) -> None:
    measured = more(BASE, "capacity", method="given", requests_per_gpu_per_s=1)
    found = compare(Workload.model_validate(measured), site, catalog)
    assert found.method == "calibrated"
    assert [o.name for o in found.ranked.options] == [
        o.name for o in compare(Workload.model_validate(BASE), site, catalog).ranked.options
    ]
    blind = {**measured, "request": {"tokens": 500}}
    with pytest.raises(FieldError, match="input_tokens and output_tokens"):
        compare(Workload.model_validate(blind), site, catalog)


def test_of_equally_cheap_options_the_published_weights_then_the_fastest_go_first(
    site: Site, catalog: Catalog
) -> None:
    options = compare(Workload.model_validate(ALLOWED), site, catalog).ranked.options
    priced = [o for o in options if o.usd_per_month is not None]
    narrow = Precision.fp8
    order = [(o.usd_per_month, o.precision is narrow, o.tpot_s, o.ttft_s) for o in priced]
    assert order == sorted(order)  # type: ignore[type-var]
    equal = [a for a, b in pairwise(priced) if a.usd_per_month == b.usd_per_month]
    assert len(equal) > 10, "else nothing was put to the test"
    assert {o.precision for o in equal} == {Precision.fp16, Precision.bf16, narrow}


def test_only_a_type_that_was_answered_makes_it_infeasible_and_the_nearest_is_first(
    answer: Sized,
) -> None:
    plan = answer(more(AUTO, "latency", tpot_ms=1))
    slow = [r for r in plan.rejected if r.reason is Reason.latency]
    assert list(plan.rejected[: len(slow)]) == slow
    alone = [float(re.search(r"TPOT ([\d.]+) ms at best", r.numbers)[1]) for r in slow]  # type: ignore[index]
    assert alone == sorted(alone) and len(alone) > 10
    assert slow[0].option.startswith("p6-b300.48xlarge, tensor parallel 8")


def test_a_model_of_unknown_shape_is_not_answered_whatever_the_types_hold(answer: Sized) -> None:
    model = {"parameters": 8_000_000_000, "precision": "bf16"}
    plan = answer({**AUTO, "model": model})
    assert [r.reason for r in plan.rejected] == [Reason.unknown_fact]


def test_an_answer_of_one_token_has_no_time_per_token_after_the_first(answer: Sized) -> None:
    one = more(more(AUTO, "request", output_tokens=1), "latency", tpot_ms=1)
    plan = answer(one)
    assert plan.capacity is not None
    assert set(plan.capacity.requests_per_replica_per_s) == {"throughput", "ttft"}
    two = answer(more(one, "request", output_tokens=2))
    assert two.pool is None and "TPOT" in two.rejected[0].numbers
