"""Programs for nodes and pods, without comments, docstrings and empty lines.

Their names contain a digest of the rest, so that wording alone never restarts a pod or a node.
"""

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeGuard

SCRIPTS = Path(__file__).parent / "scripts"
MOUNTED = {
    "script-fetch": "script",
    "script-admission": "admission",
    "script-start": "start",
    "script-certificate": "certificate",
    "script-worker": "worker",
}
"""Documents of the programs that floor pods mount, with the end of their resources' names."""
DIGEST_DIGITS = 10
"""Hexadecimal digits of a digest in a name. Basis: assumed; 40 bits among a handful of names."""
Place = tuple[int, int]
"""Line, from 1, and column, from 0, in characters."""
Cut = tuple[Place, Place, str]
"""Start and end of a cut, and the text that replaces it."""
_COMMENT_LINE = re.compile(r"\s*#(?!!)")


@dataclass(frozen=True)
class Program:
    """A Python program as pods run it."""

    file: str
    """Name of the program's file, e.g. fetch_weights.py."""
    text: str
    modules: Mapping[str, str] = field(default_factory=dict)
    """Text of each module that the program imports, by file name."""

    @property
    def name(self) -> str:
        """Name of the program's ConfigMap; a changed program has another name."""
        texts = [self.text, *(text for pair in sorted(self.modules.items()) for text in pair)]
        digest = hashlib.sha256("".join(texts).encode()).hexdigest()[:DIGEST_DIGITS]
        return f"{Path(self.file).stem.replace('_', '-')}-{digest}"

    @property
    def values(self) -> dict[str, str]:
        """Values for the templates, without the modules."""
        return {"file": self.file, "name": self.name, "text": self.text}


def program(name: str, *modules: str) -> Program:
    """Return the program of `scripts/NAME.py`, with the modules next to it that it imports."""
    imported = {f"{module}.py": _running(module) for module in modules}
    return Program(f"{name}.py", _running(name), imported)


def _running(name: str) -> str:
    return running_python((SCRIPTS / f"{name}.py").read_text(encoding="utf-8"))


@cache
def running_python(source: str) -> str:
    """Return a Python source without comments, docstrings and empty lines.

    Guard: text is cut, never printed from the syntax tree: the result must not depend on the
    version of Python that renders it.
    """
    lines = source.splitlines()
    cuts = [*_comments(source), *_bare_strings(source)]
    for (first, start), (last, end), instead in sorted(cuts, reverse=True):
        joined = lines[first - 1][:start] + instead + lines[last - 1][end:]
        lines[first - 1 : last] = [joined.rstrip()]
    kept = _inside_strings("\n".join(lines))
    left = [line for number, line in enumerate(lines, 1) if line.strip() or number in kept]
    return "\n".join(left) + "\n"


def running_lines(text: str) -> str:
    """Return a shell script or a YAML document without comment lines and empty lines.

    The text must not contain here-documents or block scalars, whose lines would look like comments.
    """
    lines = (line.rstrip() for line in text.splitlines())
    left = [line for line in lines if line and not _COMMENT_LINE.match(line)]
    return "\n".join(left) + "\n"


def _comments(source: str) -> Iterator[Cut]:
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end, ""


def _bare_strings(source: str) -> Iterator[Cut]:
    """Cuts of docstrings, also below attributes; `...` replaces one that is a whole body."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        statements = body if isinstance(body, list) else []
        for statement in statements:
            if isinstance(statement, ast.Expr) and _is_text(statement.value):
                start, end = _span(statement, lines)
                yield start, end, "..." if len(statements) == 1 else ""


def _span(node: ast.stmt, lines: list[str]) -> tuple[Place, Place]:
    """Start and end of a statement in characters.

    Guard: the syntax tree counts columns in bytes.
    """
    first, last = node.lineno, node.end_lineno or node.lineno
    start = len(lines[first - 1].encode()[: node.col_offset].decode())
    end = len(lines[last - 1].encode()[: node.end_col_offset].decode())
    return (first, start), (last, end)


def _inside_strings(source: str) -> set[int]:
    """Line numbers of all string literals, whose empty lines belong to the program."""
    return {
        number
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.JoinedStr) or _is_text(node)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def _is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
