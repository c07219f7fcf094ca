"""Does the model fit on the cards, and how many sequences fit with it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from math import floor
from typing import assert_never

from sizing.catalog import ModelFacts
from sizing.catalog.architecture import Architecture
from sizing.model.rows import held_architecture_of
from sizing.values.exact import ceiling, exact
from sizing.values.units import GIB
from sizing.workload import Model, Precision
from sizing.workload.kinds import EncoderPlacement

GPU_MEMORY_UTILISATION = Decimal("0.90")
"""Share of a card that the engine may use. Basis: vendor, vLLM's default."""
RUNTIME_BYTES = ceiling(Decimal("2.3") * GIB)
"""Bytes of activations, CUDA context and graphs on one card. Basis: measured by KAITO's estimator
(v0.12, 2026-08), a base of 2.3 GiB."""
COMMUNICATION_BYTES = ceiling(Decimal("1.83") * GIB)
"""Additional bytes on each card of a tensor-parallel group. Basis: measured by llm-d Planner on
H100 and vLLM 0.19 (2026-06), 2.1 GiB outside torch against 0.27 GiB on one card."""

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
"""Bits of scales for each quantised weight. Basis: formats. NVFP4 has 8 bits a block of 16. AWQ and
GPTQ have a 16-bit scale and a 4-bit zero point a group of 128. NF4 has a 32-bit constant a block of
64 (QLoRA, arXiv 2305.14314)."""
UNQUANTISED = (Precision.fp32, Precision.bf16, Precision.fp16)


def weight_bytes(precision: Precision) -> Fraction:
    """Bytes of one weight with its scales."""
    return (NOMINAL_BITS[precision] + SCALE_BITS.get(precision, Fraction(0))) / 8


def nominal_weights_bytes(
    model: Model, parameters: Fraction, precision: Precision, facts: ModelFacts | None
) -> int:
    """Bytes of the weights in published designs: parameters x nominal bits / 8, with encoders.

    Basis: arithmetic. `held_weights` counts the bytes that an engine loads.
    """
    return ceiling((parameters + _encoder_parameters(model, facts)) * NOMINAL_BITS[precision] / 8)


@dataclass(frozen=True)
class HeldWeights:
    """Weights in an engine: some parameters in 16 bits, the others in the format's bits."""

    precision: Precision
    parameters: Fraction
    encoder_parameters: Fraction
    sixteen_bit_parameters: Fraction
    bits_per_parameter: Fraction
    """Bits of each other parameter, scales included."""
    draft_parameters: int = 0
    """Parameters of layers that only draft tokens."""

    @cached_property
    def bytes(self) -> int:
        """Bytes of the weights: (all parameters - 16-bit ones) x bits / 8 + 16-bit ones x 2,
        rounded up."""
        others = self.parameters + self.encoder_parameters - self.sixteen_bit_parameters
        others += self.draft_parameters
        return ceiling(others * self.bits_per_parameter / 8 + self.sixteen_bit_parameters * 2)


def held_weights(
    model: Model, parameters: Fraction, precision: Precision, facts: ModelFacts | None
) -> HeldWeights:
    """Return the weights that an engine loads.

    Quantised formats leave the embedding matrices (vocabulary x hidden size, twice unless tied) and
    vision towers in 16 bits. Checkpoints that quantise only their experts leave all else in 16
    bits. Without an architecture, all parameters count alike. Basis: arithmetic over the formats.
    """
    encoders = _encoder_parameters(model, facts)
    shape = held_architecture_of(facts)
    native = facts is not None and precision.value == facts.native_dtype
    kept = Fraction(0)
    if precision not in UNQUANTISED and shape is not None:
        kept = Fraction(shape.embedding_parameters + shape.vision_parameters)
        if shape.experts is not None and shape.dense_format(precision) is not precision:
            kept = parameters - shape.experts.parameters
    scales = SCALE_BITS.get(precision, Fraction(0))
    if native and shape is not None and shape.scale_bits is not None:
        scales = shape.scale_bits
    bits = NOMINAL_BITS[precision] + scales
    return HeldWeights(
        precision, parameters, encoders, max(min(kept, parameters), Fraction(0)), bits
    )


def _encoder_parameters(model: Model, facts: ModelFacts | None) -> Fraction:
    """Parameters of the workload's encoders, else of the catalog's encoders of its model."""
    if facts is not None and "encoders" not in model.model_fields_set:
        return Fraction(facts.text_encoder_parameters or 0)
    return sum((exact(e.parameters) for e in model.encoders), Fraction(0))


def kv_copies(shape: Architecture | None, tensor_parallel: int) -> Fraction:
    """Number of copies of the same KV bytes in a tensor-parallel group.

    MLA keeps a whole copy on each card. Grouped heads are copied where cards outnumber them.
    """
    if shape is None:
        return Fraction(1)
    if shape.mla:
        return Fraction(tensor_parallel)
    return max(Fraction(1), Fraction(tensor_parallel, shape.kv_heads))


def usable_bytes(card_bytes: int, cards: int) -> int:
    """Bytes of one card for weights and KV cache: memory x 0.90 - runtime (- communication)."""
    runtime = RUNTIME_BYTES + (COMMUNICATION_BYTES if cards > 1 else 0)
    return max(floor(card_bytes * exact(GPU_MEMORY_UTILISATION)) - runtime, 0)


@dataclass(frozen=True)
class ItemMemory:
    """Memory that an image or clip takes next to the weights on each of its cards."""

    item_bytes: int
    """Bytes of the hidden states, or of the decoder's tensors where they are more."""
    autoencoder_bytes: int
    encoder_placement: EncoderPlacement

    def card_bytes(self, weights: HeldWeights) -> int:
        """Bytes on each card, which holds the whole model.

        resident: all weights + autoencoder + item; separate: the same without the encoders;
        offloaded: the larger of the encoders and the rest

        Basis: arithmetic.
        """
        encoders = ceiling(weights.encoder_parameters * weights.bits_per_parameter / 8)
        rest = weights.bytes - encoders + self.autoencoder_bytes + self.item_bytes
        match self.encoder_placement:
            case EncoderPlacement.resident:
                return rest + encoders
            case EncoderPlacement.separate:
                return rest
            case EncoderPlacement.offloaded:
                return max(rest, encoders)
            case _:
                assert_never(self.encoder_placement)


@dataclass(frozen=True)
class Need:
    """Memory requirements of one replica: weights, and KV cache for its sequences."""

    weights: HeldWeights
    shape: Architecture | None
    """Architecture; None where it is unknown, so that only the weights count."""
    kv_precision: str
    tokens: Fraction | None
    """Mean tokens of one sequence."""
    longest_tokens: Fraction | None
    """Tokens of the longest sequence that must fit alone."""
    item: ItemMemory | None = None
    """Memory of an image or clip; None for models that generate tokens."""

    @property
    def step_shape(self) -> Architecture | None:
        """Architecture, where all inputs of the step times are known."""
        return self.shape if self.shape is not None and self.shape.experts_known else None

    @property
    def weights_bytes(self) -> int:
        return self.weights.bytes

    @property
    def kv_bytes_per_token(self) -> int | None:
        """Bytes that a new token adds to the cache; None without an architecture."""
        return None if self.shape is None else self.shape.kv_bytes_per_token(self.kv_precision)

    @property
    def kv_bytes_per_sequence(self) -> Fraction | None:
        """Bytes of the mean sequence at its end; None without an architecture or tokens."""
        if self.shape is None or self.tokens is None:
            return None
        return self.shape.kv_bytes_of_sequence(self.tokens, self.kv_precision)

    def stage_imbalance(self, stages: int) -> Fraction:
        """Layers of a pipeline's fullest stage over the mean stage.

        stages x ceil(layers / stages) / layers: 61 layers on 2 stages are 31 and 30

        The ratio is 1 without known layers. Basis: vendor (vLLM spreads whole layers evenly);
        embeddings are assumed to follow the layers.
        """
        layers = self.shape.layers if self.shape is not None else None
        if layers is None:
            return Fraction(1)
        return Fraction(stages * ceiling(Fraction(layers, stages)), layers)

    def bytes_with_one_sequence(self, tensor_parallel: int) -> int:
        """Bytes of the weights and of the KV cache of the longest sequence. Every card of an image
        or clip holds the whole model."""
        if self.item is not None:
            return self.item.card_bytes(self.weights) * tensor_parallel
        if self.shape is None or self.longest_tokens is None:
            return self.weights_bytes
        kv = self.shape.kv_bytes_of_sequence(self.longest_tokens, self.kv_precision)
        return self.weights_bytes + ceiling(kv * kv_copies(self.shape, tensor_parallel))


@dataclass(frozen=True)
class Fit:
    """Replica on `tensor_parallel` cards, and the number of sequences that fit in its memory."""

    tensor_parallel: int
    usable_bytes_per_gpu: int
    max_sequences: int | None
    max_context_tokens: int | None
    """Tokens of the longest sequence that fits alone, within the model's own context."""
    nodes: int = 1
    """Number of whole nodes of a replica that spans several, else 1."""
    pipeline_parallel: int = 1
    """Number of stages of the layers. Each stage is a tensor-parallel group inside one node."""


def fit(
    need: Need, card_bytes: int, tensor_parallel: int, nodes: int = 1, stages_per_node: int = 1
) -> Fit | None:
    """Return the replica on these cards; None when weights and one sequence do not fit.

    room = cards x usable / imbalance of the stages, 1 for one stage
    sequences = floor((room - weights) / (KV bytes of the mean sequence x copies))
    longest = the tokens whose KV bytes x copies fill room - weights, at most the model's

    Basis: arithmetic; the mean sequence at its end, since KV pages are allotted as it grows.
    """
    stages = nodes * stages_per_node
    usable = usable_bytes(card_bytes, tensor_parallel * stages)
    room = usable * tensor_parallel * stages / need.stage_imbalance(stages)
    if need.bytes_with_one_sequence(tensor_parallel) > room:
        return None
    if need.shape is None:
        return Fit(tensor_parallel, usable, None, None, nodes, stages)
    copies = kv_copies(need.shape, tensor_parallel)
    left = (room - need.weights_bytes) / copies
    longest = need.shape.longest_sequence(left, need.kv_precision)
    limits = [limit for limit in (longest, need.shape.context) if limit is not None]
    sequence = need.kv_bytes_per_sequence
    return Fit(
        tensor_parallel=tensor_parallel,
        usable_bytes_per_gpu=usable,
        max_sequences=None if not sequence else floor(left / sequence),
        max_context_tokens=min(limits, default=None),
        nodes=nodes,
        pipeline_parallel=stages,
    )


def tensor_parallel_sizes(facts: ModelFacts | None, cards: int) -> Sequence[int]:
    """Card counts of a replica: powers of two that divide the heads, up to the node's cards."""
    heads = facts.heads if facts is not None else None
    sizes = [1 << power for power in range(cards.bit_length()) if 1 << power <= cards]
    return [size for size in sizes if heads is None or heads % size == 0]
