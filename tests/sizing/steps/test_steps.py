"""The step-time model: laws that hold for every model, card, layout and load."""

from dataclasses import fields, replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from sizing.catalog import Catalog, load_catalog
from sizing.catalog.architecture import Architecture
from sizing.catalog.bands import Bands
from sizing.catalog.coefficients import CoefficientSet, EngineCoefficients, Evidence
from sizing.model.rows import architecture_of
from sizing.steps.model import StepModel, step_model
from sizing.steps.replica import Formats, Parallel
from sizing.steps.room import most_running
from sizing.workload import Precision

CATALOG = load_catalog()
MODELS = (
    "llama-3.1-8b",
    "llama-3.1-70b",
    "qwen3-32b",
    "deepseek-v3",
    "gpt-oss-120b",
    "gemma-3-27b",
)
CARDS = ("t4", "a10g", "l4", "l40s", "a100-80", "h100", "h200", "b200", "rtx-pro-6000", "gb200")
ENGINES = ("vllm", "sglang", "tensorrt-llm")
LESS = 1e-6


def shape_of(name: str) -> Architecture:
    shape = architecture_of(CATALOG.model(name))
    assert shape is not None
    return shape


@st.composite
def models(draw: st.DrawFn) -> StepModel:
    formats = Formats(
        draw(st.sampled_from([Precision.bf16, Precision.fp8, Precision.fp4, Precision.int4])),
        draw(st.sampled_from([Precision.bf16, Precision.fp8, Precision.fp4])),
        draw(st.sampled_from(["fp16", "fp8"])),
    )
    data = draw(st.sampled_from([1, 1, 2, 4]))
    parallel = Parallel(draw(st.sampled_from([1, 2, 4, 8])), data, draw(st.sampled_from([1, 1, 2])))
    made = step_model(
        shape_of(draw(st.sampled_from(MODELS))),
        CATALOG.gpu(draw(st.sampled_from(CARDS))),
        CATALOG.coefficients,
        engine=draw(st.sampled_from(ENGINES)),
        parallel=parallel,
        formats=formats,
    )
    assert made is not None
    return made


TOKENS = st.floats(1, 30_000)
ANSWERS = st.floats(2, 9_000)
FLIGHTS = st.floats(1, 2_000)


@given(model=models(), prompt=TOKENS, answer=ANSWERS, flight=FLIGHTS)
def test_no_time_is_negative_and_the_terms_add_up(
    model: StepModel, prompt: float, answer: float, flight: float
) -> None:
    step = model.closed_loop(prompt, answer, flight)
    assert all(term >= -1e-9 for term in step.terms)
    assert step.tpot_ms == pytest.approx(sum(step.terms))
    assert step.ttft_ms > 0
    assert 0 < step.decoding <= flight * (1 + LESS)
    assert step.low_tpot_ms <= step.tpot_ms <= step.high_tpot_ms
    assert step.low_ttft_ms <= step.ttft_ms <= step.high_ttft_ms


@given(model=models(), prompt=TOKENS, answer=ANSWERS, flight=FLIGHTS)
def test_nothing_beats_the_roofline(
    model: StepModel, prompt: float, answer: float, flight: float
) -> None:
    step = model.closed_loop(prompt, answer, flight)
    ideal = model.roofline_ms(prompt + answer / 2, step.decoding)
    assert step.tpot_ms >= ideal * (1 - LESS)


@given(model=models(), prompt=TOKENS, answer=ANSWERS, flight=FLIGHTS)
def test_requests_in_flight_are_rate_times_time(
    model: StepModel, prompt: float, answer: float, flight: float
) -> None:
    step = model.closed_loop(prompt, answer, flight, most_running=50)
    each_s = (step.ttft_ms + max(answer - 1, 1) * step.tpot_ms) / 1000
    assert step.requests_per_s * each_s == pytest.approx(flight)


@given(model=models(), prompt=TOKENS, answer=ANSWERS, flight=FLIGHTS, more=st.floats(1, 3))
def test_more_in_flight_is_never_faster(
    model: StepModel, prompt: float, answer: float, flight: float, more: float
) -> None:
    few, many = (model.closed_loop(prompt, answer, n) for n in (flight, flight * more))
    assert many.tpot_ms >= few.tpot_ms * (1 - LESS)
    assert many.ttft_ms >= few.ttft_ms * (1 - LESS)
    assert many.requests_per_s >= few.requests_per_s * (1 - LESS)


@given(model=models(), prompt=TOKENS, answer=ANSWERS, flight=FLIGHTS, more=st.floats(1, 3))
def test_a_longer_prompt_lowers_the_rate(
    model: StepModel, prompt: float, answer: float, flight: float, more: float
) -> None:
    short, long = (model.closed_loop(p, answer, flight) for p in (prompt, prompt * more))
    assert long.requests_per_s <= short.requests_per_s * (1 + LESS)
    assert long.ttft_ms >= short.ttft_ms * (1 - LESS)


@given(model=models(), prompt=TOKENS, answer=ANSWERS, flight=FLIGHTS, more=st.floats(1, 3))
def test_a_longer_answer_lowers_the_rate(
    model: StepModel, prompt: float, answer: float, flight: float, more: float
) -> None:
    assume(answer > 2)
    short, long = (model.closed_loop(prompt, a, flight) for a in (answer, answer * more))
    assert long.requests_per_s <= short.requests_per_s * (1 + LESS)


@given(
    name=st.sampled_from(MODELS),
    engine=st.sampled_from(ENGINES),
    flight=FLIGHTS,
    factor=st.floats(1, 4),
)
def test_more_bandwidth_is_never_slower(
    name: str, engine: str, flight: float, factor: float
) -> None:
    card = CATALOG.gpu("h100")
    assert card.memory_bandwidth_gb_per_s is not None
    faster = card.model_copy(
        update={"memory_bandwidth_gb_per_s": float(card.memory_bandwidth_gb_per_s) * factor}
    )
    slow, fast = (
        step_model(
            shape_of(name),
            gpu,
            CATALOG.coefficients,
            engine=engine,
            parallel=Parallel(4),
            formats=Formats(Precision.bf16, Precision.bf16),
        )
        for gpu in (card, faster)
    )
    assert slow is not None
    assert fast is not None
    before, after = (m.closed_loop(1000, 500, flight) for m in (slow, fast))
    assert after.tpot_ms <= before.tpot_ms * (1 + LESS)
    assert after.requests_per_s >= before.requests_per_s * (1 - LESS)


def test_requests_above_what_memory_holds_wait() -> None:
    model = llama("h100")
    free = model.closed_loop(1000, 500, 64, most_running=64)
    full = model.closed_loop(1000, 500, 192, most_running=64)
    assert full.tpot_ms == pytest.approx(free.tpot_ms)
    assert full.requests_per_s == pytest.approx(free.requests_per_s)
    service_ms = free.ttft_ms + 499 * free.tpot_ms
    assert full.ttft_ms - free.ttft_ms == pytest.approx(2 * service_ms)


def test_terms_of_a_step_that_reads_weights_and_cache() -> None:
    """Llama 3.1 8B on one H100: 15.0 GB of matrices but the input embedding at 3,350 GB/s."""
    model = llama("h100")
    assert model.work.weights_ms == pytest.approx((8_030_261_248 - 525_336_576) * 2 / 3.35e9, 1e-3)
    assert model.work.kv_ms(1000) == pytest.approx(131_072 * 1000 / 3.35e9)
    assert model.work.attention_ms(1000) == pytest.approx(2 * 1000**2 * 32 * 4096 / 989e9)


def test_a_window_bounds_reading_and_attention() -> None:
    model = step_model(
        shape_of("gpt-oss-120b"),
        CATALOG.gpu("h100"),
        CATALOG.coefficients,
        engine="vllm",
        parallel=Parallel(),
        formats=Formats(Precision.bf16, Precision.fp4),
    )
    assert model is not None
    full = 18 * 2 * 8 * 64 * 2
    assert model.work.kv_ms(1000) == pytest.approx((full * 1000 + full * 128) / 3.35e9)

    # one of 4,000 tokens meets 2,000 in a full layer, 128 - 128^2 / 8,000 in one of 128: 2 x 64
    # heads x (64 + 64) operations a pair, 18 layers each, at 989 TFLOP/s
    pair = 2 * 64 * (64 + 64) * 18 / 989e9
    met = 4000 * (2000 + 128 - 128**2 / 8000)
    assert model.work.attention_ms(4000) == pytest.approx(met * pair, rel=1e-3)
    assert model.work.attention_ms(100) == pytest.approx(100 * (50 + 50) * pair, rel=1e-3)


def test_a_stage_of_a_pipeline_touches_the_experts_of_its_own_batch() -> None:
    # 8 of 256 experts a token, 32 sequences on two stages: 16 at once
    def touched(pipeline: int) -> float:
        model = step_model(
            shape_of("deepseek-v3"),
            CATALOG.gpu("h200"),
            CATALOG.coefficients,
            engine="vllm",
            parallel=Parallel(8, 1, pipeline),
            formats=Formats(Precision.fp8, Precision.fp8),
        )
        assert model is not None
        return 1 - model.work.untouched_share(32)

    assert touched(1) == pytest.approx(1 - (248 / 256) ** 32)
    assert touched(2) == pytest.approx(1 - (248 / 256) ** 16)


def test_experts_touched_grow_to_all() -> None:
    model = step_model(
        shape_of("deepseek-v3"),
        CATALOG.gpu("h200"),
        CATALOG.coefficients,
        engine="vllm",
        parallel=Parallel(8),
        formats=Formats(Precision.fp8, Precision.fp8),
    )
    assert model is not None
    one, many = (model.closed_loop(10, 5000, n).terms.experts_ms for n in (1, 1000))
    assert one / many == pytest.approx(8 / 256, rel=0.02)


def test_a_compressed_cache_is_not_sharded() -> None:
    shape = shape_of("deepseek-v3")
    formats = Formats(Precision.fp8, Precision.fp8)
    gpu = CATALOG.gpu("b200")
    one, eight = (
        step_model(
            shape,
            gpu,
            CATALOG.coefficients,
            engine="vllm",
            parallel=Parallel(tensor),
            formats=formats,
        )
        for tensor in (1, 8)
    )
    assert one is not None
    assert eight is not None
    assert one.work.kv_ms(1000) == eight.work.kv_ms(1000)


def test_a_card_not_measured_is_labelled_and_less_sure() -> None:
    known, unknown = llama("h100"), llama("l4")
    assert known.closed_loop(1000, 500, 8).evidence.is_measured
    assert not unknown.closed_loop(1000, 500, 8).evidence.is_measured
    wide, narrow = unknown.bands.tpot, known.bands.tpot
    assert wide.low <= narrow.low
    assert wide.high >= narrow.high
    assert wide != narrow


def test_only_generations_that_were_measured_count_as_measured() -> None:
    """Workstation Blackwell has the name of the measured generation, not its kernels."""
    found = {card: llama(card).evidence.is_measured for card in CARDS}
    assert [card for card, measured in found.items() if measured] == [
        "h100",
        "h200",
        "b200",
        "gb200",
    ]


@pytest.mark.parametrize("weights", Precision)
@pytest.mark.parametrize("experts", [Precision.bf16, Precision.int4])
def test_a_precision_not_measured_is_labelled_and_less_sure(
    weights: Precision, experts: Precision
) -> None:
    """No run had weights in integers, NF4 or 32 bits; both kinds of 16 bits are equally fast."""
    made = step_model(
        shape_of("llama-3.1-8b"),
        CATALOG.gpu("h100"),
        CATALOG.coefficients,
        engine="vllm",
        parallel=Parallel(),
        formats=Formats(weights, experts),
    )
    assert made is not None
    seen = (Precision.fp16, Precision.bf16, Precision.fp8, Precision.fp4)
    new = {each.value for each in (weights, experts) if each not in seen}
    assert made.unmeasured == tuple(sorted(new))
    assert made.evidence is (Evidence.unmeasured if new else Evidence.measured)
    usual = CATALOG.coefficients.unmeasured_bands if new else CATALOG.coefficients.bands
    assert made.bands == usual["vllm"]


def test_a_card_without_datasheet_has_no_answer() -> None:
    shape = shape_of("llama-3.1-8b")
    assert (
        step_model(
            shape,
            CATALOG.gpu("t4g"),
            CATALOG.coefficients,
            engine="vllm",
            parallel=Parallel(),
            formats=Formats(Precision.fp16, Precision.fp16),
        )
        is None
    )


def test_room_for_sequences() -> None:
    """70B in 8 bits on two 80 GiB cards: 2 x (72 - 2.3 - 1.83) GiB less 72.7 GB, over 327.7 MB."""
    shape = shape_of("llama-3.1-70b")
    formats = Formats(Precision.fp8, Precision.fp8)
    card = CATALOG.gpu("h100").memory_bytes
    two = most_running(shape, card, Parallel(2), formats, Fraction(1000))
    assert two == pytest.approx((2 * 67.87 * 2**30 - 72.66e9) / 327.68e6, rel=1e-3)
    ranks = most_running(shape, card, Parallel(2, 2), formats, Fraction(1000))
    assert ranks == pytest.approx(2 * two, rel=1e-3)
    latent = shape_of("deepseek-v3")
    b200 = CATALOG.gpu("b200").memory_bytes
    whole = most_running(latent, b200, Parallel(8), formats, Fraction(1000))
    cached = latent.kv_bytes_per_token("fp16") * 1000
    assert whole < 8 * b200 / (8 * cached)
    assert most_running(shape, 40 * 2**30, Parallel(1), formats, Fraction(1000)) == 0


def test_coefficients_keep_the_physics(catalog: Catalog) -> None:
    """No multiple of the datasheet is below 1; a fit names its rows and exclusions."""
    found = catalog.coefficients
    assert set(found.engines) == set(ENGINES) == set(found.measured)
    assert set(found.measured_formats) == set(ENGINES)
    for engine in found.engines.values():
        for name in EngineCoefficients.model_fields:
            assert getattr(engine, name) >= 0
    assert found.rows + sum(found.excluded.values()) == 1582
    for name in ENGINES:
        levels = (found.bands[name], found.datasheet_bands[name], found.unmeasured_bands[name])
        for narrow, wide in pairwise(levels):
            for quantity in Bands.model_fields:
                inner, outer = getattr(narrow, quantity), getattr(wide, quantity)
                assert outer.low <= inner.low < 1 < inner.high <= outer.high


def test_every_engine_has_its_own_band(catalog: Catalog) -> None:
    """Engines with enough groups have their own. SGLang, of two models, has that of all engines,
    which is between the others. None lacks one."""
    found = catalog.coefficients
    widths = {name: bands.tpot.high / bands.tpot.low for name, bands in found.bands.items()}
    assert widths["vllm"] < widths["sglang"] < widths["tensorrt-llm"]
    for engine in ENGINES:
        assert replace(llama("h100"), engine=engine).bands == found.bands[engine]
        assert replace(llama("l4"), engine=engine).bands == found.datasheet_bands[engine]
    short = found.model_dump(mode="json")
    del short["bands"]["vllm"]
    with pytest.raises(ValidationError, match="every engine has its bands"):
        CoefficientSet.model_validate(short)


def llama(card: str) -> StepModel:
    model = step_model(
        shape_of("llama-3.1-8b"),
        CATALOG.gpu(card),
        CATALOG.coefficients,
        engine="vllm",
        parallel=Parallel(),
        formats=Formats(Precision.bf16, Precision.bf16),
    )
    assert model is not None
    return model


def test_every_coefficient_moves_some_time() -> None:
    """No coefficient is fitted without an effect."""
    layouts = (
        ("deepseek-v3", "h200", Parallel(4, 2), Formats(Precision.fp8, Precision.fp8)),
        ("llama-3.1-70b", "b200", Parallel(2), Formats(Precision.fp4, Precision.fp4)),
    )
    moved = set()
    for name, card, parallel, formats in layouts:
        base = step_model(
            shape_of(name),
            CATALOG.gpu(card),
            CATALOG.coefficients,
            engine="vllm",
            parallel=parallel,
            formats=formats,
        )
        assert base is not None
        before = base.closed_loop(2000, 200, 64)
        for field in EngineCoefficients.model_fields:
            vllm = CATALOG.coefficients.engines["vllm"]
            more = vllm.model_copy(update={field: getattr(vllm, field) * 1.5})
            other = CATALOG.coefficients.model_copy(update={"engines": {"vllm": more}})
            values = {f.name: getattr(base, f.name) for f in fields(base)}
            after = StepModel(**{**values, "coefficients": other}).closed_loop(2000, 200, 64)
            if after.ttft_ms > before.ttft_ms:
                moved.add(field)
    assert moved == set(EngineCoefficients.model_fields)
