"""The project's own Pulumi program, run offline on a stack file and workload files."""

import json
import runpy
from collections.abc import Sequence
from pathlib import Path

from sizewright.record import Recorded, record
from sizewright.stack import PROJECT, WORKLOADS_KEY, SiteFile, read_site

PROGRAM = Path(__file__).parents[1] / "__main__.py"


def record_program(site_path: Path, files: Sequence[Path], *, preview: bool = False) -> Recorded:
    """What `__main__.py` registers for these workload files, instead of the stack's own.

    Raises InputError for the stack file; the program's own refusal is a pulumi.RunError.
    """
    # Guard: Pulumi takes a second to import, as `record` says.
    from components.other_stack import shape

    site = read_site(site_path)
    return record(
        _run,
        config=program_config(site, files),
        project=PROJECT,
        stack=stack_name(site_path),
        preview=preview,
        referenced=shape(site.site.zones),
    )


def program_config(site: SiteFile, files: Sequence[Path]) -> dict[str, str]:
    """The stack's values as Pulumi hands them to a program: text, or JSON for lists and maps."""
    values = {**site.config, f"{PROJECT}:{WORKLOADS_KEY}": [str(file.resolve()) for file in files]}
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }


def stack_name(site_path: Path) -> str:
    """`dev` for Pulumi.dev.yaml; `preview` for a file that is not named like a stack's."""
    parts = site_path.name.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == "Pulumi" else "preview"


def _run() -> None:
    runpy.run_path(str(PROGRAM), run_name="__main__")
