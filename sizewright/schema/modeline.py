"""The comment by which an editor finds the schema of an input file."""

import os
from pathlib import Path

SCHEMAS = Path("docs/schema")
"""Where a project keeps them, as `sizewright schema --directory docs/schema` writes them."""


def modeline(folder: Path, schema: str = "workload") -> str:
    """The first line of an input file in `folder`: the nearest schema above, by relative path.

    Empty where no folder above has one: a path that leads nowhere is a fault in every editor.
    """
    here = folder.resolve()
    for above in (here, *here.parents):
        file = above / SCHEMAS / f"{schema}.schema.json"
        if file.is_file():
            path = Path(os.path.relpath(file, here)).as_posix()
            return f"# yaml-language-server: $schema={path}\n"
    return ""
