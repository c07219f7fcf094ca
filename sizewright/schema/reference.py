"""Reference pages of the files that users write, with one row for each field of the schema."""

import json
from collections.abc import Iterator
from typing import Any

from sizewright.schema.examples import forms, is_plain, objects
from sizewright.schema.generator import Node
from sizewright.schema.inputs import site_schema, workload_schema

UNITS = {
    "ms": "ms",
    "s": "s",
    "hours": "h",
    "days": "days",
    "documents": "documents",
    "documents_per_day": "documents per day",
    "chunks": "chunks",
    "gb": "GB",
    "bytes": "bytes",
    "bytes_per_user": "bytes per user",
    "file_bytes_per_request": "bytes per request",
    "tokens": "tokens",
    "characters": "characters",
    "history": "prompts",
    "acceptance_length": "tokens",
    "users": "users",
    "requests_per_user_per_day": "requests per user and day",
    "searches_per_user_per_day": "searches per user and day",
    "embeddings_per_user_per_day": "texts per user and day",
    "requests_per_key_per_min": "requests per key and minute",
    "tokens_per_key_per_min": "tokens per key and minute",
    "requests_per_gpu_per_s": "requests per GPU and second",
    "ratio": "ratio",
    "share": "ratio",
    "shortfall_cost": "ratio",
    "hourly": "ratio",
    "availability": "ratio",
    "utilisation": "ratio",
    "percentile": "%",
    "gpus": "GPUs",
    "tensor_parallel": "GPUs",
    "nodes": "nodes",
    "nodes_per_replica": "nodes",
    "zones": "zones",
    "sequences": "sequences",
    "parameters": "parameters",
    "turns": "turns",
    "iterations": "iterations",
    "attempts": "attempts",
    "width": "pixels",
    "height": "pixels",
    "frames": "frames",
    "frames_per_s": "frames per second",
    "bits_per_pixel": "bits per pixel",
    "views_per_item": "views",
}
"""Unit of a number by the end of its field's name; the longest matching end applies."""
NUMBERS = ("integer", "number")
TYPES = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false"}
BOUNDS = {"exclusiveMinimum": ">", "minimum": "≥", "exclusiveMaximum": "<", "maximum": "≤"}
HUGE = 10**15
"""Larger bounds only keep arithmetic finite, and the pages omit them."""
LARGE = 10**6
"""Larger decimals are shown with an exponent."""
HEAD = "| field | type | allowed | default | unit | description | example |\n" + "|---" * 7 + "|"
GENERATED = "<!-- `make schemas` writes this page from the models. -->"
WORKLOAD_PAGE = f"""{GENERATED}
# Workload files

A workload file describes one service: its model, its users, its latency targets and its redundancy.
`sizewright init` writes a first one, and `workloads/chat.yaml` is a complete example.
[Concepts](concepts.md) explains the terms.

- Numbers may contain underscores: `100_000`.
- A field with the default "required" must be present. A field with the default "none" has no value
  when it is left out, and its description says what applies then.
- `[]` in the title of a section means that the fields belong to each item of a list.
- Rules between fields are not in the tables. The commands check them. Their messages name file,
  line, column and remedy.
"""
STACK_PAGE = f"""{GENERATED}
# Stack files

A stack file, `Pulumi.<stack>.yaml`, states where services run. The fields below are keys of its
`config` section. `stacks/` has one example for each way to use existing resources.

- Pulumi writes undeclared values as empty text. The program reads an empty value as absent.
- A field with the default "required" must be present. A field with the default "none" has no value
  when it is left out, and its description says what applies then.
- Zones are named by zone id (`use1-az1`), because names such as us-east-1a differ by account.
- `Pulumi.<stack>.lock`, next to the stack file, records the versions of the stack.
  `sizewright update Pulumi.<stack>.yaml` writes it.
"""


def workload_page() -> str:
    """Return the page of the fields of a workload file."""
    schema = workload_schema()
    return _page(WORKLOAD_PAGE, "Top level", schema)


def stack_page() -> str:
    """Return the page of the keys of a stack file."""
    return _page(STACK_PAGE, "Keys", site_schema()["properties"]["config"])


def _page(start: str, title: str, schema: Node) -> str:
    sections = {title: schema, **dict(_mappings("", schema))}
    explained = list[list[str]]()
    parts = [_section(title, node, explained) for title, node in sections.items()]
    return "\n".join([start, *(line for part in parts for line in part)]).rstrip("\n") + "\n"


def _mappings(path: str, node: Node) -> Iterator[tuple[str, Node]]:
    """Title and schema of each mapping below a mapping, outer ones first."""
    for name, field in node["properties"].items():
        for mark, inner in objects(field):
            below = f"{path}{name}{mark}"
            yield f"`{below}`", inner
            yield from _mappings(f"{below}.", inner)


def _section(title: str, node: Node, explained: list[list[str]]) -> Iterator[str]:
    """Lines of one mapping: its table, then the meanings of its enum values."""
    yield from (f"## {title}", "")
    if title.startswith("`") and (said := node.get("description")):
        yield from (said, "")
    yield HEAD
    required = node.get("required", [])
    for name, field in node["properties"].items():
        yield _row(name, field, is_required=name in required)
    yield ""
    for name, field in node["properties"].items():
        yield from _meanings(name, field, explained)


def _row(name: str, field: Node, *, is_required: bool) -> str:
    ways = forms(field)
    cells = (
        f"`{name}`",
        " or ".join(dict.fromkeys(_type(way) for way in ways)),
        "; ".join(dict.fromkeys(filter(None, map(_allowed, ways)))),
        "required" if is_required else _default(field),
        unit_of(name, ways),
        " ".join(field["description"].split()),
        _example(field, ways),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(way: Node) -> str:
    if "enum" in way or "const" in way:
        return "word"
    if way.get("type") == "array":
        return (
            f"list of {' or '.join(dict.fromkeys(_plural(form) for form in forms(way['items'])))}"
        )
    if way.get("type") == "object":
        return "mapping"
    return TYPES[way["type"]]


def _plural(way: Node) -> str:
    kind = _type(way)
    return {"text": "texts"}.get(kind, f"{kind}s")


def _allowed(way: Node) -> str:
    """Bounds of a number, or the words of an enum."""
    if way.get("type") == "array":
        return "; ".join(dict.fromkeys(filter(None, map(_allowed, forms(way["items"])))))
    words = way.get("enum") or ([way["const"]] if "const" in way else [])
    bounds = [
        f"{sign} {_shown(way[key])}" for key, sign in BOUNDS.items() if way.get(key, HUGE) < HUGE
    ]
    return ", ".join([*(f"`{word}`" for word in words), *bounds])


def _default(field: Node) -> str:
    return f"`{_shown(field['default'])}`" if "default" in field else "none"


def unit_of(name: str, ways: list[Node]) -> str:
    """Unit of a field, "" unless it is a number. Raises ValueError for a number without a unit."""
    numeric = [way for way in ways for each in _scalars(way) if each.get("type") in NUMBERS]
    if not numeric:
        return ""
    words = name.split("_")
    ends = ("_".join(words[start:]) for start in range(len(words)))
    unit = next((UNITS[end] for end in ends if end in UNITS), None)
    if unit is None:
        raise ValueError(f"{name} is a number, and UNITS has no unit for it")
    return unit


def _scalars(way: Node) -> list[Node]:
    return forms(way["items"]) if way.get("type") == "array" else [way]


def _example(field: Node, ways: list[Node]) -> str:
    """Example of a field; "" for a mapping, because its fields have their own examples."""
    for node in (field, *field.get("anyOf", []), *ways):
        if "examples" in node:
            return f"`{_shown(node['examples'][0])}`"
    for way in ways:
        if way.get("type") == "array" and "examples" in way["items"]:
            return f"`{_shown([way['items']['examples'][0]])}`"
    return ""


def _shown(value: Any) -> str:
    """Return a value as YAML in one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_shown, value)) + "]"
        case str() if is_plain(value):
            return value
        case str() | bool() | None:
            return json.dumps(value)
    return _number(value)


def _number(value: float) -> str:
    if isinstance(value, float) and value >= LARGE:
        return f"{value:.1e}".replace("e+0", "e")
    return f"{value:_g}" if isinstance(value, float) else f"{value:_}"


def _meanings(name: str, field: Node, explained: list[list[str]]) -> Iterator[str]:
    """Meaning of each word of a documented enum that the page has not yet explained."""
    ways = [each for way in forms(field) for each in _scalars(way) if "enumDescriptions" in each]
    for way in ways:
        if way["enum"] in explained:
            continue
        explained.append(way["enum"])
        yield from (f"Words of `{name}`:", "")
        for word, meaning in zip(way["enum"], way["enumDescriptions"], strict=True):
            yield f"- `{word}`: {' '.join(meaning.split())}" if meaning else f"- `{word}`"
        yield ""


PAGES = {"workload": workload_page, "site": stack_page}
"""Page of each file by the name of its schema."""
