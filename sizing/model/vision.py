"""How much work is an image for a language model that reads images?"""

from dataclasses import dataclass

from sizing.catalog import Catalog
from sizing.catalog.lookup import known
from sizing.model.rows import architecture_of
from sizing.values.field_error import FieldError


@dataclass(frozen=True)
class SeenImage:
    """One image in a prompt."""

    tokens: int
    """Tokens that the language model reads."""
    tower_tokens: int
    """Tokens for which the language model has as many operations as its vision tower."""

    @property
    def counted(self) -> int:
        """Tokens for which the image is counted."""
        return self.tokens + self.tower_tokens


def seen_image(catalog: Catalog, name: str) -> SeenImage:
    """Return an image as a model sees it, by the model's name.

    tower tokens = ceil(FLOP of the tower / (2 x (parameters - embeddings)))

    Raises FieldError for a model that the catalog lacks, or whose vision tower it lacks.
    Basis: arithmetic; the divisor is that of a token in `sizing/steps/work.py`. Assumed: the tower
    computes as fast as prompts do.
    """
    able = ", ".join(row.model for row in catalog.vision_towers)
    expected = f"a model that reads images: {able}"
    facts = known(catalog.model, name, ("model",), expected)
    tower, shape = catalog.vision_tower(facts.model), architecture_of(facts)
    if tower is None or shape is None:
        message = f"the catalog does not know that {facts.model} reads images"
        raise FieldError(("model",), message, expected)
    each = 2 * (shape.parameters - shape.embedding_parameters)
    return SeenImage(tower.tokens, -(-tower.flop // each))
