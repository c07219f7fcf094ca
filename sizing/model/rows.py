"""Which architecture does a model of the catalog have?"""

from fractions import Fraction

from sizing.catalog.architecture import Architecture, Experts, Indexer, LayerCache
from sizing.catalog.records import ModelFacts
from sizing.workload import Precision

FOUR_BITS = (Precision.fp4, Precision.int4)
MXFP4_SCALE_BITS = Fraction(8, 32)
"""Bits of scales a weight in MXFP4. Basis: format (OCP microscaling, 2023); the catalog's native
FP4 rows are MXFP4."""


DENSE_FROM = Fraction(9, 10)
"""Least share of a dense model's parameters that a token uses. Basis: assumed; a token uses one row
of the embeddings, and no mixture of the catalog uses more than a third."""


def architecture_of(facts: ModelFacts | None) -> Architecture | None:
    """Architecture of a model from its config, or from its row.

    The result is None without a row, where the row lacks inputs of a decoder's memory, and for a
    mixture without known experts. Basis: vendor (data/models.csv).
    """
    shape = held_architecture_of(facts)
    return shape if shape is not None and shape.experts_known else None


def is_unknown_mixture(facts: ModelFacts | None) -> bool:
    """True where a token uses far from all parameters, and no known experts explain it."""
    if facts is None or facts.config is not None:
        return False
    total, active = facts.parameters, facts.active_parameters
    fewer = total is not None and active is not None and active < DENSE_FROM * total
    stated = (facts.experts, facts.experts_per_token, facts.moe_ffn_dim)
    known = all(part is not None for part in stated)
    return not known and (fewer or any(part is not None for part in stated))


def held_architecture_of(facts: ModelFacts | None) -> Architecture | None:
    """Architecture for a model's memory, with or without `experts_known`; None where it is unknown.

    Basis: vendor (data/models.csv); sliding layers as the row counts them in a period.
    """
    if facts is None or facts.config is not None:
        return None if facts is None else facts.config
    layers, hidden, heads = facts.layers, facts.hidden_size, facts.heads
    cached, encodes = facts.kv_bytes_per_token_16bit, facts.is_encoder
    if layers is None or hidden is None or heads is None or cached is None:
        return None
    if not cached and not encodes:
        return None
    head_dim = facts.head_dim or hidden // heads
    return Architecture(
        layers=layers,
        hidden_size=hidden,
        heads=heads,
        kv_heads=facts.kv_heads or heads,
        head_dim=head_dim,
        value_head_dim=facts.value_head_dim or head_dim,
        parameters=facts.parameters or 0,
        embedding_parameters=_embeddings(facts, hidden),
        caches=_caches(facts, layers, cached // 2 // layers),
        mla=facts.mla_latent_dim is not None,
        experts=_experts(facts, layers, hidden),
        context=facts.context,
        vocab=facts.vocab,
        experts_alone_in=_experts_alone_in(facts),
        scale_bits=MXFP4_SCALE_BITS if facts.native_dtype == "fp4" else None,
        experts_known=not is_unknown_mixture(facts),
        indexer=_indexer(facts),
        embeds=facts.is_embedding,
        bidirectional=encodes,
    )


def _indexer(facts: ModelFacts) -> Indexer | None:
    heads, width, top = facts.index_heads, facts.index_head_dim, facts.index_top_tokens
    if heads is None or width is None or top is None:
        return None
    return Indexer(heads, width, top)


def _experts_alone_in(facts: ModelFacts) -> Precision | None:
    """Format of experts in 4-bit releases, which quantise only them. Basis: gpt-oss, Kimi."""
    native = Precision(facts.native_dtype)
    return native if native in FOUR_BITS and facts.experts is not None else None


def _embeddings(facts: ModelFacts, hidden: int) -> int:
    """Parameters of the input matrix, and of an output matrix of its own where there is one."""
    alone = facts.tied_embeddings or facts.is_embedding
    return (facts.vocab or 0) * hidden * (1 if alone else 2)


def _caches(facts: ModelFacts, layers: int, elements: int) -> tuple[LayerCache, ...]:
    """Full and sliding layers. Whole periods have the row's share; of a partial one, the first
    layers slide."""
    window, period = facts.sliding_window_tokens, facts.period_layers
    if window is None or period is None or facts.sliding_layers_per_period is None:
        return (LayerCache(layers, elements),)
    whole, rest = divmod(layers, period)
    each = facts.sliding_layers_per_period
    sliding = whole * each + min(rest, each)
    caches = (LayerCache(layers - sliding, elements), LayerCache(sliding, elements, window))
    return tuple(cache for cache in caches if cache.layers)


def _experts(facts: ModelFacts, layers: int, hidden: int) -> Experts | None:
    """Return routed experts. Their layers follow from total and active parameters.

    layers = (total - active) / ((experts - routed to) x 3 x hidden size x width), rounded
    """
    count, routed, width = facts.experts, facts.experts_per_token, facts.moe_ffn_dim
    total, active = facts.parameters, facts.active_parameters
    if count is None or routed is None or width is None:
        return None
    one = 3 * hidden * width
    if total is not None and active is not None and total > active:
        layers = min(layers, max(1, round((total - active) / ((count - routed) * one))))
    parameters = layers * count * one
    return Experts(layers, count, routed, min(parameters, total or parameters))
