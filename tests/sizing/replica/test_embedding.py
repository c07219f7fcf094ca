"""Vectors of texts: one step by hand, the queue against a simulation, and the laws of a fleet."""

import random
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sizing.catalog import load_catalog
from sizing.catalog.architecture import Kernel
from sizing.model.rows import architecture_of
from sizing.plan.service.whole import ServicePlan
from sizing.replica.embedding import EmbeddingTimes
from sizing.site import Site
from sizing.size import size
from sizing.steps.model import StepModel, step_model
from sizing.steps.replica import Formats, Parallel
from sizing.workload import Precision, Workload

CATALOG = load_catalog()
SITE = Site(region="us-east-1", zones=("use1-az1", "use1-az2", "use1-az4"), environment="dev")
VECTORS: dict[str, Any] = {
    "name": "vectors",
    "kind": "embedding",
    "model": {"name": "bge-m3", "precision": "fp16"},
    "traffic": {"daily_users": 100_000, "requests_per_user_per_day": 1_000, "peak_ratio": 3},
    "request": {"input_tokens": 300, "context_tokens": 8192},
    "latency": {"response_s": 0.5},
    "hardware": {"instance_type": "g6.xlarge"},
}
HISTOGRAM = [{"tokens": 100, "share": 0.9}, {"tokens": 2_100, "share": 0.1}]


def vectors(**changes: Any) -> ServicePlan:
    """Plan of the service with other top-level keys."""
    return size([Workload.model_validate(VECTORS | changes)], SITE, CATALOG).services[0]


def gpus(**changes: Any) -> int:
    """GPUs needed; more than any number where the service is not possible."""
    pool = vectors(**changes).pool
    return 10**9 if pool is None else pool.gpus_needed


def steps_of(model: str, precision: Precision) -> StepModel:
    shape = architecture_of(CATALOG.model(model))
    assert shape is not None
    found = step_model(
        shape,
        CATALOG.gpu("l4"),
        CATALOG.coefficients,
        engine="vllm",
        parallel=Parallel(),
        formats=Formats(precision, precision),
    )
    assert found is not None
    return found


def test_the_work_of_a_text_by_hand() -> None:
    """BGE-M3 has 24 layers of 1,024: 4 x 1,024^2 of attention, 2 x 1,024 x 4,096 of feed-forward,
    without its embeddings. Each of 512 tokens meets all 512: 2 x 24 x 16 x 128 FLOP a pair, twice
    that of a decoder. An L4 computes 121 TFLOP/s and reads 300 GB/s."""
    work = steps_of("bge-m3", Precision.fp16).work
    layers = 24 * (4 * 1024**2 + 2 * 1024 * 4096)
    rest = 0.04  # positions, norms and biases count as matrices
    assert work.flop_ms_per_token * 121e9 == pytest.approx(2 * layers, rel=rest)
    assert work.attention_ms(512) * 121e9 == pytest.approx(512 * 512 * 2 * 24 * 16 * 128)
    assert work.weights_ms * 300e6 == pytest.approx(2 * layers, rel=rest)
    assert work.head_flop_ms == 0, "no output matrix"
    assert work.kv_ms(512) == 0, "nothing is cached"


def test_a_decoder_of_vectors_attends_backwards_and_caches() -> None:
    shape = architecture_of(CATALOG.model("qwen3-embedding-0.6b"))
    assert shape is not None and not shape.bidirectional and Kernel.embedding in shape.kernels
    assert shape.kv_bytes_per_token("fp16") == 28 * 2 * 8 * 128 * 2
    work = steps_of("qwen3-embedding-0.6b", Precision.bf16).work
    assert work.attention_ms(512) * 121e9 == pytest.approx(512 * 256 * 2 * 28 * 16 * 256)
    assert work.head_flop_ms == 0


def test_a_step_reads_the_weights_once_and_computes_each_text() -> None:
    steps = steps_of("bge-m3", Precision.fp16)
    one, floor = steps.embedding_ms(1, 4.0, 3.0)
    ten, floor_of_ten = steps.embedding_ms(10, 4.0, 3.0)
    fitted = steps.coefficients.engines["vllm"]
    fixed = steps.layers_ms + fitted.step_ms + 24 * fitted.prefill_layer_us / 1000
    power = steps.coefficients.roofline_power
    both = (steps.weights_ms**power + 40.0**power) ** (1 / power)
    assert ten == pytest.approx(fixed + both + 10 * fitted.sequence_us / 1000)
    assert (floor, floor_of_ten) == (pytest.approx(3.0), 30.0)
    assert one < ten < 10 * one


def test_the_band_is_that_of_a_first_token_because_nothing_was_measured() -> None:
    steps = steps_of("bge-m3", Precision.fp16)
    assert steps.unmeasured == ("embeddings",)
    wide = CATALOG.coefficients.unmeasured_bands["vllm"].ttft
    assert {steps.bands.tpot, steps.bands.ttft, steps.bands.full_load} == {wide}
    calibrated = vectors().calibrated
    assert calibrated is not None and calibrated.basis == "datasheet"
    assert "nothing was measured for embeddings" in calibrated.assumed[0]
    assert calibrated.one_run is None, "own runs have times of tokens"


def simulated(steps_s: list[float], rate: float, count: int = 40_000) -> list[float]:
    """Sorted seconds of texts whose replica starts a step with all that wait, up to a full one."""
    chance, now, arrivals = random.Random(7), 0.0, list[float]()
    for _ in range(count):
        now += chance.expovariate(rate)
        arrivals.append(now)
    first, free, taken = 0, 0.0, list[float]()
    while first < count:
        start, last = max(free, arrivals[first]), first
        while last < count and arrivals[last] <= start and last - first < len(steps_s):
            last += 1
        free = start + steps_s[last - first - 1]
        taken += [free - at for at in arrivals[first:last]]
        first = last
    return sorted(taken)


@pytest.mark.parametrize("used", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    ("fixed_s", "each_s", "slots"),
    [(0.02, 0.002, 27), (0.005, 0.01, 8), (0.05, 0.0005, 256), (0.01, 0.03, 1)],
)
def test_the_response_is_not_below_a_simulation(
    fixed_s: float, each_s: float, slots: int, used: float
) -> None:
    steps_s = [fixed_s + each_s * n for n in range(1, slots + 1)]
    times = EmbeddingTimes(tuple(steps_s), ((1.0, each_s),), each_s, 0.0, 1.0)
    rate = used * times.server.saturation_per_s
    seconds = simulated(steps_s, rate)
    for share in (0.9, 0.95, 0.99):
        estimated = times.response_s(times.server.at(rate), share)
        measured = seconds[int(share * len(seconds))]
        assert measured <= estimated <= 2.9 * measured, share


def test_a_long_text_waits_for_its_own_length() -> None:
    """Nine of ten texts are short. The 95th percentile is that of a long one, 0.21 s - 0.03 s more
    than the mean text. Nobody else is there."""
    times = EmbeddingTimes((0.05, 0.08), ((0.9, 0.01), (1.0, 0.21)), 0.03, 1.0, 1.0)
    idle = times.server.at(1e-9)
    assert times.response_s(idle, 0.9) == pytest.approx(2 * 0.05)
    assert times.response_s(idle, 0.95) == pytest.approx(2 * 0.05 + 0.18)


def test_the_mean_text_of_a_histogram_takes_the_mean_time() -> None:
    """The same mean of 300 tokens, but the attention of 2,100 tokens grows with their square."""
    mean, bars = (
        vectors(request={"input_tokens": tokens, "context_tokens": 8192}).calibrated
        for tokens in (300, HISTOGRAM)
    )
    assert mean is not None and bars is not None
    assert mean.prompt_tokens == bars.prompt_tokens == 300
    assert bars.safe.saturation_requests_per_s < mean.safe.saturation_requests_per_s
    assert bars.safe.response_s and mean.safe.response_s
    assert bars.safe.response_s > mean.safe.response_s


BARS = st.sampled_from([100, 300, 1_000, 3_000])


@settings(max_examples=15, deadline=None)
@given(tokens=st.lists(BARS, min_size=2, max_size=2, unique=True), target=st.sampled_from([0.2, 1]))
def test_more_tokens_never_need_fewer_gpus(tokens: list[int], target: float) -> None:
    counts = [
        gpus(request={"input_tokens": each, "context_tokens": 8192}, latency={"response_s": target})
        for each in sorted(tokens)
    ]
    assert counts == sorted(counts)


@settings(max_examples=10, deadline=None)
@given(ratios=st.lists(st.integers(1, 40), min_size=2, max_size=2, unique=True))
def test_more_traffic_never_needs_fewer_gpus(ratios: list[int]) -> None:
    traffic = VECTORS["traffic"]
    counts = [gpus(traffic=traffic | {"peak_ratio": each}) for each in sorted(ratios)]
    assert counts == sorted(counts)


def test_a_tighter_target_never_needs_fewer_gpus() -> None:
    targets = (5, 1, 0.6, 0.4, 0.3, 0.25, 0.2, 0.15)
    counts = [gpus(latency={"response_s": each}) for each in targets]
    assert counts == sorted(counts) and counts[0] < counts[-1], "the target binds in the end"
    assert gpus(latency=None) <= counts[0]


def test_the_target_bounds_the_load_of_a_step() -> None:
    loose, tight = vectors(), vectors(latency={"response_s": 0.25})
    assert loose.capacity and tight.capacity
    allowed = tight.capacity.requests_per_replica_per_s
    assert allowed["response"] < allowed["throughput"]
    assert loose.capacity.requests_per_replica_per_s["throughput"] == allowed["throughput"]
    assert tight.latency is not None and tight.latency.verdict == "met"
    assert tight.latency.response_s is not None and tight.latency.response_s <= 0.25


def test_the_other_methods_size_it_too() -> None:
    """2 x parameters x tokens / FLOP/s: 2 x 567,754,752 x 300 / 121e12 s."""
    textbook = vectors(capacity={"method": "textbook"})
    assert textbook.capacity is not None
    assert textbook.capacity.request_s == pytest.approx(2 * 567_754_752 * 300 / 121e12)
    given_rate = vectors(capacity={"method": "given", "requests_per_gpu_per_s": 100})
    assert given_rate.pool is not None
    assert given_rate.pool.gpus_needed == 35, "ceil(1,157 x 3 / 100)"
    assert given_rate.latency is not None and given_rate.latency.response_s is not None


def test_redundancy_zones_and_packing_are_those_of_every_service() -> None:
    spare = vectors(redundancy={"zones": 1})
    assert spare.pool is not None and spare.pool.survives.zones == 1
    counts = [*spare.pool.nodes_by_zone.values()]
    assert sum(counts) - max(counts) >= spare.pool.nodes_needed


def test_times_grow_with_the_texts_of_a_step() -> None:
    steps = replace(steps_of("bge-m3", Precision.fp16))
    times = [steps.embedding_ms(n, 4.0, 3.0)[0] for n in range(1, 20)]
    assert all(before < after for before, after in pairwise(times))
    assert all(before / n > after / (n + 1) for n, (before, after) in enumerate(pairwise(times), 1))
