"""What one step asks of one card: bytes, operations and messages, in datasheet milliseconds."""

from dataclasses import dataclass
from math import log2

from sizing.architecture import KV_BYTES, Architecture
from sizing.memory import NOMINAL_BITS, SCALE_BITS
from sizing.steps.card import Card
from sizing.steps.replica import Formats, Parallel
from sizing.workload import Precision

ACTIVATION_BYTES = 2
"""Activations travel in 16 bits. Basis: engines' default."""
EIGHT_BITS = (Precision.fp8, Precision.int8)


@dataclass(frozen=True)
class Work:
    """Datasheet milliseconds of one rank; a rank is one tensor-parallel group.

    Basis: arithmetic over the architecture and the card's datasheet.
    """

    weights_ms: float
    """Reading all but embeddings and routed experts, and the output matrix, once."""
    experts_ms: float
    """Reading every routed expert once, from all cards of the stage."""
    routed_share: float
    """Experts that one token is routed to, of all."""
    kv_ms_per_token: tuple[tuple[float, int | None], ...]
    """Reading one cached token, by window."""
    state_ms: float
    """Reading and writing the constant state of one sequence."""
    flop_ms_per_token: float
    expert_flop_ms_per_token: float
    """Of a token of one rank, while all ranks bring one."""
    head_flop_ms: float
    """The output matrix, for a sequence that samples a token."""
    attention_ms_per_pair: tuple[tuple[float, int | None], ...]
    """One query against one key in all layers, by window."""
    activation_ms_per_token: float
    """Writing one hidden state in each layer."""
    expert_activation_ms_per_token: float
    all_reduce_ms_per_token: float
    all_to_all_ms_per_token: float
    layers: int
    expert_layers: int
    latent_layers: int
    four_bit: bool
    eight_bit: bool
    all_reduces: int
    doublings: float
    """log2 of the tensor-parallel cards."""
    ranks: int
    """Data-parallel ranks x pipeline stages: the groups that sequences are dealt to."""

    def kv_ms(self, context_tokens: float) -> float:
        """Reading the cache of one sequence of that length."""
        return (
            sum(ms * _within(context_tokens, window) for ms, window in self.kv_ms_per_token)
            + self.state_ms
        )

    def attention_ms(self, prompt_tokens: float) -> float:
        """Causal attention of a whole prompt: each token meets half of it on average."""
        half = prompt_tokens / 2
        pairs = ((ms, _within(half, window)) for ms, window in self.attention_ms_per_pair)
        return prompt_tokens * sum(ms * tokens for ms, tokens in pairs)


def work(shape: Architecture, card: Card, parallel: Parallel, formats: Formats) -> Work:
    """The work of a model on cards of a kind.

    Basis: arithmetic. MLA keeps its cache whole on each card; grouped heads are copied once there
    are more cards than heads. FP4 leaves the attention of MLA models in 16 bits, as the published
    checkpoints do.
    """
    tp, stage = parallel.tensor, parallel.stage_gpus
    experts = shape.experts
    expert_parameters = experts.parameters if experts is not None else 0
    rest = max(shape.parameters - shape.embedding_parameters - expert_parameters, 0)
    head = (shape.vocab or 0) * shape.hidden_size
    wide = shape.mla or shape.narrow_experts_only
    weights = Precision.bf16 if wide and formats.weights is Precision.fp4 else formats.weights
    read, sixteen = card.bytes_per_ms, card.flop_per_ms[Precision.bf16]
    routed = 0.0 if experts is None else experts.per_token / experts.count
    expert_layers = 0 if experts is None else experts.layers
    expert_tokens = expert_layers * (experts.per_token if experts is not None else 0)
    kv_copies = 1 if shape.mla else min(tp, shape.kv_heads)
    kv_bytes = float(KV_BYTES[formats.kv]) / kv_copies
    pair = 2 * shape.heads * (shape.head_dim + shape.value_head_dim) / tp / sixteen
    attention_layers = sum(cache.layers for cache in shape.caches)
    reduce_bytes = 2 * shape.layers * ACTIVATION_BYTES * shape.hidden_size * 2 * (tp - 1) / tp
    exchanged = expert_tokens * shape.hidden_size * 2 * ACTIVATION_BYTES / tp
    hidden_ms = shape.hidden_size * ACTIVATION_BYTES / read
    flops = card.flop_per_ms
    return Work(
        weights_ms=(rest * _bytes(weights) + head * ACTIVATION_BYTES) / tp / read,
        experts_ms=expert_parameters * _bytes(formats.experts) / stage / read,
        routed_share=routed,
        kv_ms_per_token=tuple(
            (c.layers * c.elements_per_token * kv_bytes / read, c.window_tokens)
            for c in shape.caches
        ),
        state_ms=2 * shape.state_bytes_per_sequence / tp / read,
        flop_ms_per_token=2 * rest / tp / flops.get(weights, sixteen),
        expert_flop_ms_per_token=2
        * expert_parameters
        * routed
        / tp
        / flops.get(formats.experts, sixteen),
        head_flop_ms=2 * head / tp / sixteen,
        attention_ms_per_pair=tuple((c.layers * pair, c.window_tokens) for c in shape.caches),
        activation_ms_per_token=shape.layers * hidden_ms,
        expert_activation_ms_per_token=expert_tokens * hidden_ms,
        all_reduce_ms_per_token=reduce_bytes / card.link_bytes_per_ms,
        all_to_all_ms_per_token=exchanged / card.link_bytes_per_ms if parallel.data > 1 else 0.0,
        layers=shape.layers,
        expert_layers=expert_layers,
        latent_layers=attention_layers if shape.mla else 0,
        four_bit=formats.weights is Precision.fp4,
        eight_bit=formats.weights in EIGHT_BITS,
        all_reduces=2 * shape.layers if tp > 1 else 0,
        doublings=log2(tp),
        ranks=parallel.data * parallel.pipeline,
    )


def _bytes(precision: Precision) -> float:
    """Bytes of one weight with its scales."""
    return float(NOMINAL_BITS[precision] + SCALE_BITS.get(precision, 0)) / 8


def _within(tokens: float, window: int | None) -> float:
    return tokens if window is None else min(tokens, window)
