"""Writes files whole, and through links and devices; what cannot be written is one InputError."""

import errno
import os
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sizewright.interrupt import end_if_asked
from sizewright.reading.input_error import InputError

REFUSED = {
    stat.S_IFDIR: "is a directory",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFBLK: "is a disk",
}
"""Kinds of files that no text is written to."""


@dataclass(frozen=True)
class Place:
    """Where a text goes: the name of a regular file, or one that is written through."""

    path: Path
    """Behind all links, except for what is written through."""
    kept_mode: int | None
    """Permissions of the file that is replaced; null for a new one."""
    through: bool
    """Whether the file stays and the text goes into it: a device, a pipe, or a stream of ours."""


def write_files(texts: Mapping[Path, str]) -> None:
    """Writes every text to a file beside its place first, then gives all of them their names.

    A link stays and what it leads to changes; a device or a pipe takes the text and stays.
    Raises InputError for a place that cannot be written.
    """
    end_if_asked()
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
    """Raises InputError for a folder that holds anything, and for what is no folder."""
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
    """Raises InputError for a folder, a socket or a disk, and OSError for a loop of links."""
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
    """The descriptor of our own stdout or stderr that leads to this file."""
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
    """Guard: a pipe that nobody reads fails at once; a plain open would wait for a reader.

    A stream of ours is written where it stands: opened again, the two would overwrite each other.
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
        # Guard: a reader of stdout who left early changes nothing else.
        return
