"""Which resources have a physical name from the program, so that a replacement deletes them first?

Two AWS resources of one name cannot exist together. The bridge deletes the old one first unless it
used its automatic name. The Kubernetes provider deletes first where name and namespace stay.
"""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path

NAMES = Path(__file__).parent / "data" / "names.csv"
COLUMNS = ["type", "property", "source", "checked"]
RELEASE = "kubernetes:helm.sh/v3:Release"
"""Type of Helm releases. Basis: vendor (pulumi-kubernetes helm_release.go: its replacements never
delete first)."""


def keeps_its_name(
    resource_type: str, before: Mapping[str, object], after: Mapping[str, object]
) -> bool:
    """True where a replacement of the resource with these inputs deletes the old one first.

    Basis: vendor (pulumi-terraform-bridge pkg/tfbridge/schema.go: nameRequiresDeleteBeforeReplace;
    pulumi-kubernetes provider/pkg/provider/provider.go: Diff; both read 2026-11-28).
    """
    if resource_type.startswith("kubernetes:") and resource_type != RELEASE:
        old, new = (_metadata(inputs) for inputs in (before, after))
        same = all(old.get(key) == new.get(key) for key in ("name", "namespace"))
        return new.get("name") is not None and same
    name = physical_names().get(resource_type)
    return name is not None and after.get(name) is not None


def _metadata(inputs: Mapping[str, object]) -> Mapping[str, object]:
    metadata = inputs.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


@cache
def physical_names(path: Path = NAMES) -> Mapping[str, str]:
    """Name property of each type, which the bridge fills in unless the program gives it.

    Raises ValueError with file and line of a faulty row.
    """
    names: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        if (columns := next(reader, [])) != COLUMNS:
            raise ValueError(f"{path.name}:1: columns {columns}, expected {COLUMNS}")
        for cells in reader:
            if len(cells) != len(COLUMNS) or cells[0] in names:
                where = f"{path.name}:{reader.line_num}"
                raise ValueError(f"{where}: ragged, or a second row of its type")
            names[cells[0]] = cells[1]
    return names
