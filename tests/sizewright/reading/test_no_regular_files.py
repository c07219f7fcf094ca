"""Folders, pipes, sockets and loops of links are refused at once as input files."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sizewright.conftest import Run

LONGEST_WAIT_S = 60
"""Guard: a command that waits for a writer fails the test and does not stop all others."""


@pytest.fixture(autouse=True)
def watch() -> Iterator[None]:
    def stop(number: int, frame: object) -> None:
        raise TimeoutError("the command waits")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, LONGEST_WAIT_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def empty_folder(path: Path) -> None:
    path.mkdir()


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def unix_socket(path: Path) -> None:
    """Guard: the address of a socket is at most 107 bytes, a path of a test may be longer."""
    here = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(here)


MADE: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (os.mkfifo, "not a regular file"),
    "folder": (empty_folder, "is a directory"),
    "socket": (unix_socket, "no such device or address"),
    "loop of links": (loop, "too many levels of symbolic links"),
    "link to nothing": (link_to_nothing, "no such file"),
}


@pytest.mark.parametrize("kind", MADE)
@pytest.mark.parametrize(
    "role", ["workload", "site", "config.json", "lock", "calibration", "stack lock"]
)
def test_what_is_no_file_is_refused_at_once_as_any_input(
    run: Run, chat: Callable[..., Path], site: Callable[..., Path], role: str, kind: str
) -> None:
    make, said = MADE[kind]
    path, stack = chat(), site()
    folder = path.parent
    if role == "workload":
        path = odd = folder / "odd.yaml"
    elif role == "site":
        stack = odd = folder / "Pulumi.odd.yaml"
    elif role == "config.json":
        path, odd = chat(("name: llama-2-7b", "name: ./odd.json")), folder / "odd.json"
    elif role == "stack lock":
        odd = stack.with_suffix(".lock")
    else:
        odd = path.with_suffix(".lock" if role == "lock" else ".calibration.json")
    make(odd)
    ended = run("size", path, "--site", stack)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"{odd}: {said}")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("words", [("accuracy",), ("diff", "workloads/chat.yaml", "--stack")])
def test_a_pipe_that_nobody_writes_to_is_empty(
    run: Run, tmp_path: Path, words: tuple[str, ...]
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    ended = run(*words, pipe)
    assert (ended.code, ended.out) == (2, "")


def test_a_pipe_that_is_read_once_is_read(run: Run, tmp_path: Path) -> None:
    """`diff --stack <(pulumi stack output --json)`: the shell passes the end of a pipe."""
    reading, writing = os.pipe()
    os.write(writing, b'{"services": {}}')
    os.close(writing)
    try:
        ended = run("diff", "workloads/chat.yaml", "--stack", f"/dev/fd/{reading}")
    finally:
        os.close(reading)
    assert ended.code == 0, ended.err


def test_a_number_of_many_digits_is_one_fault(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "outputs.json"
    path.write_text('{"services": ' + "9" * 5000 + "}", encoding="utf-8")
    ended = run("diff", "workloads/chat.yaml", "--stack", path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
