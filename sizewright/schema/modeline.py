"""The comment line that points an editor to the schema of an input file."""

import os
from pathlib import Path

SCHEMAS = Path("docs/schema")
"""Folder of a project's schemas, which `sizewright schema --directory docs/schema` writes."""


def modeline(folder: Path, schema: str = "workload") -> str:
    """First line of an input file in `folder`: the relative path of the nearest schema above it.

    The line is empty where no folder above has a schema, because editors report a broken path.
    """
    here = folder.resolve()
    for above in (here, *here.parents):
        file = above / SCHEMAS / f"{schema}.schema.json"
        if file.is_file():
            path = Path(os.path.relpath(file, here)).as_posix()
            return f"# yaml-language-server: $schema={path}\n"
    return ""
