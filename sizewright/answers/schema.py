"""`sizewright schema --json`: the names, or what was written; of one name, the schema itself."""

from typing import Any

from pydantic import RootModel

from sizewright.answers.answer import Answer
from sizing.values.strict import Strict


class NamedSchema(Strict):
    """One schema that can be printed."""

    name: str
    """Name to ask for."""
    title: str
    """What it describes."""


class SchemasAnswer(Answer):
    """The schemas there are."""

    schemas: tuple[NamedSchema, ...]
    """Of files that users write, then of answers."""


class WrittenAnswer(Answer):
    """Schemas written into a folder."""

    written: tuple[str, ...]
    """Paths of the files."""


class SchemaAnswer(RootModel[SchemasAnswer | WrittenAnswer | dict[str, Any]]):
    """The names, the files written, or one JSON schema."""
