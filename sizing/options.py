"""Which hardware could serve a workload, what would each cost, and which is the cheapest?"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction

from sizing.capacity_source import not_on_demand, with_capacity
from sizing.catalog import InstanceType, Price
from sizing.choose import Case, Choice, cards_of, not_sold, replica_fit, selling_zones, unfit
from sizing.exact import exact
from sizing.hardware import too_few_zones
from sizing.memory import held_weights, tensor_parallel_sizes
from sizing.packing import pool_plan
from sizing.plan import PoolPlan, Reason, Rejected
from sizing.rated import Rated, rated, spans_nodes
from sizing.redundancy import TooFewZonesError
from sizing.traffic import Rates
from sizing.units import HOURS_PER_PRICED_MONTH
from sizing.workload import AUTO, Capacity, Hardware, Precision

SIXTEEN_BITS = (Precision.bf16, Precision.fp16, Precision.fp32)
MODERN_BITS = Decimal("8.0")
"""Compute capability from which bfloat16 is computed. Basis: vendor."""


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
    for instance in case.catalog.instance_types:
        stated = hardware.instance_type in (instance.name, AUTO)
        if not stated or (hardware.families and instance.family not in hardware.families):
            continue
        _add_type(found, case, rates, instance, case.workload.capacity)
    found.options.sort(key=lambda option: option.rank)
    return found


def precisions(case: Case, instance: InstanceType) -> tuple[Precision, ...]:
    """Precisions to look at on a type: the stated one, the bounds, else the model's own and FP8.

    A 16-bit model is served in the 16 bits that the card computes in. Basis: assumed, that FP8
    keeps the answers good enough; `hardware.precisions` says otherwise.
    """
    model, hardware = case.workload.model, case.workload.hardware
    if model.precision is not None or hardware is None or not hardware.is_auto:
        return (case.facts.precision,)
    if hardware.precisions:
        return hardware.precisions
    own = case.facts.precision
    if own not in SIXTEEN_BITS:
        return (own,)
    capability = case.catalog.gpu(instance.gpu).compute_capability or Decimal(0)
    return (own if capability >= MODERN_BITS else Precision.fp16, Precision.fp8)


def _add_type(
    found: Ranking, case: Case, rates: Rates, instance: InstanceType, capacity: Capacity
) -> None:
    """The options of one type, or the first reason why it has none."""
    reserved = case.workload.hardware.capacity if case.workload.hardware else None
    zones, known = selling_zones(instance, case.site, case.catalog)
    if not zones:
        found.rejected.append(not_sold(instance, case.site, known))
        return
    bought = not_on_demand(instance, reserved)
    if bought is not None:
        found.rejected.append(bought)
        return
    zones, _ = with_capacity(zones, instance, reserved)
    reasons, count = list[Rejected](), len(found.options)
    for at in _cases(case, instance):
        gpu = at.facts.gpu
        unsuited = unfit(at.workload, at.facts, gpu, instance, at.catalog) if gpu else None
        if unsuited is not None:
            reasons.append(unsuited)
            continue
        for tp in _sizes(at, instance):
            fit, lacks = replica_fit(at.need, at.facts, instance, tp)
            reasons += lacks
            if fit is None:
                continue
            choice = Choice(fit, zones)
            answer = rated(at, choice, rates)
            if answer.rate is None:
                reasons += answer.rejected
                continue
            try:
                pool, _ = pool_plan(
                    choice=choice,
                    instance=instance,
                    capacity=capacity,
                    redundancy=at.workload.redundancy,
                    rates=rates,
                    rate=answer.rate,
                    first_zone=0,
                    reserved=reserved,
                )
            except TooFewZonesError as fault:
                reasons += too_few_zones(at, choice, fault)[:1]
                continue
            price = at.catalog.price(instance.name, at.site.region)
            found.options.append(
                Option(at, instance, tp, pool, answer, price, rates.at(capacity.load))
            )
    if len(found.options) == count and reasons:
        told = min(reasons, key=_distance)
        found.rejected.append(told.model_copy(update={"option": _named(instance, told)}))


def _distance(reason: Rejected) -> int:
    """How far an option was from being one: too slow is nearer than not run at all."""
    order = (Reason.latency, Reason.zones, Reason.memory)
    return order.index(reason.reason) if reason.reason in order else len(order)


def _named(instance: InstanceType, reason: Rejected) -> str:
    option = reason.option
    return option if instance.name in option else f"{instance.name}: {option}"


def _sizes(case: Case, instance: InstanceType) -> list[int]:
    """Tensor-parallel sizes that the workload leaves open, smallest first."""
    asked = case.workload.hardware.tensor_parallel if case.workload.hardware else None
    sizes = tensor_parallel_sizes(case.facts.model, cards_of(instance))
    return [size for size in sizes if asked in (None, size)]


def _cases(case: Case, instance: InstanceType) -> Iterator[Case]:
    """The question on one type, once in each precision."""
    gpu = case.catalog.gpu(instance.gpu)
    for precision in precisions(case, instance):
        facts = replace(case.facts, instance=instance, gpu=gpu, precision=precision)
        model = case.workload.model
        weights = held_weights(model, facts.parameters, precision, facts.model)
        yield replace(case, facts=facts, need=replace(case.need, weights=weights))


def pinned(option: Option) -> tuple[Hardware, Precision]:
    """The choice as hardware that states it."""
    asked = option.case.workload.hardware
    if asked is None:
        raise ValueError("an option without hardware")
    return asked.stated(option.instance.name, option.tensor_parallel), option.precision
