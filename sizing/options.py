"""Which hardware could serve a workload, what would each cost, and which is the cheapest?"""

from dataclasses import dataclass, field
from fractions import Fraction

from sizing.catalog import InstanceType, Price
from sizing.choose import Case, Choice
from sizing.exact import exact
from sizing.hardware import too_few_zones
from sizing.offers import Offer, choices, offers, types
from sizing.packing import pool_plan
from sizing.plan import PoolPlan, Reason, Rejected
from sizing.rated import Rated, rated, spans_nodes
from sizing.redundancy import TooFewZonesError
from sizing.traffic import Rates
from sizing.units import HOURS_PER_PRICED_MONTH
from sizing.workload import Capacity, Hardware, Precision


@dataclass(frozen=True)
class Option:
    """Hardware that meets every target, and what its nodes cost."""

    case: Case
    instance: InstanceType
    tensor_parallel: int
    pool: PoolPlan
    rated: Rated
    price: Price | None
    load: Fraction
    """Requests per second that are sized for."""

    @property
    def precision(self) -> Precision:
        return self.case.facts.precision

    @property
    def usd_per_month(self) -> Fraction | None:
        """Nodes x price of an hour x 730; None where nothing says the price."""
        if self.price is None:
            return None
        return self.pool.nodes_total * exact(self.price.usd_per_hour) * HOURS_PER_PRICED_MONTH

    @property
    def rank(self) -> tuple[bool, Fraction, int, int, str, int, str]:
        """Cheapest first; where prices are equal or unknown, the fewest nodes, then GPUs."""
        cost = self.usd_per_month
        nodes, gpus = self.pool.nodes_total, self.pool.gpus_total
        name, tp = self.instance.name, self.tensor_parallel
        return cost is None, cost or Fraction(0), nodes, gpus, name, tp, self.precision.value

    @property
    def load_per_replica(self) -> float:
        """Requests per second of the fullest needed replica."""
        uneven = self.rated.replica.imbalance if self.rated.replica else 0.0
        return float(self.load / self.pool.replicas_needed) * (1 + uneven)

    @property
    def name(self) -> str:
        return f"{self.instance.name}, tensor parallel {self.tensor_parallel}, {self.precision}"


@dataclass
class Ranking:
    """Options that meet every target, cheapest first, and why the others do not."""

    options: list[Option] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def best(self) -> Option | None:
        return self.options[0] if self.options else None


def ranking(case: Case, rates: Rates) -> Ranking:
    """Every type x tensor parallel x precision that the workload leaves open.

    Basis: exact; each option is sized in full.
    """
    found, hardware = Ranking(), case.workload.hardware
    if hardware is None or case.workload.capacity is None:
        return found
    if hardware.nodes_per_replica not in (None, 1):
        found.rejected.append(spans_nodes(hardware.nodes_per_replica))
        return found
    for instance in types(case.catalog, hardware):
        _add_type(found, case, rates, instance, case.workload.capacity)
    found.options.sort(key=lambda option: option.rank)
    return found


def _add_type(
    found: Ranking, case: Case, rates: Rates, instance: InstanceType, capacity: Capacity
) -> None:
    """The options of one type, or the first reason why it has none."""
    reasons, count = list[Rejected](), len(found.options)
    for offer in offers(case, instance, reasons):
        for choice in choices(offer, reasons):
            option = _option(offer, choice, rates, capacity, reasons)
            if option is not None:
                found.options.append(option)
    if len(found.options) == count and reasons:
        told = min(reasons, key=_distance)
        found.rejected.append(told.model_copy(update={"option": _named(instance, told)}))


def _option(
    offer: Offer, choice: Choice, rates: Rates, capacity: Capacity, rejected: list[Rejected]
) -> Option | None:
    """An offer with one replica, sized in full; None where it misses a target."""
    at, instance = offer.case, offer.instance
    answer = rated(at, choice, rates)
    if answer.rate is None:
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


def _distance(reason: Rejected) -> int:
    """How far an option was from being one: too slow is nearer than not run at all."""
    order = (Reason.latency, Reason.zones, Reason.unknown_fact, Reason.memory)
    return order.index(reason.reason) if reason.reason in order else len(order)


def _named(instance: InstanceType, reason: Rejected) -> str:
    option = reason.option
    return option if instance.name in option else f"{instance.name}: {option}"


def pinned(option: Option) -> tuple[Hardware, Precision]:
    """The choice as hardware that states it."""
    asked = option.case.workload.hardware
    if asked is None:
        raise ValueError("an option without hardware")
    return asked.stated(option.instance.name, option.tensor_parallel), option.precision
