"""The reader of YAML files: it returns plain data with positions, or raises one InputError.

It accepts a strict subset of YAML 1.2: one document, a mapping at the top, and text keys. It
refuses anchors, aliases, tags and merge keys. yes, no and dates are text; underscores may group
digits.
"""

import io
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from sizewright.reading.credentials import credentials_of
from sizewright.reading.input_error import InputError, did_you_mean, dotted, found, nearest
from sizewright.reading.model_faults import ModelFault, model_faults
from sizewright.reading.plain_yaml import Plain, PlainYaml, Position, RefusedYamlError
from sizing.values.field_error import FieldError, FieldPath

SIZE_LIMIT_BYTES = 1024 * 1024
NO_CREDENTIAL = "a file without credentials"
REPLACE = (
    "store it in AWS Secrets Manager and give the ARN where there is a key for it; "
    "replace a credential that was shared in a file"
)
STDIN = "-"
"""Name of stdin, which is refused. Guard: a workload is read twice, and its lock is next to it. A
file of that name is ./-"""
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Document:
    """Data of a file, and the positions of its keys and values."""

    file: str
    data: dict[str, Plain]
    key_positions: dict[FieldPath, Position]
    value_positions: dict[FieldPath, Position]

    def error(
        self,
        field_path: FieldPath,
        message: str,
        expected: str = "",
        suggestion: str = "",
        *,
        at_key: bool = False,
    ) -> InputError:
        """Return the fault of one field, at its value, or at the nearest mapping or list."""
        return self._located(ModelFault(field_path, message, expected, suggestion, at_key))

    def of_rule(self, fault: FieldError) -> InputError:
        """Return the fault that a rule found, at the field that it names."""
        return self.error(fault.field, fault.message, fault.expected, fault.suggestion)

    def validate(self, model: type[M], at: tuple[str, ...] = ()) -> M:
        """Return the mapping under `at` as a `model`. Raises InputError where it is refused."""
        data: Plain = self.data
        for depth, key in enumerate(at):
            if not isinstance(data, dict):
                raise self.error(at[:depth], f"found {found(data)}", "a mapping")
            if key not in data:
                hint = did_you_mean(key, data)
                raise self.error(at[: depth + 1], "missing", "a mapping", hint)
            data = data[key]
        self._refuse_credentials(data, at)
        try:
            return model.model_validate(data)
        except ValidationError as error:
            faults = model_faults(model, data, error)
        located = [self._located(replace(fault, path=at + fault.path)) for fault in faults]
        first, *others = sorted(located, key=lambda e: (e.line or 0, e.column or 0))
        raise first.and_more(tuple(others))

    def _refuse_credentials(self, data: Plain, at: tuple[str, ...]) -> None:
        """Refuse credentials. Guard: files are committed and reach plans, pods and logs."""
        for path, kind, at_key in credentials_of(data, at):
            message = f"holds what looks like {kind}; its value is not shown"
            raise self.error(path, message, NO_CREDENTIAL, REPLACE, at_key=at_key)

    def _located(self, fault: ModelFault) -> InputError:
        positions = self.key_positions if fault.at_key else self.value_positions
        known = fault.path
        while known not in positions:
            known = known[:-1]
            positions = self.value_positions
        line, column = positions[known]
        return InputError(
            self.file,
            line,
            column,
            field=dotted(fault.path),
            message=fault.message,
            expected=fault.expected,
            suggestion=fault.suggestion,
        )


def read_model(path: Path, model: type[M], *, at: tuple[str, ...] = ()) -> M:
    """Return the mapping under `at` of the YAML file as a `model`; raises only InputError."""
    return read_mapping(path).validate(model, at)


def read_mapping(path: Path) -> Document:
    """Return the YAML file as plain data with positions; raises only InputError."""
    file = str(path)
    content = file_content(path, "a YAML file")
    try:
        yaml = PlainYaml(content)
    except RefusedYamlError as refused:
        raise refused.of(file) from None
    return Document(file, yaml.data, yaml.key_positions, yaml.value_positions)


def file_content(path: Path, what: str) -> bytes:
    """Bytes of a file of at most 1 MiB; `what` is the expected kind of file. Raises InputError."""
    file = str(path)
    if file == STDIN:
        hint = "save it to a file first; `diff --stack -` and `diff --preview -` read it"
        raise InputError(file, message="stdin is not read", expected=what, suggestion=hint)
    try:
        with opened(path) as stream:
            status = os.fstat(stream.fileno())
            # Guard: a pipe can be read once, and some commands read a file twice.
            if not stat.S_ISREG(status.st_mode):
                hint = "save it to a file first"
                raise InputError(file, message="not a regular file", expected=what, suggestion=hint)
            size_bytes = status.st_size
            content = stream.read(SIZE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise InputError(file, message="no such file", suggestion=_nearest_file(path)) from None
    except IsADirectoryError:
        raise InputError(file, message="is a directory", expected=what) from None
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InputError(file, message=reason, expected=f"{what} that can be read") from None
    except ValueError:
        raise InputError(file, message="not a file name", expected=what) from None
    if len(content) > SIZE_LIMIT_BYTES:
        size = f"{max(size_bytes, len(content)):_} bytes"
        expected = "at most 1 MiB (1_048_576)"
        raise InputError(file, 1, 1, message=f"larger than the limit: {size}", expected=expected)
    return content


def opened(path: Path) -> io.BufferedReader:
    """Return a stream of the file's bytes; a pipe without a writer is empty. Raises OSError.

    Guard: a plain open of such a pipe waits for a writer.
    """
    return io.BufferedReader(io.FileIO(path, opener=_without_waiting))


def _without_waiting(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    os.set_blocking(descriptor, True)
    return descriptor


def is_taken(path: Path) -> bool:
    """True where the name exists, also as a folder or a broken link."""
    return os.path.lexists(path)


def _nearest_file(path: Path) -> str:
    """Hint at a similar name in the folder, or at the same name in a folder with a similar name."""
    try:
        if path.parent.is_dir():
            entry = _alike(path)
            return f"did you mean '{entry.name}'?" if entry else ""
        folder = _alike(path.parent)
        there = folder is not None and (folder / path.name).is_file()
        return f"did you mean '{folder}/{path.name}'?" if there else ""
    except OSError:
        return ""


def _alike(path: Path) -> Path | None:
    """Entry of the same folder with a similar name. Endings are few, so only stems are compared."""
    entries = sorted(path.parent.iterdir(), key=lambda entry: entry.suffix != path.suffix)
    by_stem: dict[str, Path] = {}
    for entry in entries:
        by_stem.setdefault(entry.stem, entry)
    found = nearest(path.stem, by_stem)
    return by_stem[found] if found else None
