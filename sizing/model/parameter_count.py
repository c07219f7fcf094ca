"""How many parameters does a model have, part by part?"""

from dataclasses import dataclass

from sizing.catalog.architecture import Indexer
from sizing.model.config_keys import Config, Dimensions, indexer_of, number
from sizing.model.layer_kinds import LayerKinds, delta_dims, mamba_dims

UNGATED = frozenset(
    [
        "gpt2",
        "gpt_bigcode",
        "gpt_neox",
        "gptj",
        "opt",
        "bloom",
        "falcon",
        "mpt",
        "phi",
        "phi-msft",
        "starcoder2",
        "nemotron",
        "nemotron_h",
    ]
)
"""Families whose feed-forward block has two matrices. All others have a third one, the gate."""
BIASED_QKV = frozenset(("qwen", "qwen2", "qwen2_moe", "qwen2_vl_text", "qwen2_5_vl_text"))
BIASED = frozenset(("gpt2", "gpt_bigcode", "gpt_neox", "opt", "bloom", "phi", "starcoder2"))
"""Families with a bias on every matrix and norm."""
FOUR_NORMS = frozenset(
    ["gemma2", "gemma3", "gemma3_text", "gemma4", "gemma4_text", "glm4", "olmo2"]
)
"""Families with norms before and after both blocks of a layer."""
NORMED_HEADS = frozenset(
    [
        "qwen3",
        "qwen3_moe",
        "qwen3_next",
        "qwen3_vl_text",
        "qwen3_vl_moe_text",
        "qwen3_5_text",
        "qwen3_5_moe_text",
        "gemma3",
        "gemma3_text",
        "gemma4",
        "gemma4_text",
        "olmo2",
    ]
)
"""Families with norms of each head's queries and keys."""


@dataclass(frozen=True)
class Counted:
    """Parameters of a language model."""

    total: int
    embeddings: int
    experts: int
    """Parameters of all routed experts."""


def count_parameters(text: Config, dims: Dimensions, kinds: LayerKinds) -> Counted:
    """Count the parameters of all modules of the language model.

    embeddings + attention + linear layers + feed-forward + experts + routers + norms

    Basis: vendor, the modules of transformers 5; equal to its own count for the families tested.
    """
    hidden = dims.hidden_size
    embeddings = dims.vocab * hidden * (1 if dims.tied else 2)
    positions = (number(text, "n_positions") or 0) * hidden if dims.family == "gpt2" else 0
    experts = kinds.moe_layers * kinds.experts * _expert(text, dims)
    routers = kinds.moe_layers * _router(text, dims, kinds)
    shared = kinds.moe_layers * _shared(text, dims)
    dense_width = number(text, "intermediate_size_mlp", "intermediate_size", "n_inner", "ffn_dim")
    dense = kinds.dense_layers * _feed_forward(dims, dense_width or 4 * hidden)
    attention = kinds.attention_layers * _attention(text, dims)
    linear = kinds.linear_layers * _linear(text, dims, kinds.linear)
    norms = _norms(text, dims)
    parts = (embeddings, positions, experts, routers, shared, dense, attention, linear, norms)
    return Counted(sum(parts), embeddings, experts)


def _attention(text: Config, dims: Dimensions) -> int:
    if dims.latent_dim is not None:
        return _compressed(text, dims, dims.latent_dim)
    hidden = dims.hidden_size
    query = dims.heads * dims.head_dim * (2 if text.get("attn_output_gate") else 1)
    key, value = dims.kv_heads * dims.head_dim, dims.kv_heads * dims.value_head_dim
    out = dims.heads * dims.value_head_dim
    total = hidden * (query + key + value + out)
    if dims.family in BIASED_QKV:
        total += query + key + value
    elif text.get("attention_bias") or dims.family in BIASED:
        total += query + key + value + hidden
    if dims.family in NORMED_HEADS:
        total += 2 * dims.head_dim
    if text.get("use_qk_norm") and text.get("qk_norm_type") == "per_layer":
        total += query + key
    if dims.family == "gpt_oss":
        total += dims.heads
    return total


def _compressed(text: Config, dims: Dimensions, latent: int) -> int:
    """Parameters of MLA: down-projections, up-projections of queries, keys, values, and output."""
    hidden, queries = dims.hidden_size, dims.heads * dims.head_dim
    low = number(text, "q_lora_rank")
    down = hidden * queries if low is None else low * (hidden + queries) + low
    nope = dims.head_dim - dims.rope_dim
    up = latent * dims.heads * (nope + dims.value_head_dim)
    compress = hidden * (latent + dims.rope_dim) + latent
    out = dims.heads * dims.value_head_dim * hidden
    return down + compress + up + out + _index(hidden, low or hidden, indexer_of(text))


def _index(hidden: int, queries: int, indexer: Indexer | None) -> int:
    """Parameters of an indexer: queries of each head, one key with its norm, weights of the heads.

    Basis: vendor (DeepSeek-V3.2-Exp, inference code, 2025-09-29).
    """
    if indexer is None:
        return 0
    heads, width = indexer.heads, indexer.head_dim
    return queries * heads * width + hidden * width + 2 * width + hidden * heads


def _linear(text: Config, dims: Dimensions, form: str) -> int:
    hidden = dims.hidden_size
    if form == "delta":
        key, value = delta_dims(text)
        heads = number(text, "linear_num_value_heads") or 1
        kernel = number(text, "linear_conv_kernel_dim") or 4
        inward = hidden * (2 * key + 2 * value + 2 * heads)
        return inward + kernel * (2 * key + value) + 2 * heads + value // heads + value * hidden
    if form == "mamba":
        inner, groups, _, heads = mamba_dims(text, dims)
        kernel = number(text, "mamba_d_conv", "conv_kernel") or 4
        inward = hidden * (2 * inner + 2 * groups + heads)
        return inward + (kernel + 1) * (inner + 2 * groups) + 3 * heads + inner + inner * hidden
    return 5 * hidden * dims.heads * dims.head_dim


def _feed_forward(dims: Dimensions, width: int) -> int:
    if dims.family in UNGATED:
        bias = width + dims.hidden_size if dims.family in BIASED else 0
        return 2 * dims.hidden_size * width + bias
    return 3 * dims.hidden_size * width


def _expert(text: Config, dims: Dimensions) -> int:
    width = number(text, "moe_intermediate_size", "moe_ffn_hidden_size", "intermediate_size")
    width = width or 4 * dims.hidden_size
    bias = 2 * width + dims.hidden_size if dims.family == "gpt_oss" else 0
    return _feed_forward(dims, width) + bias


def _router(text: Config, dims: Dimensions, kinds: LayerKinds) -> int:
    """Parameters of a router: one row an expert; gpt-oss and corrected scores each add a bias."""
    corrected = text.get("topk_method") == "noaux_tc" or text.get("use_routing_bias")
    biased = dims.family == "gpt_oss" or (corrected and dims.family != "deepseek_v3")
    return kinds.experts * (dims.hidden_size + (1 if biased else 0))


def _shared(text: Config, dims: Dimensions) -> int:
    """Parameters of the experts that every token passes."""
    width = number(text, "shared_expert_intermediate_size")
    if width:
        return _feed_forward(dims, width) + dims.hidden_size
    stated = number(text, "moe_shared_expert_intermediate_size", "shared_intermediate_size")
    if stated:
        return _feed_forward(dims, stated)
    if dims.family.startswith("llama4"):
        return _feed_forward(dims, number(text, "intermediate_size") or 0)
    count = number(text, "n_shared_experts", "num_shared_experts", "moe_num_shared_experts") or 0
    width = number(text, "moe_intermediate_size", "intermediate_size") or 0
    return count * _feed_forward(dims, width) if count else 0


def _norms(text: Config, dims: Dimensions) -> int:
    """Parameters of the norms: two a layer, four in some families, one for single-block layers, and
    the last."""
    if dims.family in FOUR_NORMS:
        each = 4
    elif "hybrid_override_pattern" in text:
        each = 1
    else:
        each = 2
    wide = 2 if dims.family in BIASED else 1
    return (each * dims.layers + 1) * dims.hidden_size * wide


def vision_parameters(vision: Config) -> int:
    """Parameters of a vision tower: its layers, patches and positions.

    layers x (4 h^2 + matrices x h x width) + channels x patch^2 x h + patches x h

    Basis: vendor, SigLIP, CLIP, Pixtral and Qwen towers; their projector, 0.1 % of a model, is not
    counted. The result is 0 where the file states no layers.
    """
    hidden = number(vision, "embed_dim", "hidden_size", "width")
    layers = number(vision, "num_hidden_layers", "depth", "layers")
    if not hidden or not layers:
        return 0
    width = number(vision, "intermediate_size") or hidden * (number(vision, "mlp_ratio") or 4)
    matrices = 3 if vision.get("hidden_act") == "silu" else 2
    patch = number(vision, "patch_size", "spatial_patch_size") or 14
    side = (number(vision, "image_size") or 0) // patch
    stem = (number(vision, "num_channels", "in_channels", "in_chans") or 3) * patch * patch * hidden
    return layers * (4 * hidden * hidden + matrices * hidden * width) + stem + side * side * hidden
