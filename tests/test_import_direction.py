"""sizing <- templates <- components <- __main__ and sizewright, read off the syntax trees."""

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OWN = ("sizing", "templates", "components", "sizewright")
MAY_IMPORT = {
    "sizing": {"sizing", "pydantic"},
    "templates": {"templates", "sizing", "jinja2"},
    "components": {
        "components",
        "templates",
        "sizing",
        "pulumi",
        "pulumi_aws",
        "pulumi_kubernetes",
    },
}
YAML = {"templates": set[str](), "components": {"yaml"}}
ONE_FILE = {
    "templates/held_pods.py": {"yaml"},
    "templates/scripts/make_certificate.py": {"cryptography"},
}
"""A recorded pod goes into rendered text; a program runs in the engine's image, which has it."""
IMPURE = {"os", "socket", "urllib", "http", "subprocess", "time", "random", "secrets", "asyncio"}
READS_FILES = {"sizing/catalog.py", "sizing/catalog_reader.py", "sizing/explained/published.py"}


def imports(path: Path) -> set[str]:
    """First parts of every module a file imports, wherever in the file."""
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


def files(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found, f"{package} has no files: this test would prove nothing"
    return found


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    allowed = MAY_IMPORT[package] | YAML.get(package, set()) | set(sys.stdlib_module_names)
    for path in files(package):
        own = ONE_FILE.get(path.relative_to(ROOT).as_posix(), set())
        assert imports(path) <= allowed | own, path


def test_sizing_touches_no_clock_network_or_environment() -> None:
    for path in files("sizing"):
        assert not imports(path) & IMPURE, path
        text = path.read_text(encoding="utf-8")
        assert ".now(" not in text
        assert ".today(" not in text


def test_only_the_catalog_reads_files_in_sizing() -> None:
    readers = {"open", "read_text", "read_bytes"}
    for path in files("sizing"):
        calls = {
            getattr(node.func, "attr", getattr(node.func, "id", ""))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        }
        if str(path.relative_to(ROOT)) not in READS_FILES:
            assert not calls & readers, path


def test_only_the_program_reads_pulumi_config() -> None:
    for package in OWN:
        for path in files(package):
            assert "pulumi.Config" not in path.read_text(encoding="utf-8"), path
    assert "pulumi.Config" in (ROOT / "__main__.py").read_text(encoding="utf-8")


def test_aws_is_imported_by_leaf() -> None:
    """Guard: `import pulumi_aws as aws` is Any to mypy, so that nothing would be checked."""
    for path in files("components"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
                assert not names & {"pulumi_aws", "pulumi_kubernetes"}, path


def test_the_program_stays_small() -> None:
    lines = (ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 60
