"""The whole command line: help, streams, terminals, imports."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sizewright.cli import COMMANDS, GROUPS
from tests.sizewright.conftest import INFEASIBLE, ROOT, Run

# Guard: background processes of a shell ignore interrupts, and so do their children.
INTERRUPTIBLE = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
PROGRAM = [sys.executable, "-c", f"{INTERRUPTIBLE}; from sizewright.cli import main; main()"]
CHAT = "tests/workloads/chat.yaml"


def _process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command(run: Run) -> None:
    out = run("--help").out
    for name, text in COMMANDS.items():
        assert name in out and text.split()[0] in out
    assert "5 infeasible" in out


def test_every_module_with_a_command_is_listed_in_its_group() -> None:
    for folder, listed in GROUPS.items():
        modules = (ROOT / "sizewright" / "commands" / folder).glob("*.py")
        commands = {m.stem for m in modules if "@click.command(" in m.read_text(encoding="utf-8")}
        assert commands == set(listed), folder


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_begins_with_examples(run: Run, name: str) -> None:
    ended = run(name, "--help")
    assert (ended.code, ended.err) == (0, "")
    assert f"sizewright {name}" in ended.out.split("Options:")[0].split("\n", 1)[1]
    assert "--json" in ended.out


def test_an_unknown_command_says_what_is_near(run: Run) -> None:
    ended = run("sise")
    assert (ended.code, ended.out) == (2, "")
    assert "did you mean 'size'?" in ended.err


def test_sizing_commands_do_without_pulumi() -> None:
    script = f"""
import sys
from sizewright.cli import main
for words in (["size", "{CHAT}"], ["explain", "{CHAT}"], ["catalog"], ["init", "--help"]):
    sys.argv = ["sizewright", *words]
    try:
        main()
    except SystemExit:
        pass
heavy = {{"pulumi", "pulumi_aws", "grpc", "jinja2", "yaml", "components", "templates"}}
print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stderr == "[]\n"


@pytest.mark.parametrize("command", ["size", "preview"])
def test_json_does_without_rich(command: str) -> None:
    script = f"""
import sys
from sizewright.cli import main
sys.argv = ["sizewright", "{command}", "{CHAT}", "--json"]
main()
print("rich" in sys.modules, file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *warnings, last = ended.stderr.splitlines()
    assert last == "False"
    pulls = ["warning: 15 nodes may pull docker.io/vllm/"] if command == "preview" else []
    assert [line.partition("vllm-openai")[0] for line in warnings] == pulls


@pytest.mark.parametrize("environment", [{"FORCE_COLOR": "1", "COLUMNS": "40"}, {"TERM": "xterm"}])
def test_piped_output_is_plain_and_wide(environment: dict[str, str]) -> None:
    ended = _process("size", CHAT, "--verbose", **environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) > 100


def _on_a_terminal(*words: str, **environment: str) -> str:
    ours, theirs = pty.openpty()
    plain = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    process = subprocess.Popen(
        [*PROGRAM, *words], cwd=ROOT, env={**plain, **environment}, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    chunks = list[bytes]()
    while chunk := _read(ours):
        chunks.append(chunk)
    os.close(ours)
    assert process.wait() == 0
    return b"".join(chunks).decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux ends a terminal whose other side is closed with EIO.
        return b""


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_a_terminal_gets_colour_and_its_own_width(columns: int) -> None:
    out = _on_a_terminal("size", CHAT, TERM="xterm-256color", COLUMNS=str(columns))
    assert "\x1b[1mchat: 15 GPUs" in out
    bare = out.replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert "\x1b" not in bare
    assert max(map(len, bare.splitlines())) <= columns


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("di", "plain,diff\n"),
        ("diff --re", "plain,--rev\n"),
        ("cat", "plain,catalog\n"),
        ("size work", "file,work\n"),
        ("preview --site Pul", "file,Pul\n"),
        ("schema wo", "plain,workload\n"),
        ("catalog gp", "plain,gpus\n"),
        ("catalog models llama-3.1-8", "plain,llama-3.1-8b\n"),
        ("init --kind ch", "plain,chat\n"),
        (f"explain {CHAT} chat.pool.gpus_t", "plain,chat.pool.gpus_total\n"),
        (
            f"explain --site Pulumi.prod.yaml {CHAT} cluster.l",
            "plain,cluster.log_days\n",
        ),
        ("explain nowhere.yaml chat.p", "\n"),
    ],
)
def test_a_shell_completes(typed: str, offered: str) -> None:
    words = f"sizewright {typed}"
    place = str(len(words.split()) - 1)
    assert _completed("bash_complete", COMP_WORDS=words, COMP_CWORD=place) == offered


def _completed(instruction: str, **environment: str) -> str:
    """Answer of the installed command to a shell's completion."""
    return subprocess.run(
        [Path(sys.executable).parent / "sizewright"],
        cwd=ROOT,
        env={**os.environ, "_SIZEWRIGHT_COMPLETE": instruction, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed(shell: str) -> None:
    assert "_sizewright_completion" in _completed(f"{shell}_source")


@pytest.mark.parametrize("instead", ["return read(*given)", "raise ModuleNotFoundError('version')"])
def test_an_interrupt_that_was_swallowed_still_ends_the_command(instead: str) -> None:
    script = f"""
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
import sizewright.commands.answer.size as size
read = size.read_plan
def swallowing(*given):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except:
        {instead}
size.read_plan = swallowing
from sizewright.cli import main
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", script, "size", CHAT], cwd=ROOT, capture_output=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (130, b"")
    assert ended.stderr.strip() == b"interrupted"


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc/self/maps here")
def test_ctrl_c_ends_without_a_traceback() -> None:
    """The signal comes while the first preview imports Pulumi, which takes the longest."""
    process = subprocess.Popen(
        [*PROGRAM, "preview", CHAT], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    maps = Path(f"/proc/{process.pid}/maps")
    while process.poll() is None and b"pydantic_core" not in maps.read_bytes():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, b"", b"\ninterrupted\n")


@pytest.mark.parametrize(
    "environment", [{"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb", "FORCE_COLOR": "1"}]
)
def test_no_colour_where_none_is_wanted(environment: dict[str, str]) -> None:
    assert "\x1b" not in _on_a_terminal("size", CHAT, **environment)


@pytest.mark.parametrize("words", [("size", CHAT), ("catalog", "models", "--json")])
def test_a_closed_pipe_ends_quietly(words: tuple[str, ...]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    ended = subprocess.run(
        [*PROGRAM, *words], cwd=ROOT, stdout=theirs, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(theirs)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_closed_pipe_keeps_the_exit_code(chat: Callable[..., Path]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    words = [*PROGRAM, "size", str(chat(INFEASIBLE))]
    ended = subprocess.run(words, cwd=ROOT, stdout=theirs, stderr=subprocess.DEVNULL, check=False)
    os.close(theirs)
    assert ended.returncode == 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("size", "infeasible"), 5),
        (("check", "infeasible"), 5),
        (("compare", "infeasible"), 5),
        (("size", "no/such.yaml"), 2),
        (("nonsense",), 2),
    ],
)
def test_a_message_nobody_can_read_keeps_the_exit_code(
    chat: Callable[..., Path], words: tuple[str, ...], code: int
) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    files = {"infeasible": str(chat(INFEASIBLE))}
    reported = [*PROGRAM, *(files.get(word, word) for word in words)]
    ended = subprocess.run(reported, cwd=ROOT, stdout=theirs, stderr=theirs, check=False)
    os.close(theirs)
    assert ended.returncode == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*PROGRAM, "size", CHAT],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("cannot write to stdout: ") and ended.stderr.count("\n") == 1


def test_other_encodings_lose_nothing() -> None:
    latin = _process("size", CHAT, "--json", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert json.loads(latin.stdout) == json.loads(_process("size", CHAT, "--json").stdout)


@pytest.mark.parametrize("name", ["size", "explain", "preview", "check", "render", "update"])
def test_workloads_are_not_read_from_stdin(run: Run, name: str) -> None:
    ended = run(name, "-")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("-: stdin is not read; expected a YAML file; save it to a file")
    assert ended.err.count("\n") == 1


def test_help_says_who_reads_stdin(run: Run) -> None:
    for name in COMMANDS:
        reported = " ".join(run(name, "--help").out.split())
        assert ("--stack and --preview read stdin for -." in reported) is (name == "diff")
        assert "A file may be -" not in reported


@pytest.mark.parametrize("command", ["size", "explain", "render", "init"])
def test_no_file_is_bad_usage(run: Run, command: str) -> None:
    ended = run(command)
    assert (ended.code, ended.out) == (2, "")
    assert "Missing argument" in ended.err
