"""Several workers in one container: each gets the order to stop, and all end together."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from templates.programs import program

PROGRAM = """
import os, sys, time
from job_stop import Stopping, together

def run():
    time.sleep({start_s})
    stopping = Stopping()
    os.write(1, b"ready\\n")
    ended = stopping.wait({limit_s})
    return 0 if ended else 3

sys.exit(together(2, run))
"""


def started(folder: Path, *, start_s: float, limit_s: float = 30) -> "subprocess.Popen[str]":
    stop = program("job_stop")
    (folder / stop.file).write_text(stop.text)
    text = PROGRAM.format(start_s=start_s, limit_s=limit_s)
    return subprocess.Popen(
        [sys.executable, "-c", text], cwd=folder, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("start_s", [0, 1.5], ids=["at work", "at their start"])
def test_all_workers_get_the_order(tmp_path: Path, start_s: float) -> None:
    """Guard: an order while the workers start is kept until they can read it."""
    process = started(tmp_path, start_s=start_s)
    time.sleep(0.7)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 0, "both ended by the order, not by their limit"
    assert output == "ready\nready\n"


def test_where_one_ends_the_others_end_too(tmp_path: Path) -> None:
    process = started(tmp_path, start_s=0, limit_s=1)
    process.communicate(timeout=20)
    assert process.returncode == 3
