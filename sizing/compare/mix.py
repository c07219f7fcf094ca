"""Would two or three types, each for its own lengths of prompts, be cheaper than one for all?"""

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
from sizing.hardware.options import Option
from sizing.replica.case import Case
from sizing.replica.traffic import Rates
from sizing.workload import Traffic

POOLS = (2, 3)
"""Pools that requests are split over. Basis: given; each more has its own spare nodes."""


@dataclass(frozen=True)
class Fleet:
    """Pools that serve all requests together, the shortest prompts first."""

    pools: tuple[Pool, ...]

    @property
    def usd_per_month(self) -> Fraction:
        return sum((pool.usd_per_month for pool in self.pools), Fraction(0))

    @property
    def types(self) -> list[str]:
        """Each once, in the order of the pools."""
        return list(dict.fromkeys(pool.instance.name for pool in self.pools))

    @property
    def rank(self) -> tuple[Fraction, int, int, list[int], list[object]]:
        """Cheapest first, then the fewest pools, then nodes."""
        nodes = sum(pool.nodes_total for pool in self.pools)
        cuts = [len(pool.lengths.bars) for pool in self.pools]
        return self.usd_per_month, len(self.pools), nodes, cuts, [pool.rank for pool in self.pools]


@dataclass(frozen=True)
class Mix:
    """The cheapest fleets of several pools beside the cheapest type for all requests."""

    traffic: Traffic
    """Of the whole workload."""
    single: Option | None
    """None where no type of known price meets every target."""
    fleets: tuple[Fleet, ...] = ()
    """The cheapest of two pools and of three, each pool of another type."""
    same_type: Fleet | None = None
    """The cheapest with pools of one type, where it costs less than all others."""
    refused: str | None = None
    """Why requests are not split, or no split serves them."""

    @property
    def best(self) -> Fleet | None:
        """The cheapest fleet of several pools, whether or not it beats one type."""
        found = [*self.fleets, self.same_type] if self.same_type else self.fleets
        return min(found, key=lambda fleet: fleet.rank, default=None)

    @property
    def is_cheaper(self) -> bool:
        """Whether several pools cost less than the single type."""
        return self.best is not None and self.saving(self.best)[0] > 0

    def saving(self, fleet: Fleet) -> tuple[Fraction, Fraction]:
        """USD a month that a fleet is cheaper than the single type, and their share of its cost;
        negative where it is dearer."""
        cost = self.single.usd_per_month if self.single is not None else None
        if cost is None:
            raise ValueError("no single type of known price")
        return cost - fleet.usd_per_month, 1 - fleet.usd_per_month / cost


def mix(case: Case, rates: Rates, single: Option | None) -> Mix:
    """The cheapest splits of a workload by the length of its prompts, each class in full.

    Every partition of the histogram into two or three classes of neighbours x a type, a
    tensor-parallel size and a precision for each. Each pool has its share of the load, meets the
    latency targets and keeps the redundancy by itself, so that costs add.

    Basis: exact; what is not sized costs more by a bound.
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
    """The classes of one histogram, each sized once and only if it could be part of an answer."""

    def __init__(self, case: Case, rates: Rates) -> None:
        self.case, self.rates = case, rates
        self.replicas = replicas_of(case)
        self.bars = len(bars_of(case.workload.request))
        self.classes = dict[Part, ClassPools]()

    def cheapest(self, count: int, *, apart: bool) -> Fleet | None:
        """The cheapest fleet of so many pools, each of another type if `apart`.

        Partitions wait with a bound of their cost, in which classes count that were looked at.
        """
        least: Fleet | None = None
        waiting = [(Fraction(0), partition) for partition in partitions(self.bars, count)]
        heapify(waiting)
        while waiting:
            told, partition = heappop(waiting)
            if least is not None and told > least.usd_per_month:
                break
            unseen = [part for part in ends_first(partition) if part not in self.classes]
            if unseen:
                self._look_at(unseen[0])
            bound = self._bound(partition)
            if bound is None:
                continue
            if unseen or bound > told:
                heappush(waiting, (bound, partition))
                continue
            found = self._fleets(partition, count, apart)
            least = min([*found, *([least] if least else [])], key=lambda f: f.rank, default=None)
        return least

    def _fleets(self, partition: Partition, count: int, apart: bool) -> list[Fleet]:
        """Fleets among which is the cheapest of a partition.

        Apart, each pool has one of the n cheapest types of its class: the others take n - 1.
        """
        pools = [self.classes[part].cheapest(count if apart else 1) for part in partition]
        fleets = [Fleet(each) for each in product(*pools)]
        return [fleet for fleet in fleets if not apart or len(fleet.types) == count]

    def _look_at(self, part: Part) -> None:
        lengths = length_class(self.case.workload.request, *part)
        rates = self.rates.of(lengths.share)
        self.classes[part] = ClassPools(self.case.workload, lengths, self.replicas, rates)

    def _bound(self, partition: Partition) -> Fraction | None:
        """USD a month that no fleet of a partition is cheaper than; None where a class has none."""
        total = Fraction(0)
        for part in partition:
            if part in self.classes:
                bound = self.classes[part].bound
                if bound is None:
                    return None
                total += bound
        return total


def ends_first(partition: Partition) -> Partition:
    """The classes of the shortest and longest prompts, which many partitions share, first."""
    return (partition[0], partition[-1], *partition[1:-1])
