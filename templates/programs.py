"""Programs for nodes and pods, without comments, docstrings and empty lines.

Their names contain a digest of the rest, so that wording alone never restarts a pod or a node.
"""

import ast
import hashlib
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
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
_SCRIPT_COMMENT_LINE = re.compile(r"\s*//")


@dataclass(frozen=True)
class Program:
    """A program as pods and functions run it."""

    file: str
    """Name of the program's file, e.g. fetch_weights.py."""
    text: str

    @property
    def name(self) -> str:
        """Name of the program's ConfigMap; a changed program has another name."""
        return _named(self.file, hashlib.sha256(self.text.encode()).hexdigest())

    @property
    def values(self) -> dict[str, str]:
        """Values for the templates."""
        return {"file": self.file, "name": self.name, "text": self.text}


@dataclass(frozen=True)
class Programs:
    """Files that run in one folder; the first one starts and imports the others."""

    files: tuple[Program, ...]

    @property
    def name(self) -> str:
        """Name of the ConfigMap with all files; a change in any file changes it."""
        digest = hashlib.sha256("".join(f"{p.file}\0{p.text}\0" for p in self.files).encode())
        return _named(self.files[0].file, digest.hexdigest())

    @property
    def values(self) -> dict[str, str]:
        """Values of the first file for the templates, under the name of all files."""
        return self.files[0].values | {"name": self.name}

    @property
    def modules(self) -> list[dict[str, str]]:
        """Values of the files that the first one imports."""
        return [each.values for each in self.files[1:]]


JOB_API = ("job_api", "job_http", "job_request")
"""Files of the function that accepts jobs; its handler is job_api.handler."""
JOB_WORKER = (
    "job_worker",
    "job_engine",
    "job_history",
    "job_image",
    "job_messages",
    "job_stop",
    "job_store",
    "prompt_stages",
)
"""Files of the worker next to the engine."""

RENDITION_WORKER = (
    "rendition_worker",
    "job_messages",
    "job_stop",
    "job_store",
    "rendition_ffmpeg",
)
"""Files of the worker that makes the renditions of clips."""

APPLICATION = (
    "application_start",
    "application_answers",
    "application_cache",
    "application_check",
    "application_database",
    "application_deletion",
    "application_direct",
    "application_feedback",
    "application_files",
    "application_judgement",
    "application_ready",
    "application_records",
    "application_route",
    "application_rows",
    "application_search",
    "application_secret",
    "application_server",
    "application_setup",
    "application_tokenizer",
    "application_tokens",
)
"""Files of the pods of an application; each program starts one of them."""

CONTEXT = (
    "context_chunks",
    "context_text",
    "context_vectors",
    "context_worker",
    "job_stop",
)
"""Files of the pods of an application with documents, besides those of every application."""
PAGE = (
    "page_start",
    "application_database",
    "application_deletion",
    "application_secret",
    "application_setup",
    "page_identity",
    "page_rows",
    "page_server",
    "page_setup",
)
"""Files of the pods of a chat page; each program starts one of them."""

JOB_CONTENT = "job_content"
"""File of the function that signs addresses of results; its handler is job_content.handler."""

PROMPT_CHECK = ("admission", "prompt_check", "prompt_stages")
"""Files of the checks of an engine whose prompts have stages."""

EMBEDDING_CHECK = ("admission", "embedding_check")
"""Files of the check of an engine whose answers are vectors."""


def programs(names: tuple[str, ...]) -> Programs:
    """Return the programs of some files of `scripts`."""
    return Programs(tuple(program(name) for name in names))


def program(name: str) -> Program:
    """Return the program of `scripts/NAME.py`."""
    path = program_path(f"{name}.py")
    return Program(path.name, running_python(path.read_text(encoding="utf-8")))


def node_programs(name: str) -> Programs:
    """Return the program of `scripts/NAME.mjs` without comment lines and empty lines.

    No text of the program may have a line that looks like a comment.
    """
    path = program_path(f"{name}.mjs")
    lines = path.read_text(encoding="utf-8").splitlines()
    left = [line for line in lines if line.strip() and not _SCRIPT_COMMENT_LINE.match(line)]
    return Programs((Program(path.name, "\n".join(left) + "\n"),))


def program_path(file: str) -> Path:
    """Path of a program, whose name is unique."""
    (path,) = SCRIPTS.rglob(file)
    return path


def _named(file: str, digest: str) -> str:
    return f"{Path(file).stem.replace('_', '-')}-{digest[:DIGEST_DIGITS]}"


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
