"""A workload file with its lock, its own model and the corrections next to it."""

from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from sizewright.reading.input_error import InputError, did_you_mean, found, quoted
from sizewright.reading.model_file import is_model_file, read_model_file
from sizewright.reading.read import Document, file_content, is_taken, read_mapping
from sizewright.reading.stack.site_file import PROJECT
from sizing.catalog import Catalog, ModelFacts
from sizing.catalog.correction import Corrections
from sizing.catalog.lookup import facts_of
from sizing.locks.workload_lock import Lock
from sizing.values.field_error import FieldError
from sizing.workload import Workload

SCHEMA_KEY = "$schema"


@dataclass(frozen=True)
class WorkloadFile:
    """A workload file, and the lock next to it."""

    path: Path
    document: Document
    workload: Workload
    lock: Lock | None
    model: ModelFacts | None = None
    """Model of a workload that names a config.json."""
    corrections: Corrections | None = None
    """Corrections in the `<workload>.calibration.json` next to it."""


def read_workload(path: Path, catalog: Catalog) -> WorkloadFile:
    """Return a workload file whose names the catalog knows, and its lock if it has one.

    Raises InputError.
    """
    document = _without_schema(read_mapping(path))
    _refuse_stack_file(document)
    workload = document.validate(Workload)
    model, name = None, workload.model.name
    if name is not None and is_model_file(name):
        model = _own_model(path.parent / name, name, document)
    # Guard: `size` reads the same facts. They are also checked here, because a file with an unknown
    # name is reported before the next file is read, and `compare` drops the type that it states.
    try:
        facts_of(workload, catalog.with_models([model] if model else []))
    except FieldError as fault:
        raise document.of_rule(fault) from fault
    lock_path = path.with_suffix(".lock")
    lock = read_mapping(lock_path).validate(Lock) if is_taken(lock_path) else None
    own = read_corrections(path.with_suffix(".calibration.json"), catalog)
    return WorkloadFile(path, document, workload, lock, model, own)


def with_routes(file: WorkloadFile, catalog: Catalog) -> list[WorkloadFile]:
    """Return a file, and those of its routes from its folder: `NAME.yaml` of each service.

    Commands for one file read them too, because a route sizes both sides. A file that is not there
    is left to sizing, which names it. Raises InputError.
    """
    found = {file.workload.name: file}
    waiting = [file]
    while waiting:
        workload = waiting.pop().workload
        host = workload.access.service
        routed = () if workload.route is None else workload.route.names
        for name in (*([] if host is None else [host]), *routed):
            path = file.path.with_name(f"{name}.yaml")
            if name not in found and path.is_file():
                found[name] = read_workload(path, catalog)
                waiting.append(found[name])
    return [*found.values()]


def _refuse_stack_file(document: Document) -> None:
    """Raises InputError where a stack file was given as a workload file."""
    config = document.data.get("config")
    if isinstance(config, dict) and any(key.startswith(f"{PROJECT}:") for key in config):
        hint = f"give it with --site {document.file}"
        message = "this is a stack file"
        raise document.error(("config",), message, "a workload file", hint, at_key=True)


def _own_model(path: Path, name: str, document: Document) -> ModelFacts:
    """Return the model of a file that a workload names; faults say where the workload names it."""
    try:
        return read_model_file(path, name)
    except InputError as fault:
        at = document.error(("model", "name"), "")
        named = f"{document.file}:{at.line}:{at.column} names this file"
        raise InputError(
            fault.file,
            fault.line,
            fault.column,
            field=fault.field,
            message=fault.message,
            expected=fault.expected,
            suggestion="; ".join(filter(None, (fault.suggestion, named))),
        ) from None


def _without_schema(document: Document) -> Document:
    """Return the document without the path of its own schema, which only editors read."""
    said = document.data.get(SCHEMA_KEY, "")
    if not isinstance(said, str):
        raise document.error((SCHEMA_KEY,), f"found {found(said)}", "the path of a schema")
    data = {key: value for key, value in document.data.items() if key != SCHEMA_KEY}
    return replace(document, data=data)


def read_corrections(path: Path, catalog: Catalog) -> Corrections | None:
    """Return the corrections that `calibrate` wrote, where the file exists. Raises InputError."""
    if not is_taken(path):
        return None
    try:
        own = Corrections.model_validate_json(file_content(path, "a correction file"))
        catalog.with_corrections(own)
    except ValidationError as fault:
        first = fault.errors()[0]
        field = ".".join(str(step) for step in first["loc"])
        raise InputError(
            str(path), field=field, message=first["msg"], expected="what `calibrate` writes"
        ) from None
    except ValueError as fault:
        raise InputError(str(path), field="fitted", message=str(fault)) from None
    for index, each in enumerate(own.corrections):
        engines = catalog.coefficients.engines
        if each.engine not in engines:
            raise InputError(
                str(path),
                field=f"corrections[{index}].engine",
                message=f"unknown engine {quoted(each.engine)}",
                expected=f"one of {', '.join(sorted(engines))}",
                suggestion=did_you_mean(each.engine, engines),
            )
    return own.model_copy(update={"source": path.name})


def catalog_of(file: WorkloadFile, catalog: Catalog) -> Catalog:
    """Return the catalog with the model and the corrections of one workload file."""
    known = catalog.with_models([file.model] if file.model else [])
    return known.with_corrections(file.corrections)
