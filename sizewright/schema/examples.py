"""Examples of the fields that users write, for editors and reference pages, from a data file."""

import csv
from collections.abc import Iterator
from pathlib import Path

from sizewright.reading.plain_yaml import Plain, PlainYaml, RefusedYamlError
from sizewright.schema.generator import Node

DATA = Path(__file__).parent / "data" / "field_examples.csv"
COLUMNS = ["schema", "field", "example"]
ITEMS = "[]"
"""Suffix of a list's name where the field belongs to the items of the list."""


def add_examples(schema: str, properties: Node) -> None:
    """Add the example of each row to its field. Raises ValueError for a row that has no effect."""
    for field, example in field_examples(schema, DATA).items():
        nodes = list(nodes_at(properties, field.split(".")))
        if not nodes:
            raise ValueError(f"{DATA.name}: {schema} has no field {field}")
        if any("examples" in each for node in nodes for each in (node, *forms(node))):
            raise ValueError(f"{DATA.name}: {schema}: the model has an example of {field}")
        for node in nodes:
            node["examples"] = [example]


def field_examples(schema: str, path: Path) -> dict[str, Plain]:
    """Example by field, such as `traffic.daily_users`. Raises ValueError for a faulty row."""
    examples = dict[str, Plain]()
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        if (columns := next(reader, [])) != COLUMNS:
            raise ValueError(f"{path.name}:1: columns {columns}, expected {COLUMNS}")
        for name, field, text in reader:
            if name != schema:
                continue
            if field in examples:
                raise ValueError(f"{path.name}:{reader.line_num}: {field} has a row already")
            examples[field] = _read(text)
    return examples


def _read(text: str) -> Plain:
    return PlainYaml(f"example: {text}".encode()).data["example"]


def is_plain(text: str) -> bool:
    """True where YAML reads an unquoted text as the same text."""
    try:
        return _read(text) == text
    except RefusedYamlError:
        return False


def forms(node: Node) -> list[Node]:
    """Ways to write a field: its alternatives, without null, empty text and digits as text."""
    flat = [inner for each in node.get("anyOf", [node]) for inner in each.get("anyOf", [each])]
    is_number = any(form.get("type") in ("integer", "number") for form in flat)
    return [
        form
        for form in flat
        if form.get("type") != "null"
        and form.get("maxLength") != 0
        and not (is_number and form.get("type") == "string")
    ]


def objects(node: Node) -> Iterator[tuple[str, Node]]:
    """Mappings with named fields below a field, with "" or `[]` for the items of a list."""
    for form in forms(node):
        if "properties" in form:
            yield "", form
        elif form.get("type") == "array":
            yield from ((ITEMS, item) for item in forms(form["items"]) if "properties" in item)


def nodes_at(properties: Node, steps: list[str]) -> Iterator[Node]:
    """Schema of a field, by the names on its path."""
    name, *below = steps
    key, is_list = name.removesuffix(ITEMS), name.endswith(ITEMS)
    if key not in properties:
        return
    if not below:
        yield properties[key]
        return
    for mark, inner in objects(properties[key]):
        if bool(mark) == is_list:
            yield from nodes_at(inner["properties"], below)
