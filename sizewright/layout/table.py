"""Tables without lines, which wrap on a terminal and never lose a character."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sizewright.layout.console import colour_wanted, layout, output_width, write
from sizewright.reading.input_error import escaped

if TYPE_CHECKING:
    from rich.table import Table as Grid

GAP = 2
INDENT = 4
LONGEST_JOINED = 40
JOINT = "\ue000"
"""Placeholder for the blank between a number and its unit, where a line must not end."""
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:[KMGTP]?B|[KMG]iB|m?s|h|%|/s|[MG]bit/s|TFLOP/s)\b|%)")
STYLES = {"ok": "green", "failed": "bold red"}


@dataclass(frozen=True)
class Table:
    """Rows of texts below a title; `columns` are the headings, if any."""

    title: str
    rows: Sequence[Sequence[str]]
    columns: Sequence[str] = ()


def print_tables(tables: Iterable[Table]) -> None:
    """Write the tables that have rows, with a blank line between them."""
    write("\n\n".join(table_text(table) for table in tables if table.rows))


def table_text(table: Table, width: int | None = None, colour: bool | None = None) -> str:
    """Return one table as lines without trailing blanks.

    Cells wrap between words. Where not even the words fit side by side, each row is a line of its
    own with its other cells indented below.
    """
    from rich.text import Text

    wide = width or output_width()
    widths = _widths(table, wide)
    output = layout(wide, colour_wanted() if colour is None else colour)
    with output.capture() as captured:
        if table.title:
            output.print(Text(escaped(table.title), style="bold"), overflow="fold")
        for part in [_side_by_side(table, widths)] if widths else _stacked(table, wide):
            output.print(part)
    text = captured.get().replace(JOINT, " ").rstrip("\n")
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _cell(text: str) -> str:
    return _BEFORE_UNIT.sub(JOINT, escaped(text))


def _widths(table: Table, wide: int) -> list[int]:
    """Widths of the columns, the widest cut first; empty when a word would have to be broken."""
    from rich.cells import cell_len

    lines = [table.columns, *table.rows] if table.columns else table.rows
    columns = [[_cell(cell) for cell in column] for column in zip(*lines, strict=True)]
    widths = [max(map(cell_len, column)) for column in columns]
    words = [
        max(cell_len(w) for cell in column for w in cell.split() or [""]) for column in columns
    ]
    # Guard: rich shrinks columns by itself, but then cuts what does not fit.
    over = sum(widths) + GAP * (len(widths) - 1) - wide
    while over > 0:
        slack, index = max(
            (width if width > word else 0, index)
            for index, (width, word) in enumerate(zip(widths, words, strict=True))
        )
        if not slack:
            return []
        others = [w for other, w in enumerate(widths) if other != index and w <= slack]
        step = min(over, slack - words[index], max(1, slack - max(others, default=0)))
        widths[index] -= step
        over -= step
    return widths


def _side_by_side(table: Table, widths: Sequence[int]) -> "Grid":
    from rich.table import Table as Grid
    from rich.text import Text

    heads = bool(table.columns)
    grid = Grid(box=None, show_header=heads, pad_edge=False, padding=(0, GAP, 0, 0))
    for index, width in enumerate(widths):
        header = table.columns[index] if heads else ""
        grid.add_column(header, header_style="bold", overflow="fold", width=width)
    for row in table.rows:
        grid.add_row(*(Text(_cell(cell), style=STYLES.get(cell, "")) for cell in row))
    return grid


def _stacked(table: Table, wide: int) -> Iterator[object]:
    from rich.padding import Padding
    from rich.text import Text

    heads = [f"{column} " if column else "" for column in table.columns[1:]]
    for first, *others in table.rows:
        cells = [
            head + cell for head, cell in zip(heads or [""] * len(others), others, strict=True)
        ]
        yield Text(_cell(first), overflow="fold")
        below = (" " * GAP).join(
            _together(text, min(LONGEST_JOINED, wide - INDENT)) for text in cells
        )
        yield Padding(Text(below, overflow="fold"), (0, 0, 0, INDENT))


def _together(text: str, longest: int) -> str:
    """Return a short heading and its cell as a text in which no line ends."""
    cell = _cell(text)
    return cell.replace(" ", JOINT) if len(cell) <= longest else cell
