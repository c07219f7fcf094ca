"""A running service compared with its plan, as text."""

from collections.abc import Iterator, Sequence

from sizewright.layout.numbers import milliseconds, number, plural, share
from sizewright.layout.paragraph import wrapped
from sizewright.layout.table import Table, table_text
from sizewright.measured.observed.figure import Figure, Unit, Verdict
from sizewright.measured.observed.measured import Measured
from sizewright.measured.observed.window import shown_moment

FIRST = (
    "arrivals_mean",
    "arrivals_peak",
    "prompt_mean",
    "answer_mean",
    "tpot_mean",
    "ttft_percentile",
    "tpot_percentile",
)
"""Numbers that are shown even where they are as sized."""
INDENT = " " * 11
COLUMNS = ("", "sized", "band", "measured", "verdict")
BASIS = (
    "Sized: arrivals and lengths as the workload states them. The rest is what the plan's model "
    "predicts for the arrivals, lengths and replicas that were measured (P10 to P90), or a target."
)


def row(label: str, text: str) -> str:
    """Return a line below the first one, wrapped below its text."""
    return wrapped(f"{label:<{len(INDENT)}}{text}", INDENT)


def observed_lines(
    name: str, measured: Measured, figures: Sequence[Figure], *, verbose: bool
) -> Iterator[str]:
    """Lines of the answer: the result, the table, and what it leaves out."""
    yield from _opening(name, measured, figures)
    known = [figure for figure in figures if figure.verdict is not Verdict.unknown]
    shown = [f for f in known if verbose or f.is_contradicted or f.name in FIRST]
    if shown:
        yield table_text(Table("", [_row(figure) for figure in shown], COLUMNS))
    if rest := [figure.label for figure in known if figure not in shown]:
        yield row("as sized", "; ".join(rest))
    unknown = [figure for figure in figures if figure.verdict is Verdict.unknown]
    if verbose:
        yield from _details(measured, unknown)
    elif unknown:
        labels = "; ".join(figure.label for figure in unknown)
        yield row("unknown", f"{labels} (`--verbose` says why)")


def _opening(name: str, measured: Measured, figures: Sequence[Figure]) -> Iterator[str]:
    judged = [figure for figure in figures if figure.verdict is not Verdict.unknown]
    off = sum(figure.is_contradicted for figure in judged)
    if not judged:
        text = "nothing can be compared"
    elif off:
        text = f"{off} of {plural(len(judged), 'number')} differ from what was sized"
    else:
        text = f"{plural(len(judged), 'number')}, all as sized"
    yield f"{name}: {text}"
    window = measured.window
    times = f"{shown_moment(window.until - window.length_s)} to {shown_moment(window.until)}"
    partly = "" if measured.covered_ratio >= 1 else f"; {share(measured.covered_ratio)} has data"
    yield row("window", f"{times}{partly}")


def _row(figure: Figure) -> tuple[str, ...]:
    times = ""
    if figure.is_contradicted and figure.sized and figure.measured:
        times = f", {number(figure.measured / figure.sized)} x"
    return (
        figure.label,
        _amount(figure.sized, figure.unit),
        _band(figure),
        _amount(figure.measured, figure.unit, with_unit=True),
        f"{figure.verdict}{times}",
    )


def _band(figure: Figure) -> str:
    low, high = (_amount(each, figure.unit) for each in (figure.low, figure.high))
    if figure.low is None:
        return f"up to {high}"
    return f"from {low}" if figure.high is None else f"{low} to {high}"


def _amount(value: float | None, unit: Unit, *, with_unit: bool = False) -> str:
    if value is None:
        return ""
    match unit:
        case Unit.ratio:
            return share(value)
        case Unit.ms:
            return milliseconds(value) if with_unit else number(value)
        case _:
            return f"{number(value)} {unit}" if with_unit else number(value)


def _details(measured: Measured, unknown: Sequence[Figure]) -> Iterator[str]:
    for figure in unknown:
        found = _amount(figure.measured, figure.unit, with_unit=True)
        yield row("unknown", f"{figure.label}{found and f', {found}'}: {figure.reason}")
    by_pod = [(pod, number(round(count))) for pod, count in _sorted(measured.restarts) if count]
    by_node = [(node, share(part)) for node, part in _sorted(measured.not_ready) if part > 0]
    for title, rows in (("restarts by pod", by_pod), ("nodes not ready, share", by_node)):
        if rows:
            yield table_text(Table(title, rows))
    yield wrapped(BASIS)


def _sorted(values: dict[str, float] | None) -> list[tuple[str, float]]:
    """Values by name, the largest first."""
    return sorted((values or {}).items(), key=lambda each: (-each[1], each[0]))
