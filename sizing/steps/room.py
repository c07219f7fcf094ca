"""How many sequences run at once before memory is full?"""

from fractions import Fraction

from sizing.catalog.architecture import Architecture
from sizing.model.memory import kv_copies, usable_bytes, weight_bytes
from sizing.steps.replica import Formats, Parallel
from sizing.workload import Precision


def most_running(
    shape: Architecture,
    card_bytes: int,
    parallel: Parallel,
    formats: Formats,
    tokens: Fraction,
) -> float:
    """Number of sequences of this length that fit in a replica; 0 where weights alone do not fit.

    ranks x (cards of a rank x usable - weights of a rank) / (KV bytes of a sequence x copies)

    Basis: arithmetic; every data-parallel rank copies all but the routed experts, and each pipeline
    stage has a part of the layers.
    """
    tp = parallel.tensor
    experts = shape.experts.parameters if shape.experts is not None else 0
    rest = shape.parameters - shape.embedding_parameters - experts
    held = rest * weight_bytes(shape.dense_format(formats.weights))
    held += shape.embedding_parameters * weight_bytes(Precision.bf16)
    held += experts * weight_bytes(formats.experts) / parallel.data
    usable = usable_bytes(card_bytes, parallel.gpus) * tp * parallel.pipeline
    one = shape.kv_bytes_of_sequence(tokens, formats.kv) * kv_copies(shape, tp)
    if one <= 0:
        return float("inf") if usable > held else 0.0
    return max(0.0, float((usable - held) / one)) * parallel.data
