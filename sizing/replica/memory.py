"""How much memory do the weights and the caches of a replica take?"""

from sizing.catalog.architecture import KV_BYTES
from sizing.model.memory import NOMINAL_BITS, Fit, Need, kv_copies
from sizing.plan.service.memory import CachePlan, MemoryPlan
from sizing.values.exact import plain, plain_or_none


def memory_plan(need: Need, fit: Fit | None) -> MemoryPlan:
    """Return the bytes of the model, and what fits with it where a replica fits at all."""
    split, stages = (fit.tensor_parallel, fit.pipeline_parallel) if fit else (1, 1)
    shape = need.shape
    return MemoryPlan(
        nominal_bits_per_parameter=NOMINAL_BITS[need.weights.precision],
        parameters=plain(need.weights.parameters),
        encoder_parameters=plain(need.weights.encoder_parameters),
        draft_parameters=need.weights.draft_parameters or None,
        sixteen_bit_parameters=plain(need.weights.sixteen_bit_parameters),
        bits_per_parameter=plain(need.weights.bits_per_parameter),
        kv_copies=plain(kv_copies(shape, split)) if shape else None,
        weights_bytes=need.weights_bytes,
        kv_bytes_per_token=need.kv_bytes_per_token,
        caches=_caches(need),
        state_bytes_per_sequence=shape.state_bytes_per_sequence if shape else None,
        kv_bytes_per_sequence=plain_or_none(need.kv_bytes_per_sequence),
        max_sequences=fit.max_sequences if fit else None,
        max_context_tokens=fit.max_context_tokens if fit else None,
        stage_imbalance=plain(need.stage_imbalance(stages)) if fit else None,
        usable_bytes_per_gpu=fit.usable_bytes_per_gpu if fit else None,
        tokens_per_sequence=plain_or_none(need.tokens),
    )


def _caches(need: Need) -> tuple[CachePlan, ...]:
    """Layers that cache, by the elements that they keep of a token."""
    if need.shape is None:
        return ()
    element_bytes, indexer = KV_BYTES[need.kv_precision], need.shape.indexer
    kept = [
        (cache.layers, int(cache.elements_per_token * element_bytes), cache.window_tokens)
        for cache in need.shape.caches
    ]
    if indexer is not None:
        layers = sum(cache.layers for cache in need.shape.caches)
        kept.append((layers, indexer.bytes_per_token, None))
    return tuple(
        CachePlan(layers=layers, bytes_per_token=each, window_tokens=window)
        for layers, each, window in kept
    )
