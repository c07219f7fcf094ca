"""Texts and names use the words of the field, so that private vocabulary does not return.

Texts are string literals, docstrings, comments, templates, data and pages. The test does not prove
that a sentence is good English.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = (
    "sizing",
    "templates",
    "components",
    "sizewright",
    "release",
    "testbed",
    "bench",
    "tests",
)
PAGES = ("*.md", "docs/**/*.md", "action/*", "stacks/*.yaml", "workloads/*.yaml")
DATA = ("*.j2", "*.csv", "*.yaml", "*.md")
"""Endings of other files in the folders of the code."""
INSTEAD = {
    "told": "reported, outputs",
    "tells": "reports, outputs",
    "untold": "unknown",
    "heard": "received",
    "hears": "receives",
    "asked": "requested",
    "beside": "next to, alongside",
    "dear": "expensive",
    "dearer": "more expensive",
    "busy": "utilised, at its limit",
    "anew": "again",
    "without end": "unbounded",
    "safe side": "P90 estimate",
    "what stands": "existing resources",
    "standing": "existing",
    "doors": "public ingress",
}
"""Banned words and phrases, with those to write."""
JSON_FIELDS = {"told"}
"""Exceptions among names. Scripts read the field `own_runs.told` in the JSON of `size`."""
PHRASE = re.compile(rf"\b(?:{'|'.join(INSTEAD)})\b", re.IGNORECASE)


def code() -> list[Path]:
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    return [ROOT / "__main__.py", *(path for path in files if path != Path(__file__))]


def pages() -> list[Path]:
    found = {path for pattern in PAGES for path in ROOT.glob(pattern)}
    found |= {p for folder in FOLDERS for end in DATA for p in (ROOT / folder).rglob(end)}
    return sorted(path for path in found if path.is_file())


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every string literal, docstring and comment of a module."""
    source = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def names(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of every variable, parameter, attribute, function and class of a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name):
                yield node.lineno, name


def banned(text: str) -> list[str]:
    return [f"{word} (write: {INSTEAD[word.lower()]})" for word in PHRASE.findall(text)]


def banned_name(name: str) -> list[str]:
    return banned(" ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)))


def test_words_of_the_field() -> None:
    files = code()
    assert len(files) > 300
    faults = [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in files
        for line, text in texts(path)
        for word in banned(text)
    ]
    assert not faults, "\n".join(faults)


def test_pages_use_the_words_of_the_field() -> None:
    files = pages()
    assert {"README.md", "CHANGELOG.md", "glossary.md", "pod.yaml.j2"} <= {p.name for p in files}
    lines = (
        (path, number, line)
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    )
    faults = [f"{p.relative_to(ROOT)}:{n}: {w}" for p, n, line in lines for w in banned(line)]
    assert not faults, "\n".join(faults)


def test_names_use_the_words_of_the_field() -> None:
    faults = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in code()
        for line, name in names(path)
        if name not in JSON_FIELDS and banned_name(name)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("chat is asked for 11.57 requests/s", "asked"),
        ("The queue grows without end.", "without end"),
        ("The user is told.", "told"),
        ("Told first", "Told"),
    ],
)
def test_a_banned_word_is_found(tmp_path: Path, text: str, word: str) -> None:
    module = tmp_path / "module.py"
    module.write_text(f'count = 2\nprint(f"{text}: {{count}}")\n', encoding="utf-8")
    (fault,) = [fault for _, found in texts(module) for fault in banned(found)]
    assert fault.startswith(word)


@pytest.mark.parametrize("name", ["asked_for", "_told", "HEARD", "ToldAnswer", "is_busy"])
def test_a_banned_name_is_found(name: str) -> None:
    assert banned_name(name)


@pytest.mark.parametrize(
    "text", ["masked", "a bus yard", "outstanding", "understanding", "foretold"]
)
def test_a_part_of_a_word_is_allowed(text: str) -> None:
    assert not banned(text) and not banned_name(text.replace(" ", "_"))
