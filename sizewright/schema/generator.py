"""This module turns a pydantic model into JSON Schema that editors and scripts can use directly.

Pydantic writes the bounds of its own number types as keywords that JSON Schema does not know. It
does not describe the members of an enum.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from sizewright.reading.docstrings import attribute_docstrings
from sizing.values.exact import plain

Node = dict[str, Any]

BOUNDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
}
UNSAID = ("max_digits", "decimal_places")


class Generator(GenerateJsonSchema):
    """Pydantic's generator, with a description for each enum member and no generated titles."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: a title would only repeat the field's name."""
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        """True for the fields of an answer, except those that are omitted where they are empty."""
        if self.mode == "serialization":
            return not field.get("serialization_exclude_if")
        return super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Drop the defaults of answers, and defaults other than scalars, which do not help
        editors."""
        node = super().default_schema(schema)
        if self.mode == "serialization" or not isinstance(
            node.get("default"), str | int | float | bool
        ):
            node.pop("default", None)
        elif isinstance(schema.get("default"), Decimal):
            node["default"] = plain(schema["default"])
        return node

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Add the docstring below each field as its description."""
        node = super().model_schema(schema)
        said = attribute_docstrings(schema["cls"])
        for name, field in node.get("properties", {}).items():
            if name in said:
                field.setdefault("description", said[name])
        return node

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """Add `enumDescriptions`, which editors show next to the values."""
        node = super().enum_schema(schema)
        said = attribute_docstrings(schema["cls"])
        if said:
            node["enumDescriptions"] = [said.get(name, "") for name in schema["cls"].__members__]
        return node


def generated(core: CoreSchema, mode: Any) -> Node:
    """Return the JSON schema of a core schema, in which numbers have their bounds."""
    node: Node = Generator().generate(core, mode=mode)
    for each in nodes(node):
        _state_bounds(each)
        if "patternProperties" in each:
            each.setdefault("additionalProperties", False)
        if isinstance(each.get("description"), str):
            each["description"] = " ".join(each["description"].split())
    return node


def nodes(node: object) -> Iterator[Node]:
    """Every mapping of a schema, inner ones first."""
    if isinstance(node, dict):
        for child in list(node.values()):
            yield from nodes(child)
        yield node
    elif isinstance(node, list):
        for child in node:
            yield from nodes(child)


def _state_bounds(node: Node) -> None:
    """Move pydantic's bounds to the numbers that they limit."""
    bounds = {
        word: plain(Decimal(str(node.pop(key)))) for key, word in BOUNDS.items() if key in node
    }
    for key in UNSAID:
        node.pop(key, None)
    for member in node.get("anyOf", [node]):
        if member.get("type") in ("integer", "number"):
            member.update(bounds)
