"""Which layers of a model use full attention, a window, a state, or experts?"""

from collections.abc import Sequence
from dataclasses import dataclass

from sizing.catalog.architecture import LayerCache
from sizing.model.config_experts import experts_of
from sizing.model.config_keys import Config, Dimensions, number
from sizing.model.config_lists import check_lists, layer_indexes

WINDOWED = ("sliding_attention", "chunked_attention", "local_attention", "sliding")
LINEAR = ("linear_attention", "mamba", "mamba2", "recurrent", "lightning_attention", "linear")
ALTERNATING = dict.fromkeys(("gemma3", "gemma3_text"), 6)
ALTERNATING |= dict.fromkeys(("cohere2", "llama4", "llama4_text"), 4)
ALTERNATING |= dict.fromkeys(("gemma2", "gpt_oss"), 2)
"""Layers of a period with one full-attention layer, where the file does not list its layers. The
other layers of llama4 attend to chunks."""
ALL_SLIDE = frozenset(("mistral", "mixtral", "phi3", "starcoder2", "phimoe"))
"""Families whose layers all use a window where the file states one."""
PATTERN = {"*": "full_attention", "M": "mamba", "-": "none", "E": "moe"}
"""Letters of `hybrid_override_pattern` (Nemotron-H), where each layer is one block."""


@dataclass(frozen=True)
class LayerKinds:
    """Numbers of layers by kind."""

    caches: tuple[LayerCache, ...]
    attention_layers: int
    linear_layers: int
    moe_layers: int
    dense_layers: int
    """Number of layers with an ordinary feed-forward block."""
    experts: int
    """Number of routed experts of one layer."""
    state_bytes: int
    """Bytes of the state of all linear layers, for one sequence."""
    linear: str
    """Form of the linear layers: delta, mamba or lightning."""


def layer_kinds(text: Config, dims: Dimensions) -> LayerKinds:
    """Count the layers of a model by kind. Raises FieldError for lists of other lengths."""
    check_lists(text, dims.layers)
    names = attention_names(text, dims)
    blocks_alone = "hybrid_override_pattern" in text
    experts = experts_of(text)
    routed = _moe_layers(text, dims, names) if experts else 0
    dense = names.count("none") if blocks_alone else dims.layers - routed
    linear = sum(name in LINEAR for name in names)
    form = _linear_form(text)
    return LayerKinds(
        caches=_caches(text, dims, names),
        attention_layers=sum(_attends(name) for name in names),
        linear_layers=linear,
        moe_layers=routed,
        dense_layers=dense,
        experts=experts,
        state_bytes=linear * _state_bytes(text, dims, form),
        linear=form,
    )


def attention_names(text: Config, dims: Dimensions) -> list[str]:
    """Kind of each layer, in order."""
    pattern = text.get("hybrid_override_pattern")
    if isinstance(pattern, str):
        return [PATTERN.get(letter, "full_attention") for letter in pattern]
    for key in ("layer_types", "layers_block_type"):
        listed = text.get(key)
        if isinstance(listed, list):
            return ["full_attention" if name == "attention" else str(name) for name in listed]
    listed = text.get("attn_type_list")
    if isinstance(listed, list):
        return ["full_attention" if kind else "lightning_attention" for kind in listed]
    return [_unlisted(text, dims, index) for index in range(dims.layers)]


def _unlisted(text: Config, dims: Dimensions, index: int) -> str:
    """Kind of a layer that follows a period."""
    full, last = "full_attention", number(text, "full_attention_interval")
    if last:
        return full if (index + 1) % last == 0 else "linear_attention"
    every = number(text, "attn_layer_period")
    if every:
        offset = number(text, "attn_layer_offset") or 0
        return full if index % every == offset else "mamba"
    return "sliding_attention" if _slides(text, dims, index) else full


def _slides(text: Config, dims: Dimensions, index: int) -> bool:
    """True where a layer keeps only a window, and the file does not list its layers."""
    if _window(text) is None or text.get("use_sliding_window") is False:
        return False
    if dims.family in ALL_SLIDE:
        return True
    period = number(text, "sliding_window_pattern", "_sliding_window_pattern")
    period = period or ALTERNATING.get(dims.family)
    if period:
        return (index + 1) % period != 0
    first = number(text, "max_window_layers") or 0
    return bool(text.get("use_sliding_window")) and index >= first


def _attends(name: str) -> bool:
    return name not in LINEAR and name not in ("none", "moe")


def _window(text: Config) -> int | None:
    return number(text, "sliding_window", "attention_chunk_size")


def _caches(text: Config, dims: Dimensions, names: Sequence[str]) -> tuple[LayerCache, ...]:
    """Return full layers and window layers. Layers that read another layer's cache keep none."""
    own = names[: len(names) - (number(text, "num_kv_shared_layers") or 0)]
    full = sum(_attends(name) and name not in WINDOWED for name in own)
    sliding = sum(name in WINDOWED for name in own)
    caches = (
        LayerCache(full, _full_elements(text, dims)),
        LayerCache(sliding, _elements(dims, dims.kv_heads, dims.head_dim), _window(text)),
    )
    return tuple(cache for cache in caches if cache.layers)


def _full_elements(text: Config, dims: Dimensions) -> int:
    """Cache elements of a full layer, whose heads may differ from the others' (gemma4)."""
    heads = number(text, "num_global_key_value_heads") or dims.kv_heads
    return _elements(dims, heads, number(text, "global_head_dim") or dims.head_dim)


def _elements(dims: Dimensions, kv_heads: int, head_dim: int) -> int:
    if dims.latent_dim is not None:
        return dims.latent_dim + dims.rope_dim
    value = head_dim if dims.value_head_dim == dims.head_dim else dims.value_head_dim
    return kv_heads * (head_dim + value)


def _moe_layers(text: Config, dims: Dimensions, names: Sequence[str]) -> int:
    """Number of layers that route: all, unless the file states which."""
    listed = text.get("mlp_layer_types")
    if isinstance(listed, list):
        return sum(name == "sparse" for name in listed)
    if isinstance(text.get("hybrid_override_pattern"), str):
        return names.count("moe")
    frequency = text.get("moe_layer_freq")
    if isinstance(frequency, list):
        return sum(bool(each) for each in frequency)
    if isinstance(text.get("moe_layers"), list):
        return len(layer_indexes(text, "moe_layers", dims.layers))
    step = number(text, "interleave_moe_layer_step", "decoder_sparse_step", "moe_layer_freq") or 1
    period, offset = number(text, "expert_layer_period"), number(text, "expert_layer_offset") or 0
    if period:
        return sum(index % period == offset for index in range(dims.layers))
    first = number(text, "first_k_dense_replace", "num_dense_layers") or 0
    dense = layer_indexes(text, "mlp_only_layers", dims.layers)
    late = "moe_layer_freq" in text
    return sum(
        index >= first and index not in dense and (index if late else index + 1) % step == 0
        for index in range(dims.layers)
    )


def _linear_form(text: Config) -> str:
    if number(text, "linear_num_value_heads"):
        return "delta"
    return "mamba" if number(text, "mamba_d_state", "ssm_state_size") else "lightning"


def _state_bytes(text: Config, dims: Dimensions, form: str) -> int:
    """Bytes of the state of one linear layer: recurrent part, and last inputs of its convolution.

    Basis: vendor; 16 bits an element unless the file states `mamba_ssm_dtype: float32`.
    """
    wide = 4 if text.get("mamba_ssm_dtype") == "float32" else 2
    if form == "delta":
        key, value = delta_dims(text)
        heads = number(text, "linear_num_value_heads") or 0
        state = heads * (number(text, "linear_key_head_dim") or 0) * (value // max(heads, 1))
        return wide * state + 2 * (2 * key + value) * (_kernel(text) - 1)
    if form == "mamba":
        inner, groups, state_size, _ = mamba_dims(text, dims)
        return wide * inner * state_size + 2 * (inner + 2 * groups) * (_kernel(text) - 1)
    return 4 * dims.heads * dims.head_dim * dims.head_dim


def _kernel(text: Config) -> int:
    return number(text, "linear_conv_kernel_dim", "mamba_d_conv", "conv_kernel") or 4


def delta_dims(text: Config) -> tuple[int, int]:
    """Width of keys and of values of a gated delta layer, all heads together."""
    key = (number(text, "linear_num_key_heads") or 0) * (number(text, "linear_key_head_dim") or 0)
    value = (number(text, "linear_num_value_heads") or 0) * (
        number(text, "linear_value_head_dim") or 0
    )
    return key, value


def mamba_dims(text: Config, dims: Dimensions) -> tuple[int, int, int, int]:
    """Inner width, groups x state, state size and heads of a Mamba layer."""
    heads = number(text, "mamba_n_heads", "mamba_num_heads") or 0
    head = number(text, "mamba_d_head", "mamba_head_dim") or 0
    inner = heads * head or (number(text, "mamba_expand", "expand") or 2) * dims.hidden_size
    state = number(text, "mamba_d_state", "ssm_state_size") or 16
    groups = (number(text, "mamba_n_groups", "n_groups") or 1) * state
    return inner, groups, state, heads
