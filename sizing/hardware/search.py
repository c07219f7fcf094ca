"""Which nodes serve the load, how many and where? Otherwise, why can none serve it?"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from sizing.fleet.capacity_source import pool_name
from sizing.fleet.packing import pool_plan
from sizing.fleet.redundancy import TooFewZonesError
from sizing.hardware.choice import choose
from sizing.locks.workload_lock import Lock
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.replica.calibrated import CalibratedReplica
from sizing.replica.case import Case, Choice
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.rated import rated
from sizing.replica.traffic import Rates
from sizing.workload import Workload


@dataclass
class HardwareResult:
    """Result of the search for hardware."""

    rejected: list[Rejected] = field(default_factory=list)
    flop_per_s: Fraction | None = None
    rate: GpuRate | None = None
    replica: CalibratedReplica | None = None
    locked: bool = False
    """True where the rate is from the lock."""
    rates_key: str | None = None
    """Digest of the inputs of the calibrated rate, for a lock."""
    choice: Choice | None = None
    pool: PoolPlan | None = None


def find_hardware(
    case: Case, rates: Rates, lock: Lock | None, neighbours: Sequence[ServicePlan]
) -> HardwareResult:
    """Return the rate of one GPU, the replica that fits and the nodes, or the reasons for none."""
    workload, facts = case.workload, case.facts
    reserved = workload.hardware.capacity if workload.hardware else None
    found = HardwareResult()
    capacity, instance, gpu = workload.capacity, facts.instance, facts.gpu
    if capacity is None or instance is None or gpu is None:
        if workload.hardware is None or not workload.hardware.is_auto:
            found.rejected.append(_no_capacity_model(workload))
        return found
    locked = None
    if lock is not None and lock.holds_for(workload, facts.precision):
        locked = lock
    elif lock is not None:
        found.rejected.append(_stale(lock))
    found.choice, losers = choose(case, locked)
    found.rejected.extend(losers)
    answer = rated(case, found.choice, rates, lock)
    found.rejected.extend(answer.rejected)
    found.flop_per_s, found.rate, found.replica = answer.flop_per_s, answer.rate, answer.replica
    found.rates_key, found.locked = answer.rates_key, answer.locked
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
            first_zone=_emptiest(
                found.choice,
                pool_name(
                    instance.name,
                    found.choice.fit.tensor_parallel,
                    reserved,
                    found.choice.fit.nodes,
                ),
                neighbours,
            ),
            reserved=reserved,
        )
    except TooFewZonesError as fault:
        losers = too_few_zones(case, found.choice, fault)
    found.rejected.extend(losers)
    return found


def lacks_other_type(found: HardwareResult) -> bool:
    """True where the type fits no replica, is too slow or is sold in too few zones. It is also True
    where the type needs a replica over nodes that its method does not cover."""
    reasons = (Reason.latency, Reason.zones, Reason.not_in_this_version)
    refused = any(rejected.reason in reasons for rejected in found.rejected)
    return found.pool is None and (found.choice is None or refused)


def _emptiest(choice: Choice, mine: str, neighbours: Sequence[ServicePlan]) -> int:
    """Index of the zone with the fewest nodes of this pool so far, so that pools remain even."""
    taken = dict.fromkeys(choice.zones, 0)
    for pool in (other.pool for other in neighbours):
        if pool is not None and pool.name == mine:
            for zone, count in pool.nodes_by_zone.items():
                taken[zone] = taken.get(zone, 0) + count
    return min(range(len(choice.zones)), key=lambda index: taken[choice.zones[index]])


def _no_capacity_model(workload: Workload) -> Rejected:
    return Rejected(
        option="pool",
        reason=Reason.not_in_this_version,
        numbers=f"this version has no capacity model for {workload.kind.value}; "
        "capacity.method given sizes it from a rate you measured",
    )


def _stale(lock: Lock) -> Rejected:
    return Rejected(
        option=f"lock: tensor parallel {lock.tensor_parallel}",
        reason=Reason.stale_lock,
        numbers=f"made for {lock.model} {lock.precision} on {lock.instance_type}",
    )


def too_few_zones(case: Case, choice: Choice, fault: TooFewZonesError) -> list[Rejected]:
    """Rejections with the rule that cannot be met, and the zones that would meet it.

    Guard: the advice never reduces redundancy; `nearest_types` names the types that meet the rule.
    """
    asked = case.workload.redundancy.zones or 0
    name = case.facts.instance.name if case.facts.instance is not None else ""
    sold = case.catalog.zones_selling(name, case.site.region)
    more = [zone for zone in sold or () if zone not in case.site.zones]
    option = f"redundancy.zones: {asked}"
    listed = [Rejected(option=option, reason=Reason.zones, numbers=str(fault))]
    lacking = asked + 1 - len(choice.zones)
    if len(more) >= lacking:
        text = f"{lacking} more of {', '.join(more)}, which sell {name}, would do"
        listed.append(Rejected(option="more zones", reason=Reason.nearest, numbers=text))
    return listed
