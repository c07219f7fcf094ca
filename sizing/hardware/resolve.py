"""Which hardware does a workload with open hardware get, and which options were not taken?"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sizing.hardware.options import Option, Ranking, pinned, ranking
from sizing.locks.workload_lock import Lock
from sizing.plan.part import Reason, Rejected
from sizing.replica.case import Case
from sizing.replica.traffic import Rates
from sizing.values.exact import plain
from sizing.workload import Hardware, Method, Precision, Workload


@dataclass(frozen=True)
class Resolved:
    """Workload whose hardware is stated in full, or the reasons why none is."""

    workload: Workload
    rejected: list[Rejected] = field(default_factory=list)
    chosen_by: str = "workload"
    """Origin of the choice: workload, lock or ranking."""


def leaves_open(workload: Workload) -> bool:
    """True where sizing has a choice of the type, or of the cards of a calibrated replica."""
    hardware, capacity = workload.hardware, workload.capacity
    if hardware is None or capacity is None:
        return False
    calibrated = capacity.method is Method.calibrated and hardware.nodes_per_replica in (None, 1)
    return hardware.is_auto or (calibrated and hardware.tensor_parallel is None)


def resolve(case: Case, rates: Rates, lock: Lock | None) -> Resolved:
    """Return the workload with hardware from the lock, else the cheapest that meets all targets.

    The workload is unchanged where it leaves nothing open, or where nothing meets the targets.
    """
    workload, asked = case.workload, case.workload.hardware
    if asked is None or not leaves_open(workload):
        return Resolved(workload)
    if lock is not None and lock.holds_for(workload, case.facts.precision):
        hardware = asked.stated(lock.instance_type, lock.tensor_parallel)
        return Resolved(with_hardware(workload, hardware, Precision(lock.precision)), [], "lock")
    ranked = ranking(case, rates)
    if ranked.best is None:
        return Resolved(workload, grouped(ranked.rejected))
    resolved = with_hardware(workload, *pinned(ranked.best))
    return Resolved(resolved, [*losers(ranked), *grouped(ranked.rejected)], "ranking")


def with_hardware(workload: Workload, hardware: Hardware, precision: Precision) -> Workload:
    """Return the workload on stated hardware, in a stated precision."""
    model = workload.model.model_copy(update={"precision": precision})
    return workload.model_copy(update={"hardware": hardware, "model": model})


def losers(ranked: Ranking) -> list[Rejected]:
    """Best option of each other type and other replicas of the chosen type, all more expensive."""
    best = ranked.best
    if best is None:
        return []
    seen, listed = set[str](), list[Rejected]()
    for option in ranked.options[1:]:
        name = option.instance.name
        if name in seen and name != best.instance.name:
            continue
        seen.add(name)
        listed.append(_more_expensive(option, best))
    return listed


def _more_expensive(option: Option, best: Option) -> Rejected:
    cost, least = option.usd_per_month, best.usd_per_month
    nodes = f"{option.pool.nodes_total} nodes"
    if cost is None:
        numbers, reason = f"{nodes} at an unknown price", Reason.unknown_price
    else:
        numbers, reason = f"{nodes}, {plain(cost):,.0f} USD a month", Reason.more_expensive
    if least is not None:
        numbers += f"; {best.name}: {plain(least):,.0f} USD"
    name = option.instance.name
    return Rejected(option=option.name, reason=reason, numbers=numbers, instance_type=name)


def grouped(rejected: Sequence[Rejected]) -> list[Rejected]:
    """Return the same reasons. Types that are only not sold, or not run, share one reason."""
    apart = (Reason.offering, Reason.engine)
    listed = [r for r in rejected if r.reason not in apart]
    for reason, text in ((Reason.offering, "not sold there"), (Reason.engine, "not run by it")):
        names = [r.instance_type or r.option for r in rejected if r.reason is reason]
        if len(names) == 1:
            listed += [r for r in rejected if r.reason is reason]
        elif names:
            option = f"{len(names)} types"
            listed.append(
                Rejected(option=option, reason=reason, numbers=f"{text}: {', '.join(names)}")
            )
    return listed
