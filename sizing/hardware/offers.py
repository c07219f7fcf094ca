"""Which types could run a workload, in which precisions and in replicas of how many cards?"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from sizing.catalog import Catalog, InstanceType, Price
from sizing.fleet.capacity_source import not_on_demand
from sizing.hardware.stated_type import not_sold, selling_zones, usable_zones
from sizing.model.memory import tensor_parallel_sizes
from sizing.plan.part import Rejected
from sizing.replica.case import Case, gpus_per_node, weights_of
from sizing.replica.fit import unfit
from sizing.workload import AUTO, Hardware, Precision

SIXTEEN_BITS = (Precision.bf16, Precision.fp16, Precision.fp32)
MODERN_BITS = Decimal("8.0")
"""Lowest compute capability with bfloat16 arithmetic. Basis: vendor."""


@dataclass(frozen=True)
class Offer:
    """Type on sale that runs the model in one precision."""

    case: Case
    instance: InstanceType
    zones: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    """Zones of the site that its nodes may not use."""

    @property
    def price(self) -> Price | None:
        return self.case.catalog.price(self.instance.name, self.case.site.region)


def types(catalog: Catalog, hardware: Hardware) -> list[InstanceType]:
    """Types of the catalog that the workload leaves open."""
    return [
        instance
        for instance in catalog.instance_types
        if hardware.instance_type in (instance.name, AUTO)
        and not (hardware.families and instance.family not in hardware.families)
    ]


def offers(case: Case, instance: InstanceType, rejected: list[Rejected]) -> Iterator[Offer]:
    """Yield a type in each precision that it runs. Reasons against the others go to `rejected`."""
    reserved = case.workload.hardware.capacity if case.workload.hardware else None
    zones, known = selling_zones(instance, case.site, case.catalog)
    if not zones:
        rejected.append(not_sold(instance, case.site, known))
        return
    bought = not_on_demand(instance, reserved)
    if bought is not None:
        rejected.append(bought)
        return
    zones, other_zones = usable_zones(zones, instance, case.site, reserved)
    for at in _cases(case, instance):
        gpu = at.facts.gpu
        unsuited = unfit(at.workload, at.facts, gpu, instance, at.catalog) if gpu else None
        if unsuited is None:
            yield Offer(at, instance, zones, other_zones)
        else:
            rejected.append(unsuited)


def precisions(case: Case, instance: InstanceType) -> tuple[Precision, ...]:
    """Return the precisions to try on a type: the stated one, those allowed, else the model's own.

    A 16-bit model is served in the 16-bit format of the card's arithmetic. Narrower weights are
    another checkpoint and may answer worse, so the workload allows them by `hardware.precisions`.
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
    return (own if capability >= MODERN_BITS else Precision.fp16,)


def sizes(case: Case, instance: InstanceType) -> list[int]:
    """Tensor-parallel sizes that the workload leaves open, smallest first."""
    split = case.workload.hardware.tensor_parallel if case.workload.hardware else None
    sizes = tensor_parallel_sizes(case.facts.model, gpus_per_node(instance))
    return [size for size in sizes if split in (None, size)]


def _cases(case: Case, instance: InstanceType) -> Iterator[Case]:
    """Yield the case on one type, once for each precision and engine."""
    gpu = case.catalog.gpu(instance.gpu)
    for precision in precisions(case, instance):
        facts = replace(case.facts, instance=instance, gpu=gpu, precision=precision)
        need = replace(case.need, weights=weights_of(case.workload, facts))
        for engine in case.workload.engines:
            workload = case.workload.with_engine(engine)
            yield replace(case, workload=workload, facts=facts, need=need)
