"""The answer of `sizewright catalog --json`: the kinds, the rows of a kind, or one row."""

from typing import Literal

from pydantic import RootModel

from sizewright.answers.answer import Answer
from sizing.catalog import Checkpoint, EngineSupport, Gpu, InstanceType, ModelFacts, Pin
from sizing.values.strict import Strict

Row = InstanceType | Gpu | ModelFacts | Checkpoint | EngineSupport | Pin
Kind = Literal["instance-types", "gpus", "models", "checkpoints", "engines", "pins"]


class KindAnswer(Strict):
    """One kind of facts."""

    kind: Kind
    """Name of the kind."""
    count: int
    """Rows of that kind."""


class KindsAnswer(Answer):
    """Kinds of facts in the catalog."""

    catalog_digest: str
    """Digest of the catalog's files."""
    kinds: tuple[KindAnswer, ...]
    """Every kind with its number of rows."""


class RowsAnswer(Answer):
    """The rows of a kind."""

    catalog_digest: str
    """Digest of the catalog's files."""
    kind: Kind
    """Kind of the rows."""
    rows: tuple[Row, ...]
    """Facts with their sources, in the catalog's order."""


class OneRowAnswer(Answer):
    """One row of a kind."""

    catalog_digest: str
    """Digest of the catalog's files."""
    kind: Kind
    """Kind of the row."""
    row: Row
    """Facts with their source."""


class CatalogAnswer(RootModel[KindsAnswer | RowsAnswer | OneRowAnswer]):
    """The kinds, the rows of one, or one row."""
