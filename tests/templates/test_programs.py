"""A reworded comment changes nothing that runs: no node, no pod, no program."""

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import templates.environment
import templates.programs
import templates.render
from sizing.plan.whole import Plan
from templates.programs import (
    JOB_API,
    JOB_WORKER,
    SCRIPTS,
    Program,
    Programs,
    program,
    programs,
    running_lines,
    running_python,
)
from templates.render import render
from tests.components.plans import (
    applied_plan,
    bursting_plan,
    chat_plan,
    imported_plan,
    spanning_plan,
    volume_plan,
)

FOLDER = Path(templates.render.__file__).parent
PLANS = {
    "chat": chat_plan,
    "import": imported_plan,
    "volume": volume_plan,
    "burst": bursting_plan,
    "spanning": spanning_plan,
    "application": applied_plan,
}


def what_runs(plan: Plan) -> dict[str, object]:
    """Documents as the API server receives them, and user data as it is."""
    return {
        path: yaml.safe_load(text) if path.endswith(".yaml") else text
        for path, text in render(plan).items()
    }


@pytest.fixture
def reworded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Copy of all templates and programs in which every comment and docstring is another."""
    folder = tmp_path / "templates"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [*folder.glob("*/*.j2"), *folder.glob("scripts/**/*.py")]:
        path.write_text(other_wording(path.read_text(), path.suffix == ".py"))
    monkeypatch.setattr(templates.programs, "SCRIPTS", folder / "scripts")
    monkeypatch.setattr(templates.environment, "TEMPLATES", folder)
    templates.environment.environment.cache_clear()
    yield folder
    templates.environment.environment.cache_clear()


def other_wording(text: str, python: bool) -> str:
    text = re.sub(
        r"^( *)#(?!!).*$", r"\1# Another wording,\n\n\1# over two lines.", text, flags=re.M
    )
    if python:
        text = re.sub(r'"""(?=[A-Z])', '"""In other words.\n\n', text)
    return text


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_changed_comment_changes_nothing_that_runs(
    plan: object, reworded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No launch template, pod template or program changes: rendered documents parse to the same."""
    assert callable(plan)
    after = what_runs(plan())
    changed = [p for p in reworded.rglob("*") if p.is_file() and p.suffix in (".j2", ".py")]
    assert sum("nother wording" in p.read_text() for p in changed) >= 8, "the fixture rewords"
    monkeypatch.undo()
    templates.environment.environment.cache_clear()
    assert after == what_runs(plan())


@pytest.mark.parametrize("path", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.stem)
def test_a_program_without_its_comments_is_the_same_program(path: Path) -> None:
    class Bare(ast.NodeTransformer):
        def generic_visit(self, node: ast.AST) -> ast.AST:
            super().generic_visit(node)
            if isinstance(body := getattr(node, "body", None), list):
                kept = [s for s in body if not is_bare_string(s)]
                node.body = kept or [ast.Expr(ast.Constant(...))]  # type: ignore[attr-defined]
            return node

    left = running_python(path.read_text())
    assert ast.dump(ast.parse(left)) == ast.dump(Bare().visit(ast.parse(path.read_text())))
    assert "#" not in re.sub(r'"[^"\n]*"', "", left) and '"""' not in left
    assert running_python(left) == left


def is_bare_string(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def test_what_looks_like_a_comment_inside_a_text_stays() -> None:
    source = 'x = "# no"  # yes\ny = """a\n\n# kept\n"""\n\ndef f():\n    "ü"  # gone\n'
    assert running_python(source) == 'x = "# no"\ny = """a\n\n# kept\n"""\ndef f():\n    ...\n'
    assert running_lines("#!/bin/sh\n  # gone\n\na=#b\n") == "#!/bin/sh\na=#b\n"


def test_a_changed_program_has_another_name() -> None:
    """Guard: the ConfigMap is immutable, and pods roll only with its name."""
    first = program("fetch_weights")
    assert re.fullmatch("fetch-weights-[0-9a-f]{10}", first.name)
    assert Program(first.file, first.text + "x = 1\n").name != first.name


def test_files_of_one_folder_share_a_name_that_changes_with_any_of_them() -> None:
    """Guard: a worker whose second file changed must get a new ConfigMap too."""
    worker = programs(JOB_WORKER)
    assert re.fullmatch("job-worker-[0-9a-f]{10}", worker.name)
    for index, one in enumerate(worker.files):
        changed = list(worker.files)
        changed[index] = Program(one.file, one.text + "x = 1\n")
        assert Programs(tuple(changed)).name != worker.name


@pytest.mark.parametrize(
    "names",
    [JOB_API, JOB_WORKER, ("prompt_check", "admission", "prompt_stages")],
    ids=lambda names: names[0],
)
def test_files_of_one_folder_import_one_another_and_nothing_else_of_this_project(
    names: tuple[str, ...],
) -> None:
    """No file is missing from the archive or ConfigMap, and none is there without use."""
    found = {
        node.module
        for one in programs(names).files
        for node in ast.walk(ast.parse(one.text))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.startswith(("job_", "prompt_", "admission"))
    }
    assert found == set(names[1:])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("node/*")), ids=lambda path: path.name)
def test_comments_of_node_templates_have_their_own_lines(path: Path) -> None:
    """Guard: user data loses whole lines only, never parts of a text."""
    for line in path.read_text().splitlines():
        assert line.lstrip().startswith("#") or " #" not in line, line
        assert not re.search(r"<<|: [|>]", line), "no here-document, no block scalar"
