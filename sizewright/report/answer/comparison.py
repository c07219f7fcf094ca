"""A comparison for people: the ranking, the rejected options, and what doubles the nodes."""

from collections.abc import Container, Iterator, Sequence
from math import isfinite

from sizewright.layout.numbers import number, plural, share, usd
from sizewright.layout.table import Table
from sizewright.report.answer.disaggregation import disaggregation_tables
from sizewright.report.answer.mix import mix_tables
from sizewright.report.answer.rejections import COLUMNS as REJECTED
from sizewright.report.answer.rejections import rejection_rows
from sizing.compare.comparison import Comparison, frontier
from sizing.compare.sensitivity import Sensitivity
from sizing.hardware.ranking import Option

COLUMNS = ("USD/month", "type", "TP", "bits", "nodes", "GPUs", "TTFT ms", "TPOT ms", "at peak")
"""Columns that fit into 80 columns; JSON also has the binding constraint and the rest."""
FIRST = 12
"""Rows that are shown unless the user wants all."""
DATASHEET, BEST, UNMEASURED = "datasheet", "*", "~"
"""Basis of an unmeasured option, and the marks after the name of a type."""


def comparison_tables(
    found: Comparison, options: Sequence[Option], *, show_all: bool = False
) -> Iterator[Table]:
    """Tables of the comparison: options on the frontier first, then the cheapest, at most FIRST.

    With `show_all` every option is shown, cheapest first. `*` marks options on the frontier: no
    other is as cheap and as fast. `~` marks options that nobody measured.
    """
    best = frontier(options)
    shown = options if show_all else _first(options, best)
    rows = [_row(option, best) for option in shown]
    yield Table(_title(found, shown, show_all=show_all), rows, COLUMNS)
    if more := len(options) - len(shown):
        yield Table("", [(f"and {plural(more, 'more type')}: --all lists every option",)])
    dates = sorted({_origin(option) for option in shown if option.price is not None})
    yield Table("prices, on demand, nodes alone", [(text,) for text in dates])
    yield from mix_tables(found.mix)
    yield from disaggregation_tables(found.disaggregation, show_all=show_all)
    lacking = list(rejection_rows(found.rejected))
    if show_all or not options:
        yield Table("what the others lack", lacking, REJECTED)
    elif lacking:
        reasons = ", ".join(f"{option}: {reason}" for option, reason, _ in lacking)
        yield Table("what the others lack: --all shows the numbers", [(reasons,)])
    rows = [(each.input, _factor(each)) for each in found.sensitivities]
    yield Table("inputs that double the nodes of the cheapest option, most sensitive first", rows)


def _first(options: Sequence[Option], best: Container[str]) -> list[Option]:
    """The options on the frontier, then the others, each group cheapest first."""
    return sorted(options, key=lambda option: option.name not in best)[:FIRST]


def _title(found: Comparison, options: Sequence[Option], *, show_all: bool) -> str:
    """Title with the meaning of the columns and of the marks in the table."""
    order = "cheapest first" if show_all else "Pareto-optimal types first, then the cheapest"
    title = f"{order}, by method {found.method}, sized for the {found.load}"
    if any(option.basis for option in options):
        title += (
            "; TTFT and TPOT are sizing estimates of the needed replicas alone; USD, nodes, GPUs"
            " and utilisation at the peak are of the whole fleet;"
            f" {BEST} Pareto-optimal: no type is as cheap and as fast"
        )
    if any(option.basis == DATASHEET for option in options):
        title += f"; {UNMEASURED} unmeasured: a wider band"
    return title


def _row(option: Option, best: Container[str]) -> tuple[str, ...]:
    pool, cost = option.pool, option.usd_per_month
    marks = BEST * (option.name in best) + UNMEASURED * (option.basis == DATASHEET)
    return (
        usd(None if cost is None else float(cost)),
        f"{option.instance.name} {marks}".rstrip(),
        str(option.tensor_parallel),
        option.precision.value,
        f"{pool.nodes_total:,}",
        f"{pool.gpus_total:,}",
        _ms(option.ttft_s),
        _ms(option.tpot_s),
        share(pool.utilisation_at_peak),
    )


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return number(seconds * 1000) if isfinite(seconds) else "unbounded"


def _origin(option: Option) -> str:
    price = option.price
    return "" if price is None else f"{price.source}, {price.checked or 'undated'}"


def _factor(found: Sensitivity) -> str:
    if found.factor is None:
        return "not within 64 times"
    text = f"{number(found.factor)} times"
    return text if found.feasible else f"{text}: no larger value can be served on this hardware"
