"""From a pydantic model to JSON Schema that editors and scripts can use as it is.

Pydantic leaves the bounds of its own number types as keywords that JSON Schema does not know, and
says nothing of an enum's members.
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
    """Pydantic's, with a sentence for each member of an enum and no titles made from names."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never: a title would only repeat the field's name."""
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        """An answer has all its fields, but those that it leaves out where they are empty."""
        if self.mode == "serialization":
            return not field.get("serialization_exclude_if")
        return super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Defaults are of what users write; those that are no scalar say nothing in an editor."""
        node = super().default_schema(schema)
        if self.mode == "serialization" or not isinstance(
            node.get("default"), str | int | float | bool
        ):
            node.pop("default", None)
        elif isinstance(schema.get("default"), Decimal):
            node["default"] = plain(schema["default"])
        return node

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """With the sentence below each field."""
        node = super().model_schema(schema)
        said = attribute_docstrings(schema["cls"])
        for name, field in node.get("properties", {}).items():
            if name in said:
                field.setdefault("description", said[name])
        return node

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        """With `enumDescriptions`, which editors show beside the values."""
        node = super().enum_schema(schema)
        said = attribute_docstrings(schema["cls"])
        if said:
            node["enumDescriptions"] = [said.get(name, "") for name in schema["cls"].__members__]
        return node


def generated(core: CoreSchema, mode: Any) -> Node:
    """The schema of a core schema; numbers with their bounds."""
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
    """Moves pydantic's bounds to the numbers that they are of."""
    bounds = {
        word: plain(Decimal(str(node.pop(key)))) for key, word in BOUNDS.items() if key in node
    }
    for key in UNSAID:
        node.pop(key, None)
    for member in node.get("anyOf", [node]):
        if member.get("type") in ("integer", "number"):
            member.update(bounds)
