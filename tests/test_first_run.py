"""`make preview` on a fresh clone: its output while the environment is made."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def make(folder: Path, pip: str) -> subprocess.CompletedProcess[str]:
    """Result of `make` of the environment, with a Python whose pip is a shell script."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    python = folder / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    (folder / ".venv/lib/python3.11/site-packages/pip-1.dist-info").mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{pip}\n", encoding="utf-8")
    python.chmod(0o755)
    words = ["make", ".venv/.ready-run", "PROGRESS_S=1", "PYTHON=python3"]
    return subprocess.run(
        words, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_a_first_run_says_how_long_it_takes_and_how_far_it_is(tmp_path: Path) -> None:
    ended = make(tmp_path, 'case "$*" in *requirements*) sleep 3;; esac')
    assert ended.returncode == 0, ended.stderr
    said, *progress, last = ended.stderr.splitlines()
    assert last.startswith("compiling the modules that a preview uses")
    assert "one to two minutes on two idle cores" in said
    assert len(progress) >= 2
    pins = (ROOT / "requirements.txt").read_text(encoding="utf-8").count("==")
    assert progress[0] == f"  1 s: 1 of about {pins} packages are installed"
    assert (tmp_path / ".venv/.ready-run").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
def test_an_installation_that_fails_fails_the_run(tmp_path: Path) -> None:
    """Guard: the display of progress must not swallow the exit code."""
    ended = make(tmp_path, "echo no network >&2; exit 7")
    assert ended.returncode != 0
    assert "no network" in ended.stderr
    assert not (tmp_path / ".venv/.ready-run").exists()
