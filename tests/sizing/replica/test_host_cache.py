"""KV cache in host memory on one replica: hits by hand, and what they save at most."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.catalog import load_catalog
from sizing.replica.lengths import Lengths, request_lengths
from sizing.replica.rate import prompt_hits, replica_times
from sizing.steps.host_cache import NO_HOST_CACHE, HostCache, copy_ms_per_token
from sizing.steps.model import StepModel
from sizing.workload import Request, Routing
from tests.examples import examples
from tests.sizing.made_up import QUEUED, replica

COSTS = {"flop_ms_per_token": 0.1, "attention_ms_per_pair": ((0.0001, None),)}
"""0.1 ms a token, and 0.0001 ms for a query against a key."""
FAST, SLOW = 0.02, 0.2
"""Milliseconds to copy the KV cache of a token."""


def steps(copy_ms: float = FAST, ratio: float = 0.5, **ends: float) -> StepModel:
    cache = HostCache(**({"low": ratio, "expected": ratio, "high": ratio} | ends))
    return replace(replica(COSTS), host_cache=replace(cache, copy_ms_per_token=copy_ms))


def lengths(prompts: object = 1_000, cached: int = 200) -> Lengths:
    request = {"input_tokens": prompts, "output_tokens": 101, "shared_prefix_tokens": cached}
    return request_lengths(Request.model_validate(request), Routing.least_requests, 1)


def test_hits_by_hand() -> None:
    """Of 1,000 tokens the GPU caches 200, and half of the other 800 hit: 400 tokens. They take 400
    x 0.1 ms, and the attention of 600 tokens less that of 200, 0.0001 x (600^2 - 200^2) / 2 = 16
    ms. Copying takes 400 x 0.02 ms."""
    hits = prompt_hits(steps(), lengths(), 0.5)
    assert hits.tokens == 400
    assert hits.computing_ms == pytest.approx(40 + 16)
    assert hits.copying_ms == pytest.approx(8)
    assert hits.saved_ms == pytest.approx(48)
    slower = prompt_hits(steps(), lengths(), 0.5, slower=1.5)
    assert slower.computing_ms == pytest.approx(84)
    assert slower.saved_ms == pytest.approx(84 - 8)


def test_a_copy_that_takes_longer_than_computing_saves_nothing() -> None:
    hits = prompt_hits(steps(SLOW), lengths(), 0.5)
    assert hits.copying_ms == pytest.approx(80) and hits.computing_ms == pytest.approx(56)
    assert hits.saved_ms == 0
    plain, slow = (
        replica_times(s, lengths(), 4, 0.5, QUEUED) for s in (replica(COSTS), steps(SLOW))
    )
    assert slow == plain


def test_only_the_mean_prompt_is_shorter() -> None:
    """A mean share does not say which requests hit, so the first token is of one that does not."""
    plain, offloaded = (
        replica_times(s, lengths(), 4, 0.5, QUEUED) for s in (replica(COSTS), steps())
    )
    assert plain.prompt_s - offloaded.prompt_s == pytest.approx(0.048)
    assert replace(offloaded, prompt_s=plain.prompt_s) == plain


def test_each_length_of_prompt_has_its_own_hits() -> None:
    """A prompt that the GPU's cache holds in full has no hit."""
    bars = [{"tokens": 200, "share": 0.5}, {"tokens": 1_000, "share": 0.5}]
    hits = prompt_hits(steps(), lengths(bars), 0.5)
    assert hits.tokens == 200
    assert hits.saved_ms == pytest.approx(24)


def test_the_conservative_end_applies_above_the_median() -> None:
    ends = steps(low=0.1, expected=0.5, high=0.9).host_cache
    assert [ends.hit_ratio(q) for q in (0.1, 0.5, 0.9)] == [0.9, 0.5, 0.1]
    low, median, high = (
        replica_times(steps(low=0.1, expected=0.5, high=0.9), lengths(), 4, q, QUEUED)
        for q in (0.1, 0.5, 0.9)
    )
    assert low.prompt_s < median.prompt_s < high.prompt_s


def test_a_replica_without_it_has_no_hits() -> None:
    assert replica(COSTS).host_cache is NO_HOST_CACHE
    assert prompt_hits(replica(COSTS), lengths(), 0.0).saved_ms == 0


@settings(max_examples=examples(400))
@given(
    ratios=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    copy_ms=st.floats(0, 1),
    long=st.integers(1, 30_000),
    cached=st.integers(0, 200),
)
def test_more_hits_never_take_longer(
    ratios: tuple[float, float], copy_ms: float, long: int, cached: int
) -> None:
    bars = [{"tokens": 200, "share": 0.5}, {"tokens": 200 + long, "share": 0.5}]
    fewer, more = (
        prompt_hits(steps(copy_ms), lengths(bars, cached), ratio).saved_ms
        for ratio in sorted(ratios)
    )
    assert more >= fewer - 1e-9


def test_the_copy_by_hand() -> None:
    """131,072 bytes a token (Llama 3.1 8B) over 16 GB/s x 0.65 are 0.0126 ms; two cards copy at the
    same time, and each copies its own heads."""
    one = copy_ms_per_token(131_072, 1, 1, 16)
    assert one == pytest.approx(131_072 / 10.4e6)
    assert copy_ms_per_token(131_072, 1, 2, 16) == pytest.approx(one / 2)
    assert copy_ms_per_token(131_072, 2, 2, 16) == pytest.approx(one)


def test_every_family_with_a_link_is_sold() -> None:
    catalog = load_catalog()
    sold = {row.family for row in catalog.instance_types}
    assert {row.family for row in catalog.host_links} <= sold
    assert all(row.unverified == ("gb_per_s",) for row in catalog.host_links if row.checked is None)
    assert catalog.host_link("trn1") is None
