"""A build backend on setuptools: every module of a wheel is below the one import name `sizewright`.

In this repository `sizing`, `templates` and `components` are packages at the top. In the project of
a user these names are the user's, so a wheel contains `sizewright.sizing` and so on.
"""

import ast
import contextlib
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from setuptools import build_meta

PACKAGE = "sizewright"
INSIDE = ("sizing", "templates", "components")
"""Packages of this repository that a wheel contains inside the one package."""
SINGLE_FILES = {
    "__main__.py": "stack_program.py",
    "action/post.py": "action/post.py",
}
"""Modules of a wheel by the file of this repository that becomes each one."""
PROJECT_FILES = ("pyproject.toml", "README.md", "LICENSE", "NOTICE")
THEIRS = "project"
"""Folder of the package with the files of a user's repository, which are copied unchanged."""
MODULE_NAME = re.compile(rf"({'|'.join(INSIDE)})(\.\w+)*:\w+")
Settings = Mapping[str, Any] | None

build_sdist = build_meta.build_sdist
build_editable = build_meta.build_editable
get_requires_for_build_wheel = build_meta.get_requires_for_build_wheel
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
get_requires_for_build_editable = build_meta.get_requires_for_build_editable
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable


def build_wheel(
    wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None
) -> str:
    """Return the name of the wheel that is written into `wheel_directory`."""
    into = str(Path(wheel_directory).resolve())
    with TemporaryDirectory() as folder:
        lay_out(Path.cwd(), Path(folder))
        with contextlib.chdir(folder):
            return str(build_meta.build_wheel(into, config_settings))


def lay_out(repository: Path, folder: Path) -> None:
    """Write the project into `folder` in the layout of a wheel. Raises ValueError."""
    for name in PROJECT_FILES:
        shutil.copy(repository / name, folder)
    package = folder / PACKAGE
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(repository / PACKAGE, package, ignore=ignored)
    for name in INSIDE:
        shutil.copytree(repository / name, package / name, ignore=ignored)
    for source, target in SINGLE_FILES.items():
        (package / target).parent.mkdir(exist_ok=True)
        shutil.copy(repository / source, package / target)
    for path in package.rglob("*.py"):
        if path.relative_to(package).parts[0] != THEIRS:
            text = path.read_text(encoding="utf-8")
            name = path.relative_to(folder).as_posix()
            path.write_text(inside(text, name), encoding="utf-8")


def inside(source: str, name: str) -> str:
    """Return the source with imports of the inner packages taken from the one package.

    Raises ValueError for an import or a module's name that cannot be changed in this way.
    """
    lines = source.splitlines(keepends=True)
    for line, column in sorted(_imports(ast.parse(source), name), reverse=True):
        text = lines[line - 1]
        lines[line - 1] = text[:column] + text[column:].replace("from ", f"from {PACKAGE}.", 1)
    return "".join(lines)


def _imports(tree: ast.Module, name: str) -> Iterator[tuple[int, int]]:
    """Line and column of every import from an inner package."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if _top(module) in INSIDE:
                yield node.lineno, node.col_offset
            case ast.Import(names=names) if any(_top(each.name) in INSIDE for each in names):
                raise ValueError(f"{name}:{node.lineno}: expected `from package import name`")
            case ast.Constant(value=str(text)) if MODULE_NAME.fullmatch(text):
                raise ValueError(f"{name}:{node.lineno}: a wheel has no module {text}")


def _top(module: str) -> str:
    return module.partition(".")[0]
