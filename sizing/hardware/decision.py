"""Which hardware does a workload get, who chose it, and which options were not taken?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sizing.fleet.served import HardwareResult, Unserved
from sizing.hardware.nearest import nearest_types
from sizing.hardware.ranking import Option, Ranking, pinned, ranking
from sizing.hardware.search import find_hardware, lacks_other_type, stale_lock
from sizing.locks.workload_lock import Lock
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import UNSERVED
from sizing.replica.case import Case, case_of
from sizing.replica.fit import unserved
from sizing.replica.traffic import Rates
from sizing.service.items.jobs import without_api
from sizing.values.exact import plain
from sizing.workload import EngineName, Hardware, Method, Precision, Workload


@dataclass(frozen=True)
class Decision:
    """Hardware of one workload, decided once: every part of its plan follows from it."""

    requested: Workload
    """Workload as its file states it."""
    case: Case
    """Case on the chosen hardware; as requested where nothing serves it."""
    result: HardwareResult
    chosen_by: str
    """Origin of the choice: workload, lock or ranking."""
    unserved: tuple[Rejected, ...] = ()
    """Reasons why the stack builds no nodes for the service; empty where it builds them."""


def decision(
    case: Case, rates: Rates, lock: Lock | None, neighbours: Sequence[PoolPlan]
) -> Decision:
    """Return stated hardware, else that of the lock, else the cheapest that meets all targets.

    `neighbours` are the pools of the services before this one. The best option of a ranking is the
    result: it is sized in full already. Raises FieldError where the workload names another GPU than
    the one that was chosen.
    """
    decided, others = _decided(case, rates, lock, neighbours)
    result = decided.result
    reported = {(r.reason, r.numbers) for r in result.rejected}
    added = [r for r in others if (r.reason, r.numbers) not in reported]
    result = replace(result, rejected=(*result.rejected, *added))
    if isinstance(result, Unserved) and lacks_other_type(result):
        nearest = nearest_types(decided.case, rates, decided.requested)
        result = replace(result, rejected=(*result.rejected, *nearest))
    return replace(decided, result=result, unserved=_no_engine(decided.case))


def _no_engine(case: Case) -> tuple[Rejected, ...]:
    """Reasons why no engine serves the case, or nothing gives it jobs; empty where one serves."""
    lacking = {
        Reason.not_in_this_version: unserved(case.workload, case.facts, case.catalog),
        Reason.no_job_api: without_api(case),
    }
    return tuple(
        Rejected(option=UNSERVED, reason=reason, numbers=each)
        for reason, each in lacking.items()
        if each is not None
    )


def _decided(
    case: Case, rates: Rates, lock: Lock | None, neighbours: Sequence[PoolPlan]
) -> tuple[Decision, Sequence[Rejected]]:
    """Return the decision, and what the ranking did not take."""
    workload, hardware = case.workload, case.workload.hardware
    if hardware is None or not leaves_open(workload):
        result = find_hardware(case, rates, lock, neighbours)
        return Decision(workload, case, result, "workload"), ()
    if lock is not None and lock.holds_for(workload, case.facts.precision):
        stated = hardware.stated(lock.instance_type, lock.tensor_parallel)
        case = _on(case, stated, Precision(lock.precision), lock.engine)
        return Decision(workload, case, find_hardware(case, rates, lock, neighbours), "lock"), ()
    ranked = ranking(case, rates, neighbours)
    if ranked.best is None:
        case = replace(case, workload=workload.with_engine(workload.engines[0]))
        result = find_hardware(case, rates, lock, neighbours)
        return Decision(workload, case, result, "workload"), grouped(ranked.rejected)
    case, best = _on(case, *pinned(ranked.best)), ranked.best.served
    served = replace(best, rejected=(*stale_lock(case, lock), *best.rejected))
    others = [*losers(ranked), *grouped(ranked.rejected)]
    return Decision(workload, case, served, "ranking"), others


def leaves_open(workload: Workload) -> bool:
    """True where sizing has a choice of the type, of the engine, or of the cards of a calibrated
    replica."""
    hardware, capacity = workload.hardware, workload.capacity
    if hardware is None or capacity is None:
        return False
    if workload.engine.name is EngineName.auto:
        return True
    calibrated = capacity.method is Method.calibrated and hardware.nodes_per_replica in (None, 1)
    return hardware.is_auto or (calibrated and hardware.tensor_parallel is None)


def _on(case: Case, hardware: Hardware, precision: Precision, engine: EngineName) -> Case:
    """Return the case of the same workload on stated hardware. Raises FieldError."""
    stated = with_hardware(case.workload, hardware, precision, engine)
    return case_of(stated, case.site, case.catalog)


def with_hardware(
    workload: Workload, hardware: Hardware, precision: Precision, engine: EngineName
) -> Workload:
    """Return the workload on stated hardware, in a stated precision and with a stated engine."""
    model = workload.model.model_copy(update={"precision": precision})
    stated = workload.model_copy(update={"hardware": hardware, "model": model})
    return stated.with_engine(engine)


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
    texts = {
        Reason.offering: "not sold in the site's zones",
        Reason.engine: "the engine does not run this precision on",
    }
    listed = [r for r in rejected if r.reason not in texts]
    for reason, text in texts.items():
        names = [r.instance_type or r.option for r in rejected if r.reason is reason]
        if len(names) == 1:
            listed += [r for r in rejected if r.reason is reason]
        elif names:
            option = f"{len(names)} types"
            listed.append(
                Rejected(option=option, reason=reason, numbers=f"{text}: {', '.join(names)}")
            )
    return listed
