"""Memory of a card for a model, and the remainder for sequences."""

from decimal import Decimal
from fractions import Fraction

import pytest

from sizing.catalog import Catalog
from sizing.model.memory import (
    Need,
    fit,
    held_weights,
    kv_copies,
    nominal_weights_bytes,
    tensor_parallel_sizes,
    usable_bytes,
)
from sizing.model.rows import architecture_of
from sizing.steps.replica import Formats, Parallel
from sizing.steps.room import most_running
from sizing.workload import Model, Precision

GIB = 2**30
L4_BYTES = 22_888 * 2**20
L4_USABLE = 19_130_220_543
"""floor(23,999,807,488 x 0.9) - ceil(2.3 x 2^30) = 21,599,826,739 - 2,469,606,196."""
L4_USABLE_IN_GROUP = L4_USABLE - 1_964_947_538
"""Less ceil(1.83 x 2^30)."""


@pytest.mark.parametrize(
    ("model", "kv_bytes"),
    [
        # 2 x layers x KV heads x head dimension x 2 bytes
        ("llama-3.1-8b", 131_072),
        ("llama-3.1-70b", 327_680),
        ("qwen3-32b", 262_144),
        ("mistral-small-3-24b", 163_840),
        # MLA: (512 + 64) x 61 layers x 2 bytes
        ("deepseek-v3", 70_272),
    ],
)
def test_kv_bytes_of_a_token(catalog: Catalog, model: str, kv_bytes: int) -> None:
    facts = catalog.model(model)
    shape = architecture_of(facts)
    assert shape is not None
    assert shape.kv_bytes_per_token("fp16") == kv_bytes
    assert shape.kv_bytes_per_token("fp8") == kv_bytes // 2


def test_kv_of_an_unknown_architecture_is_unknown(catalog: Catalog) -> None:
    assert architecture_of(None) is None
    assert architecture_of(catalog.model("deepseek-v4-flash")) is None


@pytest.mark.parametrize(
    ("model", "cards", "copies"),
    [
        ("llama-3.1-8b", 1, 1),
        ("llama-3.1-8b", 8, 1),
        # 8 KV heads on 16 cards: each head twice
        ("llama-3.1-8b", 16, 2),
        ("deepseek-v3", 1, 1),
        ("deepseek-v3", 8, 8),
    ],
)
def test_kv_copies_in_a_group(catalog: Catalog, model: str, cards: int, copies: int) -> None:
    assert kv_copies(architecture_of(catalog.model(model)), cards) == copies
    assert kv_copies(None, cards) == 1


@pytest.mark.parametrize(
    ("precision", "gigabytes"),
    [
        ("fp32", 28),
        ("bf16", 14),
        ("fp16", 14),
        ("fp8", 7),
        ("int8", 7),
        ("fp4", 3.5),
        ("int4", 3.5),
        ("nf4", 3.5),
    ],
)
def test_nominal_weights(precision: str, gigabytes: float) -> None:
    parameters = Fraction(7 * 10**9)
    model = Model(parameters=Decimal(7 * 10**9), precision=Precision(precision))
    assert nominal_weights_bytes(model, parameters, Precision(precision), None) == gigabytes * 10**9


def test_encoders_are_held_with_the_model() -> None:
    encoder = {"name": "t5-xxl", "parameters": "4.7e9"}
    model = Model.model_validate({"parameters": "10e9", "precision": "fp32", "encoders": [encoder]})
    assert nominal_weights_bytes(model, Fraction(10**10), Precision.fp32, None) == 58_800_000_000
    held = held_weights(model, Fraction(10**10), Precision.fp32, None)
    assert held.bytes == 58_800_000_000


@pytest.mark.parametrize(
    ("precision", "bits"),
    [
        (Precision.bf16, Fraction(16)),
        (Precision.fp8, Fraction(8)),
        # NVFP4: 8 bits a block of 16; AWQ: 20 bits a group of 128; NF4: 32 bits a block of 64
        (Precision.fp4, Fraction("4.5")),
        (Precision.int4, Fraction("4.15625")),
        (Precision.nf4, Fraction("4.5")),
    ],
)
def test_scales_take_room_too(precision: Precision, bits: Fraction) -> None:
    model = Model(parameters=Decimal(32_000), precision=precision)
    held = held_weights(model, Fraction(32_000), precision, None)
    assert held.bits_per_parameter == bits and held.sixteen_bit_parameters == 0
    assert held.bytes == 4_000 * bits


def test_embeddings_stay_in_16_bits(catalog: Catalog) -> None:
    model = Model(name="llama-3.1-8b")
    facts = catalog.model("llama-3.1-8b")
    held = held_weights(model, Fraction(8_030_261_248), Precision.nf4, facts)
    # two matrices of 128,256 x 4,096; the other 6,979,588,096 parameters in 4.5 bits
    assert held.sixteen_bit_parameters == 2 * 128_256 * 4_096
    assert held.bytes == 6_979_588_096 * 9 // 16 + 1_050_673_152 * 2 == 6_027_364_608
    assert held_weights(model, Fraction(8_030_261_248), Precision.bf16, facts).bytes == (
        2 * 8_030_261_248
    )
    tied = catalog.model("llama-3.2-1b")
    once = held_weights(Model(name="llama-3.2-1b"), Fraction(10**9), Precision.nf4, tied)
    assert once.sixteen_bit_parameters == 128_256 * 2_048


@pytest.mark.parametrize(
    "model", ["gpt-oss-20b", "gpt-oss-120b", "gemma-3-27b", "qwen3-235b-a22b", "phi-4-mini"]
)
def test_held_weights_are_the_published_size(catalog: Catalog, model: str) -> None:
    facts = catalog.model(model)
    precision = Precision(facts.native_dtype)
    held = held_weights(Model(name=model), Fraction(facts.parameters or 0), precision, facts)
    assert facts.native_weights_gib is not None
    assert held.bytes / GIB == pytest.approx(float(facts.native_weights_gib), rel=0.01)


def test_experts_alone_are_narrow_only_as_published(catalog: Catalog) -> None:
    facts = catalog.model("gpt-oss-20b")
    shape = architecture_of(facts)
    assert shape is not None and shape.experts is not None
    parameters = Fraction(facts.parameters or 0)
    native = held_weights(Model(name="gpt-oss-20b"), parameters, Precision.fp4, facts)
    assert native.sixteen_bit_parameters == parameters - shape.experts.parameters
    assert native.bits_per_parameter == Fraction("4.25")
    again = held_weights(Model(name="gpt-oss-20b"), parameters, Precision.int4, facts)
    assert again.sixteen_bit_parameters == 2 * 201_088 * 2_880
    assert again.bits_per_parameter == Fraction("4.15625")


def test_four_bits_leave_all_but_the_experts_of_latent_attention_wide(catalog: Catalog) -> None:
    """DeepSeek-V3 in FP4: 654 of 671 billion parameters are routed experts. Time, room and plan
    keep the other 17 in 16 bits alike.
    """
    facts = catalog.model("deepseek-v3")
    shape = architecture_of(facts)
    assert shape is not None and shape.experts is not None
    parameters = Fraction(facts.parameters or 0)
    held = held_weights(Model(name="deepseek-v3"), parameters, Precision.fp4, facts)
    wide = 671_026_404_352 - 58 * 256 * 3 * 7168 * 2048
    assert held.sixteen_bit_parameters == wide
    assert shape.dense_format(Precision.fp4) is Precision.bf16
    assert shape.dense_format(Precision.fp8) is Precision.fp8
    card = 192 * 10**9
    formats = Formats(Precision.fp4, Precision.fp4)
    room = most_running(shape, card, Parallel(8), formats, Fraction(1000))
    one = shape.kv_bytes_of_sequence(Fraction(1000), "fp16") * 8
    assert room == pytest.approx(float((8 * usable_bytes(card, 8) - held.bytes) / one), rel=1e-6)


def test_windows_leave_room_for_more_sequences(catalog: Catalog) -> None:
    # gemma-3-27b: 10 layers keep all, 52 keep 1,024 tokens, 8,192 bytes a layer and token
    requested = need(catalog, "gemma-3-27b", mean=8_000, longest=8_000)
    assert requested.kv_bytes_per_sequence == 8_192 * (10 * 8_000 + 52 * 1_024)
    assert requested.kv_bytes_per_token == 507_904
    found = fit(requested, 81_920 * 2**20, 1)
    room = usable_bytes(81_920 * 2**20, 1) - requested.weights_bytes
    assert found is not None and found.max_sequences == room // (8_192 * 133_248)


def test_usable_memory() -> None:
    assert usable_bytes(L4_BYTES, 1) == L4_USABLE
    assert usable_bytes(L4_BYTES, 4) == L4_USABLE_IN_GROUP
    assert usable_bytes(2 * GIB, 1) == 0, "never negative"


def need(catalog: Catalog, model: str, *, mean: int = 500, longest: int = 500) -> Need:
    facts = catalog.model(model)
    parameters = Fraction(facts.parameters or 0)
    weights = held_weights(Model(name=model), parameters, Precision.bf16, facts)
    shape = architecture_of(facts)
    return Need(weights, shape, "fp16", Fraction(mean), Fraction(longest))


def test_sequences_that_fit_with_the_weights(catalog: Catalog) -> None:
    found = fit(need(catalog, "llama-3.1-8b"), L4_BYTES, 1)
    assert found is not None
    # (19,130,220,543 - 16,060,522,496) / (500 x 131,072) = 46.8
    assert found.max_sequences == 46
    # (2 x 17,165,273,005 - 16,060,522,496) / (500 x 131,072) = 278.8
    pair = fit(need(catalog, "llama-3.1-8b"), L4_BYTES, 2)
    assert pair is not None and pair.max_sequences == 278


def test_the_longest_sequence_must_fit_alone(catalog: Catalog) -> None:
    # 3,069,698,047 bytes after the weights have room for 23,419 tokens of 131,072 bytes
    assert fit(need(catalog, "llama-3.1-8b", longest=23_419), L4_BYTES, 1) is not None
    assert fit(need(catalog, "llama-3.1-8b", longest=23_420), L4_BYTES, 1) is None


def test_compressed_attention_is_copied_on_each_card(catalog: Catalog) -> None:
    requested = need(catalog, "deepseek-v3", longest=1_000)
    more = requested.bytes_with_one_sequence(8) - requested.bytes_with_one_sequence(1)
    assert more == 7 * 1_000 * 70_272


def test_without_an_architecture_only_the_weights_count() -> None:
    model = Model(parameters=Decimal(10**9), precision=Precision.bf16)
    held = held_weights(model, Fraction(10**9), Precision.bf16, None)
    found = fit(Need(held, None, "fp16", Fraction(500), Fraction(500)), L4_BYTES, 1)
    assert found is not None and found.max_sequences is None


@pytest.mark.parametrize(
    ("model", "cards", "sizes"),
    [
        ("llama-3.1-8b", 8, [1, 2, 4, 8]),
        ("llama-3.1-8b", 1, [1]),
        ("llama-3.1-8b", 6, [1, 2, 4]),
        # 12 heads divide by 4, not by 8
        ("all-minilm-l6-v2", 8, [1, 2, 4]),
        (None, 12, [1, 2, 4, 8]),
    ],
)
def test_tensor_parallel_must_divide_the_heads(
    catalog: Catalog, model: str | None, cards: int, sizes: list[int]
) -> None:
    facts = None if model is None else catalog.model(model)
    assert tensor_parallel_sizes(facts, cards) == sizes
