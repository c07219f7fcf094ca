"""Which keys of a Hugging Face `config.json` state the sizes of a decoder?

Basis: vendor, the configuration classes of transformers 5.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sizing.catalog.architecture import Indexer
from sizing.values.field_error import FieldError

Config = Mapping[str, Any]

INNER = ("text_config", "language_config", "llm_config")
"""Keys of the language model in a model with several parts."""
TIED_UNLESS_STATED = frozenset(
    [
        "bloom",
        "cohere",
        "cohere2",
        "falcon",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3_text",
        "gemma3n",
        "gemma3n_text",
        "gemma4",
        "gemma4_text",
        "gpt2",
        "gpt_bigcode",
        "opt",
        "mpt",
        "starcoder2",
    ]
)
"""Families whose class ties input and output embeddings where the file does not state it."""
UNSTATED: Mapping[str, Mapping[str, int]] = {
    "gemma3_text": {
        "vocab_size": 262_208,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "max_position_embeddings": 131_072,
    },
}
"""Values that published files omit from their language model's own part, by its `model_type`.

Basis: vendor (transformers 5.23, Gemma3TextConfig). Such a part states only its differences from
the class. Files of a language model alone state these values.
"""
LAYERS = ("num_hidden_layers", "n_layer", "n_layers")
EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
"""Keys for the routed experts of one layer."""
PER_TOKEN = (
    "num_experts_per_tok",
    "num_experts_per_token",
    "experts_per_token",
    "top_k_experts",
    "moe_topk",
    "moe_top_k",
    "moe_k",
    "num_selects",
)
"""Keys for the routed experts of one token."""
MOST = 10**8
"""Largest accepted size. Basis: assumed; sizes in a config.json are far lower, and sums remain
readable."""
MOST_LAYERS, MOST_EXPERTS = 10_000, 100_000
"""Largest accepted numbers. Basis: assumed, each fifty times the largest published number."""
BOUNDS: Mapping[str, int] = (
    dict.fromkeys((*LAYERS, "layers", "depth"), MOST_LAYERS)
    | dict.fromkeys((*EXPERTS, *PER_TOKEN, "n_shared_experts"), MOST_EXPERTS)
    | dict.fromkeys(("max_position_embeddings", "max_seq_len", "seq_length"), 10**9)
)
"""Largest value of a key where it is not MOST."""
LONGEST_SHOWN = 40
"""Number of characters of a refused value in its message."""


def language_part(config: Config) -> Config:
    """Keys of the language model, or of the whole file where it has no part of its own."""
    inner = language_key(config)
    if inner is None:
        return config
    outer = {key: config[key] for key in ("tie_word_embeddings",) if key in config}
    stated = config[inner]
    return {**outer, **UNSTATED.get(str(stated.get("model_type")), {}), **stated}


def language_key(config: Config) -> str | None:
    """Key of the language model's own part; None where it has none."""
    return next((name for name in INNER if isinstance(config.get(name), Mapping)), None)


@dataclass(frozen=True)
class Dimensions:
    """Sizes that every decoder has."""

    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    head_dim: int
    value_head_dim: int
    latent_dim: int | None
    rope_dim: int
    vocab: int
    tied: bool
    family: str


def indexer_of(text: Config) -> Indexer | None:
    """Return the indexer of sparse attention; None where the file states none.

    Raises FieldError for a size of it that is missing.
    """
    top = number(text, "index_topk")
    if top is None:
        return None
    heads, head_dim = _needed(text, "index_n_heads"), _needed(text, "index_head_dim")
    return Indexer(heads, head_dim, top)


def dimensions(text: Config) -> Dimensions:
    """Return the sizes under the names of any family. A stated head dimension takes precedence.

    Raises FieldError for a size that is missing, no whole number, or out of bounds.
    """
    hidden = _needed(text, "hidden_size", "n_embd", "d_model")
    heads = _needed(text, "num_attention_heads", "n_head", "n_heads")
    latent = positive(text, "kv_lora_rank")
    rope = number(text, "qk_rope_head_dim") or 0
    stated = positive(text, "head_dim")
    if latent is not None:
        stated = (number(text, "qk_nope_head_dim") or 0) + rope
    head_dim = stated or hidden // heads
    family = str(text.get("model_type", ""))
    tied = text.get("tie_word_embeddings")
    return Dimensions(
        layers=_needed(text, *LAYERS),
        hidden_size=hidden,
        heads=heads,
        kv_heads=_kv_heads(text, heads),
        head_dim=head_dim,
        value_head_dim=positive(text, "v_head_dim") or head_dim,
        latent_dim=latent,
        rope_dim=rope,
        vocab=_needed(text, "vocab_size"),
        tied=family in TIED_UNLESS_STATED if tied is None else bool(tied),
        family=family,
    )


def _kv_heads(text: Config, heads: int) -> int:
    """Number of KV heads as stated, one for `multi_query` models, else one for each query head."""
    stated = positive(text, "num_key_value_heads", "num_kv_heads", "n_head_kv")
    if text.get("multi_query") and not text.get("new_decoder_architecture"):
        return 1
    return stated or heads


def number(text: Config, *names: str) -> int | None:
    """Return the first whole number of these keys. Raises FieldError for one out of bounds."""
    for name in names:
        value = text.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            if abs(value) > BOUNDS.get(name, MOST):
                raise refused(name, value)
            return value
    return None


def refused(name: str, value: object, least: int = 1) -> FieldError:
    """Return the error for a value that is no whole number within the bounds of its key."""
    plain = isinstance(value, bool | int | float | str)
    shown = json.dumps(value) if plain else "no number"
    shown = shown if len(shown) <= LONGEST_SHOWN else f"{shown[:LONGEST_SHOWN]}..."
    expected = f"a whole number from {least} to {BOUNDS.get(name, MOST):,}"
    return FieldError((name,), f"found {shown}", expected)


def positive(text: Config, *names: str) -> int | None:
    """Return the first of these keys that is stated. Raises FieldError where it is no size."""
    for name in names:
        value = text.get(name)
        if value is None:
            continue
        found = number(text, name)
        if found is None or found <= 0:
            raise refused(name, value)
        return found
    return None


def _needed(text: Config, *names: str) -> int:
    value = positive(text, *names)
    if value is None:
        expected = f"a whole number above 0 under {' or '.join(names)}"
        raise FieldError((names[0],), "the config.json does not state it", expected)
    return value
