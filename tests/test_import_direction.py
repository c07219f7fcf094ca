"""sizing <- templates <- components <- __main__ and sizewright, read from the syntax trees."""

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
STORES = {"cache", "database", "deletion", "files", "rows", "secret", "setup"}
"""Programs of an application that reach its stores."""


def folder(program: str) -> str:
    """Folder of a program of an application."""
    return "stores" if program in STORES else "application"


ONE_FILE = {
    "templates/document.py": {"yaml"},
    "templates/held_pods.py": {"yaml"},
    **{
        f"templates/scripts/{folder(name)}/application_{name}.py": imported
        for name, imported in {
            "answers": {"application_cache", "application_check", "application_secret", "openai"},
            "cache": {"application_secret", "botocore"},
            "check": {"application_direct", "application_route"},
            "database": {"asyncpg", "application_secret"},
            "direct": {"application_check", "application_search"},
            "feedback": {"pydantic", "application_check", "application_judgement"},
            "files": {"boto3", "application_secret"},
            "judgement": {"pydantic"},
            "ready": {"application_database", "application_secret"},
            "records": {
                "boto3",
                "application_feedback",
                "application_files",
                "application_secret",
            },
            "deletion": {"application_secret"},
            "rows": {
                "application_cache",
                "application_database",
                "application_deletion",
                "application_files",
                "application_records",
                "application_secret",
            },
            "secret": {"boto3", "botocore"},
            "server": {
                "application_answers",
                "application_cache",
                "application_check",
                "application_direct",
                "application_feedback",
                "application_records",
                "application_search",
                "application_tokenizer",
                "application_route",
                "application_tokens",
                "ogx",
                "ogx_api",
                "starlette",
            },
            "setup": {"application_database", "application_secret"},
            "tokenizer": {"ogx", "tiktoken"},
            "tokens": {"application_check", "application_database", "application_secret"},
        }.items()
    },
    "templates/scripts/context/context_text.py": {"pypdf"},
    "templates/scripts/context/context_vectors.py": {
        "application_database",
        "ogx",
        "ogx_api",
        "pgvector",
    },
    "templates/scripts/context/context_worker.py": {
        "application_database",
        "application_secret",
        "boto3",
        "botocore",
        "context_chunks",
        "context_text",
        "context_vectors",
        "job_stop",
    },
    **{
        f"templates/scripts/page/page_{name}.py": imported
        for name, imported in {
            "identity": {"cryptography"},
            "rows": {"application_database", "application_deletion", "application_secret"},
            "server": {"open_webui", "page_identity"},
            "setup": {"application_secret", "application_setup"},
        }.items()
    },
    "templates/scripts/make_certificate.py": {"cryptography"},
    "templates/scripts/jobs/job_api.py": {"boto3", "botocore", "job_http", "job_request"},
    "templates/scripts/jobs/job_request.py": {"job_http"},
    "templates/scripts/jobs/job_store.py": {"botocore"},
    "templates/scripts/jobs/job_messages.py": {"boto3", "botocore", "job_store"},
    "templates/scripts/jobs/rendition_worker.py": {
        "job_messages",
        "job_stop",
        "job_store",
        "rendition_ffmpeg",
    },
    "templates/scripts/embedding_check.py": {"admission"},
    "templates/scripts/prompt_check.py": {"admission", "prompt_stages"},
    "templates/scripts/jobs/job_engine.py": {"prompt_stages"},
    "templates/scripts/jobs/job_history.py": {"boto3", "botocore", "job_store", "prompt_stages"},
    "templates/scripts/jobs/job_worker.py": {
        "job_engine",
        "job_history",
        "job_image",
        "job_messages",
        "job_stop",
        "job_store",
        "prompt_stages",
    },
}
"""Documents are read in one place, and a recorded pod goes into rendered text. A program runs where
the package is: in the engine's image, in AWS Lambda or in its base image."""
IMPURE = {"os", "socket", "urllib", "http", "subprocess", "time", "random", "secrets", "asyncio"}
READS_FILES = {
    "sizing/catalog/certificates/authorities.py",
    "sizing/catalog/whole.py",
    "sizing/catalog/reader.py",
    "sizing/explained/published.py",
}

FOLDERS = {
    "sizing": "values workload site catalog model plan locks steps replica fleet service hardware "
    "compare stack replay size explained explain benchmark",
    "components": "naming policy provider wires script_map identity foundation cluster_services "
    "pools service platform",
    "sizewright": "build_stack exit_code interrupt reading feasibility layout write project_files "
    "record schema review gates measured answers report commands cli __main__ project",
}
"""Folders, loose files and public functions of a package; each imports only those before it."""
MOST_FILES = 15
"""Most modules in one folder; more need another folder. Basis: a reader's single look."""


def imports(path: Path) -> set[str]:
    """First parts of the names of all modules that a file imports, anywhere in the file."""
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
    allowed = MAY_IMPORT[package] | set(sys.stdlib_module_names)
    for path in files(package):
        own = ONE_FILE.get(path.relative_to(ROOT).as_posix(), set())
        assert imports(path) <= allowed | own, path


def modules(path: Path) -> set[tuple[str, ...]]:
    """Modules that a file imports from its own package, anywhere in the file."""
    found = set[tuple[str, ...]]()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found |= {(*node.module.split("."), alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {tuple(alias.name.split(".")) for alias in node.names}
    package = path.relative_to(ROOT).parts[0]
    mine = {name[:2] for name in found if name[0] == package and len(name) > 1}
    return {name for name in mine if list((ROOT / package).glob(f"{name[1]}*"))}


@pytest.mark.parametrize("package", FOLDERS)
def test_a_folder_imports_only_folders_before_it(package: str) -> None:
    order = FOLDERS[package].split()
    for path in files(package):
        own = path.relative_to(ROOT / package).with_suffix("").parts[0]
        if own == "__init__":
            continue
        for name in modules(path):
            assert order.index(name[1]) <= order.index(own), f"{path} imports {'.'.join(name)}"


@pytest.mark.parametrize("package", OWN)
def test_a_folder_is_taken_in_at_one_look(package: str) -> None:
    for folder in {path.parent for path in files(package)}:
        assert len(list(folder.glob("*.py"))) <= MOST_FILES, folder


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
