"""Services without a pool: infeasible, or beyond this version; what to say, and the exit code."""

from dataclasses import dataclass

from sizewright.exit_code import ExitCode
from sizing.plan import Plan, Reason, ServicePlan

UNANSWERED = (Reason.not_in_this_version, Reason.unknown_fact)
"""Reasons that say nothing against the workload: the product or its catalog lacks something."""


@dataclass(frozen=True)
class Shortfall:
    """A service that has no pool."""

    service: str
    code: ExitCode
    """infeasible, or incomplete where the product cannot answer yet."""
    text: str
    """One line with the reasons and the nearest change that would do."""


def shortfalls(plan: Plan) -> tuple[Shortfall, ...]:
    """The services without a pool, in the plan's order."""
    return tuple(_shortfall(service) for service in plan.services if service.pool is None)


def exit_code(*plans: Plan) -> ExitCode:
    """infeasible before incomplete before ok."""
    codes = {shortfall.code for plan in plans for shortfall in shortfalls(plan)}
    for code in (ExitCode.infeasible, ExitCode.incomplete):
        if code in codes:
            return code
    return ExitCode.ok


def _shortfall(service: ServicePlan) -> Shortfall:
    unknown = [r for r in service.rejected if r.reason in UNANSWERED]
    code, word = ExitCode.infeasible, "infeasible"
    if unknown:
        code, word = ExitCode.incomplete, "not answered by this version"
    reasons = "; ".join(f"{r.option}: {r.numbers}" for r in unknown or service.rejected)
    return Shortfall(service.name, code, f"{service.name}: {word}: {reasons}")
