"""Texts of faulty files, and the places of their faults."""

from pathlib import Path

from tests.sizewright.conftest import Ended

CHAT = "tests/workloads/chat.yaml"
HUB = f"id: a/b, revision: {'abcdef0123' * 4}"
S3 = f"{{uri: s3://abc/d/, digest: sha256:{'01234567' * 8}}}"


def place(path: Path, before: str) -> str:
    """`file:line:column` of the first place of a text; the file alone for no text."""
    if not before:
        return f"{path}:"
    text = path.read_text(encoding="utf-8")
    index = text.index(before)
    line_start = text.rfind("\n", 0, index) + 1
    return f"{path}:{text.count(chr(10), 0, index) + 1}:{index - line_start + 1}: "


def assert_one_line(ended: Ended, path: Path, before: str, said: str) -> None:
    """Check that a command ended with bad input and one line: its place, and what it says."""
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(place(path, before)), ended.err
    assert said in ended.err
    assert ended.err.count("\n") == 1
