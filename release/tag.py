"""Refuse a tag that is not the version, or a version whose changes have no dated section."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def faults(tag: str, version: str, changelog: str) -> Iterator[str]:
    """Changes that are required before the tag is published."""
    if tag != f"v{version}":
        yield f"the tag is {tag}; the version in pyproject.toml is {version}"
    heading = rf"^## {re.escape(version)} \(\d{{4}}-\d{{2}}-\d{{2}}\)$"
    if not re.search(heading, changelog, re.MULTILINE):
        yield f"CHANGELOG.md has no section `## {version} (YYYY-MM-DD)`"


def main() -> None:
    """Exit with each fault of the tag that the command line names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if found := list(faults(sys.argv[1], project["version"], changelog)):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
