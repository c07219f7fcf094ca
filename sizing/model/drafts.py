"""What do the layers of a checkpoint that draft tokens add to a replica's memory?"""

from dataclasses import replace
from fractions import Fraction

from sizing.catalog.architecture import Architecture
from sizing.values.exact import ceiling
from sizing.workload import DraftMethod, Engine


def drafts_by_layers(engine: Engine) -> bool:
    """True where layers of the checkpoint draft the tokens."""
    return engine.speculative is not None and engine.speculative.method is DraftMethod.mtp


def draft_parameters(shape: Architecture, engine: Engine) -> int:
    """Parameters of the layers that draft, rounded up; 0 where none do.

    draft layers x (other parameters / layers + routed experts / expert layers + 2 x hidden size^2)

    Basis: vendor for the form (DeepSeek-V3 report, arXiv 2412.19437, 2.2): a draft layer is one
    more layer with a projection of two hidden states. It shares the embeddings, also in vLLM.
    Assumed: it is as large as the mean layer.
    """
    if not drafts_by_layers(engine):
        return 0
    experts = shape.experts
    routed = 0 if experts is None else experts.parameters
    each = Fraction(shape.parameters - shape.embedding_parameters - routed, shape.layers)
    each += 0 if experts is None else Fraction(experts.parameters, experts.layers)
    return ceiling(shape.draft_layers * (each + 2 * shape.hidden_size**2))


def with_draft_caches(shape: Architecture, engine: Engine) -> Architecture:
    """Return the shape with the caches of its draft layers, which keep every token.

    Guard: the step reads them too, though their time is part of the stated cost of drafting. This
    overestimates a step by one layer's cache.
    """
    if not drafts_by_layers(engine) or not shape.caches:
        return shape
    whole = max(range(len(shape.caches)), key=lambda i: shape.caches[i].window_tokens is None)
    caches = list(shape.caches)
    caches[whole] = replace(caches[whole], layers=caches[whole].layers + shape.draft_layers)
    return replace(shape, caches=tuple(caches))
