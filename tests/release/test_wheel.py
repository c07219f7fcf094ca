"""The built wheel: one import name, every file, and the same from the source archive."""

import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from release.wheel_backend import INSIDE, inside
from tests.release.conftest import ROOT, THEIRS, Environment, built


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_a_wheel_has_one_import_name(wheel: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    info = f"sizewright-{version}.dist-info"
    assert {name.split("/")[0] for name in names(wheel)} == {"sizewright", info}
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{info}/top_level.txt").decode().split() == ["sizewright"]


def test_a_wheel_has_every_file_of_the_packages(wheel: Path) -> None:
    expected = {"sizewright/stack_program.py", "sizewright/action/post.py"}
    for package in ("sizewright", *INSIDE):
        above = "" if package == "sizewright" else "sizewright/"
        expected |= {
            above + path.relative_to(ROOT).as_posix()
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    assert {name for name in names(wheel) if ".dist-info/" not in name} == expected


def test_the_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = built("build_sdist", ROOT, tmp_path / "dist")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path, filter="data")
    source = tmp_path / archive.name.removesuffix(".tar.gz")
    assert names(built("build_wheel", source, tmp_path / "again")) == names(wheel)


def test_building_leaves_the_repository_as_it_was(wheel: Path) -> None:
    assert wheel.is_file()
    assert not (ROOT / "build").exists()


def test_the_version_is_printed(tool: Environment, tmp_path: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    done = tool.run("sizewright", "--version", cwd=tmp_path)
    assert done.stdout == f"sizewright, version {version}\n"
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"\n## {version}" in changes


def test_no_other_name_can_be_imported(tool: Environment, tmp_path: Path) -> None:
    for name in THEIRS:
        done = tool.run("python", "-c", f"import {name}", cwd=tmp_path)
        assert f"No module named '{name}'" in done.stderr, name


def test_every_command_and_schema_loads(tool: Environment, tmp_path: Path) -> None:
    done = tool.run("sizewright", "schema", "--directory", "schemas", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    committed = ROOT / "docs/schema"
    for path in (tmp_path / "schemas").iterdir():
        assert path.read_text("utf-8") == (committed / path.name).read_text("utf-8")
    done = tool.run("python", "-c", COMMANDS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


COMMANDS = """
from sizewright.cli import COMMANDS, cli
for name in COMMANDS:
    assert cli.get_command(None, name).name == name
"""


def test_imports_are_taken_from_the_one_package() -> None:
    source = (
        "from sizing.plan import Plan\n"
        "from sizing import x; from templates import y\n"
        "def f():\n"
        "    from components.platform import build  # here\n"
        "from sizewright import z\nfrom . import w\nfrom sizings import v\n"
        'TEXT = "from sizing.plan import Plan"\n'
    )
    assert inside(source, "a.py") == (
        "from sizewright.sizing.plan import Plan\n"
        "from sizewright.sizing import x; from sizewright.templates import y\n"
        "def f():\n"
        "    from sizewright.components.platform import build  # here\n"
        "from sizewright import z\nfrom . import w\nfrom sizings import v\n"
        'TEXT = "from sizing.plan import Plan"\n'
    )


@pytest.mark.parametrize(
    "line", ["import sizing.plan", "import os, templates", 'NAME = "sizing.plan:Plan"']
)
def test_what_cannot_be_rewritten_stops_the_build(line: str) -> None:
    with pytest.raises(ValueError, match=r"^a\.py:2: "):
        inside(f"\n{line}\n", "a.py")
