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
from sizing.compare.engines import EngineRow
from sizing.compare.sensitivity import Sensitivity
from sizing.hardware.ranking import Option

OF_TOKENS, OF_ITEMS, OF_VECTORS = ("TTFT ms", "TPOT ms"), ("s/item",), ("response s",)
"""Columns of times: of tokens, of images and clips, and of embeddings. A table has one of them."""
TIMES = (*OF_TOKENS, *OF_ITEMS, *OF_VECTORS)
COLUMNS = ("USD/month", "type", "TP", "bits", "nodes", "GPUs", *TIMES, "at peak")
"""Columns that fit into 80 columns; JSON also has the binding constraint and the rest."""
ENGINE_COLUMNS = ("engine", "USD/month", "type", "TP", "bits", "nodes", *TIMES)
"""Columns of options of several engines, which fit into 80 columns too."""
FIRST = 8
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
    yield _options_table(_title(found, shown, show_all=show_all), shown, best)
    if more := len(options) - len(shown):
        yield Table("", [(f"and {plural(more, 'more type')}: --all lists every option",)])
    dates = sorted({_origin(option) for option in shown if option.price is not None})
    yield Table("prices, on demand, nodes alone", [(text,) for text in dates])
    yield from _engine_tables(found.engines, show_all=show_all)
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


def _options_table(title: str, shown: Sequence[Option], best: Container[str]) -> Table:
    """Table of options, with a column of engines where there are several."""
    several = len({option.engine for option in shown}) > 1
    return _table(title, shown, best, ENGINE_COLUMNS if several else COLUMNS)


def _table(
    title: str, shown: Sequence[Option], best: Container[str], columns: Sequence[str]
) -> Table:
    """Table with these columns, but those of times that the workload does not have."""
    of_kind = OF_ITEMS if any(map(_makes_items, shown)) else OF_TOKENS
    of_kind = OF_VECTORS if any(map(_makes_vectors, shown)) else of_kind
    others = {*TIMES} - {*of_kind}
    named = [column for column in columns if column not in others]
    rows = [_cells(option, best) for option in shown]
    return Table(title, [tuple(cells[column] for column in named) for cells in rows], named)


def _makes_items(option: Option) -> bool:
    return option.case.workload.kind.traits.makes_media


def _makes_vectors(option: Option) -> bool:
    return not option.case.workload.kind.traits.generates


def _engine_tables(engines: Sequence[EngineRow], *, show_all: bool) -> Iterator[Table]:
    """Other engines, each on the cheapest type for it, then why some serve the workload on no type.

    With auto, all engines are compared. A stated engine has its options in the first table.
    """
    options = sorted((row.best for row in engines if row.best is not None), key=lambda o: o.rank)
    best = frontier(options)
    others = {row.engine for row in engines if not row.is_requested}
    shown = [option for option in options if not others or option.engine in others]
    refused = [(row.engine, row.refused) for row in engines if row.refused is not None]
    names = ", ".join(engine for engine, _ in refused)
    title = f"{'other' if others else 'all'} engines, each on the cheapest type for it"
    title += f"; no type for {names}: --all shows why" if names else ""
    yield _table(title, shown, best, ENGINE_COLUMNS)
    if show_all:
        yield Table("why an engine does not serve it", refused)
    elif refused and not shown:
        yield Table("engines that do not serve it: --all shows why", [(names,)])


def _first(options: Sequence[Option], best: Container[str]) -> list[Option]:
    """The options on the frontier, then the others, each group cheapest first."""
    return sorted(options, key=lambda option: option.name not in best)[:FIRST]


def _title(found: Comparison, options: Sequence[Option], *, show_all: bool) -> str:
    """Title with the meaning of the columns and of the marks in the table."""
    order = "cheapest first" if show_all else "Pareto-optimal types first, then the cheapest"
    title = f"{order}, by method {found.method}, sized for the {found.load}"
    if any(option.basis for option in options):
        items = any(map(_makes_items, options))
        times = "seconds an item, without the wait, are sizing estimates"
        if any(map(_makes_vectors, options)):
            times = "the response is the sizing estimate of the needed replicas alone"
        elif not items:
            times = "TTFT and TPOT are sizing estimates of the needed replicas alone"
        title += (
            f"; {times}; USD, nodes, GPUs"
            " and utilisation at the peak are of the whole fleet;"
            f" {BEST} Pareto-optimal: no type is as cheap and as fast"
        )
    if any(option.basis == DATASHEET for option in options):
        title += f"; {UNMEASURED} unmeasured: a wider band"
    return title


def _cells(option: Option, best: Container[str]) -> dict[str, str]:
    """Text of each column."""
    pool, cost = option.pool, option.usd_per_month
    marks = BEST * (option.name in best) + UNMEASURED * (option.basis == DATASHEET)
    return {
        "engine": option.engine.value,
        "USD/month": usd(None if cost is None else float(cost)),
        "type": f"{option.instance.name} {marks}".rstrip(),
        "TP": str(option.tensor_parallel),
        "bits": option.precision.value,
        "nodes": f"{pool.nodes_total:,}",
        "GPUs": f"{pool.gpus_total:,}",
        "TTFT ms": _ms(option.ttft_s),
        "TPOT ms": _ms(option.tpot_s),
        "s/item": number(option.item_s),
        "response s": _response(option.response_s),
        "at peak": share(pool.utilisation_at_peak),
    }


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return number(seconds * 1000) if isfinite(seconds) else "unbounded"


def _response(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return number(seconds) if isfinite(seconds) else "unbounded"


def _origin(option: Option) -> str:
    price = option.price
    return "" if price is None else f"{price.source}, {price.checked or 'undated'}"


def _factor(found: Sensitivity) -> str:
    if found.factor is None:
        return "not within 64 times"
    text = f"{number(found.factor)} times"
    return text if found.feasible else f"{text}: no larger value can be served on this hardware"
