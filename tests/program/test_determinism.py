"""The same files give the same bytes for every hash seed, locale and run."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
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
EVERY_COMMAND = """
import json, sys
from sizewright.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["sizewright", *words]
    try:
        main()
    except SystemExit as stop:
        assert not stop.code, (words, stop.code)
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\\0")
    sys.stdout.flush()
"""
"""One process runs all commands, whose outputs are each followed by a zero byte."""


def outputs(surroundings: dict[str, str]) -> list[bytes]:
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", EVERY_COMMAND, json.dumps(COMMANDS)],
        cwd=ROOT,
        env={**kept, **surroundings},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *found, rest = done.stdout.split(b"\0")
    assert rest == b"" and len(found) == len(COMMANDS)
    return found


def test_output_is_the_same_in_any_surroundings() -> None:
    every = [outputs(surroundings) for surroundings in SURROUNDINGS]
    for command, first, *others in zip(COMMANDS, *every, strict=True):
        assert len(first) > 1000, command
        assert all(other == first for other in others), command
        assert b"\x1b" not in first, command
