"""Does the model fit on the cards, and how many sequences fit beside it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from sizing.catalog import ModelFacts
from sizing.exact import ceiling, exact
from sizing.units import GIB
from sizing.workload import Model, Precision

GPU_MEMORY_UTILISATION = Decimal("0.90")
"""Share of a card the engine may use. Basis: vendor, vLLM's default."""
RUNTIME_BYTES = ceiling(Decimal("2.3") * GIB)
"""Activations, CUDA context and graphs on one card. Basis: measured by KAITO's estimator (v0.12,
2026-08), a base of 2.3 GiB."""
COMMUNICATION_BYTES = ceiling(Decimal("1.83") * GIB)
"""More on each card of a tensor-parallel group. Basis: measured by llm-d Planner on H100 and vLLM
0.19 (2026-06), 2.1 GiB outside torch against 0.27 GiB on one card."""

NOMINAL_BITS = {
    Precision.fp32: 32,
    Precision.bf16: 16,
    Precision.fp16: 16,
    Precision.fp8: 8,
    Precision.int8: 8,
    Precision.fp4: 4,
    Precision.int4: 4,
    Precision.nf4: 4,
}
SCALE_BITS = {
    Precision.fp4: Fraction(8, 16),
    Precision.int4: Fraction(16 + 4, 128),
    Precision.nf4: Fraction(32, 64),
}
"""Bits of scales beside each quantised weight. Basis: formats. NVFP4: 8 bits a block of 16; AWQ and
GPTQ: a 16-bit scale and a 4-bit zero point a group of 128; NF4: a 32-bit constant a block of 64
(QLoRA, arXiv 2305.14314)."""
UNQUANTISED = (Precision.fp32, Precision.bf16, Precision.fp16)


def nominal_weights_bytes(
    model: Model, parameters: Fraction, precision: Precision, facts: ModelFacts | None
) -> int:
    """Bytes of the weights as designs count them: parameters x nominal bits / 8, encoders included.

    Basis: arithmetic. What an engine really holds is `held_weights`.
    """
    return ceiling((parameters + _encoder_parameters(model, facts)) * NOMINAL_BITS[precision] / 8)


@dataclass(frozen=True)
class HeldWeights:
    """What an engine holds of a model: some parameters in 16 bits, the others in the format's."""

    precision: Precision
    parameters: Fraction
    encoder_parameters: Fraction
    sixteen_bit_parameters: Fraction
    bits_per_parameter: Fraction
    """Of the others, scales included."""

    @property
    def bytes(self) -> int:
        """(all parameters - 16-bit ones) x bits / 8 + 16-bit ones x 2, rounded up."""
        others = self.parameters + self.encoder_parameters - self.sixteen_bit_parameters
        return ceiling(others * self.bits_per_parameter / 8 + self.sixteen_bit_parameters * 2)


def held_weights(
    model: Model, parameters: Fraction, precision: Precision, facts: ModelFacts | None
) -> HeldWeights:
    """The weights that an engine holds.

    Quantised formats leave the embedding matrices (vocabulary x hidden size, twice unless tied) in
    16 bits; without an architecture they are not told apart. Basis: arithmetic over the formats.
    """
    encoders = _encoder_parameters(model, facts)
    kept = Fraction(0) if precision in UNQUANTISED else _embedding_parameters(facts)
    bits = NOMINAL_BITS[precision] + SCALE_BITS.get(precision, Fraction(0))
    return HeldWeights(precision, parameters, encoders, min(kept, parameters), bits)


def _encoder_parameters(model: Model, facts: ModelFacts | None) -> Fraction:
    """Of the encoders that the workload names, else of those the catalog knows of its model."""
    if facts is not None and "encoders" not in model.model_fields_set:
        return Fraction(facts.text_encoder_parameters or 0)
    return sum((exact(e.parameters) for e in model.encoders), Fraction(0))


def _embedding_parameters(facts: ModelFacts | None) -> Fraction:
    if facts is None or facts.vocab is None or facts.hidden_size is None:
        return Fraction(0)
    return Fraction(facts.vocab * facts.hidden_size * (1 if facts.tied_embeddings else 2))


def kv_bytes_per_token(facts: ModelFacts | None, kv_precision: str) -> int | None:
    """Bytes of KV cache one token needs in all layers; None when the architecture is unknown.

    2 x layers x KV heads x head dimension x bytes; compressed attention (MLA) as in the catalog

    Basis: vendor (the model's config.json, see data/models.csv), in 16 bits; half of it in FP8. For
    sliding-window and hybrid models it is an upper bound.
    """
    if facts is None or not facts.kv_bytes_per_token_16bit:
        return None
    return facts.kv_bytes_per_token_16bit // (2 if kv_precision == "fp8" else 1)


def kv_copies(facts: ModelFacts | None, tensor_parallel: int) -> Fraction:
    """How often a tensor-parallel group holds the same KV bytes.

    MLA keeps a whole copy on each card; grouped heads are copied once there are more cards.
    """
    if facts is None:
        return Fraction(1)
    if facts.mla_latent_dim is not None:
        return Fraction(tensor_parallel)
    return max(Fraction(1), Fraction(tensor_parallel, facts.kv_heads or tensor_parallel))


def usable_bytes(card_bytes: int, cards: int) -> int:
    """Bytes of one card for weights and KV cache: memory x 0.90 - runtime (- communication)."""
    runtime = RUNTIME_BYTES + (COMMUNICATION_BYTES if cards > 1 else 0)
    return max(floor(card_bytes * exact(GPU_MEMORY_UTILISATION)) - runtime, 0)


@dataclass(frozen=True)
class Need:
    """What one replica must hold: weights, and KV cache for its sequences."""

    weights: HeldWeights
    kv_bytes_per_token: int | None
    tokens: Fraction | None
    """Tokens of one sequence, mean."""
    longest_tokens: Fraction | None
    """Tokens of the longest sequence that must fit alone."""
    facts: ModelFacts | None

    @property
    def weights_bytes(self) -> int:
        return self.weights.bytes

    def stage_imbalance(self, stages: int) -> Fraction:
        """Layers of the fullest of a pipeline's stages over the mean stage.

        stages x ceil(layers / stages) / layers: 61 layers on 2 stages are 31 and 30

        1 without known layers. Basis: vendor (vLLM spreads whole layers evenly); embeddings are
        taken to be spread with them.
        """
        layers = self.facts.layers if self.facts is not None else None
        if layers is None:
            return Fraction(1)
        return Fraction(stages * ceiling(Fraction(layers, stages)), layers)

    def bytes_with_one_sequence(self, tensor_parallel: int) -> int:
        """Weights and the KV cache of the longest sequence."""
        if self.kv_bytes_per_token is None or self.longest_tokens is None:
            return self.weights_bytes
        kv = self.kv_bytes_per_token * kv_copies(self.facts, tensor_parallel)
        return self.weights_bytes + ceiling(self.longest_tokens * kv)


@dataclass(frozen=True)
class Fit:
    """A replica on `tensor_parallel` cards, and the sequences that memory leaves room for."""

    tensor_parallel: int
    usable_bytes_per_gpu: int
    max_sequences: int | None
    max_context_tokens: int | None
    """Tokens of the longest sequence that fits alone, within the model's own context."""
    nodes: int = 1
    """Whole nodes of a replica that spans several, else 1."""
    pipeline_parallel: int = 1
    """Stages that the layers are cut into: each a tensor-parallel group inside one node."""


def fit(
    need: Need, card_bytes: int, tensor_parallel: int, nodes: int = 1, stages_per_node: int = 1
) -> Fit | None:
    """The replica on that many cards; None when weights and one sequence do not fit.

    room = cards x usable / imbalance of the stages, 1 for one stage
    sequences = floor((room - weights) / (tokens x KV bytes a token x copies))
    longest = floor((room - weights) / (KV bytes a token x copies)), at most the model's

    Basis: arithmetic; `tokens` is the mean request at its end, since KV pages are allotted as a
    sequence grows.
    """
    stages = nodes * stages_per_node
    usable = usable_bytes(card_bytes, tensor_parallel * stages)
    room = usable * tensor_parallel * stages / need.stage_imbalance(stages)
    if need.bytes_with_one_sequence(tensor_parallel) > room:
        return None
    if need.kv_bytes_per_token is None:
        return Fit(tensor_parallel, usable, None, None, nodes, stages)
    kv = need.kv_bytes_per_token * kv_copies(need.facts, tensor_parallel)
    tokens = (room - need.weights_bytes) / kv
    own_context = need.facts.context if need.facts is not None else None
    return Fit(
        tensor_parallel=tensor_parallel,
        usable_bytes_per_gpu=usable,
        max_sequences=None if need.tokens is None else floor(tokens / need.tokens),
        max_context_tokens=min(floor(tokens), own_context or floor(tokens)),
        nodes=nodes,
        pipeline_parallel=stages,
    )


def tensor_parallel_sizes(facts: ModelFacts | None, cards: int) -> Sequence[int]:
    """Cards a replica may be split over: powers of two up to the node's cards that divide heads."""
    heads = facts.heads if facts is not None else None
    sizes = [1 << power for power in range(cards.bit_length()) if 1 << power <= cards]
    return [size for size in sizes if heads is None or heads % size == 0]
