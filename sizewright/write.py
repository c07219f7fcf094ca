"""Writes files whole; what cannot be written is one InputError."""

import os
from collections.abc import Mapping
from pathlib import Path

from sizewright.input_error import InputError
from sizewright.interrupt import end_if_asked


def write_files(texts: Mapping[Path, str]) -> None:
    """Writes every text to a file beside its path first, then gives all of them their names.

    Raises InputError for a place that cannot be written.
    """
    end_if_asked()
    waiting: dict[Path, Path] = {}
    path = Path()
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            waiting[path] = _written(path, text)
        for path, draft in waiting.items():
            draft.replace(path)
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise InputError(str(path), message=reason, expected="a place to write to") from None
    finally:
        for draft in waiting.values():
            draft.unlink(missing_ok=True)


def _written(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    with draft.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
    return draft
