"""What does one step require of one card: bytes, operations and messages, in milliseconds?"""

import math
from dataclasses import dataclass

from sizing.catalog.architecture import KV_BYTES, Architecture, Indexer, LayerCache
from sizing.model.memory import weight_bytes
from sizing.steps.card import Card
from sizing.steps.replica import Formats, Parallel
from sizing.workload import Precision

ACTIVATION_BYTES = 2
"""Bytes of one activation. Activations travel in 16 bits. Basis: engines' default."""
EIGHT_BITS = (Precision.fp8, Precision.int8)


@dataclass(frozen=True)
class Work:
    """Datasheet milliseconds of one rank; a rank is one tensor-parallel group.

    Basis: arithmetic over the architecture and the card's datasheet.
    """

    weights_ms: float
    """Milliseconds to read all but embeddings and routed experts, and the output matrix, once."""
    experts_ms: float
    """Milliseconds to read every routed expert once, from all cards of the stage."""
    routed_share: float
    """Experts that one token is routed to, over all experts."""
    kv_ms_per_token: tuple[tuple[float, int | None], ...]
    """Milliseconds to read one cached token, by window."""
    state_ms: float
    """Milliseconds to read and write the constant state of one sequence."""
    flop_ms_per_token: float
    expert_flop_ms_per_token: float
    """Milliseconds of a token of one rank, while all ranks bring one."""
    head_flop_ms: float
    """Milliseconds of the output matrix, for a sequence that samples a token; 0 for embeddings."""
    attention_ms_per_pair: tuple[tuple[float, int | None], ...]
    """Milliseconds of one query against one key in all layers, by window. An encoder's counts
    twice, because a token also meets those after it."""
    activation_ms_per_token: float
    """Milliseconds to write one hidden state in each layer."""
    expert_activation_ms_per_token: float
    all_reduce_ms_per_token: float
    all_to_all_ms_per_token: float
    layers: int
    expert_layers: int
    latent_layers: int
    four_bit: bool
    eight_bit: bool
    four_bit_dense: bool
    """True where all but the routed experts is read in FP4; the next field is for the experts."""
    four_bit_experts: bool
    pipeline: int
    ranks: int
    """Data-parallel ranks x pipeline stages: the groups that share the sequences."""

    def kv_ms(self, context_tokens: float) -> float:
        """Milliseconds to read the cache of one sequence of that length."""
        return (
            sum(ms * _within(context_tokens, window) for ms, window in self.kv_ms_per_token)
            + self.state_ms
        )

    def attention_ms(self, prompt_tokens: float) -> float:
        """Milliseconds of causal attention of a whole prompt. Each token meets earlier ones in its
        window."""
        pairs = ((ms, _met(prompt_tokens, window)) for ms, window in self.attention_ms_per_pair)
        return prompt_tokens * sum(ms * tokens for ms, tokens in pairs)

    def untouched_share(self, sequences: float) -> float:
        """Expected share of the routed experts that a step of this many sequences does not read.

        (1 - k / E)^(sequences of one pipeline stage's batch)

        Basis: arithmetic for uniform routing.
        """
        return math.pow(1.0 - self.routed_share, sequences / self.pipeline)


def work(shape: Architecture, card: Card, parallel: Parallel, formats: Formats) -> Work:
    """Return the work of a model on cards of a kind.

    Basis: arithmetic. MLA keeps its cache whole on each card; grouped heads are copied where cards
    outnumber them.
    """
    tp, stage = parallel.tensor, parallel.stage_gpus
    experts = shape.experts
    expert_parameters = experts.parameters if experts is not None else 0
    rest = max(shape.parameters - shape.embedding_parameters - expert_parameters, 0)
    head = 0 if shape.embeds else (shape.vocab or 0) * shape.hidden_size
    weights = shape.dense_format(formats.weights)
    read, sixteen = card.bytes_per_ms, card.flop_per_ms[Precision.bf16]
    routed = 0.0 if experts is None else experts.per_token / experts.count
    expert_layers = 0 if experts is None else experts.layers
    expert_tokens = expert_layers * (experts.per_token if experts is not None else 0)
    kv_copies = 1 if shape.mla else min(tp, shape.kv_heads)
    kv_bytes = float(KV_BYTES[formats.kv]) / kv_copies
    met = 2 if shape.bidirectional else 1
    pair = met * 2 * shape.heads * (shape.head_dim + shape.value_head_dim) / tp / sixteen
    attention_layers = sum(cache.layers for cache in shape.caches)
    reduce_bytes = 2 * shape.layers * ACTIVATION_BYTES * shape.hidden_size * 2 * (tp - 1) / tp
    exchanged = expert_tokens * shape.hidden_size * 2 * ACTIVATION_BYTES / tp
    hidden_ms = shape.hidden_size * ACTIVATION_BYTES / read
    flops = card.flop_per_ms
    indexed, scored = _indexer_work(shape, attention_layers)
    return Work(
        weights_ms=(rest * float(weight_bytes(weights)) + head * ACTIVATION_BYTES) / tp / read,
        experts_ms=expert_parameters * float(weight_bytes(formats.experts)) / stage / read,
        routed_share=routed,
        kv_ms_per_token=(
            *(
                (c.layers * c.elements_per_token * kv_bytes / read, _reach(c, shape.indexer))
                for c in shape.caches
            ),
            *((each / read, None) for each in indexed),
        ),
        state_ms=2 * shape.state_bytes_per_sequence / tp / read,
        flop_ms_per_token=2 * rest / tp / flops.get(weights, sixteen),
        expert_flop_ms_per_token=2
        * expert_parameters
        * routed
        / tp
        / flops.get(formats.experts, sixteen),
        head_flop_ms=2 * head / tp / sixteen,
        attention_ms_per_pair=(
            *((c.layers * pair, _reach(c, shape.indexer)) for c in shape.caches),
            *((each / flops.get(Precision.fp8, sixteen), None) for each in scored),
        ),
        activation_ms_per_token=shape.layers * hidden_ms,
        expert_activation_ms_per_token=expert_tokens * hidden_ms,
        all_reduce_ms_per_token=reduce_bytes / card.link_bytes_per_ms,
        all_to_all_ms_per_token=exchanged / card.link_bytes_per_ms if parallel.data > 1 else 0.0,
        layers=shape.layers,
        expert_layers=expert_layers,
        latent_layers=attention_layers if shape.mla else 0,
        four_bit=formats.weights is Precision.fp4,
        eight_bit=formats.weights in EIGHT_BITS,
        four_bit_dense=weights is Precision.fp4,
        four_bit_experts=formats.experts is Precision.fp4,
        pipeline=parallel.pipeline,
        ranks=parallel.data * parallel.pipeline,
    )


def _reach(cache: LayerCache, indexer: Indexer | None) -> int | None:
    """Cached tokens that a query of these layers attends to; None for all."""
    limits = [cache.window_tokens, None if indexer is None else indexer.top_tokens]
    return min((limit for limit in limits if limit is not None), default=None)


def _indexer_work(shape: Architecture, layers: int) -> tuple[list[int], list[int]]:
    """Bytes of one indexed token, and operations of one query against one key, in all layers.

    Both are empty without an indexer. Basis: vendor (DeepSeek-V3.2-Exp); every card of a
    tensor-parallel group scores all tokens, in 8 bits.
    """
    if shape.indexer is None:
        return [], []
    return [shape.index_bytes_per_token], [
        layers * 2 * shape.indexer.heads * shape.indexer.head_dim
    ]


def _met(prompt_tokens: float, window: int | None) -> float:
    """Mean tokens that one token of a prompt attends to: mean of min(i, window) over the prompt."""
    if window is None or prompt_tokens <= window:
        return prompt_tokens / 2
    return window - window**2 / (2 * prompt_tokens)


def _within(tokens: float, window: int | None) -> float:
    return tokens if window is None else min(tokens, window)
