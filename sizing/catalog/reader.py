"""How does a CSV file become records, one for each line, with errors by file and line?"""

import csv
from pathlib import Path
from typing import TypeVar

from sizing.catalog.records import (
    Record,
)
from sizing.values.units import MIB

R = TypeVar("R", bound=Record)
NOT_COLUMNS = frozenset({"config"})
"""Fields that no file of the catalog contains."""
LISTS = frozenset(
    {"aliases", "families", "purchase", "regions", "spot_families", "unverified", "zone_ids"}
)


def read_records(path: Path, record: type[R], name_column: str = "name") -> dict[int, R]:
    """Return the records by line number.

    Blank fields take the record's default, lists are separated by spaces, and a column `x_mib`
    fills the field `x_bytes`. `name_column` fills the field `name`.

    Raises ValueError with file and line for missing, unknown or repeated columns, and for ragged
    rows. Values that do not fit and names of earlier rows raise it too.
    """
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.reader(lines, strict=True)
        columns = next(reader, [])
        fields = [_field(column, name_column) for column in columns]
        _refuse_columns(path, columns, fields, set(record.model_fields) - NOT_COLUMNS)
        records: dict[int, R] = {}
        seen: dict[str, int] = {}
        for cells in reader:
            line = reader.line_num
            if len(cells) != len(columns):
                raise ValueError(f"{path.name}:{line}: {len(cells)} of {len(columns)} cells")
            try:
                row = record.model_validate(_values(columns, fields, cells))
            except ValueError as fault:
                raise ValueError(f"{path.name}:{line}: {fault}") from fault
            for name in row.names:
                if name in seen:
                    raise ValueError(f"{path.name}:{line}: {name!r} is on line {seen[name]} too")
                seen[name] = line
            records[line] = row
    return records


def _field(column: str, name_column: str) -> str:
    if column == name_column:
        return "name"
    return f"{column.removesuffix('_mib')}_bytes" if column.endswith("_mib") else column


def _refuse_columns(path: Path, columns: list[str], fields: list[str], expected: set[str]) -> None:
    if len(set(fields)) != len(fields):
        raise ValueError(f"{path.name}:1: a column occurs twice")
    if unknown := [c for c, f in zip(columns, fields, strict=True) if f not in expected]:
        raise ValueError(f"{path.name}:1: unknown columns {unknown}")
    if missing := sorted(expected - set(fields)):
        raise ValueError(f"{path.name}:1: missing columns {missing}")


def _values(
    columns: list[str], fields: list[str], cells: list[str]
) -> dict[str, str | int | tuple[str, ...]]:
    rows = zip(columns, fields, cells, strict=True)
    return {field: _value(column, cell) for column, field, cell in rows if cell}


def _value(column: str, cell: str) -> str | int | tuple[str, ...]:
    if column in LISTS:
        return tuple(cell.split())
    return int(cell) * MIB if column.endswith("_mib") else cell
