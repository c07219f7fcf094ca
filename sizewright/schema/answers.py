"""This module builds the JSON schema of what a command prints with `--json`."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter

from sizewright.schema.generator import Node, generated, nodes
from sizing.explain import registered
from sizing.explained.entry import Entry
from sizing.plan.part import Part
from sizing.plan.reaches import Reaches

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NUMBER = [{"type": "integer"}, {"type": "number"}]


def answer_schema(command: str, model: type[BaseModel] | UnionType) -> Node:
    """Return the schema of an answer with all its fields; known forms allow no other keys."""
    body = generated(TypeAdapter(cast(Any, model)).core_schema, "serialization")
    for node in nodes(body):
        _one_number(node)
    for root in (body, *body.get("$defs", {}).values()):
        if "services" in root.get("properties", {}):
            _describe_plan(root, body["$defs"])
    description = body.pop("description", None) or _either(body)
    said = {"title": f"sizewright {command} --json", "description": description}
    body.pop("title", None)
    return {"$schema": DIALECT, **said, **body}


def _either(body: Node) -> str:
    """Description of an answer that has one of several forms."""
    forms = [body["$defs"][form["$ref"].rpartition("/")[2]] for form in body["anyOf"]]
    return " Or: ".join(form["description"] for form in forms)


def _one_number(node: Node) -> None:
    """Replace "integer or number" by "number", because a whole number is a number in JSON."""
    members = node.get("anyOf")
    if isinstance(members, list) and members[:2] == NUMBER:
        members[:2] = [{"type": "number"}]
        if len(members) == 1:
            node.update(node.pop("anyOf")[0])


def _describe_plan(root: Node, definitions: Node) -> None:
    """Add to each leaf its meaning from `explain` and the property that it decides."""
    parts = {part.__name__: part for part in _parts(Part)}
    for name, key, node in _leaves(root, definitions, "Plan"):
        part = parts.get(name)
        if part is None or key not in part.model_fields:
            continue
        entry = registered(part, key)
        if "description" not in node and isinstance(entry, Entry):
            node["description"] = f"{entry.meaning[0].upper()}{entry.meaning[1:]}."
        reached = [e for e in part.model_fields[key].metadata if isinstance(e, Reaches)]
        decides = ", ".join(dict.fromkeys(_property(each) for each in reached))
        if decides and decides not in node.get("description", ""):
            sentences = [node["description"]] if "description" in node else []
            node["description"] = " ".join([*sentences, f"Decides {decides}."])


def _parts(kind: type[Part]) -> Iterator[type[Part]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _parts(below)


def _property(reached: Reaches) -> str:
    return f"{reached.path} of {reached.resource_type}" if reached.path else reached.resource_type


def _leaves(node: Node, definitions: Node, name: str) -> Iterator[tuple[str, str, Node]]:
    """Part, key and schema of every property of the plan's parts."""
    for key, child in node.get("properties", {}).items():
        yield name, key, child
        for below in _within(child):
            part = below.rpartition("/")[2]
            yield from _leaves(definitions[part], definitions, part)


def _within(node: Any) -> Iterator[str]:
    """References of a property, through lists, maps and alternatives."""
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield node["$ref"]
    for below in (*node.get("anyOf", []), node.get("items"), node.get("additionalProperties")):
        yield from _within(below)
