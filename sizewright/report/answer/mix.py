"""Several types for one workload, for people: the cheapest fleets, and how to deploy one."""

from collections.abc import Iterator

from sizewright.layout.numbers import number, share
from sizewright.layout.table import Table
from sizing.compare.class_pools import Pool
from sizing.compare.length_classes import LengthClass
from sizing.compare.mix import Fleet, Mix
from sizing.hardware.ranking import Option
from sizing.values.exact import plain
from sizing.workload import Traffic

COLUMNS = ("fleet", "USD a month", "prompt tokens", "requests", "type", "TP", "bits", "nodes")
COUNTS = {2: "two", 3: "three"}


def mix_tables(found: Mix) -> Iterator[Table]:
    """The fleets next to the single type, then how to deploy the best one where it costs less."""
    single, best = found.single, found.best
    if single is None or best is None:
        why = f"{found.refused}"
        yield Table("a mix of types, each for its own length of prompt", [(why,)])
        return
    rows = [_single(single, best)]
    for fleet in (*found.fleets, *([found.same_type] if found.same_type else [])):
        rows += _rows(fleet, found)
    yield Table(_verdict(found, single, best), rows, COLUMNS)
    if found.is_cheaper:
        title = "to deploy it: a plan of this version has one pool a service, so it is not deployed"
        yield Table(title, [(step,) for step in _steps(best, found.traffic)])


def _verdict(found: Mix, single: Option, best: Fleet) -> str:
    usd, ratio = found.saving(best)
    difference = f"{abs(float(usd)):,.0f} USD a month ({share(abs(float(ratio)))})"
    one = f"{single.instance.name} for all prompts"
    if not found.is_cheaper:
        return f"no mix of types is cheaper than {one}: the cheapest mix costs {difference} more"
    what = f"a mix of {COUNTS.get(len(best.types))} types"
    if best is found.same_type:
        what = f"{COUNTS[len(best.pools)]} pools, not all of another type,"
    return f"{what}, split by the length of the prompt, costs {difference} less than {one}"


def _single(single: Option, fleet: Fleet) -> tuple[str, ...]:
    first, last = fleet.pools[0].lengths.bars[0], fleet.pools[-1].lengths.bars[-1]
    return (
        "one type",
        f"{float(single.usd_per_month or 0):,.0f}",
        f"{number(plain(first.tokens))} to {number(plain(last.tokens))}",
        share(1),
        single.instance.name,
        str(single.tensor_parallel),
        single.precision.value,
        f"{single.pool.nodes_total:,}",
    )


def _rows(fleet: Fleet, found: Mix) -> Iterator[tuple[str, ...]]:
    """The cost of the fleet, then its pools."""
    usd, ratio = found.saving(fleet)
    name = f"{COUNTS.get(len(fleet.types))} types"
    if fleet is found.same_type:
        name = f"{COUNTS[len(fleet.pools)]} pools"
    than = "less" if usd > 0 else "more"
    cost = f"{float(fleet.usd_per_month):,.0f}, {share(abs(float(ratio)))} {than}"
    yield name, cost, "", "", "", "", "", ""
    for pool in fleet.pools:
        yield _pool(pool)


def _pool(pool: Pool) -> tuple[str, ...]:
    return (
        "",
        f"{float(pool.usd_per_month):,.0f}",
        _range(pool.lengths),
        share(float(pool.lengths.share)),
        pool.instance.name,
        str(pool.tensor_parallel),
        pool.precision.value,
        f"{pool.nodes_total:,}",
    )


def _range(lengths: LengthClass) -> str:
    first, last = (number(plain(bar.tokens)) for bar in (lengths.bars[0], lengths.bars[-1]))
    return first if first == last else f"{first} to {last}"


def _steps(fleet: Fleet, traffic: Traffic) -> Iterator[str]:
    """A workload file for each pool, then the router that they need."""
    for pool in fleet.pools:
        own, context = pool.lengths.traffic(traffic), pool.lengths.request.context_tokens
        said = [
            f"hardware.instance_type {pool.instance.name}",
            f"hardware.tensor_parallel {pool.tensor_parallel}",
            f"model.precision {pool.precision.value}",
            f"request.input_tokens its bars, {_range(pool.lengths)}",
            f"traffic.requests_per_user_per_day {own.requests_per_user_per_day.normalize():f}",
        ]
        if context is not None:
            said.append(f"request.context_tokens {context}")
        if own.think_time_s is not None:
            said.append(f"traffic.think_time_s {own.think_time_s.normalize():f}")
        yield f"a workload file with {', '.join(said)}"
    ends = [number(plain(pool.lengths.bars[-1].tokens)) for pool in fleet.pools[:-1]]
    yield (
        "a router before them that counts the tokens of each prompt: "
        + ", ".join(
            f"at most {end} to {pool.instance.name}"
            for end, pool in zip(ends, fleet.pools, strict=False)
        )
        + f", longer ones to {fleet.pools[-1].instance.name}; the answer's length is not known then"
    )
