"""Runs of whole commands in this process, and files that tests change."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from sizewright.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """Result of a command."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("size", "tests/workloads/chat.yaml")` in the project's folder, stdout no terminal."""
    monkeypatch.chdir(ROOT)

    def go(*words: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["sizewright", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return go


@pytest.fixture
def chat(tmp_path: Path) -> Callable[..., Path]:
    """Copy of the chat workload without its lock, with replaced texts."""

    def build(*replaced: tuple[str, str], name: str = "chat") -> Path:
        text = (ROOT / "tests/workloads/chat.yaml").read_text(encoding="utf-8")
        for old, new in (("name: chat", f"name: {name}"), *replaced):
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return build


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Path]:
    """Copy of the dev stack file with replaced texts, without its issuer of tokens."""

    def build(*replaced: tuple[str, str]) -> Path:
        lines = (ROOT / "Pulumi.dev.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
        text = "".join(line for line in lines if "sizewright:token_" not in line)
        for old, new in replaced:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "Pulumi.test.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return build


def after_contradictions(out: str) -> str:
    """Output after the first line, which names contradictions where there are any."""
    return out.split("\n\n", 1)[1] if out.startswith("contradictions in ") else out


INFEASIBLE = ("min_gpu_gb: 16", "min_gpu_gb: 1000")
"""Replacement that makes the service infeasible: no card has so much memory."""
UNTIMED = ROOT / "tests/workloads/over-nodes.yaml"
"""Workload whose replicas span nodes, which this version does not time."""
