"""Under which names does a Hugging Face `config.json` state the sizes of a decoder?

Basis: vendor, the configuration classes of transformers 5.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sizing.field_error import FieldError

Config = Mapping[str, Any]

INNER = ("text_config", "language_config", "llm_config")
"""Where a model with several parts keeps its language model."""
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
"""Families whose class ties input and output embeddings when the file is silent."""


def language_part(config: Config) -> Config:
    """The language model's own keys; those of the whole file where it has no part of its own."""
    inner = language_key(config)
    if inner is None:
        return config
    outer = {key: config[key] for key in ("tie_word_embeddings",) if key in config}
    return {**outer, **config[inner]}


MOST = 10**9
"""Basis: assumed; no size in a config.json comes near it, and sums stay readable."""


def language_key(config: Config) -> str | None:
    """The key of the language model's own part; None where it has none."""
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


def dimensions(text: Config) -> Dimensions:
    """Sizes under whatever names the family uses; a stated head dimension wins.

    Raises FieldError for a size that is missing, no whole number, or out of bounds.
    """
    hidden = _needed(text, "hidden_size", "n_embd", "d_model")
    heads = _needed(text, "num_attention_heads", "n_head", "n_heads")
    latent = _positive(text, "kv_lora_rank")
    rope = number(text, "qk_rope_head_dim") or 0
    stated = _positive(text, "head_dim")
    if latent is not None:
        stated = (number(text, "qk_nope_head_dim") or 0) + rope
    head_dim = stated or hidden // heads
    family = str(text.get("model_type", ""))
    tied = text.get("tie_word_embeddings")
    return Dimensions(
        layers=_needed(text, "num_hidden_layers", "n_layer", "n_layers"),
        hidden_size=hidden,
        heads=heads,
        kv_heads=_kv_heads(text, heads),
        head_dim=head_dim,
        value_head_dim=_positive(text, "v_head_dim") or head_dim,
        latent_dim=latent,
        rope_dim=rope,
        vocab=_needed(text, "vocab_size"),
        tied=family in TIED_UNLESS_STATED if tied is None else bool(tied),
        family=family,
    )


def _kv_heads(text: Config, heads: int) -> int:
    """As stated; one for `multi_query` models; else one a query head."""
    stated = _positive(text, "num_key_value_heads", "num_kv_heads", "n_head_kv")
    if text.get("multi_query") and not text.get("new_decoder_architecture"):
        return 1
    return stated or heads


def number(text: Config, *names: str) -> int | None:
    """The first of these keys that holds a whole number. Raises FieldError for one past MOST."""
    for name in names:
        value = text.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            if abs(value) > MOST:
                raise FieldError((name,), f"is more than {MOST:,}", f"at most {MOST:,}")
            return value
    return None


def _positive(text: Config, *names: str) -> int | None:
    """The first of these keys that is stated. Raises FieldError where it is no size."""
    for name in names:
        value = text.get(name)
        if value is None:
            continue
        found = number(text, name)
        if found is None or found <= 0:
            shown = (
                json.dumps(value) if isinstance(value, bool | int | float | str) else "no number"
            )
            raise FieldError((name,), f"found {shown}", f"a whole number from 1 to {MOST:,}")
        return found
    return None


def _needed(text: Config, *names: str) -> int:
    value = _positive(text, *names)
    if value is None:
        expected = f"a whole number above 0 under {' or '.join(names)}"
        raise FieldError((names[0],), "the config.json does not state it", expected)
    return value
