"""`sizewright diff` against a real stack and the real engine."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from testbed.engine import ROOT, Stack
from tests.engine.conftest import CHAT

MORE_USERS = ("100_000", "130_000")


def differing(*words: object, stdin: str = "") -> Any:
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "sizewright"), "diff", *map(str, words), "--json"],
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(ended.stdout)


def test_against_what_is_deployed_and_the_engines_preview(
    deployed: Stack, changed_chat: Callable[..., Path]
) -> None:
    """Two files, a stack and the engine show the same cause and the same effects."""
    more = changed_chat(MORE_USERS)
    files = differing(CHAT, more)
    outputs = deployed.command("stack", "output", "--json").stdout
    stack = differing("--stack", "-", more, stdin=outputs)
    assert stack == files
    deployed.configure([more])
    preview = deployed.command("preview", "--json").stdout
    engine = differing("--preview", "-", more, stdin=preview)
    assert engine["notes"] == []
    assert engine["services"] == files["services"]
    assert engine["counts"] == files["counts"]
    assert effects(engine) == effects(files)


def effects(reported: Any) -> set[tuple[str, str, str]]:
    return {(r["type"], r["name"], r["effect"]) for r in reported["resources"]}
