"""Parameters, cache and precision from a Hugging Face config.json."""

from fractions import Fraction
from typing import Any

import pytest

from sizing.catalog import Catalog, ModelFacts
from sizing.catalog.architecture import Architecture, Experts, LayerCache
from sizing.model.config import read_config
from sizing.model.rows import architecture_of
from sizing.values.field_error import FieldError
from sizing.workload import Precision

FAMILIES = {
    "llama": "llama",
    "mistral": "mistral",
    "mixtral": "mixtral",
    "qwen2.5": "qwen2",
    "qwen3": "qwen3",
    "gemma-2": "gemma2",
    "gemma-3": "gemma3_text",
    "phi": "phi3",
    "gpt-oss": "gpt_oss",
    "deepseek": "deepseek_v3",
}
DEEPSEEK = {
    "q_lora_rank": 1536,
    "kv_lora_rank": 512,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "first_k_dense_replace": 3,
    "moe_layer_freq": 1,
    "n_shared_experts": 1,
    "topk_method": "noaux_tc",
}


def config_of(model: ModelFacts) -> dict[str, Any]:
    """config.json of a row, as its family writes it."""
    family = next(f for start, f in FAMILIES.items() if model.model.startswith(start))
    family += "_moe" if family == "qwen3" and model.experts else ""
    config = {
        "model_type": family,
        "num_hidden_layers": model.layers,
        "hidden_size": model.hidden_size,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.kv_heads,
        "head_dim": model.head_dim,
        "intermediate_size": model.ffn_dim or model.moe_ffn_dim,
        "moe_intermediate_size": model.moe_ffn_dim,
        "num_experts": model.experts,
        "num_experts_per_tok": model.experts_per_token,
        "vocab_size": model.vocab,
        "max_position_embeddings": model.context,
        "sliding_window": model.sliding_window_tokens,
        "tie_word_embeddings": bool(model.tied_embeddings),
        "index_n_heads": model.index_heads,
        "index_head_dim": model.index_head_dim,
        "index_topk": model.index_top_tokens,
        "torch_dtype": "bfloat16",
    }
    if family == "deepseek_v3":
        config |= DEEPSEEK
    if family == "gpt_oss":
        config |= {"attention_bias": True, "quantization_config": {"quant_method": "mxfp4"}}
    return {key: value for key, value in config.items() if value is not None}


def counted(catalog: Catalog) -> list[ModelFacts]:
    """Language models of which transformers counted every module."""
    return [
        m
        for m in catalog.models
        if m.kind == "llm" and m.parameters_basis == "computed" and m.model != "gemma-3-27b"
    ]


def test_parameters_and_cache_of_every_counted_model(catalog: Catalog) -> None:
    models = counted(catalog)
    assert len(models) >= 38
    for model in models:
        shape = read_config(config_of(model)).architecture
        assert shape.parameters == model.parameters, model.model
        row = architecture_of(model)
        assert row is not None
        indexed = row.index_bytes_per_token
        cached = (model.kv_bytes_per_token_16bit or 0) + indexed
        assert shape.kv_bytes_per_token("fp16") == cached, model.model
        assert shape.indexer == row.indexer, model.model
        assert shape.kernels == row.kernels, model.model
        assert sorted(shape.caches, key=repr) == sorted(row.caches, key=repr), model.model
        if model.experts is None:
            assert shape.active_parameters == model.active_parameters
        else:
            assert shape.active_parameters == pytest.approx(model.active_parameters, rel=0.01)
            assert row.experts is not None and shape.experts is not None
            assert row.experts.parameters == pytest.approx(shape.experts.parameters, rel=0.001)


def test_the_language_model_within_a_larger_one(catalog: Catalog) -> None:
    # google/gemma-3-27b-it: 27,009,346,304 parameters of text, and a SigLIP tower of 0.42e9
    text = config_of(catalog.model("gemma-3-27b"))
    vision = {
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "patch_size": 14,
        "image_size": 896,
        "model_type": "siglip_vision_model",
    }
    shape = read_config({"text_config": text, "vision_config": vision}).architecture
    assert shape.parameters == 27_009_346_304
    assert shape.vision_parameters == pytest.approx(0.42e9, rel=0.01)
    # 62 layers, every sixth attends to all: 10
    assert [(c.layers, c.window_tokens) for c in shape.caches] == [(10, None), (52, 1024)]


PLAIN: dict[str, Any] = {
    "model_type": "llama",
    "num_hidden_layers": 4,
    "hidden_size": 64,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
    "intermediate_size": 128,
    "vocab_size": 100,
}


@pytest.mark.parametrize(
    ("changes", "elements"),
    [
        # 4 layers x 2 x KV heads x head dimension
        ({}, 4 * 2 * 2 * 8),
        ({"num_key_value_heads": None}, 4 * 2 * 8 * 8),
        ({"head_dim": 16}, 4 * 2 * 2 * 16),
        ({"multi_query": True, "num_key_value_heads": None}, 4 * 2 * 1 * 8),
        ({"kv_lora_rank": 32, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8}, 4 * 36),
        # linear layers keep nothing of a token
        ({"full_attention_interval": 4, "linear_num_value_heads": 4}, 1 * 2 * 2 * 8),
        ({"layer_types": ["linear_attention"] * 3 + ["full_attention"]}, 1 * 2 * 2 * 8),
        ({"hybrid_override_pattern": "M-*M"}, 1 * 2 * 2 * 8),
        # the last two layers read the cache of earlier ones
        ({"num_kv_shared_layers": 2}, 2 * 2 * 2 * 8),
    ],
)
def test_what_a_token_adds_to_the_cache(changes: dict[str, Any], elements: int) -> None:
    shape = read_config(PLAIN | changes).architecture
    assert shape.elements_per_token == elements
    assert shape.kv_bytes_per_token("fp16") == 2 * elements
    assert shape.kv_bytes_per_token("fp8") == elements


def test_windows_stop_growing() -> None:
    config = PLAIN | {"model_type": "gemma2", "sliding_window": 100}
    shape = read_config(config).architecture
    assert shape.caches == (LayerCache(2, 32), LayerCache(2, 32, 100))
    # 64 elements a token in both halves up to 100, 64 in the full half after
    assert shape.kept_elements(Fraction(100)) == 128 * 100
    assert shape.kept_elements(Fraction(1_000)) == 64 * 1_000 + 64 * 100
    for tokens in (1, 99, 100, 101, 5_000):
        room = shape.kv_bytes_of_sequence(Fraction(tokens), "fp16")
        assert shape.longest_sequence(room, "fp16") == tokens
        assert shape.longest_sequence(room - 1, "fp16") == tokens - 1


def test_length_is_free_where_every_layer_slides() -> None:
    shape = read_config(PLAIN | {"model_type": "mistral", "sliding_window": 50}).architecture
    assert shape.caches == (LayerCache(4, 32, 50),)
    assert shape.longest_sequence(Fraction(4 * 32 * 2 * 50), "fp16") is None
    assert shape.longest_sequence(Fraction(4 * 32 * 2 * 50 - 1), "fp16") == 49
    off = read_config(PLAIN | {"model_type": "qwen2", "sliding_window": 50}).architecture
    assert off.caches == (LayerCache(4, 32),)


def test_a_state_does_not_grow() -> None:
    linear = {
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 16,
        "linear_value_head_dim": 32,
        "linear_conv_kernel_dim": 4,
        "full_attention_interval": 2,
        "mamba_ssm_dtype": "float32",
    }
    shape = read_config(PLAIN | {"model_type": "qwen3_next"} | linear).architecture
    # two layers of 4 heads x 16 x 32 in 32 bits and (2 x 32 + 128) x 3 inputs in 16 bits
    assert shape.state_bytes_per_sequence == 2 * (4 * 4 * 16 * 32 + 2 * 192 * 3)
    assert shape.kv_bytes_of_sequence(Fraction(10), "fp8") == (
        10 * 2 * 2 * 2 * 8 + shape.state_bytes_per_sequence
    )
    assert shape.longest_sequence(Fraction(shape.state_bytes_per_sequence - 1), "fp8") == 0


@pytest.mark.parametrize(
    ("changes", "layers"),
    [
        ({}, 4),
        ({"first_k_dense_replace": 1}, 3),
        ({"decoder_sparse_step": 2}, 2),
        ({"mlp_only_layers": [0, 3]}, 2),
        ({"interleave_moe_layer_step": 2, "model_type": "llama4_text"}, 2),
        ({"moe_layer_freq": [0, 1, 1, 1]}, 3),
        ({"mlp_layer_types": ["dense", "sparse", "sparse", "dense"]}, 2),
        ({"hybrid_override_pattern": "ME*E"}, 2),
    ],
)
def test_layers_that_route(changes: dict[str, Any], layers: int) -> None:
    moe = {"num_experts": 8, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
    shape = read_config(PLAIN | moe | changes).architecture
    assert shape.experts == Experts(layers, 8, 2, layers * 8 * 3 * 64 * 32)
    assert shape.parameters - shape.active_parameters == layers * 6 * 3 * 64 * 32


@pytest.mark.parametrize(
    ("quantised", "precision"),
    [
        (None, Precision.bf16),
        ({"quant_method": "fp8"}, Precision.fp8),
        ({"quant_method": "mxfp4"}, Precision.fp4),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, Precision.fp4),
        ({"quant_method": "modelopt", "quant_algo": "FP8"}, Precision.fp8),
        ({"quant_method": "awq", "bits": 4, "group_size": 128}, Precision.int4),
        ({"quant_method": "gptq", "bits": 8}, Precision.int8),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, Precision.nf4),
        ({"quant_method": "bitsandbytes", "load_in_8bit": True}, Precision.int8),
        (
            {"config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "float"}}}},
            Precision.fp8,
        ),
        (
            {"config_groups": {"group_0": {"weights": {"num_bits": 4, "type": "int"}}}},
            Precision.int4,
        ),
    ],
)
def test_the_precision_of_the_weights(quantised: object, precision: Precision) -> None:
    config = PLAIN | {"quantization_config": quantised, "torch_dtype": "bfloat16"}
    assert read_config(config).precision is precision
    assert read_config(PLAIN | {"dtype": "float16"}).precision is Precision.fp16


def shape_of(quantised: dict[str, Any]) -> Architecture:
    moe = {"num_local_experts": 8, "num_experts_per_tok": 2}
    return read_config(PLAIN | moe | {"quantization_config": quantised}).architecture


def test_scales_and_what_stays_wide_are_the_checkpoints() -> None:
    mxfp4 = shape_of({"quant_method": "mxfp4"})
    assert mxfp4.experts_alone_in is Precision.fp4 and mxfp4.scale_bits == Fraction(1, 4)
    group = {"num_bits": 4, "type": "int", "group_size": 32, "symmetric": True}
    kimi = shape_of({"config_groups": {"g": {"weights": group}}, "ignore": ["re:.*self_attn.*"]})
    assert kimi.experts_alone_in is Precision.int4 and kimi.scale_bits == Fraction(16, 32)
    awq = shape_of({"quant_method": "awq", "bits": 4, "group_size": 64})
    assert awq.experts_alone_in is None and awq.scale_bits == Fraction(20, 64)
    fp8 = shape_of({"quant_method": "fp8", "modules_to_not_convert": ["lm_head"]})
    assert fp8.experts_alone_in is None and fp8.scale_bits is None


@pytest.mark.parametrize("key", ["num_hidden_layers", "hidden_size", "vocab_size"])
def test_what_no_decoder_lacks_is_required(key: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_config({name: value for name, value in PLAIN.items() if name != key})
    assert caught.value.field == (key,) and key in caught.value.expected


PER_TOKEN = {"num_experts_per_tok": 2}


@pytest.mark.parametrize(
    ("changes", "field", "reported"),
    [
        (PER_TOKEN, "num_local_experts", "num_experts_per_tok says that it has experts"),
        ({"moe_intermediate_size": 32}, "num_local_experts", "moe_intermediate_size says"),
        ({"moe_topk": [2, 2]}, "num_local_experts", "moe_topk says that it has experts"),
        ({"num_experts": None} | PER_TOKEN, "num_experts", "num_experts_per_tok says"),
        ({"num_experts": 8}, "num_experts_per_tok", "it has 8 experts"),
    ],
)
def test_half_a_mixture_is_refused(changes: dict[str, Any], field: str, reported: str) -> None:
    with pytest.raises(FieldError, match=reported) as caught:
        read_config(PLAIN | changes)
    assert caught.value.field == (field,)
    routed = field == "num_experts_per_tok"
    names = ("top_k_experts", "moe_topk") if routed else ("n_routed_experts", "moe_num_experts")
    assert all(name in caught.value.expected for name in (field, *names))


@pytest.mark.parametrize(
    "changes",
    [
        {"num_experts": None, "num_experts_per_tok": None, "moe_intermediate_size": None},
        {"num_local_experts": 0, "num_experts_per_tok": 0},
        {"num_experts": 1, "num_experts_per_tok": 1},
        {"n_routed_experts": None, "n_shared_experts": None, "moe_layer_freq": 1},
        {"num_experts": 0, "moe_intermediate_size": 32, "num_experts_per_tok": 2},
    ],
)
def test_dense_models_may_name_experts_that_they_lack(changes: dict[str, Any]) -> None:
    dense = read_config(PLAIN).architecture
    assert read_config(PLAIN | changes).architecture == dense


@pytest.mark.parametrize(
    "routed",
    [
        {"num_experts_per_tok": 2},
        {"num_experts_per_token": 2},
        {"experts_per_token": 2},
        {"moe_k": 2},
        {"moe_topk": [1, 2, 2, 2]},
    ],
)
def test_names_of_the_experts_of_a_token(routed: dict[str, Any]) -> None:
    shape = read_config(PLAIN | {"moe_num_experts": 8} | routed).architecture
    assert shape.experts is not None and shape.experts.per_token == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"num_hidden_layers": 10**9}, "num_hidden_layers"),
        ({"layer_types": ["full_attention"] * 5}, "layer_types"),
        ({"attn_type_list": [1]}, "attn_type_list"),
        ({"hybrid_override_pattern": "M*"}, "hybrid_override_pattern"),
        ({"num_experts": 8, "mlp_layer_types": ["sparse"]} | PER_TOKEN, "mlp_layer_types"),
        ({"num_experts": 8, "moe_layer_freq": [1] * 9} | PER_TOKEN, "moe_layer_freq"),
        ({"num_experts": 8, "mlp_only_layers": [4]} | PER_TOKEN, "mlp_only_layers"),
        ({"num_experts": 8, "moe_layers": [[0]]} | PER_TOKEN, "moe_layers"),
        ({"num_experts": 10**6} | PER_TOKEN, "num_experts"),
    ],
)
def test_layers_that_the_model_cannot_have(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_config(PLAIN | changes)
    assert caught.value.field == (field,) and caught.value.expected


GEMMA3 = {
    "text_config": {
        "hidden_size": 5376,
        "intermediate_size": 21504,
        "head_dim": 128,
        "model_type": "gemma3_text",
        "num_attention_heads": 32,
        "num_hidden_layers": 62,
        "num_key_value_heads": 16,
        "sliding_window": 1024,
    },
    "model_type": "gemma3",
}
GEMMA3_4B = {
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "model_type": "gemma3_text",
        "num_hidden_layers": 34,
        "sliding_window": 1024,
    },
    "model_type": "gemma3",
}


def test_what_a_published_file_leaves_to_its_class(catalog: Catalog) -> None:
    # google/gemma-3-27b-it and -4b-it; the small one states no heads either
    large, small = read_config(GEMMA3).architecture, read_config(GEMMA3_4B).architecture
    assert (large.parameters, large.vocab, large.context) == (27_009_346_304, 262_208, 131_072)
    row = catalog.model("gemma-3-4b")
    assert small.parameters == 3_880_263_168
    assert (small.heads, small.kv_heads, small.head_dim) == (8, 4, 256)
    assert small.kv_bytes_per_token("fp16") == row.kv_bytes_per_token_16bit


def test_a_file_of_a_language_model_alone_states_all() -> None:
    with pytest.raises(FieldError) as caught:
        read_config(GEMMA3["text_config"])  # type: ignore[arg-type]
    assert caught.value.field == ("vocab_size",)


@pytest.mark.parametrize(
    "odd", [None, 0, -1, 10**9, 10**40, 1.5, float("nan"), "x", True, [], [[1]], {"a": 1}]
)
def test_an_odd_value_is_read_or_refused(odd: object) -> None:
    """Any value of a key gives a model with sizes above 0, or an error that names the key."""
    lists = ("layer_types", "moe_layer_freq", "mlp_only_layers", "attn_type_list", "moe_layers")
    more = ("num_experts", "kv_lora_rank", "quantization_config", "vision_config", "torch_dtype")
    quantised = {"quantization_config": {"quant_method": "fp8", "modules_to_not_convert": odd}}
    mixture = PLAIN | {"num_experts": 8, "num_experts_per_tok": 2}
    odds: list[dict[str, Any]] = [{key: odd} for key in (*mixture, *lists, *more)]
    for changes in [quantised, *odds]:
        try:
            shape = read_config(mixture | changes).architecture
        except FieldError as fault:
            assert fault.field == tuple(changes) and fault.expected
        else:
            assert shape.parameters > 0 and shape.layers > 0
