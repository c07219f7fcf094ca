"""Which nodes serve the load, how many, where; or why none can."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sizing.capacity import GpuRate, gpu_rate, peak_flop_per_s
from sizing.catalog import Catalog
from sizing.choose import Case, Choice, choose
from sizing.lock import Lock
from sizing.lookup import Facts
from sizing.packing import pool_plan
from sizing.plan import PoolPlan, Reason, Rejected, ServicePlan
from sizing.redundancy import TooFewZonesError
from sizing.site import Site
from sizing.traffic import Rates
from sizing.workload import Workload


@dataclass
class Found:
    """What the search for hardware came to."""

    rejected: list[Rejected] = field(default_factory=list)
    flop_per_s: Fraction | None = None
    rate: GpuRate | None = None
    choice: Choice | None = None
    pool: PoolPlan | None = None


def find_hardware(
    case: Case, rates: Rates, lock: Lock | None, neighbours: Sequence[ServicePlan]
) -> Found:
    """The rate of one GPU, the replica that fits, the nodes; or why there are none."""
    workload, facts, catalog, site = case.workload, case.facts, case.catalog, case.site
    found = Found()
    capacity, instance, gpu = workload.capacity, facts.instance, facts.gpu
    if capacity is None or instance is None or gpu is None:
        found.rejected.append(_no_capacity_model(workload))
        return found
    locked = None
    if lock is not None and lock.holds_for(workload, facts.precision):
        locked = lock.tensor_parallel
    elif lock is not None:
        found.rejected.append(_stale(lock))
    found.flop_per_s = peak_flop_per_s(gpu, instance, facts.precision)
    found.rate = gpu_rate(workload, capacity, facts.parameters, found.flop_per_s)
    found.choice, losers = choose(case, locked)
    found.rejected.extend(losers)
    if found.rate is None:
        found.rejected.append(_no_peak_rate(facts))
    if found.rate is None or found.choice is None:
        return found
    try:
        found.pool, losers = pool_plan(
            choice=found.choice,
            instance=instance,
            capacity=capacity,
            redundancy=workload.redundancy,
            rates=rates,
            rate=found.rate,
            first_zone=_emptiest(found.choice.zones, instance.name, neighbours),
        )
    except TooFewZonesError as fault:
        losers = [_too_few_zones(fault, workload, found.choice, catalog, site)]
    found.rejected.extend(losers)
    return found


def _emptiest(zones: Sequence[str], instance_type: str, neighbours: Sequence[ServicePlan]) -> int:
    """Index of the zone with the fewest nodes of this type so far, so that pools stay even."""
    taken = dict.fromkeys(zones, 0)
    for other in neighbours:
        if other.pool is not None and other.pool.instance_type == instance_type:
            for zone, count in other.pool.nodes_by_zone.items():
                taken[zone] = taken.get(zone, 0) + count
    return min(range(len(zones)), key=lambda index: taken[zones[index]])


def _no_capacity_model(workload: Workload) -> Rejected:
    return Rejected(
        option="pool",
        reason=Reason.not_in_this_version,
        numbers=f"this version has no capacity model for {workload.kind.value}; "
        "capacity.method given sizes it from a rate you measured",
    )


def _no_peak_rate(facts: Facts) -> Rejected:
    gpu = facts.gpu.name if facts.gpu is not None else "the GPU"
    return Rejected(
        option="method textbook",
        reason=Reason.unknown_fact,
        numbers=f"the catalog has no dense {facts.precision.value} rate of {gpu}",
    )


def _stale(lock: Lock) -> Rejected:
    return Rejected(
        option=f"lock: tensor parallel {lock.tensor_parallel}",
        reason=Reason.stale_lock,
        numbers=f"made for {lock.model} {lock.precision} on {lock.instance_type}",
    )


def _too_few_zones(
    fault: TooFewZonesError, workload: Workload, choice: Choice, catalog: Catalog, site: Site
) -> Rejected:
    instance_type = workload.hardware.instance_type if workload.hardware else ""
    sold = catalog.zones_selling(instance_type, site.region)
    more = [zone for zone in sold or () if zone not in choice.zones]
    where = f"; {instance_type} is also sold in {', '.join(more)}" if more else ""
    return Rejected(
        option=f"redundancy.zones: {workload.redundancy.zones}",
        reason=Reason.zones,
        numbers=f"{fault}{where}",
    )
