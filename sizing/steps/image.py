"""How much work is an image in a prompt, for a language model that reads images?"""

from sizing.catalog import Catalog, UnknownName
from sizing.model.rows import architecture_of
from sizing.plan.service.prompt import ImagePlan
from sizing.values.field_error import FieldError


def image_plan(catalog: Catalog, name: str) -> ImagePlan:
    """Return one image of a prompt as a model sees it, by the model's name.

    tower tokens = ceil(FLOP of the tower / FLOP of a token)
    FLOP of a token = 2 x (parameters - embeddings), as in `sizing/steps/work.py`

    Raises FieldError for a model that the catalog lacks, or whose vision tower it lacks.
    Basis: arithmetic; assumed is that the tower computes as fast as prompts do.
    """
    able = ", ".join(row.model for row in catalog.vision_towers)
    expected = f"a model that reads images: {able}"
    try:
        facts = catalog.model(name)
    except UnknownName as unknown:
        raise FieldError(("model",), f"unknown name {name!r}", expected) from unknown
    tower, shape = catalog.vision_tower(facts.model), architecture_of(facts)
    if tower is None or shape is None:
        message = f"the catalog does not know that {facts.model} reads images"
        raise FieldError(("model",), message, expected)
    token_flop = 2 * (shape.parameters - shape.embedding_parameters)
    return ImagePlan(
        tokens=tower.tokens,
        tower_flop=tower.flop,
        token_flop=token_flop,
        tower_tokens=-(-tower.flop // token_flop),
    )
