"""The same files give the same bytes for every hash seed, locale and run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SIZEWRIGHT = str(Path(sys.executable).parent / "sizewright")
SURROUNDINGS = (
    {"PYTHONHASHSEED": "0", "LC_ALL": "C", "TZ": "UTC", "COLUMNS": "60"},
    {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "COLUMNS": "200"},
    {"PYTHONHASHSEED": "4242", "LC_ALL": "POSIX", "LANG": "tr_TR.UTF-8", "TERM": "xterm-256color"},
)
COMMANDS = (
    ("size", "workloads/chat.yaml", "--json"),
    ("preview", "workloads/chat.yaml", "--verbose"),
    ("preview", "workloads/chat.yaml", "--json"),
    ("explain", "workloads/chat.yaml"),
    ("diff", "workloads/chat.yaml", "workloads/golden/chat.yaml"),
)


def output(command: tuple[str, ...], surroundings: dict[str, str]) -> bytes:
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        [SIZEWRIGHT, *command],
        cwd=ROOT,
        env={**kept, **surroundings},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_output_is_the_same_in_any_surroundings(command: tuple[str, ...]) -> None:
    first, *others = [output(command, surroundings) for surroundings in SURROUNDINGS]
    assert len(first) > 1000
    assert all(other == first for other in others)
    assert b"\x1b" not in first
