"""Which services have no pool or no nodes, and what exit code follows?"""

from collections.abc import Sequence
from dataclasses import dataclass

from sizewright.exit_code import ExitCode
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan

UNANSWERED = (Reason.not_in_this_version, Reason.unknown_fact)
"""Reasons that are not faults of the workload: the product or its catalog lacks something."""
ANSWERED = (Reason.latency, Reason.zones, Reason.memory, Reason.host_memory)
"""Reasons against the workload on a type that the product can answer for."""
NAMED_TYPES = 3
"""Number of types that a message names; the answer has them all."""


@dataclass(frozen=True)
class Shortfall:
    """A service that has no pool, or that has a pool for which no nodes are built."""

    service: str
    code: ExitCode
    """infeasible, or incomplete where the product cannot answer yet."""
    text: str
    """One line with the reasons and the nearest change that would be enough."""


def shortfalls(plan: Plan) -> tuple[Shortfall, ...]:
    """Services without a pool, in the plan's order."""
    return tuple(_shortfall(service) for service in plan.services if service.pool is None)


def unserved(plan: Plan) -> tuple[Shortfall, ...]:
    """Services with a pool that get no nodes: without an engine, or too large for one cluster."""
    return tuple(
        Shortfall(service.name, ExitCode.incomplete, f"{service.name}: {_no_nodes(service)}")
        for service in plan.services
        if service.pool is not None and service.serving is None
    )


def _no_nodes(service: ServicePlan) -> str:
    text = f"{_cause(service)}, and no nodes are built for it"
    if service.exceeds_one_cluster:
        text += "; an update deletes the nodes that it has"
    return f"{text}; `size` shows the hardware that it would need ({service.unserved})"


def _cause(service: ServicePlan) -> str:
    causes = {
        "no engine of this version serves it": service.lacks_engine,
        "nothing accepts its jobs": service.lacks_jobs,
        "one cluster cannot hold its nodes": service.exceeds_one_cluster,
        "its application exceeds a limit": service.exceeds_application,
    }
    return " and ".join(cause for cause, holds in causes.items() if holds)


def without_nodes(plan: Plan) -> tuple[str, ...]:
    """One line for each sized service that gets no nodes, with the cause."""
    return tuple(
        f"{service.name}: no nodes are built; {_cause(service)}, and the figures show the "
        f"hardware that it would need ({service.unserved})"
        for service in plan.services
        if service.pool is not None and service.serving is None
    )


def exit_code(*plans: Plan, built: bool = False) -> ExitCode:
    """Return infeasible before incomplete before ok; `built` also counts services without nodes."""
    codes = {shortfall.code for plan in plans for shortfall in shortfalls(plan)}
    if built:
        codes |= {shortfall.code for plan in plans for shortfall in unserved(plan)}
    for code in (ExitCode.infeasible, ExitCode.incomplete):
        if code in codes:
            return code
    return ExitCode.ok


def refusal(rejected: Sequence[Rejected], *, auto: bool) -> tuple[ExitCode, str]:
    """Exit code of a service without hardware, and the reasons in one line.

    A stated type that cannot be rated is not answered. Where only some of all types can be rated,
    these decide, and the nearest of them comes first.
    """
    unknown = [r for r in rejected if r.reason in UNANSWERED]
    answered = [r for r in rejected if r.reason in ANSWERED] if auto else []
    would_do = [r for r in rejected if r.reason is Reason.nearest]
    if answered:
        others = [r for r in rejected if r not in (*answered, *unknown, *would_do)]
        reasons = _nearest(answered, others, unknown)
        more = f"; {_reasons(would_do)}" if would_do else ""
        return ExitCode.infeasible, f"infeasible: {reasons}{more}"
    if unknown:
        reasons = _reasons([*unknown, *would_do])
        return ExitCode.incomplete, f"not answered by this version: {reasons}"
    return ExitCode.infeasible, f"infeasible: {_reasons(rejected)}"


def _shortfall(service: ServicePlan) -> Shortfall:
    hardware = service.inputs.hardware
    auto = hardware is not None and hardware.is_auto
    # Guard: a store that holds less is no reason against the hardware.
    decisive = [r for r in service.rejected if r.reason is not Reason.store_limit]
    code, text = refusal(decisive, auto=auto)
    return Shortfall(service.name, code, f"{service.name}: {text}")


def _nearest(
    answered: Sequence[Rejected], others: Sequence[Rejected], unknown: Sequence[Rejected]
) -> str:
    """Name the nearest types with their reasons, and count the types refused or not answered."""
    clauses = [f"closest is {_reasons(answered[:1])}"]
    if others_near := answered[1:NAMED_TYPES]:
        clauses.append(f"then {_reasons(others_near)}")
    more = len(answered[NAMED_TYPES:]) + len(others)
    if more:
        clauses.append(f"{more} more reasons against others")
    if unknown:
        clauses.append(f"{len(unknown)} not answered by this version: {unknown[0].numbers}")
    return "; ".join(clauses)


def _reasons(rejected: Sequence[Rejected]) -> str:
    return "; ".join(f"{r.option}: {r.numbers}" for r in rejected)
