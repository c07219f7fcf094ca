"""Explanations as tables: many with one line each, or one in full."""

from collections.abc import Iterator, Sequence

from sizewright.layout.leaf import leaf_text
from sizewright.layout.table import Table
from sizing.explain import Explanation

Named = tuple[str, Explanation]
"""Name of the leaf for people, and its explanation."""


def many(explained: Sequence[Named]) -> Iterator[Table]:
    """A table for each part of the plan, then the remarks."""
    parts: dict[str, list[tuple[str, str, str, str]]] = {}
    for name, why in explained:
        part, last = _split(name)
        row = (last, leaf_text(name, why.value), _because(why), _basis(name, why))
        parts.setdefault(part, []).append(row)
    for part, rows in parts.items():
        yield Table(part, rows)
    remarks = [(name, remark) for name, why in explained for remark in why.remarks]
    yield Table("remarks", remarks)


def one(name: str, why: Explanation) -> Table:
    """Return a table with the whole explanation of one number."""
    rows = [
        ("means", why.meaning),
        ("value", _value(name, why)),
        ("formula", why.symbols),
        ("numbers", why.numbers),
        ("basis", f"{why.basis}: {why.source}" if why.source else str(why.basis)),
    ]
    if why.low is not None and why.high is not None:
        rows.append(("band", f"{leaf_text(name, why.low)} to {leaf_text(name, why.high)}"))
    rows += [("remark", remark) for remark in why.remarks]
    rows.append(("pointer", why.pointer))
    return Table(name, rows)


def _split(name: str) -> tuple[str, str]:
    """`chat.pool.nodes_by_zone.use1-az1` -> `chat.pool`, `nodes_by_zone.use1-az1`."""
    steps = name.split(".")
    depth = min(2, len(steps) - 1)
    return ".".join(steps[:depth]), ".".join(steps[depth:])


def _value(name: str, why: Explanation) -> str:
    shown, plain = leaf_text(name, why.value), str(why.value)
    return shown if shown.split(" ")[0].replace(",", "") == plain else f"{shown} ({plain})"


def _because(why: Explanation) -> str:
    """The formula in numbers, or in symbols where the numbers would only repeat the value."""
    return why.symbols if why.numbers == str(why.value) else why.numbers


def _basis(name: str, why: Explanation) -> str:
    if why.low is None or why.high is None:
        return str(why.basis)
    return f"{why.basis}, {leaf_text(name, why.low)} to {leaf_text(name, why.high)}"
