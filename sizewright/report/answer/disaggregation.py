"""Separate pools for prompts and answers, for people: where they pay, and why they cost that."""

from collections.abc import Iterator

from sizewright.layout.numbers import number, usd
from sizewright.layout.table import Table
from sizing.compare.disaggregation.numbers import lines
from sizing.compare.disaggregation.pools import RolePool
from sizing.compare.disaggregation.search import Disaggregation, Pair

NOT_DEPLOYED = "not deployed by this version"
COLUMNS = ("pool", "USD a month", "type", "TP", "bits", "replicas", "nodes")


def disaggregation_tables(found: Disaggregation, *, show_all: bool = False) -> Iterator[Table]:
    """The two pools where they pay, with their numbers by `show_all`; otherwise the reason by
    `show_all`."""
    if found.pair is None:
        if show_all:
            title = "separate pools for prompts and answers (prefill and decode apart)"
            yield Table(title, [(f"{found.refused}",)])
        return
    pair = found.pair
    rows = [_row("prefill", pair.prefill, pair), _row("decode", pair.decode, pair)]
    yield Table(_verdict(found, pair), rows, COLUMNS)
    if show_all:
        numbers = [
            (line.name, f"{number(line.value)} {line.unit}", f"{line.numbers}; {line.basis}")
            for line in lines(pair)
        ]
        yield Table("numbers of the separate pools", numbers)


def _verdict(found: Disaggregation, pair: Pair) -> str:
    saving = found.saving_usd_per_month
    what = "prefill and decode apart, in pools of their own"
    if saving is None:
        return f"{what}, meet the targets and no single pool does; {NOT_DEPLOYED}"
    cost = f"{what}, cost {usd(float(pair.usd_per_month))} USD a month"
    return (
        f"{cost}, {usd(float(saving))} less than one pool, with one queue for all prefill replicas"
        f" of a zone; {NOT_DEPLOYED}"
    )


def _row(role: str, pool: RolePool, pair: Pair) -> tuple[str, ...]:
    return (
        role,
        usd(float(pool.usd_per_month)),
        pool.candidate.instance.name,
        str(pool.candidate.tensor_parallel),
        pair.precision.value,
        f"{pool.replicas:,}",
        f"{pool.nodes_total:,}",
    )
