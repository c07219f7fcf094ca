"""This module turns the outputs of a stack into workload files, for comparisons."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sizewright.reading.input_error import InputError
from sizewright.reading.read import opened

STDIN = "-"


def read_json(name: str) -> dict[str, Any]:
    """Return a JSON object from a file, or from stdin for `-`. Raises InputError."""
    where = place(name)
    try:
        text = sys.stdin.read() if name == STDIN else _text(Path(name))
        if not text.strip():
            hint = "the command that should have written it has failed, or was not run"
            raise InputError(where, message="is empty", expected="JSON", suggestion=hint)
        value = json.loads(text)
    except json.JSONDecodeError as fault:
        raise InputError(
            where, fault.lineno, fault.colno, message=fault.msg.lower(), expected="JSON"
        ) from None
    except (OSError, ValueError, RecursionError) as fault:
        message = getattr(fault, "strerror", None) or "cannot be read"
        raise InputError(where, message=message.lower(), expected="a JSON file") from None
    if not isinstance(value, dict):
        raise InputError(where, 1, 1, message="is not an object", expected="a JSON object")
    return value


def _text(path: Path) -> str:
    with opened(path) as stream:
        return stream.read().decode("utf-8")


def place(name: str) -> str:
    """Name of the file in messages."""
    return "stdin" if name == STDIN else name


def deployed_files(outputs: Mapping[str, Any], name: str, folder: Path) -> list[Path]:
    """Write a workload file into `folder` for each service of the outputs. Raises InputError."""
    services = outputs.get("services")
    if not isinstance(services, dict):
        raise _not_a_stack(outputs, name)
    stated = {service: said for service, said in services.items() if not _is_stage(said)}
    return [_file(service, said, name, folder) for service, said in stated.items()]


def _is_stage(said: object) -> bool:
    """True for the service of a stage, which follows from the workload of its caller.

    A service behind the application of another one has a file, which names it.
    """
    if not isinstance(said, dict) or not said.get("callers"):
        return False
    access = said["inputs"].get("access") if isinstance(said.get("inputs"), dict) else None
    return not (isinstance(access, dict) and access.get("service"))


def _not_a_stack(outputs: Mapping[str, Any], name: str) -> InputError:
    if not outputs:
        return InputError(
            place(name),
            message="the stack has no outputs, so there is nothing deployed to compare with",
            expected="what `pulumi stack output --json` prints after a first `pulumi up`",
            suggestion="before it, `sizewright preview FILE` shows all that would be made",
        )
    return InputError(
        place(name),
        message="no output is called services",
        expected="what `pulumi stack output --json` prints of a stack of this program",
        suggestion="`pulumi stack ls` lists the stacks",
    )


def _file(service: str, said: object, name: str, folder: Path) -> Path:
    inputs = said.get("inputs") if isinstance(said, dict) else None
    if not isinstance(inputs, dict):
        expected = "what this program writes there; `pulumi up` with this version does"
        raise InputError(
            place(name), field=f"services.{service}", message="has no inputs", expected=expected
        )
    path = folder / f"{len(list(folder.iterdir()))}.yaml"
    # JSON is YAML. A null or an empty list was not given.
    path.write_text(json.dumps(_with_client(_given(inputs))), encoding="utf-8")
    return path


def _with_client(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return inputs whose data have a client; a plan leaves out that it is your own programs."""
    data = inputs.get("data")
    if not isinstance(data, dict) or "application" in inputs:
        return inputs
    return {**inputs, "data": {"client": "own", **data}}


def _given(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _given(item) for key, item in value.items() if item not in (None, [])}
    return value


def notes_on(outputs: Mapping[str, Any], digest: str, source: str) -> tuple[str, ...]:
    """Return a note where this version would not deploy the inputs in the same way."""
    if outputs.get("plan_digest") == digest:
        return ()
    return (
        f"{source} was built by another version, catalog or site, or with a lock or calibration: "
        "the older side is what this version makes of the inputs that were "
        "deployed.",
    )
