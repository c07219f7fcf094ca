"""`new` writes a whole repository, or nothing at all."""

import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from release.starter_project import texts
from sizewright.project_files import DEFAULT_NAME, project_name, template_files
from tests.sizewright.conftest import ROOT, Run

FILES = [
    ".github/workflows/sizewright.yml",
    ".gitignore",
    "Pulumi.dev.lock",
    "Pulumi.dev.yaml",
    "Pulumi.yaml",
    "README.md",
    "__main__.py",
    "requirements.txt",
    "workloads/chat.lock",
    "workloads/chat.yaml",
]


def written(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_the_folder_holds_these_files_and_no_placeholder(run: Run, tmp_path: Path) -> None:
    ended = run("new", tmp_path / "my gpus")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"wrote {len(FILES)} files into {tmp_path / 'my gpus'}\n")
    assert f"  cd '{tmp_path / 'my gpus'}'\n" in ended.out
    assert written(tmp_path / "my gpus") == FILES
    for name in FILES:
        text = (tmp_path / "my gpus" / name).read_text(encoding="utf-8")
        assert "${PROJECT}" not in text
        assert "${DESCRIPTION}" not in text


def test_the_project_has_the_name_of_the_folder_and_no_template(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "my gpus")
    text = (tmp_path / "my gpus/Pulumi.yaml").read_text(encoding="utf-8")
    project = YAML(typ="safe", pure=True).load(text)
    assert set(project) == {"name", "description", "runtime"}
    assert project["name"] == "my-gpus"
    assert project["description"]
    readme = (tmp_path / "my gpus/README.md").read_text(encoding="utf-8")
    assert readme.startswith("# my-gpus\n")


@pytest.mark.parametrize(
    ("folder", "name"),
    [("a_b.c-1", "a_b.c-1"), ("größe", "gr-e"), ("日本", DEFAULT_NAME), ("x" * 200, "x" * 100)],
)
def test_a_project_name_is_one_that_pulumi_takes(folder: str, name: str) -> None:
    assert project_name(Path("/somewhere") / folder) == name


def test_the_version_is_pinned(run: Run, tmp_path: Path) -> None:
    run("new", tmp_path / "a")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = (tmp_path / "a/requirements.txt").read_text(encoding="utf-8")
    assert pinned == f"sizewright=={project['version']}\n"


def test_what_the_catalog_decides_is_current() -> None:
    """`make starter` writes these files."""
    committed = template_files()
    for path, text in texts().items():
        assert committed[path] == text, path


def test_a_folder_with_anything_in_it_is_refused_and_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    ended = run("new", tmp_path)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == f"{tmp_path}: is not empty; expected a new or empty folder\n"
    assert written(tmp_path) == ["mine.txt"]


def test_an_empty_repository_is_filled(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    ended = run("new", ".")
    assert (ended.code, ended.err) == (0, "")
    assert "  cd " not in ended.out
    assert written(tmp_path) == FILES


def test_what_is_no_folder_is_refused(run: Run, tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("mine", encoding="utf-8")
    link.symlink_to("nowhere")
    for path in (file, file / "below", link):
        ended = run("new", path)
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.count("\n") == 1
    assert file.read_text(encoding="utf-8") == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_a_file_that_cannot_be_written_leaves_none(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def full(path: Path, *words: object, **named: object) -> object:
        if "workloads" in path.parts and path.name.endswith(".draft"):
            raise OSError(28, "No space left on device")
        return opened(path, *words, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    ended = run("new", tmp_path / "a")
    assert ended.code == 2
    assert ended.err.endswith("no space left on device; expected a place to write to\n")
    assert written(tmp_path) == []
