"""Texts of faulty files, and the places of their faults."""

from pathlib import Path

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
