"""This module writes whole files, also through links and devices; errors become one InputError."""

import errno
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sizewright.interrupt import end_if_interrupted
from sizewright.reading.input_error import InputError

REFUSED = {
    stat.S_IFDIR: "is a directory",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFBLK: "is a disk",
}
"""Kinds of files to which no text is written."""


@dataclass(frozen=True)
class Place:
    """Target of a text: the name of a regular file, or a device, pipe or stream to write into."""

    path: Path
    """Path with all links resolved, except for a device, pipe or stream."""
    kept_mode: int | None
    """Permissions of the file that is replaced; None for a new one."""
    through: bool
    """True where the text goes into an existing device, pipe, or own stream, which stays."""


def write_files(texts: Mapping[Path, str]) -> None:
    """Write all texts to temporary files in their folders, then rename each to its target.

    A link stays and its target changes; a device or a pipe takes the text and stays. Raises
    InputError for a place that cannot be written.
    """
    end_if_interrupted()
    waiting: dict[Path, Path] = {}
    path = Path()
    try:
        places: dict[Path, Place] = {}
        for path in texts:
            path.parent.mkdir(parents=True, exist_ok=True)
            places[path] = _place(path)
        for path, place in places.items():
            if not place.through:
                waiting[path] = _draft(place, len(waiting), texts[path])
        for path, place in places.items():
            if place.through:
                _write_through(place.path, texts[path].encode())
        for path, draft in waiting.items():
            draft.replace(places[path].path)
    except OSError as error:
        reason = (error.strerror or "cannot be written").lower()
        raise InputError(str(path), message=reason, expected="a place to write to") from None
    except ValueError:
        raise InputError(str(path), message="not a file name", expected="a file name") from None
    finally:
        for draft in waiting.values():
            draft.unlink(missing_ok=True)


def refuse_full(directory: Path, *, except_for: Sequence[str] = ()) -> None:
    """Raises InputError for a folder that is not empty, and for a path that is not a folder."""
    try:
        full = os.path.lexists(directory) and any(
            entry.name not in except_for for entry in directory.iterdir()
        )
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InputError(str(directory), message=reason, expected="a folder") from None
    except ValueError:
        raise InputError(str(directory), message="not a file name", expected="a folder") from None
    if full:
        raise InputError(str(directory), message="is not empty", expected="a new or empty folder")


def _place(path: Path) -> Place:
    """Return the target. Raises InputError for folders, sockets and disks, OSError for link
    loops."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return Place(Path(os.path.realpath(path)), None, through=False)
    kind = stat.S_IFMT(status.st_mode)
    ours = _stream(status) is not None
    if kind in REFUSED and not ours:
        raise InputError(str(path), message=REFUSED[kind], expected="a file to write to")
    if kind != stat.S_IFREG or ours:
        return Place(path, None, through=True)
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return Place(Path(os.path.realpath(path)), stat.S_IMODE(status.st_mode), through=False)


def _stream(status: os.stat_result) -> int | None:
    """Return the descriptor of the own stdout or stderr that leads to this file, or None."""
    for number in (1, 2):
        try:
            if os.path.samestat(os.fstat(number), status):
                return number
        except OSError:
            continue
    return None


def _draft(place: Place, number: int, text: str) -> Path:
    draft = place.path.with_name(f".sizewright.{os.getpid()}.{number}.draft")
    with draft.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(text)
        if place.kept_mode is not None:
            os.fchmod(stream.fileno(), place.kept_mode)
    return draft


def _write_through(path: Path, content: bytes) -> None:
    """Write into a device, a pipe or an own stream.

    Guard: a pipe without a reader fails at once; a plain open would wait for a reader. An own
    stream is written at its position: with a second open, the two would overwrite each other.
    """
    stream = _stream(path.stat())
    if stream is None:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb") as into:
            into.write(content)
        return
    if sys.stdout is not None:
        sys.stdout.flush()
    try:
        with os.fdopen(os.dup(stream), "wb") as into:
            into.write(content)
    except BrokenPipeError:
        # Guard: a reader of stdout who leaves early has no other effect.
        return
