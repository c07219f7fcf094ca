"""Several types split by the length of the prompt: the cheapest fleet, or the reason for none."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import combinations, pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.catalog import Catalog
from sizing.catalog.lookup import facts_of
from sizing.compare.class_pools import ClassPools, replicas_of
from sizing.compare.comparison import compare
from sizing.compare.length_classes import bars_of, length_class, partitions, why_whole
from sizing.compare.mix import Fleet, Mix, mix
from sizing.hardware.ranking import ranking
from sizing.model.memory import tensor_parallel_sizes
from sizing.replica.case import case_of
from sizing.replica.traffic import request_rates
from sizing.site import Site
from sizing.size import size
from sizing.workload import Request, Workload
from tests.examples import examples
from tests.sizing.drawn import Values
from tests.sizing.replica.test_calibrated import BASE

TYPES = ("g5.xlarge", "g6.12xlarge", "g6.xlarge", "g6e.xlarge", "g7e.2xlarge", "p5.4xlarge")
HOURS = 730
CHEAPER: Values = {
    **BASE,
    "model": "qwen3-30b-a3b",
    "traffic": {"daily_users": 3_000_000, "requests_per_user_per_day": 10, "peak_ratio": 2},
    "request": {
        "input_tokens": [
            {"tokens": 400, "share": 0.9101},
            {"tokens": 4_000, "share": 0.0787},
            {"tokens": 100_000, "share": 0.0112},
        ],
        "output_tokens": 200,
    },
    "latency": {"ttft_ms": 2_000, "tpot_ms": 150, "percentile": 99},
    "hardware": {"instance_type": "auto", "precisions": ["bf16", "fp8"]},
}
"""Workload with a few very long prompts, for which most cards are too slow."""


def found(values: Values, site: Site, catalog: Catalog) -> Mix:
    workload = Workload.model_validate(values)
    case, rates = case_of(workload, site, catalog), request_rates(workload.traffic)
    return mix(case, rates, ranking(case, rates).best)


def every_fleet(reported: Mix) -> list[Fleet]:
    return [*reported.fleets, *([reported.same_type] if reported.same_type else [])]


def only(catalog: Catalog, names: Sequence[str]) -> Catalog:
    """Catalog with few enough types for a brute force."""
    kept = tuple(each for each in catalog.instance_types if each.name in names)
    return catalog.model_copy(update={"instance_types": kept})


def class_costs(
    values: Values, first: int, last: int, site: Site, catalog: Catalog
) -> dict[str, Fraction]:
    """Least cost of each type for the bars from first to last.

    Every option is stated by itself, in a workload of the class alone.
    """
    bars = values["request"]["input_tokens"]
    own = bars[first : last + 1]
    share = sum((Fraction(bar["share"]) for bar in own), Fraction(0))
    scaled = [
        {**bar, "share": f"{round(Fraction(bar['share']) / share * 10**18)}e-18"} for bar in own
    ]
    alone = {**values, "request": {**values["request"], "input_tokens": scaled}}
    alone["traffic"] = {**values["traffic"], "requests_per_user_per_day": float(5 * share)}
    costs = dict[str, Fraction]()
    facts = facts_of(Workload.model_validate(alone), catalog)
    for instance, precision in product(catalog.instance_types, values["hardware"]["precisions"]):
        price = catalog.price(instance.name, site.region)
        assert price is not None
        for tp in tensor_parallel_sizes(facts.model, int(instance.gpu_count)):
            stated = {
                **alone,
                "model": {"name": values["model"], "precision": precision},
                "hardware": {
                    "instance_type": instance.name,
                    "tensor_parallel": tp,
                    "nodes_per_replica": 1,
                },
            }
            pool = size([Workload.model_validate(stated)], site, catalog).services[0].pool
            if pool is not None:
                cost = pool.nodes_total * Fraction(price.usd_per_hour) * HOURS
                costs[instance.name] = min(cost, costs.get(instance.name, cost))
    return costs


def brute_force(
    values: Values, site: Site, catalog: Catalog
) -> dict[tuple[int, bool], Fraction | None]:
    """Least cost of two and of three pools: each of another type, and of any."""
    bars = len(values["request"]["input_tokens"])
    parts = [(i, j) for i in range(bars) for j in range(i, bars) if j - i < bars - 1]
    costs = {part: class_costs(values, *part, site, catalog) for part in parts}
    least = dict[tuple[int, bool], Fraction | None]()
    for pools, apart in product((2, 3), (True, False)):
        totals = list[Fraction]()
        for cut in combinations(range(1, bars), pools - 1):
            split = [costs[a, b - 1] for a, b in pairwise((0, *cut, bars))]
            for types in product(*split):
                if not apart or len(set(types)) == pools:
                    totals.append(
                        sum((c[t] for c, t in zip(split, types, strict=True)), Fraction(0))
                    )
        least[pools, apart] = min(totals, default=None)
    return least


@st.composite
def drawn(draw: st.DrawFn) -> Values:
    """A histogram whose shares have two decimal places, so that each class's traffic is exact."""
    tokens = st.sampled_from([50, 200, 500, 1_000, 2_000, 4_000, 8_000, 16_000])
    lengths = sorted(draw(st.lists(tokens, min_size=2, max_size=4, unique=True)))
    shares = [draw(st.integers(1, 30)) for _ in lengths[1:]]
    shares = [100 - sum(shares), *shares]
    bars = [{"tokens": t, "share": f"{s / 100:.2f}"} for t, s in zip(lengths, shares, strict=True)]
    return {
        **BASE,
        "model": draw(st.sampled_from(["llama-3.1-8b", "qwen3-30b-a3b"])),
        "traffic": {
            "daily_users": draw(st.sampled_from([1_000, 200_000, 1_000_000, 3_000_000])),
            "requests_per_user_per_day": 5,
            "peak_ratio": 2,
        },
        "request": {"input_tokens": bars, "output_tokens": draw(st.integers(1, 400))},
        "latency": {
            "ttft_ms": draw(st.sampled_from([800, 2_000, 4_000, 9_000])),
            "tpot_ms": draw(st.sampled_from([25, 40, 60, 150])),
            "percentile": draw(st.sampled_from([50, 90, 99])),
        },
        "engine": {"routing": draw(st.sampled_from(["least_requests", "sticky"]))},
        "capacity": {"method": draw(st.sampled_from(["calibrated", "calibrated", "textbook"]))},
        "redundancy": {
            "zones": draw(st.integers(0, 1)),
            "nodes": draw(st.integers(0, 2)),
            "spare_ratio": draw(st.sampled_from(["0", "0.2"])),
        },
        "hardware": {
            "instance_type": "auto",
            "precisions": draw(
                st.lists(st.sampled_from(["bf16", "fp8"]), min_size=1, max_size=2, unique=True)
            ),
        },
    }


FEW_TYPES = st.lists(st.sampled_from(TYPES), min_size=3, max_size=4, unique=True)


@settings(max_examples=examples(25))
@given(values=drawn(), names=FEW_TYPES)
def test_the_optimum_is_that_of_brute_force(
    values: Values, names: list[str], site: Site, catalog: Catalog
) -> None:
    few = only(catalog, names)
    reported = found(values, site, few)
    if reported.single is None:
        return
    least = brute_force(values, site, few)
    apart = {len(fleet.pools): fleet.usd_per_month for fleet in reported.fleets}
    assert apart == {n: cost for (n, own), cost in least.items() if own and cost is not None}
    any_type = [cost for (_, own), cost in least.items() if not own and cost is not None]
    assert (reported.refused is None) == bool(any_type)
    single = reported.single.usd_per_month
    assert single is not None
    others = [single, *apart.values()]
    cheapest = min(others + any_type)
    assert min([*others, *(fleet.usd_per_month for fleet in every_fleet(reported))]) == cheapest
    assert (reported.same_type is not None) == (cheapest < min(others))


@settings(max_examples=examples(12))
@given(values=drawn())
def test_a_class_has_the_cheapest_types_of_all_that_are_sold(
    values: Values, site: Site, catalog: Catalog
) -> None:
    """Of options of equal cost, the ranking takes the fastest, and a class the fewest nodes."""
    whole = Workload.model_validate(values)
    lengths = length_class(whole.request, 0, 0)
    rates = request_rates(whole.traffic).of(lengths.share)
    case = case_of(lengths.workload(whole), site, catalog)
    sized, least = set[tuple[object, ...]](), dict[str, Fraction]()
    for option in ranking(case, rates).options:
        name, usd = option.instance.name, option.usd_per_month
        if usd is not None:
            least[name] = min(usd, least.get(name, usd))
            shape = option.tensor_parallel, option.precision, option.pool.nodes_total
            sized.add((name, usd, *shape))
    replicas = replicas_of(case_of(whole, site, catalog))
    pools = ClassPools(whole, lengths, replicas, rates).cheapest(3)
    assert [pool.usd_per_month for pool in pools] == sorted(least.values())[:3]
    for p in pools:
        shape = p.tensor_parallel, p.precision, p.nodes_total
        assert p.usd_per_month == least[p.instance.name]
        assert (p.instance.name, p.usd_per_month, *shape) in sized


@settings(max_examples=examples(40))
@given(values=drawn(), names=FEW_TYPES)
def test_every_prompt_has_one_pool_and_the_answer_is_always_the_same(
    values: Values, names: list[str], site: Site, catalog: Catalog
) -> None:
    few = only(catalog, names)
    reported = found(values, site, few)
    assert every_fleet(reported) == every_fleet(found(values, site, few))
    request = Workload.model_validate(values).request
    for fleet in every_fleet(reported):
        shares = {
            bar.tokens: float(Fraction(bar.share) * pool.lengths.share)
            for pool in fleet.pools
            for bar in pool.lengths.bars
        }
        assert shares == pytest.approx({bar.tokens: float(bar.share) for bar in bars_of(request)})
        assert sum(pool.lengths.share for pool in fleet.pools) == 1
    assert all(len(fleet.types) == len(fleet.pools) for fleet in reported.fleets)
    if reported.best is not None and reported.single is not None:
        assert reported.is_cheaper == (
            reported.best.usd_per_month < (reported.single.usd_per_month or 0)
        )


@settings(max_examples=examples(40))
@given(values=drawn(), names=FEW_TYPES, factor=st.integers(2, 9))
def test_a_more_expensive_type_never_makes_a_mix_cheaper(
    values: Values, names: list[str], factor: int, site: Site, catalog: Catalog
) -> None:
    few, more_expensive = only(catalog, names), names[0]
    prices = tuple(
        p.model_copy(update={"usd_per_hour": p.usd_per_hour * factor})
        if p.name == more_expensive
        else p
        for p in few.prices
    )
    answers = [
        found(values, site, few.model_copy(update={"prices": p})) for p in (few.prices, prices)
    ]
    before, after = ({len(f.pools): f.usd_per_month for f in a.fleets} for a in answers)
    assert before.keys() == after.keys()
    assert all(after[pools] >= cost for pools, cost in before.items())


def test_a_mix_beats_the_single_type_where_few_prompts_are_very_long(
    site: Site, catalog: Catalog
) -> None:
    reported = compare(Workload.model_validate(CHEAPER), site, catalog).mix
    assert reported.is_cheaper and reported.best is not None and reported.single is not None
    assert reported.best is min(reported.fleets, key=lambda fleet: fleet.usd_per_month)
    usd, ratio = reported.saving(reported.best)
    single = reported.single.usd_per_month
    assert single is not None and usd == single - reported.best.usd_per_month
    assert ratio == usd / single and Fraction(1, 50) < ratio < 1
    short, *_ = reported.best.pools
    assert short.lengths.bars[0].tokens == 400 and len(set(reported.best.types)) > 1


@pytest.mark.parametrize(
    ("request_changes", "why"),
    [
        ({"input_tokens": 1_000}, "request.input_tokens is no histogram"),
        ({"input_tokens": [{"tokens": 9, "share": 1}]}, "all prompts are of one length"),
        ({"turns": 2}, "a conversation grows from short prompts to long ones"),
        ({"shared_prefix_tokens": 401}, "the shared prefix of 401 tokens is longer than"),
        ({"context_tokens": 100_199}, "request.context_tokens of 100,199 does not hold"),
        ({"context_tokens": 100_200}, None),
        ({"shared_prefix_tokens": 400}, None),
        ({"tokens": 500, "input_tokens": None, "output_tokens": None}, "is no histogram"),
    ],
)
def test_requests_are_split_only_where_their_prompts_say_so(
    request_changes: dict[str, Any], why: str | None
) -> None:
    reported = why_whole(Request.model_validate(CHEAPER["request"] | request_changes))
    assert (reported is None) if why is None else (reported is not None and why in reported)


def test_a_refusal_reaches_the_answer(site: Site, catalog: Catalog) -> None:
    reported = found({**BASE, "hardware": "auto"}, site, catalog)
    assert (
        reported.refused
        and reported.single is not None
        and reported.best is None
        and not reported.is_cheaper
    )
    slow = found({**CHEAPER, "latency": {"tpot_ms": "0.01"}}, site, catalog)
    assert slow.single is None and slow.refused
    unpriced = found(CHEAPER, site, catalog.model_copy(update={"prices": ()}))
    assert unpriced.single is None and unpriced.refused is not None
    assert "known price" in unpriced.refused


def test_a_class_has_its_own_bars_share_context_and_traffic() -> None:
    bars = [
        {"tokens": 4_000, "share": 0.125},
        {"tokens": 100, "share": 0.25},
        {"tokens": 900, "share": 0.5},
        {"tokens": 100, "share": 0.125},
    ]
    requested = Request.model_validate(
        {"input_tokens": bars, "output_tokens": 200, "context_tokens": 5_000}
    )
    bars_once = [(100, Decimal("0.375")), (900, Decimal("0.5")), (4_000, Decimal("0.125"))]
    assert [(b.tokens, b.share) for b in bars_of(requested)] == bars_once
    short = length_class(requested, 0, 1)
    assert short.share == Fraction(7, 8) and short.request.context_tokens == 1_900
    assert [bar.tokens for bar in short.bars] == [100, 900]
    assert sum(bar.share for bar in short.bars) == 1, "a file of the class is accepted"
    whole = Workload.model_validate(
        {
            **BASE,
            "traffic": {
                "daily_users": 1_000,
                "requests_per_user_per_day": 8,
                "peak_users_share": "0.1",
                "think_time_s": 35,
            },
        }
    ).traffic
    own = short.traffic(whole)
    assert (own.requests_per_user_per_day, own.think_time_s) == (7, 40)
    rates = request_rates(whole)
    assert request_rates(own) == rates.of(short.share)


def test_partitions_are_all_cuts() -> None:
    assert partitions(3, 2) == [((0, 0), (1, 2)), ((0, 1), (2, 2))]
    assert partitions(3, 3) == [((0, 0), (1, 1), (2, 2))] and partitions(2, 3) == []
    assert len(partitions(10, 3)) == 36
