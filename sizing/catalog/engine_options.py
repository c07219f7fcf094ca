"""Which options does an engine image have, by its tag, and which models does an engine list?"""

from enum import StrEnum

from sizing.catalog.records import Record


class Ability(StrEnum):
    """Ability that a release of an engine may have."""

    keep_alive = "keep_alive"
    """Keeps an idle connection for a stated time."""
    sequences = "sequences"
    """Bounds the sequences of one request."""
    beams = "beams"
    """Bounds the beams of one request's search."""
    prompts = "prompts"
    """Bounds the prompts of one request."""
    context = "context"
    """Bounds prompt and answer together."""
    queue = "queue"
    """Bounds the requests that run or wait, and answers 503 beyond that."""
    middleware = "middleware"
    """Runs a check of this product before each request."""
    probe = "probe"
    """Answers health checks without generating anything."""
    tls = "tls"
    """Serves HTTPS with a certificate from files."""
    user = "user"
    """Runs as a user other than root."""
    host_cache = "host_cache"
    """Keeps a KV cache in host memory."""


class EngineOption(Record):
    """Ability of one image tag, and the option for it.

    Basis: the published package of that version, as cited in `source`.
    """

    engine: str
    """Serving engine."""
    tag: str
    """Tag of the engine's image, as in `pins.csv`."""
    ability: Ability
    """Ability of the image."""
    option: str
    """Flag or environment variable that selects the ability."""
    known: bool | None = None
    """True where this version has that option; None where it is unknown."""

    @property
    def names(self) -> tuple[str, ...]:
        """Engine, tag and ability, which form the key of the row."""
        return (f"{self.engine} {self.tag} {self.ability}",)


class EngineModel(Record):
    """Model that an engine lists, for engines that serve only the models of their lists.

    Basis: the engine's list of supported models and its package, as cited in `source`.
    """

    engine: str
    """Serving engine."""
    model: str
    """Short name of the model in `models.csv`."""
    pipeline: str
    """Engine's name of the model's pipeline."""
    splits_tokens: bool
    """True where several GPUs may share the tokens of one pass."""
    takes_image: bool
    """True where an item may start from an input image."""

    @property
    def names(self) -> tuple[str, ...]:
        """Engine and model, which form the key of the row."""
        return (f"{self.engine} {self.model}",)
