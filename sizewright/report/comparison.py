"""A comparison for people: the ranking, what the others lack, what doubles the nodes."""

from collections.abc import Iterator, Sequence
from math import isfinite

from sizewright.report.mix import mix_tables
from sizewright.report.numbers import number, share
from sizewright.report.table import Table
from sizing.comparison import Comparison, option_tpot_s, option_ttft_s
from sizing.options import Option
from sizing.sensitivity import Sensitivity

COLUMNS = ("USD a month", "type", "TP", "bits", "nodes", "GPUs", "TTFT", "TPOT", "busy", "bound by")


def comparison_tables(found: Comparison, options: Sequence[Option]) -> Iterator[Table]:
    """Options cheapest first; `*` marks those that nothing is both cheaper and faster than."""
    title = (
        f"cheapest first, by method {found.method}, sized for the {found.load}; TTFT and TPOT on "
        "the safe side (P90), * no other is cheaper and faster"
    )
    yield Table(title, [_row(option, found) for option in options], COLUMNS)
    dates = sorted({_origin(option) for option in options if option.price is not None})
    yield Table("prices, on demand, nodes alone", [(text,) for text in dates])
    yield from mix_tables(found.mix)
    lacking = [(r.option, r.reason.value, r.numbers) for r in found.rejected]
    yield Table("what the others lack", lacking, ("option", "reason", "numbers"))
    rows = [(each.input, _factor(each)) for each in found.sensitivities]
    yield Table("what doubles the nodes of the cheapest, soonest first", rows)


def _row(option: Option, found: Comparison) -> tuple[str, ...]:
    pool, cost = option.pool, option.usd_per_month
    mark = " *" if option.name in found.frontier else ""
    return (
        ("unknown" if cost is None else f"{float(cost):,.0f}") + mark,
        option.instance.name,
        str(option.tensor_parallel),
        option.precision.value,
        f"{pool.nodes_total:,}",
        f"{pool.gpus_total:,}",
        _ms(option_ttft_s(option)),
        _ms(option_tpot_s(option)),
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
    text = f"{found.factor:.2f} times"
    return text if found.feasible else f"{text}: beyond it nothing on this hardware serves"
