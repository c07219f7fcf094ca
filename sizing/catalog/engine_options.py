"""What does the image of an engine know to do, by its tag?"""

from enum import StrEnum

from sizing.catalog.records import Record


class Ability(StrEnum):
    """What a release of an engine may or may not be able to do."""

    keep_alive = "keep_alive"
    """Keep an idle connection for a stated time."""
    sequences = "sequences"
    """Bound the sequences that one request asks for."""
    beams = "beams"
    """Bound the beams of one request's search."""
    prompts = "prompts"
    """Bound the prompts of one request."""
    context = "context"
    """Bound prompt and answer together."""
    queue = "queue"
    """Bound the requests that run or wait, and answer 503 beyond."""
    middleware = "middleware"
    """Run a check of ours before each request."""
    tls = "tls"
    """Serve HTTPS with a certificate from files."""
    user = "user"
    """Run as another user than root."""


class EngineOption(Record):
    """Whether the image of one tag has one ability, and by which option.

    Basis: the published package of that version, as cited in `source`.
    """

    engine: str
    """Serving engine."""
    tag: str
    """Tag of its image, as `pins.csv` has it."""
    ability: Ability
    """What it may be able to do."""
    option: str
    """Flag or environment variable that asks for it."""
    known: bool | None = None
    """Whether this version knows that option; None where nobody looked."""

    @property
    def names(self) -> tuple[str, ...]:
        """Engine, tag and ability, the key of the row."""
        return (f"{self.engine} {self.tag} {self.ability}",)
