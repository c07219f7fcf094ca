"""Memory of a replica."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.values.exact import Number
from sizing.values.strict import absent


class CachePlan(Part):
    """Attention layers with the same cache."""

    layers: int
    bytes_per_token: int
    """Bytes of a token in one layer, one copy."""
    window_tokens: int | None
    """Tokens that such a layer keeps. Null means that it keeps all."""


class MemoryPlan(Part):
    parameters: Number
    """Parameters of the model."""
    encoder_parameters: Number
    """Parameters of the prompt encoders."""
    draft_parameters: Annotated[int | None, Field(default=None, exclude_if=absent)]
    """Parameters of layers that only draft tokens; left out where none do."""
    nominal_bits_per_parameter: int
    """Bits that the format's name states, without scales."""
    sixteen_bit_parameters: Number
    """Parameters that a quantised format leaves in 16 bits."""
    bits_per_parameter: Number
    """Bits of each other parameter, scales included."""
    kv_copies: Number | None
    """Number of copies of the same KV bytes in a tensor-parallel group."""
    weights_bytes: int
    """Bytes of weights that the engine holds."""
    kv_bytes_per_token: int | None
    """Bytes that a new token adds. Layers with a window drop it again later."""
    caches: tuple[CachePlan, ...]
    """Layers that cache; empty when the architecture is unknown."""
    state_bytes_per_sequence: int | None
    """Bytes of the constant state of linear layers."""
    kv_bytes_per_sequence: Number | None
    """Bytes of the mean sequence at its end, one copy."""
    max_sequences: int | None
    """Mean sequences that fit in a replica at once; null when unknown."""
    max_context_tokens: int | None
    """Longest sequence that fits in a replica, tokens; null when unknown."""
    usable_bytes_per_gpu: int | None
    """Bytes of one card that the engine may use."""
    stage_imbalance: Number | None
    """Layers of the fullest stage over the mean stage; 1 without a pipeline."""
    tokens_per_sequence: Number | None
    """Tokens of a mean sequence at its end."""
