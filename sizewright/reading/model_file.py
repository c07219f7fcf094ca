"""This module reads a model from a `config.json` into a row like those of the catalog."""

import json
import re
from hashlib import sha256
from pathlib import Path

from sizewright.reading.input_error import InputError, dotted
from sizewright.reading.plain_yaml import PlainYaml, RefusedYamlError
from sizewright.reading.read import file_content
from sizing.catalog import ModelFacts
from sizing.model.config import ModelConfig, read_config
from sizing.model.config_keys import language_key
from sizing.values.field_error import FieldError, FieldPath
from sizing.workload.kinds import LANGUAGE

SUFFIX = ".json"
EXPECTED = "a config.json"
PATHS = ("./", "../", "/")
"""Prefixes that make a name a path, whatever its ending."""


def is_model_file(name: str | None) -> bool:
    """True where the name of a model is that of a file."""
    return name is not None and (name.endswith(SUFFIX) or name.startswith(PATHS))


def read_model_file(path: Path, name: str) -> ModelFacts:
    """Return the model of a Hugging Face `config.json` under `name`. Raises InputError."""
    if path.is_dir() and (path / "config.json").is_file():
        hint = f"did you mean '{name.rstrip('/')}/config.json'?"
        raise InputError(str(path), message="is a directory", expected=EXPECTED, suggestion=hint)
    content = file_content(path, EXPECTED)
    try:
        config = json.loads(content)
    except UnicodeDecodeError:
        raise InputError(str(path), message="not UTF-8", expected=EXPECTED) from None
    except json.JSONDecodeError as fault:
        raise InputError(
            str(path), fault.lineno, fault.colno, message=fault.msg.lower(), expected="JSON"
        ) from None
    except ValueError:
        raise InputError(str(path), message="a number is too long", expected=EXPECTED) from None
    except RecursionError:
        raise InputError(str(path), message="nested too deep", expected=EXPECTED) from None
    if not isinstance(config, dict):
        raise InputError(str(path), 1, 1, message="is not a mapping", expected=EXPECTED)
    try:
        read = read_config(config)
    except FieldError as fault:
        inner = language_key(config)
        field = (*([inner] if inner else []), *fault.field)
        raise InputError(
            str(path),
            *_position(content, field),
            field=dotted(field),
            message=fault.message,
            expected=fault.expected,
        ) from None
    return _row(path, name, read, sha256(content).hexdigest()[:12])


def _position(content: bytes, field: FieldPath) -> tuple[int | None, int | None]:
    """Line and column of a value; both None where it is missing, or the reader refuses the JSON."""
    try:
        return PlainYaml(content).value_positions.get(field, (None, None))
    except RefusedYamlError as refused:
        return refused.position if refused.path == field else (None, None)


def _row(path: Path, name: str, read: ModelConfig, digest: str) -> ModelFacts:
    shape = read.architecture
    repository = repository_of(path)
    return ModelFacts(
        model=re.sub(r"[^a-z0-9.]+", "-", repository.rpartition("/")[2].lower()).strip("-"),
        name=name,
        hf_repo=repository,
        kind=LANGUAGE.model_kind,
        parameters=shape.parameters + shape.vision_parameters,
        active_parameters=shape.active_parameters,
        parameters_basis="computed",
        layers=shape.layers,
        hidden_size=shape.hidden_size,
        heads=shape.heads,
        kv_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        vocab=shape.vocab,
        context=shape.context,
        native_dtype=read.precision.value,
        licence="unknown",
        source=f"{name}, SHA-256 {digest}",
        config=shape,
    )


def repository_of(path: Path) -> str:
    """Return the repository in a file's name: `org--model.json`, or the folder of `config.json`.

    Basis: the naming of Hugging Face's own cache, with `--` for a slash.
    """
    stem = path.stem if path.stem != "config" else path.resolve().parent.name
    return stem.removeprefix("models--").replace("--", "/", 1) or "model"
