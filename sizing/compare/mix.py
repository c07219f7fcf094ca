"""Would two or three types, each for its own prompt lengths, be cheaper than one for all?"""

from dataclasses import dataclass
from fractions import Fraction
from heapq import heapify, heappop, heappush
from itertools import product

from sizing.compare.class_pools import ClassPools, Pool, replicas_of
from sizing.compare.length_classes import (
    Part,
    Partition,
    bars_of,
    length_class,
    partitions,
    why_whole,
)
from sizing.hardware.ranking import Option
from sizing.replica.case import Case
from sizing.replica.traffic import Rates
from sizing.workload import Traffic

POOLS = (2, 3)
"""Numbers of pools for a split. Basis: given; each pool has its own spare nodes."""


@dataclass(frozen=True)
class Fleet:
    """Pools that serve all requests together, shortest prompts first."""

    pools: tuple[Pool, ...]

    @property
    def usd_per_month(self) -> Fraction:
        return sum((pool.usd_per_month for pool in self.pools), Fraction(0))

    @property
    def types(self) -> list[str]:
        """Instance types, each once, in the order of the pools."""
        return list(dict.fromkeys(pool.instance.name for pool in self.pools))

    @property
    def rank(self) -> tuple[Fraction, int, int, list[int], list[object]]:
        """Sort key: the cheapest fleet first, then the fewest pools, then the fewest nodes."""
        nodes = sum(pool.nodes_total for pool in self.pools)
        cuts = [len(pool.lengths.bars) for pool in self.pools]
        return self.usd_per_month, len(self.pools), nodes, cuts, [pool.rank for pool in self.pools]


@dataclass(frozen=True)
class Mix:
    """Cheapest fleets of several pools, compared with the cheapest type for all requests."""

    traffic: Traffic
    """Traffic of the whole workload."""
    single: Option | None
    """Cheapest single type; None where no type of known price meets every target."""
    fleets: tuple[Fleet, ...] = ()
    """Cheapest fleets of two and of three pools, each pool of another type."""
    same_type: Fleet | None = None
    """Cheapest fleet with pools of one type, where it costs less than all others."""
    refused: str | None = None
    """Reason why requests are not split, or why no split serves them."""

    @property
    def best(self) -> Fleet | None:
        """Cheapest fleet of several pools, even where one type costs less."""
        found = [*self.fleets, self.same_type] if self.same_type else self.fleets
        return min(found, key=lambda fleet: fleet.rank, default=None)

    @property
    def is_cheaper(self) -> bool:
        """True where several pools cost less than the single type."""
        return self.best is not None and self.saving(self.best)[0] > 0

    def saving(self, fleet: Fleet) -> tuple[Fraction, Fraction]:
        """USD a month that a fleet saves over the single type, and its share of that cost. Both are
        negative where the fleet costs more."""
        cost = self.single.usd_per_month if self.single is not None else None
        if cost is None:
            raise ValueError("no single type of known price")
        return cost - fleet.usd_per_month, 1 - fleet.usd_per_month / cost


def mix(case: Case, rates: Rates, single: Option | None) -> Mix:
    """Return the cheapest splits of a workload by prompt length, with each class sized in full.

    The search covers every partition of the histogram into two or three classes of neighbours. Each
    class has a type, a tensor-parallel size and a precision. Each pool has its share of the load,
    meets the latency targets and keeps the redundancy by itself, so costs add up.

    Basis: exact; options that are not sized cost more by a bound.
    """
    workload = case.workload
    request, hardware = workload.request, workload.hardware
    refused = why_whole(request)
    spans = hardware is not None and hardware.nodes_per_replica not in (None, 1)
    if single is None or single.usd_per_month is None:
        return Mix(
            workload.traffic,
            None,
            refused=refused or "no single type of known price meets every target",
        )
    if refused or spans:
        return Mix(workload.traffic, single, refused=refused or "a replica spans several nodes")
    search = _Search(case, rates)
    found = [search.cheapest(count, apart=True) for count in POOLS]
    fleets = tuple(fleet for fleet in found if fleet is not None)
    any_types = [fleet for count in POOLS if (fleet := search.cheapest(count, apart=False))]
    least = min(any_types, key=lambda fleet: fleet.rank, default=None)
    if least is None:
        return Mix(
            workload.traffic, single, refused="no split's pools all meet the targets by themselves"
        )
    costs = [single.usd_per_month, *(fleet.usd_per_month for fleet in fleets)]
    return Mix(
        workload.traffic, single, fleets, least if least.usd_per_month < min(costs) else None
    )


class _Search:
    """Classes of one histogram, each sized at most once and only where the answer may need it."""

    def __init__(self, case: Case, rates: Rates) -> None:
        self.case, self.rates = case, rates
        self.replicas = replicas_of(case)
        self.bars = len(bars_of(case.workload.request))
        self.classes = dict[Part, ClassPools]()

    def cheapest(self, count: int, *, apart: bool) -> Fleet | None:
        """Return the cheapest fleet of `count` pools, each of another type if `apart`.

        Partitions wait with a lower bound of their cost, which the sized classes raise.
        """
        least: Fleet | None = None
        waiting = [(Fraction(0), partition) for partition in partitions(self.bars, count)]
        heapify(waiting)
        while waiting:
            known_bound, partition = heappop(waiting)
            if least is not None and known_bound > least.usd_per_month:
                break
            unseen = [part for part in ends_first(partition) if part not in self.classes]
            if unseen:
                self._look_at(unseen[0])
            bound = self._bound(partition)
            if bound is None:
                continue
            if unseen or bound > known_bound:
                heappush(waiting, (bound, partition))
                continue
            found = self._fleets(partition, count, apart)
            least = min([*found, *([least] if least else [])], key=lambda f: f.rank, default=None)
        return least

    def _fleets(self, partition: Partition, count: int, apart: bool) -> list[Fleet]:
        """Return fleets that include the cheapest one of a partition.

        With `apart`, each of n pools has one of the n cheapest types of its class, because the
        others take at most n - 1.
        """
        pools = [self.classes[part].cheapest(count if apart else 1) for part in partition]
        fleets = [Fleet(each) for each in product(*pools)]
        return [fleet for fleet in fleets if not apart or len(fleet.types) == count]

    def _look_at(self, part: Part) -> None:
        lengths = length_class(self.case.workload.request, *part)
        rates = self.rates.of(lengths.share)
        self.classes[part] = ClassPools(self.case.workload, lengths, self.replicas, rates)

    def _bound(self, partition: Partition) -> Fraction | None:
        """USD a month as a lower bound of a partition's fleets; None where a class has no pool."""
        total = Fraction(0)
        for part in partition:
            if part in self.classes:
                bound = self.classes[part].bound
                if bound is None:
                    return None
                total += bound
        return total


def ends_first(partition: Partition) -> Partition:
    """Return the classes, those of the shortest and longest prompts first: many share them."""
    return (partition[0], partition[-1], *partition[1:-1])
