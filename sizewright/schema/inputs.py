"""Schemas of the files that users write (workload files, stack files and locks of stacks), and of
what callers send to an application.

Each schema is self-contained and has no references. It uses only keywords that draft 7 and 2020-12
share, because editors differ in how they read the others.
"""

import copy
from typing import Any

from pydantic import BaseModel, TypeAdapter

from sizewright.reading.stack.site_file import LOCK_KEY, PAGE_SECRET_KEY, PROJECT, WORKLOADS_KEY
from sizewright.reading.stack.workload_file import SCHEMA_KEY
from sizewright.schema.examples import add_examples
from sizewright.schema.generator import Node, generated, nodes
from sizing.locks.stack_lock import StackLock
from sizing.site import Site
from sizing.workload import Workload

DIALECT = "http://json-schema.org/draft-07/schema#"
WHOLE_TEXT = r"^\+?[0-9]+(_[0-9]+)*$"
NUMBER_TEXT = (
    r"^\+?([0-9]+(_[0-9]+)*(\.([0-9]+(_[0-9]+)*)?)?|\.[0-9]+(_[0-9]+)*)([eE][-+]?[0-9]+)?$"
)
"""Patterns of numbers as text. An editor reads 100_000 as text, because YAML 1.2 has no underscores
in numbers. This product's reader accepts them, and decimals as text."""
NOT_OURS = f"^(?!{PROJECT}:)"
EMPTY = {"type": "string", "maxLength": 0}
"""An empty value, which equals a missing key: Pulumi writes undeclared values as empty text."""


def workload_schema() -> Node:
    """Return the schema of a workload file."""
    body = _written(Workload)
    properties = {SCHEMA_KEY: _text("Schema for editors. The program ignores it.")}
    properties |= body["properties"]
    add_examples("workload", properties)
    return {
        "$schema": DIALECT,
        "title": "A sizewright workload file",
        "description": body["description"],
        "type": "object",
        "additionalProperties": False,
        "required": body["required"],
        "properties": properties,
    }


def request_schema(path: str, model: type[BaseModel]) -> Node:
    """Return the schema of the body that callers of an application send to a path."""
    body = generated(TypeAdapter(model).core_schema, "validation")
    return {"$schema": DIALECT, **body, "title": f"The body of POST {path}"}


def site_schema() -> Node:
    """Return the schema of a `Pulumi.<stack>.yaml`; it checks only the keys of this project."""
    body = _written(Site)
    config: Node = {
        "type": "object",
        "description": "The stack's values by full key.",
        "required": [f"{PROJECT}:{key}" for key in body["required"]],
        "additionalProperties": False,
        "patternProperties": {NOT_OURS: True},
        "properties": {
            f"{PROJECT}:{WORKLOADS_KEY}": _workload_names(),
            f"{PROJECT}:{LOCK_KEY}": _text(
                "Lock of the stack. The default is Pulumi.<stack>.lock."
            ),
            f"{PROJECT}:{PAGE_SECRET_KEY}": {
                "type": "object",
                "description": "Secret of the chat page's client, encrypted by Pulumi.",
                "required": ["secure"],
                "additionalProperties": False,
                "properties": {
                    "secure": _text("What `pulumi config set --secret` writes.")
                    | {"examples": ["v1:ZXhhbXBsZQ==:ZXhhbXBsZQ=="]}
                },
            },
        }
        | {
            f"{PROJECT}:{key}": node if key in body["required"] else _or_empty(node)
            for key, node in body["properties"].items()
        },
    }
    add_examples("site", config["properties"])
    return {
        "$schema": DIALECT,
        "title": "A Pulumi stack file of sizewright",
        "description": "Where services run, in the project's keys of a stack file.",
        "type": "object",
        "required": ["config"],
        "properties": {"config": config},
    }


def stack_lock_schema() -> Node:
    """Return the schema of a `Pulumi.<stack>.lock`."""
    body = _written(StackLock)
    return {
        "$schema": DIALECT,
        "title": "A lock of a Pulumi stack file",
        "description": body["description"],
        "type": "object",
        "additionalProperties": False,
        "required": body["required"],
        "properties": body["properties"],
    }


def _written(model: type) -> Node:
    """Return the schema of a model as people write it, with references filled in."""
    node = generated(TypeAdapter(model).core_schema, "validation")
    definitions = node.pop("$defs", {})
    filled: Node = _filled(node, definitions)
    for each in nodes(filled):
        if isinstance(each.get("anyOf"), list):
            _flatten(each)
        _accept_digits_as_text(each)
    return filled


def _filled(node: Any, definitions: Node) -> Any:
    """Return the node with each reference replaced by its definition, without the title."""
    if isinstance(node, list):
        return [_filled(child, definitions) for child in node]
    if not isinstance(node, dict):
        return node
    own = {key: _filled(child, definitions) for key, child in node.items()}
    reference = own.pop("$ref", None)
    if reference is None:
        return own
    named = _filled(copy.deepcopy(definitions[reference.rpartition("/")[2]]), definitions)
    named.pop("title", None)
    return named | own


def _flatten(node: Node) -> None:
    """Replace nested lists of alternatives by one list."""
    node["anyOf"] = [
        inner
        for member in node["anyOf"]
        for inner in (member["anyOf"] if set(member) == {"anyOf"} else [member])
    ]


def _accept_digits_as_text(node: Node) -> None:
    """Accept numbers as text of digits, because an editor reads 100_000 as text."""
    members = node.get("anyOf")
    if members is None and node.get("type") == "integer":
        whole = {key: node.pop(key) for key in [*node] if key not in ("description", "default")}
        node["anyOf"] = [whole, {"type": "string", "pattern": WHOLE_TEXT}]
    elif members is not None and {"type": "integer"}.items() <= members[0].items():
        members[1:1] = [{"type": "string", "pattern": WHOLE_TEXT}]
    elif members is not None and members[0].get("type") == "number":
        members[1] = {"type": "string", "pattern": NUMBER_TEXT}


def _or_empty(node: Node) -> Node:
    said: Node = {key: node.pop(key) for key in ("description", "default") if key in node}
    return {**said, "anyOf": [*(node["anyOf"] if set(node) == {"anyOf"} else [node]), EMPTY]}


def _workload_names() -> Node:
    return {
        "description": "Workload files that this stack builds, relative to the project's folder.",
        "anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}],
    }


def _text(description: str) -> Node:
    return {"description": description, "type": "string"}
