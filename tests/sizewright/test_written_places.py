"""Existing files at a path that a command writes: links and devices stay, folders are refused."""

import os
import select
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sizewright.reading.input_error import InputError
from sizewright.write import write_files
from tests.sizewright.conftest import ROOT, Run

CHAT = "workloads/chat.yaml"
MAIN = "from sizewright.cli import main; main()"


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_stays_and_the_file_behind_it_is_written_whole(tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.svg", tmp_path / "link.svg"
    kept.write_text("old")
    kept.chmod(0o640)
    link.symlink_to("kept.svg")
    write_files({link: "new"})
    assert link.readlink() == Path("kept.svg")
    assert kept.read_text() == "new"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    assert entries(tmp_path) == ["kept.svg", "link.svg"]


def test_a_link_to_nothing_stays_and_its_file_is_made(tmp_path: Path) -> None:
    link = tmp_path / "link.svg"
    link.symlink_to("made.svg")
    write_files({link: "new"})
    assert link.is_symlink()
    assert (tmp_path / "made.svg").read_text() == "new"


def test_links_in_a_loop_are_refused(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.symlink_to("two")
    two.symlink_to("one")
    with pytest.raises(InputError, match="too many levels of symbolic links"):
        write_files({one: "new"})
    assert one.is_symlink()
    assert two.is_symlink()


def test_a_pipe_stays_and_its_reader_gets_the_text(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[str]()
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)

    def take() -> None:
        select.select([descriptor], [], [])
        with os.fdopen(descriptor, encoding="utf-8") as stream:
            read.append(stream.read())

    reader = threading.Thread(target=take)
    reader.start()
    text = "x" * 1_000_000
    write_files({pipe: text})
    reader.join(timeout=30)
    assert read == [text]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_that_nobody_reads_is_refused_at_once(tmp_path: Path) -> None:
    """Guard: a plain open would wait for a reader forever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="no such device or address"):
        write_files({pipe: "new"})
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_device_stays_a_device(tmp_path: Path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, stat.S_IFCHR | 0o666, Path("/dev/null").stat().st_rdev)
    except PermissionError:
        pytest.skip("only root makes device nodes")
    write_files({device: "new"})
    assert stat.S_ISCHR(device.stat().st_mode)


def test_a_terminal_takes_the_text_and_stays() -> None:
    main, terminal = os.openpty()
    try:
        write_files({Path(os.ttyname(terminal)): "<svg/>"})
        assert os.read(main, 100) == b"<svg/>"
        assert stat.S_ISCHR(Path(os.ttyname(terminal)).stat().st_mode)
    finally:
        os.close(main)
        os.close(terminal)


def test_a_socket_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket")
        with pytest.raises(InputError, match="socket: is a socket"):
            write_files({Path("socket"): "new"})


def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "locked.svg"
    path.write_text("old")
    path.chmod(0o444)
    if os.access(path, os.W_OK):
        pytest.skip("root may write everything")
    with pytest.raises(InputError, match="permission denied"):
        write_files({path: "new"})
    assert path.read_text() == "old"


def test_one_place_that_is_refused_leaves_the_others_alone(tmp_path: Path) -> None:
    kept, folder = tmp_path / "kept", tmp_path / "folder"
    kept.write_text("old")
    folder.mkdir()
    with pytest.raises(InputError, match="folder: is a directory; expected a file to write to"):
        write_files({kept: "new", folder: "new"})
    assert kept.read_text() == "old"
    assert entries(tmp_path) == ["folder", "kept"]


def test_a_name_of_255_bytes_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 255)
    write_files({path: "new"})
    assert path.read_text() == "new"


@pytest.mark.parametrize("command", ["size", "render", "schema", "calibrate"])
def test_a_folder_is_no_file_for_any_command(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "fleet").mkdir()
    (tmp_path / "file").write_text("old")
    words = {
        "size": (CHAT, "--svg", tmp_path / "fleet"),
        "render": (CHAT, "--directory", tmp_path / "file"),
        "schema": ("--directory", tmp_path / "file"),
        "calibrate": ("bench/data/serving_steps.csv", "--out", tmp_path / "fleet"),
    }[command]
    ended = run(command, *words)
    assert ended.code == 2, ended
    assert ended.err.count("\n") <= 1 or command == "calibrate"
    assert (tmp_path / "file").read_text() == "old"
    assert entries(tmp_path / "fleet") == []


def test_init_takes_no_name_that_is_a_link_to_nothing(run: Run, tmp_path: Path) -> None:
    (tmp_path / "new.lock").symlink_to("elsewhere")
    ended = run("init", "new", "--directory", tmp_path)
    assert ended.code == 2
    assert "new.lock: exists already" in ended.err
    assert entries(tmp_path) == ["new.lock"]


def size_to_stdout(**options: object) -> subprocess.CompletedProcess[str]:
    """Result of `size --svg /dev/stdout` in a separate process."""
    words = [sys.executable, "-c", MAIN, "size", CHAT, "--svg", "/dev/stdout"]
    return subprocess.run(words, cwd=ROOT, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_the_picture_goes_to_a_piped_stdout_before_the_tables() -> None:
    ended = size_to_stdout(capture_output=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("<svg")
    assert "GPUs" in ended.stdout.partition("</svg>")[2]


def test_the_picture_and_the_tables_share_a_redirected_stdout(tmp_path: Path) -> None:
    """Guard: the file would lose one of the two if it were opened again or replaced."""
    path = tmp_path / "out"
    with path.open("w") as out:
        ended = size_to_stdout(stdout=out)
    text = path.read_text(encoding="utf-8")
    assert ended.returncode == 0
    assert text.startswith("<svg")
    assert "GPUs" in text.partition("</svg>")[2]
    assert entries(tmp_path) == ["out"]
