"""Which hardware could serve a workload, what does each cost, and which is the cheapest?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from math import inf

from sizing.catalog import InstanceType, Price
from sizing.catalog.coefficients import arithmetic_like
from sizing.fleet.redundancy import TooFewZonesError
from sizing.fleet.served import Served
from sizing.hardware.offers import Offer, offers, sizes, types
from sizing.hardware.search import placed, too_few_zones
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import PoolPlan
from sizing.replica.calibrated import bought_quantile
from sizing.replica.case import Case, Choice
from sizing.replica.fit import memory_missed, replica_fit
from sizing.replica.item import ItemEstimate
from sizing.replica.rate import RESPONSE, TPOT, TTFT
from sizing.replica.rated import Rated, Unrated, no_method, rated, spans_nodes
from sizing.replica.traffic import Rates
from sizing.service.host_memory.room import unkept
from sizing.values.exact import exact
from sizing.values.units import GB, HOURS_PER_PRICED_MONTH
from sizing.workload import ENGINES, EngineName, Hardware, Method, Precision

NEAREST = (Reason.latency, Reason.zones, Reason.memory)
"""Reasons of an attempt that is nearly an option, nearest first."""


@dataclass(frozen=True)
class Option:
    """Hardware that meets every target, sized in full, and the cost of its nodes."""

    case: Case
    served: Served
    price: Price | None

    @property
    def instance(self) -> InstanceType:
        return self.served.instance

    @property
    def tensor_parallel(self) -> int:
        return self.served.choice.fit.tensor_parallel

    @property
    def pool(self) -> PoolPlan:
        return self.served.pool

    @property
    def rated(self) -> Rated:
        return self.served.rated

    @property
    def precision(self) -> Precision:
        return self.case.facts.precision

    @property
    def engine(self) -> EngineName:
        return self.case.workload.engine.name

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
    def rank(self) -> tuple[bool, Fraction, bool, int, float, float, int, int, str, int, str]:
        """Sort key: the cheapest option first. Of equal cost, published weights precede others,
        then the engine's order in `ENGINES` counts, then the lowest TPOT and TTFT. Last are the
        fewest nodes, then GPUs, as where the price is unknown."""
        cost = self.usd_per_month
        first = self.ttft_s or self.response_s or 0.0
        waits = (0.0, 0.0) if cost is None else (self.tpot_s or 0.0, first)
        nodes, gpus = self.pool.nodes_total, self.pool.gpus_total
        name, tp = self.instance.name, self.tensor_parallel
        preference = tuple(ENGINES).index(self.engine)
        cheapest = (cost is None, cost or Fraction(0), self.narrowed, preference)
        return *cheapest, *waits, nodes, gpus, name, tp, self.precision

    @property
    def load_per_replica(self) -> float:
        """Requests per second of the fullest needed replica."""
        uneven = self.rated.replica.imbalance if self.rated.replica else 0.0
        return float(self.served.load / self.pool.replicas_needed) * (1 + uneven)

    @cached_property
    def tpot_s(self) -> float | None:
        """Sizing estimate of seconds a token; None by methods without an estimate."""
        return self._safe_s(TPOT)

    @cached_property
    def ttft_s(self) -> float | None:
        """Sizing estimate of seconds to the first token; None by methods without an estimate."""
        return self._safe_s(TTFT)

    @cached_property
    def item_s(self) -> float | None:
        """Sizing estimate of seconds of one image or clip, without the wait; None for text and by
        methods without an estimate."""
        item = self._item
        return None if item is None else item.seconds(bought_quantile(self.case.workload))

    @cached_property
    def _item(self) -> ItemEstimate | None:
        capacity = self.case.workload.capacity
        if capacity is None or capacity.method is not Method.calibrated:
            return None
        return self.case.item_estimate(self.tensor_parallel)

    @property
    def speed(self) -> tuple[float, ...] | None:
        """Times that are compared, less is better: those of tokens, or of an item; None where they
        are unknown."""
        whole = self.response_s if self.item_s is None else self.item_s
        if whole is not None:
            return (whole,)
        return None if self.tpot_s is None else (self.ttft_s or 0.0, self.tpot_s)

    @cached_property
    def response_s(self) -> float | None:
        """Sizing estimate of seconds to a vector; None for other kinds and methods."""
        return self._safe_s(RESPONSE)

    def _safe_s(self, name: str) -> float | None:
        """One time of the fullest needed replica at the required percentile; None where its
        requests have no such time."""
        replica = self.rated.replica
        seconds = None if replica is None else replica.safe.times.by_target.get(name)
        if replica is None or seconds is None:
            return None
        queue = replica.safe.times.server.at(self.load_per_replica)
        return seconds(queue, replica.targets.share)

    @property
    def basis(self) -> str | None:
        """Basis of the option's times; None by methods without times."""
        if self._item is not None:
            return "measured" if self._item.time.evidence.is_measured else "datasheet"
        return None if self.rated.replica is None else self.rated.replica.basis

    @property
    def name(self) -> str:
        """Text of the choice. The engine is left out where it is vLLM."""
        text = f"{self.instance.name}, tensor parallel {self.tensor_parallel}, {self.precision}"
        return text if self.engine is EngineName.vllm else f"{text}, {self.engine}"


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


@dataclass(frozen=True)
class Ranking:
    """Options that meet every target, cheapest first, and reasons against the others. The others
    that are nearly fast enough are first."""

    options: list[Option] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def best(self) -> Option | None:
        return self.options[0] if self.options else None


def ranking(case: Case, rates: Rates, neighbours: Sequence[PoolPlan] = ()) -> Ranking:
    """Return every type x tensor parallel x precision that the workload leaves open.

    `neighbours` are the pools of the services before this one; they decide the zone of the first
    node. Basis: exact; each option is sized in full.
    """
    hardware = case.workload.hardware
    if hardware is None or case.workload.capacity is None:
        return Ranking()
    if hardware.nodes_per_replica not in (None, 1):
        return Ranking(rejected=[spans_nodes(hardware.nodes_per_replica)])
    lacking = no_method(case)
    if lacking is not None:
        return Ranking(rejected=[lacking])
    options, others = list[Option](), list[Refused]()
    for instance in types(case.catalog, hardware):
        accepted, refused = _options_of_type(case, rates, neighbours, instance)
        options += accepted
        others += refused
    options.sort(key=lambda option: option.rank)
    others.sort(key=lambda refused: refused.distance)
    return Ranking(options, [refused.rejected for refused in others])


def _options_of_type(
    case: Case, rates: Rates, neighbours: Sequence[PoolPlan], instance: InstanceType
) -> tuple[list[Option], list[Refused]]:
    """Return the options of one type, else the reason of its attempt nearest to an option."""
    unsuited, options, refusals = list[Rejected](), list[Option](), list[Refused]()
    for offer in offers(case, instance, unsuited):
        for size in sizes(offer.case, instance):
            attempt = _attempt(offer, size, rates, neighbours)
            if isinstance(attempt, Option):
                options.append(attempt)
            else:
                refusals += attempt
    if options:
        return options, []
    refusals += [Refused(each, _card_missed(case, instance, each)) for each in unsuited]
    if not refusals:
        return [], []
    best = min(refusals, key=lambda refused: refused.distance)
    named = best.rejected.model_copy(
        update={"option": _named(instance, best.rejected), "instance_type": instance.name}
    )
    return [], [Refused(named, best.missed)]


def _card_missed(case: Case, instance: InstanceType, rejected: Rejected) -> float:
    """Required GPU memory over the memory of the type's card, where that is the reason."""
    capacity = case.workload.capacity
    least = capacity.min_gpu_gb if capacity is not None else None
    if rejected.reason is not Reason.gpu_memory_minimum or least is None:
        return inf
    return float(least) * GB / instance.gpu_memory_bytes


def _attempt(
    offer: Offer, size: int, rates: Rates, neighbours: Sequence[PoolPlan]
) -> Option | list[Refused]:
    """Return an offer, sized in full with `size` cards a replica; else the reasons against it."""
    case, instance = offer.case, offer.instance
    fit, lacks = replica_fit(case.need, case.facts, instance, size)
    if fit is None:
        missed = memory_missed(case.need, instance, size)
        return [Refused(each, missed) for each in lacks]
    lacking = unkept(case, fit)
    if lacking is not None:
        return [Refused(lacking)]
    choice = Choice(fit, offer.zones)
    estimate = rated(case, choice, rates)
    if isinstance(estimate, Unrated):
        missed = inf if estimate.missed is None else estimate.missed
        return [Refused(each, missed) for each in estimate.rejected]
    try:
        served = placed(case, choice, estimate, rates, neighbours=neighbours, others=offer.rejected)
    except TooFewZonesError as fault:
        return [Refused(each) for each in too_few_zones(case, choice, fault)[:1]]
    return Option(case, served, offer.price)


def _named(instance: InstanceType, reason: Rejected) -> str:
    option = reason.option
    return option if instance.name in option else f"{instance.name}: {option}"


def pinned(option: Option) -> tuple[Hardware, Precision, EngineName]:
    """Return the choice: hardware that states it, the precision and the engine."""
    hardware = option.case.workload.hardware
    if hardware is None:
        raise ValueError("an option without hardware")
    stated = hardware.stated(option.instance.name, option.tensor_parallel)
    return stated, option.precision, option.engine
