"""Which hardware could serve a workload, what does each cost, and which is the cheapest?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import inf

from sizing.catalog import InstanceType, Price
from sizing.catalog.coefficients import arithmetic_like
from sizing.fleet.packing import pool_plan
from sizing.fleet.redundancy import TooFewZonesError
from sizing.hardware.offers import Offer, offers, sizes, types
from sizing.hardware.search import too_few_zones
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import PoolPlan
from sizing.replica.case import Case, Choice
from sizing.replica.fit import memory_missed, replica_fit
from sizing.replica.queueing import Queue
from sizing.replica.rate import ReplicaTimes
from sizing.replica.rated import ThroughputEstimate, no_method, rated, spans_nodes
from sizing.replica.traffic import Rates
from sizing.values.exact import exact
from sizing.values.units import GB, HOURS_PER_PRICED_MONTH
from sizing.workload import Hardware, Precision

NEAREST = (Reason.latency, Reason.zones, Reason.memory)
"""Reasons of an attempt that is nearly an option, nearest first."""


@dataclass(frozen=True)
class Option:
    """Hardware that meets every target, and the cost of its nodes."""

    case: Case
    instance: InstanceType
    tensor_parallel: int
    pool: PoolPlan
    rated: ThroughputEstimate
    price: Price | None
    load: Fraction
    """Requests per second that are sized for."""

    @property
    def precision(self) -> Precision:
        return self.case.facts.precision

    @property
    def usd_per_month(self) -> Fraction | None:
        """Nodes x price of an hour x 730; None where the price is unknown."""
        if self.price is None:
            return None
        return self.pool.nodes_total * exact(self.price.usd_per_hour) * HOURS_PER_PRICED_MONTH

    @property
    def narrowed(self) -> bool:
        """True where the weights have another precision than published. This requires another
        checkpoint, whose answers may be worse."""
        model = self.case.facts.model
        if model is None:
            return False
        return arithmetic_like(self.precision) != arithmetic_like(Precision(model.native_dtype))

    @property
    def rank(self) -> tuple[bool, Fraction, bool, float, float, int, int, str, int, str]:
        """Sort key: the cheapest option first. Of equal cost, published weights precede others,
        then the lowest TPOT and TTFT count. Last are the fewest nodes, then GPUs, as where the
        price is unknown."""
        cost = self.usd_per_month
        waits = (0.0, 0.0) if cost is None else (self.tpot_s or 0.0, self.ttft_s or 0.0)
        nodes, gpus = self.pool.nodes_total, self.pool.gpus_total
        name, tp = self.instance.name, self.tensor_parallel
        first = (cost is None, cost or Fraction(0), self.narrowed)
        return *first, *waits, nodes, gpus, name, tp, self.precision

    @property
    def load_per_replica(self) -> float:
        """Requests per second of the fullest needed replica."""
        uneven = self.rated.replica.imbalance if self.rated.replica else 0.0
        return float(self.load / self.pool.replicas_needed) * (1 + uneven)

    @cached_property
    def tpot_s(self) -> float | None:
        """P90 estimate of seconds a token; None by methods without an estimate."""
        return self._safe_s(ReplicaTimes.tpot_s)

    @cached_property
    def ttft_s(self) -> float | None:
        """P90 estimate of seconds to the first token; None by methods without an estimate."""
        return self._safe_s(ReplicaTimes.ttft_s)

    def _safe_s(self, of: Callable[[ReplicaTimes, Queue, float], float]) -> float | None:
        """One time of the fullest needed replica at the required percentile."""
        replica = self.rated.replica
        if replica is None:
            return None
        times = replica.safe.times
        return of(times, times.server.at(self.load_per_replica), replica.targets.share)

    @property
    def basis(self) -> str | None:
        """Basis of the option's times; None by methods without times."""
        return None if self.rated.replica is None else self.rated.replica.basis

    @property
    def name(self) -> str:
        return f"{self.instance.name}, tensor parallel {self.tensor_parallel}, {self.precision}"


@dataclass(frozen=True)
class Refused:
    """Reason why one attempt on a type is no option, and its distance from being one."""

    rejected: Rejected
    missed: float = inf
    """Latency over its target, or required memory over the available one; infinite otherwise."""

    @property
    def distance(self) -> tuple[int, float]:
        """Sort key: latency is nearest, then too few zones, then memory, then all other reasons."""
        reason = self.rejected.reason
        return NEAREST.index(reason) if reason in NEAREST else len(NEAREST), self.missed


@dataclass
class Ranking:
    """Options that meet every target, cheapest first, and reasons against the others. The others
    that are nearly fast enough are first."""

    options: list[Option] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def best(self) -> Option | None:
        return self.options[0] if self.options else None


def ranking(case: Case, rates: Rates) -> Ranking:
    """Return every type x tensor parallel x precision that the workload leaves open.

    Basis: exact; each option is sized in full.
    """
    found, hardware = Ranking(), case.workload.hardware
    if hardware is None or case.workload.capacity is None:
        return found
    if hardware.nodes_per_replica not in (None, 1):
        found.rejected.append(spans_nodes(hardware.nodes_per_replica))
        return found
    lacking = no_method(case)
    if lacking is not None:
        found.rejected.append(lacking)
        return found
    others = list[Refused]()
    for instance in types(case.catalog, hardware):
        _add_type(found, others, case, rates, instance)
    found.options.sort(key=lambda option: option.rank)
    others.sort(key=lambda refused: refused.distance)
    found.rejected += [refused.rejected for refused in others]
    return found


def _add_type(
    found: Ranking, others: list[Refused], case: Case, rates: Rates, instance: InstanceType
) -> None:
    """Add the options of one type, or the reason of its attempt that is nearest to an option."""
    unsuited, attempts, count = list[Rejected](), list[Refused](), len(found.options)
    for offer in offers(case, instance, unsuited):
        for size in sizes(offer.case, instance):
            option = _attempt(offer, size, rates, attempts)
            if option is not None:
                found.options.append(option)
    if len(found.options) > count:
        return
    attempts += [Refused(each, _card_missed(case, instance, each)) for each in unsuited]
    if attempts:
        best = min(attempts, key=lambda refused: refused.distance)
        named = best.rejected.model_copy(
            update={"option": _named(instance, best.rejected), "instance_type": instance.name}
        )
        others.append(Refused(named, best.missed))


def _card_missed(case: Case, instance: InstanceType, rejected: Rejected) -> float:
    """Required GPU memory over the memory of the type's card, where that is the reason."""
    capacity = case.workload.capacity
    least = capacity.min_gpu_gb if capacity is not None else None
    if rejected.reason is not Reason.gpu_memory_minimum or least is None:
        return inf
    return float(least) * GB / instance.gpu_memory_bytes


def _attempt(offer: Offer, size: int, rates: Rates, attempts: list[Refused]) -> Option | None:
    """Return an offer as an option with `size` cards a replica; else add why to `attempts`."""
    need, instance = offer.case.need, offer.instance
    fit, lacks = replica_fit(need, offer.case.facts, instance, size)
    if fit is None:
        attempts += [Refused(each, memory_missed(need, instance, size)) for each in lacks]
        return None
    reasons, slow = list[Rejected](), list[Refused]()
    option = _option(offer, Choice(fit, offer.zones), rates, reasons, slow)
    attempts += [*slow, *(Refused(each) for each in reasons)]
    return option


def _option(
    offer: Offer, choice: Choice, rates: Rates, rejected: list[Rejected], slow: list[Refused]
) -> Option | None:
    """Return an offer with one replica, sized in full; None where it misses a target."""
    at, instance, capacity = offer.case, offer.instance, offer.case.workload.capacity
    answer = rated(at, choice, rates)
    if answer.missed is not None:
        slow += [Refused(each, answer.missed) for each in answer.rejected]
        return None
    if answer.rate is None or capacity is None:
        rejected += answer.rejected
        return None
    try:
        pool, _ = pool_plan(
            choice=choice,
            instance=instance,
            capacity=capacity,
            redundancy=at.workload.redundancy,
            rates=rates,
            rate=answer.rate,
            first_zone=0,
            reserved=at.workload.hardware.capacity if at.workload.hardware else None,
        )
    except TooFewZonesError as fault:
        rejected += too_few_zones(at, choice, fault)[:1]
        return None
    price, split = offer.price, choice.fit.tensor_parallel
    return Option(at, instance, split, pool, answer, price, rates.at(capacity.load))


def _named(instance: InstanceType, reason: Rejected) -> str:
    option = reason.option
    return option if instance.name in option else f"{instance.name}: {option}"


def pinned(option: Option) -> tuple[Hardware, Precision]:
    """Return the choice as hardware that states it."""
    asked = option.case.workload.hardware
    if asked is None:
        raise ValueError("an option without hardware")
    return asked.stated(option.instance.name, option.tensor_parallel), option.precision
