"""Files of a user's own repository, which `sizewright new` and `pulumi new` create."""

import re
from pathlib import Path

PROJECT_FOLDER = Path(__file__).parent / "project"
"""Folder of the template for `pulumi new`, which is also the source of `sizewright new`."""
PROJECT_FILE = "Pulumi.yaml"
DEFAULT_NAME = "gpu-serving"
"""Name of a project whose folder name has no character that Pulumi allows."""
TEMPLATE_KEY = "template:\n"
"""First line of the part at the end of the project file that only `pulumi new` reads."""


def template_files() -> dict[str, str]:
    """Text of every file of the template by its relative path."""
    return {
        path.relative_to(PROJECT_FOLDER).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(PROJECT_FOLDER.rglob("*"))
        # Guard: an installer compiles the program, and the compiled files are among the template's
        # files.
        if path.is_file() and "__pycache__" not in path.parts
    }


def project_files(name: str) -> dict[str, str]:
    """Text of every file of a new repository by its relative path, with the project's name.

    The placeholders are those that `pulumi new` fills.
    """
    files = template_files()
    files[PROJECT_FILE], _, only_template = files[PROJECT_FILE].partition(TEMPLATE_KEY)
    description = only_template.partition("  description: ")[2].strip()
    values = {"${PROJECT}": name, "${DESCRIPTION}": description}
    return {path: _filled(text, values) for path, text in files.items()}


def project_name(directory: Path) -> str:
    """Name of the Pulumi project in a folder: the folder's name without what Pulumi refuses."""
    allowed = re.sub(r"[^A-Za-z0-9_.-]+", "-", directory.resolve().name)[:100]
    return allowed.strip("-.") or DEFAULT_NAME


def _filled(text: str, values: dict[str, str]) -> str:
    for placeholder, value in values.items():
        text = text.replace(placeholder, value)
    return text
