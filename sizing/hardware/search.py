"""Which nodes serve the load on stated hardware, how many and where? Otherwise, why do none?"""

from collections.abc import Sequence

from sizing.fleet.capacity_source import pool_name
from sizing.fleet.packing import pool_plan
from sizing.fleet.redundancy import TooFewZonesError
from sizing.fleet.served import HardwareResult, Served, Unserved
from sizing.hardware.stated_type import choose
from sizing.locks.workload_lock import Lock
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import PoolPlan
from sizing.replica.case import Case, Choice
from sizing.replica.rated import Rated, Unrated, rated
from sizing.replica.traffic import Rates


def find_hardware(
    case: Case, rates: Rates, lock: Lock | None, neighbours: Sequence[PoolPlan]
) -> HardwareResult:
    """Return the replica that fits, its rate and the nodes, or the reasons for none.

    `neighbours` are the pools of the services before this one. A lock that does not hold for the
    workload keeps nothing.
    """
    workload, facts = case.workload, case.facts
    if workload.capacity is None or facts.instance is None or facts.gpu is None:
        return Unserved(())
    locked = lock if lock is not None and lock.holds_for(workload, facts.precision) else None
    choice, losers = choose(case, locked)
    estimate = rated(case, choice, rates, locked)
    rejected = (*stale_lock(case, lock), *losers)
    if isinstance(estimate, Unrated):
        return Unserved((*rejected, *estimate.rejected), choice)
    if choice is None:
        return Unserved(rejected, None, estimate)
    try:
        return placed(case, choice, estimate, rates, neighbours=neighbours, others=rejected)
    except TooFewZonesError as fault:
        return Unserved((*rejected, *too_few_zones(case, choice, fault)), choice, estimate)


def placed(
    case: Case,
    choice: Choice,
    estimate: Rated,
    rates: Rates,
    *,
    neighbours: Sequence[PoolPlan],
    others: Sequence[Rejected],
) -> Served:
    """Return the nodes of replicas at that rate. The first one is in the emptiest zone.

    `others` are the options that were not taken so far. Raises TooFewZonesError.
    """
    instance, capacity = case.facts.instance, case.workload.capacity
    if instance is None or capacity is None:
        raise ValueError("nodes need an instance type and a capacity")
    reserved = case.workload.hardware.capacity if case.workload.hardware else None
    name = pool_name(instance.name, choice.fit.tensor_parallel, reserved, choice.fit.nodes)
    pool, losers = pool_plan(
        choice=choice,
        instance=instance,
        capacity=capacity,
        redundancy=case.workload.redundancy,
        rates=rates,
        rate=estimate.rate,
        first_zone=_emptiest(choice, name, neighbours),
        reserved=reserved,
    )
    load = rates.at(capacity.load)
    return Served(choice, instance, capacity, estimate, pool, load, (*others, *losers))


def lacks_other_type(result: Unserved) -> bool:
    """True where the type fits no replica, is too slow or is sold in too few zones. It is also True
    where the type needs a replica over nodes that its method does not cover."""
    reasons = (Reason.latency, Reason.zones, Reason.not_in_this_version)
    refused = any(rejected.reason in reasons for rejected in result.rejected)
    return result.choice is None or refused


def _emptiest(choice: Choice, name: str, neighbours: Sequence[PoolPlan]) -> int:
    """Index of the zone with the fewest nodes of this pool so far, so that pools remain even."""
    taken = dict.fromkeys(choice.zones, 0)
    for pool in neighbours:
        if pool.name == name:
            for zone, count in pool.nodes_by_zone.items():
                taken[zone] = taken.get(zone, 0) + count
    return min(range(len(choice.zones)), key=lambda index: taken[choice.zones[index]])


def stale_lock(case: Case, lock: Lock | None) -> tuple[Rejected, ...]:
    """Rejection of a lock that was made for another question; empty for one that holds."""
    if lock is None or lock.holds_for(case.workload, case.facts.precision):
        return ()
    return (
        Rejected(
            option=f"lock: tensor parallel {lock.tensor_parallel}",
            reason=Reason.stale_lock,
            numbers=f"made for {lock.model} {lock.precision} on {lock.instance_type} "
            f"with {lock.engine}",
        ),
    )


def too_few_zones(case: Case, choice: Choice, fault: TooFewZonesError) -> list[Rejected]:
    """Rejections with the rule that cannot be met, and the zones that would meet it.

    Guard: the advice never reduces redundancy; `nearest_types` names the types that meet the rule.
    """
    lost = case.workload.redundancy.zones or 0
    name = case.facts.instance.name if case.facts.instance is not None else ""
    sold = case.catalog.zones_selling(name, case.site.region)
    more = [zone for zone in sold or () if zone not in case.site.zones]
    option = f"redundancy.zones: {lost}"
    listed = [Rejected(option=option, reason=Reason.zones, numbers=str(fault))]
    lacking = lost + 1 - len(choice.zones)
    if len(more) >= lacking:
        text = f"{lacking} more of {', '.join(more)} would do; {name} is sold there"
        listed.append(Rejected(option="more zones", reason=Reason.nearest, numbers=text))
    return listed
