"""What a replica holds."""

from sizing.plan.part import Part
from sizing.values.exact import Number


class CachePlan(Part):
    """Attention layers that cache alike."""

    layers: int
    bytes_per_token: int
    """Of one layer, one copy."""
    window_tokens: int | None
    """Tokens that such a layer keeps; null keeps all."""


class MemoryPlan(Part):
    parameters: Number
    """Parameters of the model."""
    encoder_parameters: Number
    """Parameters of the encoders beside it."""
    nominal_bits_per_parameter: int
    """What the format's name says, without scales."""
    sixteen_bit_parameters: Number
    """Parameters that a quantised format leaves in 16 bits."""
    bits_per_parameter: Number
    """Of all others, scales included."""
    kv_copies: Number | None
    """How often a tensor-parallel group holds the same KV bytes."""
    weights_bytes: int
    kv_bytes_per_token: int | None
    """What a new token adds; layers with a window later drop it again."""
    caches: tuple[CachePlan, ...]
    """Empty when the architecture is unknown."""
    state_bytes_per_sequence: int | None
    """Constant state of linear layers."""
    kv_bytes_per_sequence: Number | None
    """Of the mean sequence at its end, one copy."""
    max_sequences: int | None
    """Mean sequences that a replica holds at once; null when unknown."""
    max_context_tokens: int | None
    """Longest sequence that a replica holds, tokens; null when unknown."""
    usable_bytes_per_gpu: int | None
    """Bytes of one card that the engine may use."""
    stage_imbalance: Number | None
    """Layers of the fullest stage over the mean stage; 1 without a pipeline."""
    tokens_per_sequence: Number | None
