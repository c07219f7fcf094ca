"""The comment by which an editor finds the schema of a workload file."""

import os
from pathlib import Path

SCHEMA = Path("docs/schema/workload.schema.json")
"""Where a project keeps it, as `sizewright schema --directory docs/schema` writes it."""


def modeline(folder: Path) -> str:
    """The first line of a workload file in `folder`: the nearest schema above, by relative path.

    Empty where no folder above has one: a path that leads nowhere is a fault in every editor.
    """
    here = folder.resolve()
    for above in (here, *here.parents):
        if (above / SCHEMA).is_file():
            path = Path(os.path.relpath(above / SCHEMA, here)).as_posix()
            return f"# yaml-language-server: $schema={path}\n"
    return ""
