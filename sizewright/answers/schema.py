"""The answer of `sizewright schema --json`: the names, the written files, or one schema."""

from typing import Any

from pydantic import RootModel

from sizewright.answers.answer import Answer
from sizing.values.strict import Strict


class NamedSchema(Strict):
    """One schema that can be printed."""

    name: str
    """Name of the schema, as the command accepts it."""
    title: str
    """Title of the schema."""


class SchemasAnswer(Answer):
    """All schemas."""

    schemas: tuple[NamedSchema, ...]
    """Schemas of input files, then of answers."""


class WrittenAnswer(Answer):
    """Schemas written into a folder."""

    written: tuple[str, ...]
    """Paths of the files."""


class SchemaAnswer(RootModel[SchemasAnswer | WrittenAnswer | dict[str, Any]]):
    """The names, the files written, or one JSON schema."""
