"""Separate pools for prompts and answers: bytes, waits, nodes, laws, and where they pay."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product
from math import exp
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sizing.catalog import Catalog
from sizing.compare.comparison import compare
from sizing.compare.disaggregation.candidate import Candidate, candidates, exchange
from sizing.compare.disaggregation.numbers import lines
from sizing.compare.disaggregation.pools import (
    Cells,
    cells_of,
    decode_replicas,
    least_prefill_replicas,
    prefill_replicas,
    prompt_wait_s,
    role_pool,
)
from sizing.compare.disaggregation.search import Disaggregation, Pair, disaggregation
from sizing.compare.disaggregation.transfer import (
    prompt_cache,
    replica_bytes_per_s,
    transfer_wait_s,
)
from sizing.hardware.ranking import ranking
from sizing.replica.calibrated import lengths_apart, targets_of_case
from sizing.replica.case import Case, case_of
from sizing.replica.traffic import request_rates
from sizing.site import Site
from sizing.workload import Redundancy, Workload
from tests.examples import examples
from tests.sizing.drawn import Values, more
from tests.sizing.replica.test_calibrated import BASE

LONG: Values = {
    **BASE,
    "model": "llama-3.1-70b",
    "traffic": {"daily_users": 300_000, "requests_per_user_per_day": 10, "peak_ratio": 2},
    "request": {"input_tokens": 8_000, "output_tokens": 200},
    "latency": {"ttft_ms": 2_000, "tpot_ms": 50},
    "hardware": "auto",
}
"""Long prompts with a tight TTFT, 69 requests a second."""
SHORT = more(LONG, "request", input_tokens=200)


def case(values: Values, site: Site, catalog: Catalog) -> Case:
    return case_of(Workload.model_validate(values), site, catalog)


def found(values: Values, site: Site, catalog: Catalog) -> Disaggregation:
    at = case(values, site, catalog)
    rates = request_rates(at.workload.traffic)
    return disaggregation(at, rates, ranking(at, rates).best)


def pair_of(values: Values, site: Site, catalog: Catalog) -> Pair:
    """Cheapest pair, whether it pays or not."""
    at = case(values, site, catalog)
    pair = disaggregation(at, request_rates(at.workload.traffic), None).pair
    assert pair is not None
    return pair


def candidate(values: Values, site: Site, catalog: Catalog, name: str, split: int) -> Candidate:
    (one,) = [
        each
        for each in candidates(case(values, site, catalog))
        if (each.instance.name, each.tensor_parallel) == (name, split)
    ]
    return one


def test_the_bytes_of_a_prompt_by_hand(site: Site, catalog: Catalog) -> None:
    """Llama 3.1 8B caches 32 layers x 8 heads x (128 + 128) x 2 bytes = 131,072 bytes a token.

    A p5.4xlarge has 100 Gbit/s. 80 % of it are 10 GB/s, and 1.048576 GB take 104.9 ms.
    """
    values = more({**LONG, "model": "llama-3.1-8b"}, "request", input_tokens=8_000)
    one = candidate(values, site, catalog, "p5.4xlarge", 1)
    assert one.cache.bytes == one.cache.mean_bytes == 8_000 * 131_072
    assert one.bytes_per_s == pytest.approx(10e9)
    assert one.cache.bytes / one.bytes_per_s == pytest.approx(0.1048576)


def test_replicas_of_a_node_share_its_network_and_some_types_have_none(catalog: Catalog) -> None:
    types = {each.name: each for each in catalog.instance_types}
    whole = replica_bytes_per_s(types["p5.48xlarge"], 8)
    assert whole == pytest.approx(3200e9 / 8 * 0.8)
    assert replica_bytes_per_s(types["p5.48xlarge"], 2) == pytest.approx(3200e9 / 8 * 0.8 / 4)
    assert replica_bytes_per_s(types["g6.xlarge"], 1) is None


def test_a_compressed_cache_is_read_by_every_card(site: Site, catalog: Catalog) -> None:
    """DeepSeek-V3 caches 61 layers x 576 x 2 bytes a token, whole on each of 8 cards."""
    at = case({**LONG, "model": "deepseek-v3"}, site, catalog)
    assert at.need.shape is not None
    cache = prompt_cache(at.need.shape, "fp16", lengths_apart(at.workload), 0.95, 8)
    assert cache.copies == 8
    assert cache.bytes == 8_000 * 61 * 576 * 2 * 8


def test_the_transfer_is_of_the_prompt_at_the_percentile(site: Site, catalog: Catalog) -> None:
    bars = [{"tokens": 1_000, "share": "0.9"}, {"tokens": 16_000, "share": "0.1"}]
    at = case(more(LONG, "request", input_tokens=bars), site, catalog)
    shape, lengths = at.need.shape, lengths_apart(at.workload)
    assert shape is not None
    token = shape.kv_bytes_per_token("fp16")
    for share, tokens in ((0.5, 1_000), (0.9, 1_000), (0.95, 16_000)):
        cache = prompt_cache(shape, "fp16", lengths, share, 1)
        assert (cache.tokens, cache.bytes) == (tokens, tokens * token)
        assert cache.mean_bytes == pytest.approx(2_500 * token)


def test_the_wait_for_one_prefill_replica_is_that_of_the_textbook(
    site: Site, catalog: Catalog
) -> None:
    """M/M/1, as the lengths vary like an exponential: P(W > t) = rho e^-(mu - lambda) t."""
    one = candidate(LONG, site, catalog, "p5.48xlarge", 8)
    rho = 0.6
    load, mu = rho / one.prefill_s, 1 / one.prefill_s
    wait = prompt_wait_s(one, 1, load, 0.95)
    assert rho * exp(-(mu - load) * wait) == pytest.approx(0.05)
    assert transfer_wait_s(1 / mu, load, 0.95, 1.0) == pytest.approx(wait)
    assert transfer_wait_s(1 / mu, 0.04 * mu, 0.95, 1.0) == 0


@pytest.mark.parametrize("budget_ms", [0, 20, 100, 500, 2_000])
@pytest.mark.parametrize("shared", [True, False])
def test_prefill_replicas_are_the_fewest_that_meet_the_budget(
    budget_ms: int, shared: bool, site: Site, catalog: Catalog
) -> None:
    one = candidate(LONG, site, catalog, "p5.48xlarge", 8)
    load, share, least = 20.0, 0.95, 18
    budget = budget_ms / 1000
    count = prefill_replicas(one, least, load, share, budget, shared_queue=shared)

    def wait(replicas: int) -> float:
        if shared:
            return prompt_wait_s(one, replicas, load, share)
        return prompt_wait_s(one, 1, load / replicas, share)

    assert count is not None and wait(count) <= budget
    assert count == least or wait(count - 1) > budget
    assert prefill_replicas(one, least, load, share, -1e-9) is None


@pytest.mark.parametrize("lost", [0, 1, 2])
@pytest.mark.parametrize("rule", [{}, {"spare_ratio": 0.2}, {"nodes": 5}, {"availability": 0.999}])
def test_a_lost_zone_leaves_both_roles_enough_nodes(
    lost: int, rule: dict[str, Any], site: Site, catalog: Catalog
) -> None:
    one = candidate(LONG, site, catalog, "p5.48xlarge", 4)
    redundancy = Redundancy.model_validate({**rule, "zones": lost})
    cells = cells_of(3, redundancy)
    assert cells == (Cells(1, 1) if lost == 0 else Cells(3, 3 - lost))
    assert cells is not None
    pool = role_pool(one, {"throughput": 5, "ttft": 3}, cells, redundancy)
    each, rest = divmod(pool.nodes_total, cells.count)
    assert rest == 0 and pool.nodes_needed == 3 * cells.left
    for gone in combinations(range(cells.count), lost):
        assert each * (cells.count - len(gone)) >= pool.nodes_needed
    assert pool.nodes_total >= pool.nodes_needed + rule.get("nodes", 0)
    assert cells_of(2, Redundancy(zones=2)) is None


def test_caches_go_only_where_they_can_be_read(site: Site, catalog: Catalog) -> None:
    hopper = candidate(LONG, site, catalog, "p5.48xlarge", 4)
    other = candidate(LONG, site, catalog, "p5en.48xlarge", 8)
    blackwell = candidate(LONG, site, catalog, "p6-b300.48xlarge", 8)
    assert exchange(hopper, other) and exchange(other, hopper)
    assert not exchange(hopper, blackwell)
    stateful = replace(hopper.shape, state_bytes_per_sequence=1_000)
    assert not exchange(replace(hopper, shape=stateful), other)
    assert exchange(replace(hopper, shape=stateful), replace(hopper, shape=stateful))
    for most, holds in ((1, False), (2, True)):
        small = replace(hopper, fit=replace(hopper.fit, max_sequences=most))
        assert exchange(small, other) is holds


@pytest.mark.parametrize(
    ("model", "ttft_ms"),
    [("llama-3.1-70b", 2_000), ("llama-3.1-8b", 600), ("llama-3.1-8b", 450), ("qwen3-32b", 1_300)],
)
def test_the_answer_is_the_cheapest_of_all_pairs(
    model: str, ttft_ms: int, site: Site, catalog: Catalog
) -> None:
    values = more({**LONG, "model": model}, "latency", ttft_ms=ttft_ms)
    at = case(values, site, catalog)
    load = float(request_rates(at.workload.traffic).peak or 0)
    targets, redundancy = targets_of_case(at.workload), at.workload.redundancy
    costs = list[Fraction]()
    for prefill, decode in product(list(candidates(at)), repeat=2):
        answers = decode_replicas(decode, load, targets)
        if answers is None or not exchange(prefill, decode):
            continue
        prompts = least_prefill_replicas(prefill, load, targets, decode.cache.mean_bytes)
        pools = [role_pool(prefill, prompts, Cells(1, 1), redundancy)]
        pools.append(role_pool(decode, answers, Cells(1, 1), redundancy))
        enough = Pair(*pools, Cells(1, 1), load, targets, redundancy).prefill_within_ttft()
        if enough is not None:
            costs.append(enough.usd_per_month + pools[1].usd_per_month)
    assert pair_of(values, site, catalog).usd_per_month == min(costs)


@pytest.mark.parametrize(
    ("model", "tokens", "ttft_ms", "tpot_ms"),
    [
        ("llama-3.1-8b", 8_000, 1_000, 30),
        ("llama-3.1-70b", 16_000, 3_000, 40),
        ("qwen3-30b-a3b", 16_000, 2_000, 30),
        ("deepseek-v3", 8_000, 2_000, 50),
    ],
)
def test_it_pays_for_long_prompts_with_a_tight_ttft_and_not_for_short_ones(
    *, model: str, tokens: int, ttft_ms: int, tpot_ms: int, site: Site, catalog: Catalog
) -> None:
    values = more({**LONG, "model": model}, "request", input_tokens=tokens)
    values = more(values, "latency", ttft_ms=ttft_ms, tpot_ms=tpot_ms)
    long = found(values, site, catalog)
    assert long.pair is not None and long.refused is None
    assert long.saving_usd_per_month is not None and long.saving_usd_per_month > 0
    short = found(more(values, "request", input_tokens=200), site, catalog)
    assert short.pair is None
    assert short.refused is not None and "USD a month more than one" in short.refused


def test_the_pair_meets_the_targets_and_no_limit_is_exceeded(site: Site, catalog: Catalog) -> None:
    for redundancy in ({}, {"zones": 1}, {"nodes": 1}):
        pair = pair_of({**LONG, "redundancy": redundancy}, site, catalog)
        assert pair.ttft_s <= 2.0 and pair.tpot_s <= 0.05 * (1 + 1e-6)
        assert pair.load * pair.prefill.candidate.prefill_s / pair.prefill.replicas <= 0.9
        assert pair.network_share(pair.prefill) <= 0.9
        assert pair.network_share(pair.decode) <= 0.9


@settings(max_examples=examples(60))
@given(
    tokens=st.sampled_from([500, 4_000, 16_000]),
    ttft=st.integers(400, 6_000),
    looser=st.floats(1, 3),
    users=st.integers(10_000, 1_000_000),
    grown=st.floats(1, 3),
    model=st.sampled_from(["llama-3.1-8b", "qwen3-30b-a3b", "llama-3.1-70b"]),
)
def test_laws(
    *,
    tokens: int,
    ttft: int,
    looser: float,
    users: int,
    grown: float,
    model: str,
    site: Site,
    catalog: Catalog,
) -> None:
    values = more({**LONG, "model": model}, "request", input_tokens=tokens)
    values = more(values, "latency", ttft_ms=ttft)
    values = more(values, "traffic", daily_users=users)
    at = case(values, site, catalog)
    pair = disaggregation(at, request_rates(at.workload.traffic), None).pair
    assume(pair is not None)
    assert pair is not None
    easier = pair_of(more(values, "latency", ttft_ms=int(ttft * looser)), site, catalog)
    assert easier.usd_per_month <= pair.usd_per_month
    target = replace(pair.targets, ttft_s=ttft * looser / 1000)
    same = replace(pair, targets=target).prefill_within_ttft()
    assert same is not None and same.replicas <= pair.prefill.replicas
    apart = pair.prefill_within_ttft(shared_queue=False)
    assert apart is not None and apart.replicas >= pair.prefill.replicas
    larger = replace(pair, load=pair.load * grown)
    limits = larger.prefill.candidate, larger.targets, larger.cache.mean_bytes
    needed = least_prefill_replicas(limits[0], larger.load, *limits[1:])
    least = least_prefill_replicas(limits[0], pair.load, *limits[1:])
    assert all(needed[name] >= least[name] for name in least)
    spare = pair_of({**values, "redundancy": {"nodes": 1}}, site, catalog)
    assert spare.usd_per_month > pair.usd_per_month


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: {**v, "latency": {"tpot_ms": 50}}, "without latency.ttft_ms"),
        (lambda v: more(v, "request", turns=3), "earlier turns"),
        (lambda v: {**v, "capacity": {"method": "textbook"}}, "capacity.method calibrated"),
        (lambda v: {**more(v, "request", output_tokens=1), "kind": "text"}, "one token"),
        (lambda v: more(v, "latency", ttft_ms=60), "no two pools"),
    ],
)
def test_the_reason_against_it(
    change: Callable[[Values], Values], reason: str, site: Site, catalog: Catalog
) -> None:
    refused = found(change(LONG), site, catalog)
    assert refused.pair is None
    assert refused.refused is not None and reason in refused.refused


def test_every_number_of_the_row_is_explained(site: Site, catalog: Catalog) -> None:
    pair = pair_of(LONG, site, catalog)
    known = {line.name: line for line in lines(pair)}
    total = sum(float(part.replace(",", "")) for part in known["TTFT"].numbers.split(" + "))
    assert total == pytest.approx(known["TTFT"].value, rel=0.01)
    assert known["TTFT"].value == pytest.approx(pair.ttft_s * 1000)
    assert known["prefill nodes"].value == pair.prefill.nodes_total
    assert known["decode nodes"].value == pair.decode.nodes_total
    assert known["KV cache of a prompt"].value == pytest.approx(pair.cache.bytes / 1e9)
    assert "assumed" in known["transfer of the cache"].basis
    apart = known["prefill nodes without the shared queue"]
    assert apart.value >= pair.prefill.nodes_total and "assumed" in apart.basis


def test_drafts_do_not_shorten_the_step_of_a_prompt(site: Site, catalog: Catalog) -> None:
    drafts = {"method": "ngram", "draft_tokens": 3, "acceptance_length": 3, "draft_cost_ratio": 0}
    drafted = {**LONG, "engine": {"speculative": drafts}}
    plain, other = (candidate(v, site, catalog, "p5.48xlarge", 8) for v in (LONG, drafted))
    share = 0.95
    assert other.prefill_s >= plain.prefill_s
    assert other.prompt_s(share) >= plain.prompt_s(share)
    idle = 1e-6
    assert other.first_step_s(idle, share) >= plain.first_step_s(idle, share)


def test_compare_reports_it(site: Site, catalog: Catalog) -> None:
    for values, pays in ((LONG, True), (SHORT, False)):
        answer = compare(Workload.model_validate(values), site, catalog).disaggregation
        assert (answer.pair is not None) is pays
