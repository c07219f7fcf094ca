"""How is a language model built: what does it cache, what does a token use, what is quantised?"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import floor

from sizing.workload import Precision

SCALE_BYTES = 4
"""Bytes of the scale of one indexed key. Basis: vendor (DeepSeek-V3.2-Exp), 32 bits."""
KV_BYTES: Mapping[str, Fraction] = {"fp16": Fraction(2), "fp8": Fraction(1)}
"""Bytes of one element of the KV cache."""


class Kernel(StrEnum):
    """Kind of layer whose speed depends on an engine's own kernel."""

    grouped = "grouped attention"
    """Attention with a cache of keys and values for each KV head."""
    latent = "latent attention"
    """Attention over a compressed cache (MLA)."""
    window = "window attention"
    """Attention to the last tokens only."""
    sparse = "sparse attention"
    """Attention to tokens that an indexer chooses."""
    linear = "linear attention"
    """Layers with a constant state instead of a cache."""
    experts = "routed experts"
    """Feed-forward blocks of which a token uses some."""
    embedding = "embeddings"
    """Steps of whole prompts, each of which ends in a vector."""


@dataclass(frozen=True)
class LayerCache:
    """Attention layers with the same cache: elements of each token, and number of tokens."""

    layers: int
    elements_per_token: int
    """Elements of one layer: KV heads x (key + value dimension), or latent + rotary dimension."""
    window_tokens: int | None = None
    """Tokens that such a layer keeps. None means that it keeps all."""


@dataclass(frozen=True)
class Indexer:
    """Part of sparse attention that scores all cached tokens, and keeps the best for attention.

    Basis: vendor (DeepSeek-V3.2-Exp, config.json and inference code, 2025-09-29): keys in FP8 with
    one 32-bit scale a token, a score of every head for every cached token.
    """

    heads: int
    head_dim: int
    top_tokens: int
    """Cached tokens that a query attends to."""

    @property
    def bytes_per_token(self) -> int:
        """Bytes of one cached token in one layer, whatever the format of the KV cache."""
        return self.head_dim + SCALE_BYTES


@dataclass(frozen=True)
class Experts:
    """Routed experts of a mixture, which `layers` of the model have."""

    layers: int
    count: int
    """Routed experts of one layer."""
    per_token: int
    """Routed experts of one layer that a token uses."""
    parameters: int
    """Parameters of all routed experts in all layers."""

    @property
    def active_parameters(self) -> Fraction:
        """Parameters of the experts that one token is routed to."""
        return Fraction(self.parameters * min(self.per_token, self.count), self.count)


@dataclass(frozen=True)
class Architecture:
    """Shape of a language model.

    Basis: the model's config.json, or its row of data/models.csv.
    """

    layers: int
    hidden_size: int
    heads: int
    kv_heads: int
    head_dim: int
    """Width of queries and keys, as stated, else hidden size / heads."""
    value_head_dim: int
    parameters: int
    """Parameters of the language model, including embeddings and excluding vision towers."""
    embedding_parameters: int
    """Parameters of input and output embeddings, counted once where they are tied."""
    caches: tuple[LayerCache, ...]
    mla: bool = False
    """True for compressed attention: each card of a tensor-parallel group keeps the whole cache."""
    experts: Experts | None = None
    vision_parameters: int = 0
    state_bytes_per_sequence: int = 0
    """Bytes of the constant state of all linear layers."""
    context: int | None = None
    vocab: int | None = None
    experts_alone_in: Precision | None = None
    """Format of a published checkpoint that keeps all but its routed experts in 16 bits."""
    experts_known: bool = True
    """False for a mixture without a stated number of experts, which has no step times."""
    scale_bits: Fraction | None = None
    """Bits of scales for each quantised weight, where the checkpoint states its groups."""
    draft_layers: int = 0
    """Further layers of the checkpoint that only draft tokens (multi-token prediction)."""
    indexer: Indexer | None = None
    """Indexer of every attention layer, where it chooses the tokens that a query attends to."""
    embeds: bool = False
    """True where the answer is a vector: the model has no output matrix, and takes no further
    step."""
    bidirectional: bool = False
    """True for an encoder: each token meets all others, and nothing is cached."""

    @property
    def kernels(self) -> frozenset[Kernel]:
        """Kernels that the layers use."""
        used = {
            Kernel.latent: self.mla,
            Kernel.grouped: bool(self.caches) and not self.mla,
            Kernel.window: any(cache.window_tokens is not None for cache in self.caches),
            Kernel.sparse: self.indexer is not None,
            Kernel.linear: self.state_bytes_per_sequence > 0,
            Kernel.experts: self.experts is not None,
            Kernel.embedding: self.embeds,
        }
        return frozenset(kernel for kernel, is_used in used.items() if is_used)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token passes: all but the experts that it is not routed to."""
        if self.experts is None:
            return self.parameters
        return floor(self.parameters - self.experts.parameters + self.experts.active_parameters)

    def dense_format(self, weights: Precision) -> Precision:
        """Return the format of all but the routed experts in a checkpoint of this format.

        Basis: published checkpoints. Those that quantise only their experts keep the rest in 16
        bits. FP4 checkpoints of MLA mixtures do the same (NVIDIA's of DeepSeek-V3 keeps attention,
        shared experts and dense layers in 16 bits).
        """
        alone = weights is self.experts_alone_in
        latent = self.mla and weights is Precision.fp4
        return Precision.bf16 if self.experts is not None and (alone or latent) else weights

    @property
    def elements_per_token(self) -> int:
        """Cache elements of a new token in all layers."""
        return sum(cache.layers * cache.elements_per_token for cache in self.caches)

    def kv_bytes_per_token(self, kv_precision: str) -> int:
        """Bytes that a new token adds to the cache in all layers that cache it.

        MHA, GQA, MQA: layers x KV heads x (key + value dimension) x bytes of an element
        MLA: layers x (latent + rotary dimension) x bytes of an element
        An indexer adds its own keys.

        Basis: arithmetic.
        """
        return floor(self.elements_per_token * KV_BYTES[kv_precision]) + self.index_bytes_per_token

    @property
    def index_bytes_per_token(self) -> int:
        """Bytes that a new token adds to the indexers' caches in all layers."""
        each = 0 if self.indexer is None else self.indexer.bytes_per_token
        return each * sum(cache.layers for cache in self.caches)

    def kv_bytes_of_sequence(self, tokens: Fraction, kv_precision: str) -> Fraction:
        """Bytes that one sequence of this many tokens keeps.

        sum over layers of min(tokens, window) x elements x bytes, + keys of indexers, + states of
        linear layers

        Basis: arithmetic; an 8-bit cache does not shrink the states.
        """
        kept = self.kept_elements(tokens) * KV_BYTES[kv_precision]
        return kept + tokens * self.index_bytes_per_token + self.state_bytes_per_sequence

    def kept_elements(self, tokens: Fraction) -> Fraction:
        """Cache elements of a sequence. Window layers keep at most their window."""
        kept = Fraction(0)
        for cache in self.caches:
            window = cache.window_tokens
            length = tokens if window is None else min(tokens, Fraction(window))
            kept += cache.layers * cache.elements_per_token * length
        return kept

    def longest_sequence(self, room_bytes: Fraction, kv_precision: str) -> int | None:
        """Tokens of the longest sequence whose cache fits; None where length costs nothing.

        Between two windows the bytes grow linearly, so the first piece that overflows contains the
        answer. Basis: arithmetic.
        """
        windows = sorted({c.window_tokens for c in self.caches if c.window_tokens is not None})
        start, used = 0, Fraction(self.state_bytes_per_sequence)
        if used > room_bytes:
            return 0
        for end in (*windows, None):
            growing = sum(
                cache.layers * cache.elements_per_token
                for cache in self.caches
                if cache.window_tokens is None or cache.window_tokens > start
            )
            slope = growing * KV_BYTES[kv_precision] + self.index_bytes_per_token
            if slope == 0:
                return None
            longest = start + floor((room_bytes - used) / slope)
            if end is None or longest < end:
                return longest
            used += slope * (end - start)
            start = end
        return None
