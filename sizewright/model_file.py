"""A model that a `config.json` describes: from the file to a row beside the catalog's."""

import json
import re
from hashlib import sha256
from pathlib import Path

from sizewright.input_error import InputError
from sizewright.read import file_content
from sizing.catalog import ModelFacts
from sizing.field_error import FieldError
from sizing.model_config import ModelConfig, read_config

SUFFIX = ".json"


def is_model_file(name: str | None) -> bool:
    """Whether a model's name is that of a file."""
    return name is not None and name.endswith(SUFFIX)


def read_model_file(path: Path, name: str) -> ModelFacts:
    """The model of a Hugging Face `config.json`, found under `name`. Raises InputError."""
    content = file_content(path, "a config.json")
    try:
        config = json.loads(content)
    except UnicodeDecodeError:
        raise InputError(str(path), message="not UTF-8", expected="a config.json") from None
    except json.JSONDecodeError as fault:
        raise InputError(
            str(path), fault.lineno, fault.colno, message=fault.msg.lower(), expected="JSON"
        ) from None
    except RecursionError:
        raise InputError(str(path), message="nested too deep", expected="a config.json") from None
    if not isinstance(config, dict):
        raise InputError(str(path), 1, 1, message="is not a mapping", expected="a config.json")
    try:
        read = read_config(config)
    except FieldError as fault:
        field = ".".join(str(step) for step in fault.field)
        raise InputError(
            str(path), field=field, message=fault.message, expected=fault.expected
        ) from None
    return _row(path, name, read, sha256(content).hexdigest()[:12])


def _row(path: Path, name: str, read: ModelConfig, digest: str) -> ModelFacts:
    shape = read.architecture
    repository = repository_of(path)
    return ModelFacts(
        model=re.sub(r"[^a-z0-9.]+", "-", repository.rpartition("/")[2].lower()).strip("-"),
        name=name,
        hf_repo=repository,
        kind="llm",
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
    """The repository that a file's name tells: `org--model.json`, or the folder of `config.json`.

    Basis: the naming of Hugging Face's own cache, with `--` for a slash.
    """
    stem = path.stem if path.stem != "config" else path.resolve().parent.name
    return stem.removeprefix("models--").replace("--", "/", 1) or "model"
