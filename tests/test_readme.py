"""The README's console blocks are what the commands print."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
PROGRAM = {"make preview": "sizewright preview workloads/chat.yaml"}


def blocks() -> list[tuple[str, str]]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [(m["command"], m["output"]) for m in BLOCK.finditer(text) if m["output"].strip()]


def run(command: str, folder: Path) -> str:
    program, *arguments = PROGRAM.get(command, command).split()
    done = subprocess.run(
        [str(BIN / program), *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy to run in, with the edited workload that the README asks for."""
    shutil.copytree(ROOT / "workloads", tmp_path / "workloads")
    shutil.copy(ROOT / "Pulumi.dev.yaml", tmp_path)
    chat = (ROOT / "workloads" / "chat.yaml").read_text(encoding="utf-8")
    assert "100_000" in chat
    edited = chat.replace("100_000", "130_000")
    (tmp_path / "more-users.yaml").write_text(edited, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("command", "shown"), blocks(), ids=[c for c, _ in blocks()])
def test_a_console_block_is_what_is_printed(command: str, shown: str, folder: Path) -> None:
    """Each stretch between two lines `...` stands in the output, in order, line for line."""
    rest = run(command, folder)
    for stretch in re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE):
        assert stretch in rest
        rest = rest[rest.index(stretch) + len(stretch) :]


def test_the_blocks_are_found() -> None:
    assert len(blocks()) == 3


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("preview", "test", "check", "golden", "help"):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert PROGRAM["make preview"] in makefile
