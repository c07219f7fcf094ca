"""A comparison for people: the ranking, what the others lack, what doubles the nodes."""

from collections.abc import Container, Iterator, Sequence
from math import isfinite

from sizewright.report.mix import mix_tables
from sizewright.report.numbers import number, share
from sizewright.report.table import Table
from sizing.comparison import Comparison, frontier
from sizing.options import Option
from sizing.sensitivity import Sensitivity

COLUMNS = ("USD a month", "type", "TP", "bits", "nodes", "GPUs", "TTFT", "TPOT", "busy", "bound by")
DATASHEET, UNMEASURED = "datasheet", "~"
"""The basis of what nobody measured, and its mark."""


def comparison_tables(found: Comparison, options: Sequence[Option]) -> Iterator[Table]:
    """The options to show, cheapest first.

    `*` marks those of them that nothing is both cheaper and faster than, `~` what nobody measured.
    """
    best = frontier(options)
    yield Table(_title(found, options), [_row(option, best) for option in options], COLUMNS)
    dates = sorted({_origin(option) for option in options if option.price is not None})
    yield Table("prices, on demand, nodes alone", [(text,) for text in dates])
    yield from mix_tables(found.mix)
    lacking = [(r.option, r.reason.value, r.numbers) for r in found.rejected]
    yield Table("what the others lack", lacking, ("option", "reason", "numbers"))
    rows = [(each.input, _factor(each)) for each in found.sensitivities]
    yield Table("what doubles the nodes of the cheapest, soonest first", rows)


def _title(found: Comparison, options: Sequence[Option]) -> str:
    """What the columns are of, and the marks that are there."""
    title = f"cheapest first, by method {found.method}, sized for the {found.load}"
    if any(option.basis for option in options):
        title += (
            "; TTFT and TPOT on the safe side (P90), of the needed replicas alone; USD, nodes, GPUs"
            " and busy of the whole fleet; * none shown is as cheap and as fast"
        )
    if any(option.basis == DATASHEET for option in options):
        title += f"; {UNMEASURED} never measured: from the datasheet, a wider band"
    return title


def _row(option: Option, best: Container[str]) -> tuple[str, ...]:
    pool, cost = option.pool, option.usd_per_month
    mark = " *" if option.name in best else ""
    unmeasured = f" {UNMEASURED}" if option.basis == DATASHEET else ""
    return (
        ("unknown" if cost is None else f"{float(cost):,.0f}") + mark,
        option.instance.name + unmeasured,
        str(option.tensor_parallel),
        option.precision.value,
        f"{pool.nodes_total:,}",
        f"{pool.gpus_total:,}",
        _ms(option.ttft_s),
        _ms(option.tpot_s),
        share(pool.utilisation_at_peak),
        pool.binding,
    )


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return f"{number(seconds * 1000)} ms" if isfinite(seconds) else "without end"


def _origin(option: Option) -> str:
    price = option.price
    return "" if price is None else f"{price.source}, {price.checked or 'undated'}"


def _factor(found: Sensitivity) -> str:
    if found.factor is None:
        return "not within 64 times"
    text = f"{number(found.factor)} times"
    return text if found.feasible else f"{text}: beyond it nothing on this hardware serves"
