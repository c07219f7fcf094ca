"""Names, types, requirements and enumerations of a resource's inputs, read from the SDK's own
types.

Nothing is listed by hand. Custom kinds of Kubernetes have no SDK class: theirs is the JSON schema
that checks the rendered documents.
"""

import enum
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin

import jsonschema
import pulumi
import pulumi_aws  # noqa: F401  (registers the classes of its tokens)
import pulumi_kubernetes  # noqa: F401
from pulumi import _types
from pulumi.runtime import rpc

from sizewright.record import sdk

SCHEMAS = Path(__file__).parents[2] / "templates" / "schemas"
LAGGING = {"instanceClass", "instanceType"}
"""Enumerations that a cloud extends faster than the SDK: db.serverless is missing."""
Fault = tuple[str, str]
"""Path of a property, and its fault."""
_LISTED = re.compile(
    r"[Vv]alid (?:values?|options?)(?: are| is| include)?:? ?"
    r"((?:`[^`]+`(?:,? (?:or|and) |, ?)?)+)(?:\.|$)"
)
_WORD = re.compile(r"`([^`]+)`")


def input_faults(token: str, inputs: Mapping[str, object]) -> Iterator[Fault]:
    """Faults of a resource's inputs by its SDK class; unknown values pass."""
    if token.startswith("pulumi:providers:"):
        yield from _object(inputs, _configured(token.rsplit(":", 1)[1]), "")
        return
    resource = resource_class(token)
    if resource is None:
        yield from _custom(token, inputs)
        return
    yield from _object(_without_type(token, inputs), _arguments(resource), "")


def configuration(package: str, values: Mapping[str, object]) -> dict[str, object]:
    """Configuration of a provider; values other than text are JSON in a text."""
    types = _properties(_configured(package))
    return {
        name: json.loads(value)
        if isinstance(value, str) and value != sdk.UNKNOWN and types.get(name, str) is not str
        else value
        for name, value in values.items()
        if name != "version"
    }


def _configured(package: str) -> type:
    return _class_at(f"pulumi_{package}.provider", "ProviderArgs")


@cache
def resource_class(token: str) -> type | None:
    """SDK class of a type token, or None where it has none."""
    package, module, _ = token.split(":")
    known: Any = rpc._RESOURCE_MODULES.get(f"{package}:{module}", [])
    for entry in known if isinstance(known, list) else [known]:
        name = entry.mod_info["classes"].get(token)
        if name is not None:
            return _class_at(entry.mod_info["fqn"], name)
    return None


def _class_at(module: str, name: str) -> type:
    found: type = getattr(importlib.import_module(module), name)
    return found


@cache
def _arguments(resource: type) -> type:
    module = sys.modules[resource.__module__]
    for suffix in ("InitArgs", "Args"):
        found = getattr(module, f"{resource.__name__}{suffix}", None)
        if found is not None:
            return found  # type: ignore[no-any-return]
    raise LookupError(f"{resource} has no class of arguments")


def _without_type(token: str, inputs: Mapping[str, object]) -> dict[str, object]:
    """Kubernetes inputs without their `apiVersion` and `kind`, which the token already contains."""
    package = token.split(":", maxsplit=1)[0]
    own = ("apiVersion", "kind") if package == "kubernetes" else ()
    return {name: value for name, value in inputs.items() if name not in own}


@cache
def _required(arguments: type) -> frozenset[str]:
    """Engine names of the properties without a default."""
    names = _types.input_type_py_to_pulumi_names(arguments)
    parameters = list(inspect.signature(arguments).parameters.values())
    return frozenset(
        names.get(p.name, p.name) for p in parameters if p.default is inspect.Parameter.empty
    )


@cache
def _properties(arguments: type) -> Mapping[str, Any]:
    return _types.input_type_types(arguments)


@cache
def _listed(arguments: type) -> Mapping[str, frozenset[str]]:
    """Values that a property's docstring lists in full, by engine name."""
    names = _types.input_type_py_to_pulumi_names(arguments)
    found: dict[str, frozenset[str]] = {}
    for name, member in vars(arguments).items():
        text = (member.fget.__doc__ or "") if isinstance(member, property) else ""
        lists = _LISTED.findall(text)
        words = frozenset(_WORD.findall(lists[0])) if lists else frozenset()
        # Guard: two lists depend on another property, and 2XX is a pattern.
        once = len(re.findall("alid (?:value|option)", text)) == 1
        if once and words and not any("XX" in word for word in words):
            found[names.get(name, name)] = words
    return found


def _object(value: object, arguments: type, path: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield path, f"{_kind(value)} where an object belongs"
        return
    properties = _properties(arguments)
    for name in sorted(_required(arguments) - set(value)):
        yield _join(path, name), "required, but missing"
    for name, item in value.items():
        if name.startswith("__"):
            continue
        if name not in properties:
            yield _join(path, name), f"unknown property; known: {', '.join(sorted(properties))}"
            continue
        allowed = _listed(arguments).get(name)
        if allowed and isinstance(item, str) and item != sdk.UNKNOWN and item not in allowed:
            yield _join(path, name), f"{item!r} is none of {sorted(allowed)}"
        yield from _faults(item, str if name in LAGGING else properties[name], _join(path, name))


def _faults(value: object, typ: Any, path: str) -> Iterator[Fault]:
    typ = _types.unwrap_type(typ)
    value = opened(value)
    if value == sdk.UNKNOWN or value is None or typ is Any:
        return
    origin = get_origin(typ)
    if _types.is_input_type(typ):
        yield from _object(value, typ, path)
    elif origin is not None and inspect.isclass(origin) and issubclass(origin, Mapping):
        yield from _mapping(value, get_args(typ)[1], path)
    elif origin is not None and inspect.isclass(origin) and issubclass(origin, Sequence):
        yield from _sequence(value, get_args(typ)[0], path)
    elif origin is Union:
        yield from _union(value, get_args(typ), path)
    elif inspect.isclass(typ) and issubclass(typ, enum.Enum):
        values = [member.value for member in typ]
        if value not in values:
            yield path, f"{value!r} is none of {values}"
    elif not _is(value, typ):
        yield path, f"{_kind(value)} where {getattr(typ, '__name__', typ)} belongs"


def _mapping(value: object, item_type: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield path, f"{_kind(value)} where a map belongs"
        return
    for name, item in value.items():
        yield from _faults(item, item_type, _join(path, name))


def _sequence(value: object, item_type: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield path, f"{_kind(value)} where a list belongs"
        return
    for index, item in enumerate(value):
        yield from _faults(item, item_type, f"{path}[{index}]")


def _union(value: object, members: Sequence[Any], path: str) -> Iterator[Fault]:
    """Faults of the member that fits best.

    Guard: in a union of text and an enumeration only the enumeration counts, or every typo would
    pass.
    """
    enums = [m for m in members if inspect.isclass(m) and issubclass(m, enum.Enum)]
    rest = [m for m in members if m is not type(None) and get_origin(m) is not pulumi.Output]
    tried = [list(_faults(value, member, path)) for member in enums or rest]
    yield from min(tried, key=len, default=[])


def _custom(token: str, inputs: Mapping[str, object]) -> Iterator[Fault]:
    """Faults of a kind without an SDK class, by the JSON schema of its rendered documents."""
    schema = _schemas().get(token)
    if schema is None:
        yield "kind", f"no definition of {token} is known"
        return
    for error in jsonschema.Draft7Validator(schema).iter_errors(_plain(inputs)):
        path = ".".join(str(step) for step in error.absolute_path)
        if sdk.UNKNOWN not in repr(error.instance):
            yield path, error.message


@cache
def _schemas() -> Mapping[str, Any]:
    """Schemas of custom kinds by type token."""
    found = {}
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        properties = schema.get("properties", {})
        if {"apiVersion", "kind"} <= set(properties):
            version, kind = (properties[key].get("const") for key in ("apiVersion", "kind"))
            found[f"kubernetes:{version}:{kind}"] = schema
    return found


def opened(value: object) -> object:
    """A value without its mark of a secret."""
    if isinstance(value, Mapping) and value.get(sdk.SIGNATURE) == sdk.SECRET:
        return opened(value.get("value"))
    return value


def _plain(value: object) -> Any:
    value = opened(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _is(value: object, typ: Any) -> bool:
    if isinstance(value, Mapping) and sdk.SIGNATURE in value:
        return True
    match typ:
        case _ if typ is bool:
            return isinstance(value, bool)
        case _ if typ is int:
            return isinstance(value, int) and not isinstance(value, bool)
        case _ if typ is float:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case _ if typ is str:
            return isinstance(value, str)
    return True


def _kind(value: object) -> str:
    return f"{type(value).__name__} {str(value)[:60]!r}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
