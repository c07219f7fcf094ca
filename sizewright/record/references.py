"""Texts for values that exist only after creation, and inputs as plain JSON."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from sizewright.record import sdk

NESTING_LIMIT = 4
"""Most nested output classes; `status.loadBalancer.ingress[0].hostname` has three."""


class References:
    """Texts issued in one run, so that `${aws:username}` of a policy does not count as one."""

    def __init__(self) -> None:
        self._issued: dict[str, dict[str, object]] = {}

    def issue(self, resource: str, path: str) -> str:
        """Return the text `${type::name.path}`, which the class recognises from now on."""
        text = f"${{{resource}.{path}}}"
        self._issued[text] = {"$ref": resource, "property": path}
        return text

    def issue_urn(self, resource: str, urn: str) -> None:
        self._issued[urn] = {"$ref": resource, "property": "urn"}

    def plain(self, value: object) -> object:
        """Return an engine value as JSON: references, secrets and unknowns marked, keys sorted."""
        match value:
            case sdk.UNKNOWN:
                return {"$unknown": True}
            case str():
                return self._issued.get(value, value)
            case list():
                return [self.plain(item) for item in value]
            case dict():
                return self._plain_fields(value)
        return value

    def _plain_fields(self, value: Mapping[str, object]) -> object:
        fields = {key: value[key] for key in sorted(value) if key != sdk.SIGNATURE}
        match value.get(sdk.SIGNATURE):
            case sdk.SECRET:
                return {"$secret": True}
            case sdk.ASSET:
                return {"$asset": self.plain(fields)}
            case sdk.ARCHIVE:
                return {"$archive": archive_digest(fields) or self.plain(fields)}
        return {key: self.plain(item) for key, item in fields.items()}


def archive_digest(archive: Mapping[str, object]) -> str | None:
    """Digest of an archive's file names and of the digests of its texts, as sorted JSON.

    None for other archives. The engine's own digest is of a compressed file. Its events have the
    digest of each text, and not the text.
    """
    assets = archive.get("assets")
    if not isinstance(assets, Mapping):
        return None
    texts = {name: _text_digest(asset) for name, asset in assets.items()}
    if None in texts.values():
        return None
    whole = json.dumps(texts, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"


def _text_digest(asset: Mapping[str, object]) -> str | None:
    """SHA-256 of an asset's text; None where it is not a known text."""
    text, digest = asset.get("text"), asset.get("hash")
    if not isinstance(text, str) or text == sdk.UNKNOWN or asset[sdk.SIGNATURE] != sdk.ASSET:
        return None
    return digest if isinstance(digest, str) else hashlib.sha256(text.encode()).hexdigest()


def engine_fields(struct: Any) -> dict[str, object]:
    """Fields of a protobuf Struct: keys sorted, whole numbers as int, signatures kept."""
    return {key: _engine_value(struct.fields[key]) for key in sorted(struct.fields)}


def _engine_value(value: Any) -> object:
    match value.WhichOneof("kind"):
        case "struct_value":
            return engine_fields(value.struct_value)
        case "list_value":
            return [_engine_value(item) for item in value.list_value.values]
        case "number_value":
            number: float = value.number_value
            return int(number) if number.is_integer() else number
        case "null_value":
            return None
        case kind:
            return getattr(value, kind)


def computed(typ: object, path: str, text: Callable[[str], str], nesting: int = 0) -> object:
    """Return a value of type `typ` whose leaves name their origin; None where there is none.

    Numbers are also texts, so that a computed port or version does not vanish from its input.
    Booleans and enums have no such text: it would be true in a condition.
    """
    if typ in (str, int, float):
        return text(path)
    arguments = get_args(typ)
    origin = get_origin(typ)
    if origin in (Union, UnionType):
        members = (computed(member, path, text, nesting) for member in arguments)
        return next((member for member in members if member is not None), None)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = computed(arguments[1], f"{path}.*", text, nesting)
        return None if item is None else {"*": item}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        item = computed(arguments[0], f"{path}[0]", text, nesting)
        return None if item is None else [item]
    types = sdk.nested_output_types(typ)
    if types is None or nesting == NESTING_LIMIT:
        return None
    fields = {name: computed(t, f"{path}.{name}", text, nesting + 1) for name, t in types.items()}
    return {name: field for name, field in fields.items() if field is not None}


def completed(given: object, typ: object, path: str, text: Callable[[str], str]) -> object:
    """Return `given` with the other fields of its output class as `computed` values."""
    if isinstance(given, list) and (arguments := get_args(typ)):
        return [
            completed(item, arguments[0], f"{path}[{index}]", text)
            for index, item in enumerate(given)
        ]
    types = sdk.nested_output_types(typ)
    if types is None or not isinstance(given, dict) or sdk.SIGNATURE in given:
        return given
    whole = dict(given)
    for name, t in types.items():
        if name in given:
            whole[name] = completed(given[name], t, f"{path}.{name}", text)
        elif (value := computed(t, f"{path}.{name}", text)) is not None:
            whole[name] = value
    return whole
