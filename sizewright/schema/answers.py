"""This module builds the JSON schema of what a command prints with `--json`."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from types import UnionType
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter

from sizewright.schema.generator import Node, generated, nodes
from sizing.explain import REGISTRY
from sizing.explained.entry import Entry
from sizing.plan import Part, Reaches

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
    fields = {part.__name__: part.model_fields for part in _parts(Part)}
    for path, name, key, node in _leaves(root, definitions, "Plan", ()):
        if "description" not in node and (meaning := _meaning(path)):
            node["description"] = f"{meaning[0].upper()}{meaning[1:]}."
        field = fields.get(name, {}).get(key)
        reached = [each for each in field.metadata if isinstance(each, Reaches)] if field else []
        decides = ", ".join(dict.fromkeys(_property(each) for each in reached))
        if decides and decides not in node.get("description", ""):
            parts = [node["description"]] if "description" in node else []
            node["description"] = " ".join([*parts, f"Decides {decides}."])


def _parts(kind: type[Part]) -> Iterator[type[Part]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _parts(below)


def _property(reached: Reaches) -> str:
    return f"{reached.path} of {reached.resource_type}" if reached.path else reached.resource_type


def _meaning(path: str) -> str:
    """Meaning of the number in `explain`; empty where the meaning differs between plans."""
    for pattern, entry in REGISTRY.items():
        if fnmatchcase(path, pattern):
            return entry.meaning if isinstance(entry, Entry) else ""
    return ""


def _leaves(
    node: Node, definitions: Node, name: str, path: tuple[str, ...]
) -> Iterator[tuple[str, str, str, Node]]:
    """Path, part, key and schema of every property of the plan's parts."""
    for key, child in node.get("properties", {}).items():
        yield ".".join((*path, key)), name, key, child
        for below, step in _within(child):
            part = below.rpartition("/")[2]
            yield from _leaves(definitions[part], definitions, part, (*path, key, *step))


def _within(node: Any, step: tuple[str, ...] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
    """References of a property, through lists, maps and alternatives."""
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield node["$ref"], step
    for member in node.get("anyOf", []):
        yield from _within(member, step)
    yield from _within(node.get("items"), (*step, "*"))
    yield from _within(node.get("additionalProperties"), (*step, "*"))
