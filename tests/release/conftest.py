"""A wheel of this repository, installed as a user installs it."""

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys, wheel_backend; getattr(wheel_backend, sys.argv[1])(sys.argv[2])"
THEIRS = ("components", "templates", "sizing", "tests")
"""Packages of a user with the names of packages here."""


def built(hook: str, source: Path, into: Path) -> Path:
    """File that a hook of the build backend makes of a source tree."""
    into.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BUILD, hook, str(into)],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source / "release")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = into.iterdir()
    return file


@dataclass(frozen=True)
class Environment:
    """A virtual environment with the dependencies of this one, and nothing else of it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    def install(self, *words: object) -> None:
        """Install by pip, without an index."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--python", str(self.python), "install"),
                *("--quiet", "--no-index", "--no-deps", "--ignore-installed"),
                *("--disable-pip-version-check", *map(str, words)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def run(self, *words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, as after its activation."""
        program, *rest = map(str, words)
        kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        return subprocess.run(
            [str(self.folder / "bin" / program), *rest],
            cwd=cwd,
            env=kept,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


def environment(folder: Path) -> Environment:
    """New environment. Guard: a path line of a .pth file runs no other one, such as our own."""
    venv.create(folder, with_pip=False)
    made = Environment(folder)
    (site,) = folder.glob("lib/python3*/site-packages")
    paths = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    (site / "dependencies.pth").write_text("\n".join(sorted(paths)), encoding="utf-8")
    return made


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository."""
    return built("build_wheel", ROOT, tmp_path_factory.mktemp("wheel") / "dist")


@pytest.fixture(scope="session")
def tool(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Environment:
    """Environment in which a user installed the wheel, to make a repository with it."""
    made = environment(tmp_path_factory.mktemp("tool") / "venv")
    made.install(wheel)
    return made


Repository = tuple[Path, Environment]


@pytest.fixture(scope="session")
def repository(
    tmp_path_factory: pytest.TempPathFactory, wheel: Path, tool: Environment
) -> Repository:
    """A user's repository with its environment; the user has packages with our names."""
    folder = tmp_path_factory.mktemp("work") / "my-gpus"
    done = tool.run("sizewright", "new", folder, cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    assert not list(folder.rglob("__pycache__")), "pip compiled the template"
    made = environment(folder / ".venv")
    made.install("--find-links", wheel.parent, "--requirement", folder / "requirements.txt")
    add_packages(folder)
    return folder, made


def add_packages(folder: Path) -> None:
    """Add packages with our names to a repository, and use one of them in its program."""
    for name in THEIRS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text("", encoding="utf-8")
    (folder / "components/platform.py").write_text('MINE = "of-the-user"\n', encoding="utf-8")
    with (folder / "__main__.py").open("a", encoding="utf-8") as program:
        program.write(
            "\nimport pulumi\n\nfrom components.platform import MINE\n\n"
            'pulumi.ComponentResource("theirs:index:Part", MINE)\n'
        )
