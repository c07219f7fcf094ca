"""The reader of a trace: CSV with a header, or JSON lines."""

import csv
import io
import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import NoReturn, Protocol

from sizewright.reading.input_error import InputError, found, joined, shortened
from sizewright.reading.read import STDIN, opened
from sizewright.reading.traces.cells import CLOCKS, TIMES, TOKENS, tokens_of
from sizewright.reading.traces.formats import Format, expected, format_of, suggestion
from sizing.replay.trace import Trace

OUT_OF_ORDER_S = 3600
"""Seconds by which a row may be later in the file than its time. Basis: assumed; a log is often
written when answers end."""
WHAT = "a trace: CSV with a header, or JSON lines"


@dataclass(frozen=True)
class TraceFile:
    """A trace as it was read."""

    file: str
    format: Format
    trace: Trace
    without_answer: int
    """Rows without tokens of a prompt or an answer, which are left out: failed requests."""


Source = tuple[Sequence[str], Mapping[str, int]] | str
"""Cells of a row and the place of each column, or a line of JSON."""
Row = tuple[int, object, object, object, Source]
"""Line, time, input and output tokens of one request, and where they are from."""


class _Reader(Protocol):
    """Reader of CSV rows, which counts the lines of the file."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...


def read_trace(
    path: Path, stated: Format | None = None, *, until_s: float | None = None
) -> TraceFile:
    """Return a trace whose format its columns show, or that has the stated columns.

    Rows may be in any order. With `until_s`, reading stops at the first row that is more than an
    hour later than so many seconds after the first row. Raises InputError with the line, the column
    and the field of a faulty row.
    """
    if str(path) == STDIN:
        hint = "save it to a file first"
        raise InputError(str(path), message="stdin is not read", expected=WHAT, suggestion=hint)
    try:
        with io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="") as lines:
            return _read(str(path), lines, stated, until_s)
    except FileNotFoundError:
        raise InputError(str(path), message="no such file", expected=WHAT) from None
    except OSError as fault:
        reason = (fault.strerror or "cannot be read").lower()
        raise InputError(str(path), message=reason, expected=WHAT) from None
    except UnicodeDecodeError:
        raise InputError(str(path), message="not UTF-8", expected=WHAT) from None


def _read(
    file: str, lines: io.TextIOWrapper, stated: Format | None, until_s: float | None
) -> TraceFile:
    first = lines.readline()
    if not first.strip():
        raise InputError(file, 1, 1, message="no header", expected=WHAT)
    whole = _chained(first, lines)
    if first.lstrip().startswith("{"):
        kind, rows = _json_rows(file, first, whole, stated)
    else:
        kind, rows = _csv_rows(file, whole, stated)
    return _collected(file, kind, rows, until_s)


def _chained(first: str, rest: io.TextIOWrapper) -> Iterator[str]:
    yield first
    yield from rest


def _csv_rows(
    file: str, lines: Iterator[str], stated: Format | None
) -> tuple[Format, Iterator[Row]]:
    reader = csv.reader(lines, strict=True)
    header = [name.strip() for name in next(reader)]
    kind = _format(file, header, stated)
    places = {name: header.index(name) for name in kind.columns}
    return kind, _csv_cells(file, reader, len(header), kind, places)


def _csv_cells(
    file: str, reader: "_Reader", width: int, kind: Format, places: Mapping[str, int]
) -> Iterator[Row]:
    """Rows of a CSV file. Its empty lines are left out."""
    time, given, made = places.values()
    try:
        for cells in reader:
            if len(cells) == width:
                yield reader.line_num, cells[time], cells[given], cells[made], (cells, places)
            elif cells:
                lacking = (name for name, at in places.items() if at >= len(cells))
                message = f"{len(cells)} cells"
                raise InputError(
                    file,
                    reader.line_num,
                    1,
                    field=next(lacking, ""),
                    message=message,
                    expected=f"{width} cells, as in the header",
                )
    except csv.Error as fault:
        message = str(fault)
        raise InputError(file, reader.line_num, 1, message=message, expected="CSV") from None


def _json_rows(
    file: str, first: str, lines: Iterator[str], stated: Format | None
) -> tuple[Format, Iterator[Row]]:
    kind = _format(file, list(_object(file, 1, first)), stated)
    return kind, _json_cells(file, lines, kind)


def _json_cells(file: str, lines: Iterator[str], kind: Format) -> Iterator[Row]:
    time, given, made = kind.columns
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        values = _object(file, number, line)
        try:
            yield number, values[time], values[given], values[made], line
        except KeyError as lacking:
            name = str(lacking.args[0])
            wanted = expected(kind)
            raise InputError(
                file, number, 1, field=name, message="missing", expected=wanted
            ) from None


def _object(file: str, number: int, line: str) -> dict[str, object]:
    """Return the mapping of one line of JSON."""
    try:
        values = json.loads(line)
    except json.JSONDecodeError as fault:
        message = fault.msg.lower()
        expects = "one JSON object a line"
        raise InputError(file, number, fault.colno, message=message, expected=expects) from None
    except (RecursionError, ValueError):
        raise InputError(file, number, 1, message="cannot be read", expected="JSON") from None
    if not isinstance(values, dict):
        message = f"found {found(values)}"
        raise InputError(file, number, 1, message=message, expected="one JSON object a line")
    return values


def _format(file: str, names: Sequence[str], stated: Format | None) -> Format:
    kind = format_of(names, stated)
    if kind is not None:
        return kind
    wanted = (column for column in (stated.columns if stated else ()) if column not in names)
    raise InputError(
        file,
        1,
        1,
        field=next(wanted, ""),
        message=f"found the columns {joined(map(shortened, names))}",
        expected=expected(stated),
        suggestion=suggestion(names, stated),
    )


def _collected(file: str, kind: Format, rows: Iterator[Row], until_s: float | None) -> TraceFile:
    """Return the requests in the order of their arrival."""
    times, prompts, answers = array("d"), array("L"), array("L")
    seconds_of, left_out, last_s, first_s = CLOCKS[kind.clock], 0, inf, None
    for line, time, given, made, source in rows:
        arrival = seconds_of(time)
        if arrival is None:
            _refuse(file, kind.time, time, TIMES[kind.clock], (line, source))
        if first_s is None:
            first_s = arrival
            last_s = inf if until_s is None else arrival + until_s + OUT_OF_ORDER_S
        if arrival > last_s:
            break
        prompt, answer = tokens_of(given), tokens_of(made)
        if prompt is None:
            _refuse(file, kind.input_tokens, given, TOKENS, (line, source))
        if answer is None:
            _refuse(file, kind.output_tokens, made, TOKENS, (line, source))
        if prompt and answer:
            times.append(arrival)
            prompts.append(prompt)
            answers.append(answer)
        else:
            left_out += 1
    if not times:
        raise InputError(file, message="no request with a prompt and an answer", expected=WHAT)
    return TraceFile(file, kind, _in_order(times, prompts, answers), left_out)


def _in_order(times: "array[float]", prompts: "array[int]", answers: "array[int]") -> Trace:
    if all(before <= after for before, after in pairwise(times)):
        return Trace(times, prompts, answers)
    order = sorted(range(len(times)), key=times.__getitem__)
    return Trace(
        array("d", (times[index] for index in order)),
        array("L", (prompts[index] for index in order)),
        array("L", (answers[index] for index in order)),
    )


def _refuse(
    file: str,
    field: str,
    value: object,
    expects: str,
    place: tuple[int, Source],
) -> NoReturn:
    """Raise the error of one cell, whose row has this line and this source."""
    line, source = place
    raise InputError(
        file,
        line,
        _column(field, source),
        field=field,
        message=f"found {found(value)}",
        expected=expects,
    )


def _column(field: str, source: Source) -> int:
    """Column of a cell in its line, from 1: that of its key in a line of JSON."""
    if isinstance(source, str):
        return max(source.find(json.dumps(field)), 0) + 1
    cells, places = source
    return sum(len(cell) + 1 for cell in cells[: places[field]]) + 1
