"""Progress of long work appears on a terminal's stderr only, and disappears at the end."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sizewright.conftest import ROOT, UNTIMED

# Guard: background processes of a shell ignore interrupts, and so do their children.
INTERRUPTIBLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
PROGRAM = [sys.executable, "-c", f"{INTERRUPTIBLE}; from sizewright.cli import main; main()"]
CHAT = "tests/workloads/chat.yaml"
RUNS = ("bench/data/serving_steps.csv", "--configs", "bench/data/configs")
CODE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*(?:3|4|9|10)[0-7](?:;[0-9]+)*m")


@dataclass(frozen=True)
class Watched:
    """A run whose stderr is a terminal."""

    code: int
    out: str
    sent: str
    """Everything that the terminal received."""

    @property
    def screen(self) -> list[str]:
        """Lines on the terminal at the end, without blank lines."""
        lines, row, column = [""], 0, 0
        at = 0
        while at < len(self.sent):
            if code := CODE.match(self.sent, at):
                at = code.end()
                if code[2] == "K":
                    lines[row] = ""
                elif code[2] == "A":
                    row -= int(code[1] or 1)
                else:
                    assert code[2] in "mhl", code[0]
                continue
            character, at = self.sent[at], at + 1
            if character == "\r":
                column = 0
            elif character == "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            else:
                line = lines[row].ljust(column)
                lines[row] = line[:column] + character + line[column + 1 :]
                column += 1
        return [line.rstrip() for line in lines if line.strip()]

    @property
    def shows_cursor(self) -> bool:
        """True where the cursor is visible again."""
        return self.sent.rfind("\x1b[?25h") >= self.sent.rfind("\x1b[?25l")


def watched(
    *words: str, stop_at: str = "", set_to: Mapping[str, str] | None = None, both: bool = False
) -> Watched:
    """Run a command, and interrupt it once the terminal shows `stop_at`.

    `both` connects stdout to the terminal too.
    """
    ours, theirs = pty.openpty()
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    process = subprocess.Popen(
        [*PROGRAM, *words],
        cwd=ROOT,
        env={**plain, "TERM": "xterm-256color", "COLUMNS": "100", **(set_to or {})},
        stdout=theirs if both else subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    sent = bytearray()

    def listen() -> None:
        requested = False
        while chunk := _read(ours):
            sent.extend(chunk)
            if stop_at and not requested and stop_at.encode() in sent:
                requested = True
                process.send_signal(signal.SIGINT)

    listener = threading.Thread(target=listen)
    listener.start()
    out, _ = process.communicate(timeout=120)
    listener.join()
    os.close(ours)
    text = sent.decode().replace("\r\n", "\n")
    return Watched(process.returncode, (out or b"").decode(), text)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux ends a terminal whose other side is closed with EIO.
        return b""


def piped(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def calibrated(tmp_path: Path) -> str:
    """A workload that `compare` can size on any hardware."""
    text = (ROOT / CHAT).read_text(encoding="utf-8")
    given = "method: given, requests_per_gpu_per_s: 1,"
    assert given in text
    path = tmp_path / "calibrated.yaml"
    path.write_text(text.replace(given, "method: calibrated,"), encoding="utf-8")
    return str(path)


SAID = {
    "preview": "recording what the program registers",
    "diff": "recording both plans",
    "check": "checking the gates",
    "compare": "sizing all hardware options",
    "accuracy": "predicting runs",
    "calibrate": "predicting runs",
}


@pytest.mark.parametrize("command", SAID)
def test_progress_is_shown_taken_away_and_never_on_stdout(
    command: str, calibrated: str, tmp_path: Path
) -> None:
    words = {
        "diff": (CHAT, calibrated),
        "compare": (calibrated,),
        "accuracy": RUNS,
        "calibrate": (*RUNS, "--out", str(tmp_path / "c.json")),
    }.get(command, (CHAT,))
    seen, unseen = watched(command, *words), piped(command, *words)
    assert SAID[command] in seen.sent and SAID[command] not in unseen.stderr
    assert "\x1b" not in seen.out + unseen.stdout + unseen.stderr
    assert (seen.code, seen.out) == (unseen.returncode, unseen.stdout)
    assert seen.screen == [line.rstrip() for line in unseen.stderr.split("\n") if line.strip()]
    assert seen.shows_cursor


def test_messages_stay_where_progress_was() -> None:
    """The service is incomplete, and the command reports it."""
    seen, unseen = watched("preview", str(UNTIMED)), piped("preview", str(UNTIMED))
    assert seen.code == 6
    assert seen.screen == unseen.stderr.splitlines() != []


def test_on_one_terminal_the_answer_is_alone() -> None:
    seen = watched("check", CHAT, both=True, set_to={"NO_COLOR": "1"})
    alone = watched("check", CHAT, both=True, set_to={"TERM": "dumb"})
    assert "checking the gates" in seen.sent and "checking the gates" not in alone.sent
    assert seen.screen == alone.screen


@pytest.mark.parametrize("set_to", [{"TERM": "dumb"}, {"TERM": ""}])
def test_a_terminal_that_cannot_erase_is_sent_nothing(set_to: dict[str, str]) -> None:
    seen = watched("preview", CHAT, "--json", set_to=set_to)
    warned, rest = seen.sent.splitlines()[:1], seen.sent.splitlines()[1:]
    assert (seen.code, rest) == (0, [])
    assert warned[0].startswith("warning: 15 nodes may pull docker.io/vllm/vllm-openai:v0.27.1")
    assert "\x1b" not in seen.sent


@pytest.mark.parametrize("words", [("preview", CHAT), ("accuracy", *RUNS)])
def test_no_colour_where_none_is_wanted(words: tuple[str, ...]) -> None:
    plain = watched(*words, set_to={"NO_COLOR": "1"})
    assert SAID[words[0]] in plain.sent
    assert not COLOUR.search(plain.sent)


@pytest.mark.parametrize(
    ("words", "stop_at"),
    [
        (("preview", CHAT), SAID["preview"]),
        (("preview", CHAT), "\r\x1b[2K"),
        (("accuracy", *RUNS), SAID["accuracy"]),
    ],
)
def test_an_interrupt_takes_progress_away(words: tuple[str, ...], stop_at: str) -> None:
    seen = watched(*words, stop_at=stop_at)
    assert (seen.code, seen.out, seen.screen) == (130, "", ["interrupted"])
    assert seen.shows_cursor


def test_a_fault_takes_progress_away(tmp_path: Path) -> None:
    seen = watched("diff", CHAT, str(tmp_path / "none.yaml"))
    assert seen.code == 2
    assert [line.rpartition(": ")[2] for line in seen.screen] == ["no such file"]
    assert seen.shows_cursor
