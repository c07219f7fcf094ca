"""Which hardware serves one class of prompt lengths, cheapest first?

Each option has a lower bound of its cost and waits. It is sized in full only when no other option
is cheaper than that bound. The order is the same as after sizing all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from heapq import heapify, heappop, heappush

from sizing.catalog import InstanceType
from sizing.compare.length_classes import LengthClass
from sizing.fleet.packing import nodes_total_of
from sizing.fleet.redundancy import TooFewZonesError
from sizing.hardware.offers import Offer, offers, sizes, types
from sizing.model.memory import fit
from sizing.replica.calibrated import lengths_apart, step_model_of
from sizing.replica.case import Case, Choice, longest_tokens, sequence_tokens
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.rated import known_rate, rate_bound, rated
from sizing.replica.traffic import Rates
from sizing.service.host_memory.room import unkept
from sizing.steps.model import StepModel
from sizing.values.exact import exact
from sizing.values.units import HOURS_PER_PRICED_MONTH
from sizing.workload import Precision, Workload


@dataclass(frozen=True)
class Pool:
    """One class of prompt lengths on its own hardware."""

    lengths: LengthClass
    instance: InstanceType
    tensor_parallel: int
    precision: Precision
    nodes_total: int
    usd_per_month: Fraction

    @cached_property
    def rank(self) -> tuple[Fraction, int, str, int, str]:
        """Sort key: the cheapest pool first, then the pool with the fewest nodes."""
        name, precision = self.instance.name, self.precision.value
        return self.usd_per_month, self.nodes_total, name, self.tensor_parallel, precision


@dataclass(frozen=True)
class Seller:
    """Instance type on sale for a replica."""

    instance: InstanceType
    zones: tuple[str, ...]
    usd_per_month: Fraction
    """USD a month of one node."""


@dataclass(frozen=True)
class Replica:
    """Equal cards in one precision, which determine a rate, and the types that offer them."""

    case: Case
    """Case of the whole workload on one of these types."""
    tensor_parallel: int
    steps: StepModel | None
    sellers: list[Seller]


def replicas_of(case: Case) -> list[Replica]:
    """Return the distinct replicas on types of a known price."""
    found = dict[object, Replica]()
    for offer in _offers(case):
        if offer.price is None:
            continue
        usd = exact(offer.price.usd_per_hour) * HOURS_PER_PRICED_MONTH
        instance, precision = offer.instance, offer.case.facts.precision
        # Guard: the same card copies from host memory at another rate in another family.
        link = None if case.workload.engine.kv_offload is None else instance.family
        for size in sizes(offer.case, instance):
            if not _keeps_cache(offer.case, instance, size):
                continue
            card = (
                instance.gpu,
                instance.gpu_memory_bytes,
                instance.gpu_share,
                precision,
                size,
                link,
            )
            if card not in found:
                steps = step_model_of(offer.case, offer.case.need, size)
                found[card] = Replica(offer.case, size, steps, [])
            found[card].sellers.append(Seller(instance, offer.zones, usd))
    return list(found.values())


def _keeps_cache(case: Case, instance: InstanceType, size: int) -> bool:
    """True where the type keeps the workload's cache in host memory, or where it has none."""
    if case.workload.engine.kv_offload is None:
        return True
    found = fit(case.need, instance.gpu_memory_bytes, size)
    return found is None or unkept(case, found) is None


def _offers(case: Case) -> Iterator[Offer]:
    hardware = case.workload.hardware
    for instance in types(case.catalog, hardware) if hardware is not None else ():
        yield from offers(case, instance, [])


@dataclass(frozen=True)
class Waiting:
    """Pool or its bound, with its rank. A bound precedes a pool of the same cost."""

    pool: Pool
    is_sized: bool
    replica: Replica
    seller: Seller
    choice: Choice

    def __lt__(self, other: "Waiting") -> bool:
        mine, its = self.pool.rank, other.pool.rank
        return (mine[0], self.is_sized, mine) < (its[0], other.is_sized, its)


class ClassPools:
    """Pools that could serve a class, sized on demand."""

    def __init__(
        self, whole: Workload, lengths: LengthClass, replicas: Sequence[Replica], rates: Rates
    ) -> None:
        """Create the pools. `rates` are those of the class."""
        self.lengths, self.replicas, self.rates = lengths, replicas, rates
        self.workload = lengths.workload(whole)
        self.load = rates.mean if whole.capacity is None else rates.at(whole.capacity.load)
        self._rated = dict[int, GpuRate | None]()
        self._sized = list[Pool]()

    @property
    def bound(self) -> Fraction | None:
        """Lower bound of a pool's cost in USD a month; None where there is no pool."""
        if self._sized:
            return self._sized[0].usd_per_month
        return self._waiting[0].pool.usd_per_month if self._waiting else None

    def cheapest(self, count: int) -> list[Pool]:
        """Return up to this many pools, each of another type, cheapest first."""
        while len(self._sized) < count and self._waiting:
            self._take(heappop(self._waiting))
        return self._sized[:count]

    def _take(self, least: Waiting) -> None:
        name = least.pool.instance.name
        if any(pool.instance.name == name for pool in self._sized):
            return
        if least.is_sized:
            self._sized.append(least.pool)
            return
        rate = self._rate(least)
        pool = None if rate is None else self._pool(least.replica, least.seller, least.choice, rate)
        if pool is not None:
            heappush(self._waiting, replace(least, pool=pool, is_sized=True))

    def _rate(self, least: Waiting) -> GpuRate | None:
        key = id(least.replica)
        if key not in self._rated:
            estimate = rated(self._case(least.replica), least.choice, self.rates)
            self._rated[key] = known_rate(estimate)
        return self._rated[key]

    @cached_property
    def _waiting(self) -> list[Waiting]:
        waiting, lengths = list[Waiting](), lengths_apart(self.workload)
        for replica in self.replicas:
            case = self._case(replica)
            found = fit(
                case.need, replica.sellers[0].instance.gpu_memory_bytes, replica.tensor_parallel
            )
            if found is None:
                continue
            choice = Choice(found, ())
            rate = rate_bound(case, choice, self.rates, replica.steps, lengths)
            if rate is None:
                continue
            for seller in replica.sellers:
                pool = self._pool(replica, seller, choice, rate)
                if pool is not None:
                    waiting.append(Waiting(pool, False, replica, seller, choice))
        heapify(waiting)
        return waiting

    def _case(self, replica: Replica) -> Case:
        """Case of the class alone."""
        need = replace(replica.case.need, tokens=self._tokens[0], longest_tokens=self._tokens[1])
        return replace(replica.case, workload=self.workload, need=need)

    @cached_property
    def _tokens(self) -> tuple[Fraction | None, Fraction | None]:
        """Tokens of a running sequence and of the longest sequence."""
        return sequence_tokens(self.workload), longest_tokens(self.lengths.request)

    def _pool(self, replica: Replica, seller: Seller, choice: Choice, rate: GpuRate) -> Pool | None:
        at = Choice(choice.fit, seller.zones)
        redundancy = self.workload.redundancy
        try:
            nodes = nodes_total_of(at, seller.instance, redundancy, self.load, rate)
        except TooFewZonesError:
            return None
        size, precision = replica.tensor_parallel, replica.case.facts.precision
        usd = nodes * seller.usd_per_month
        return Pool(self.lengths, seller.instance, size, precision, nodes, usd)
