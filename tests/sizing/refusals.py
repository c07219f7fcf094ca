"""Refusals of a plan, without the rejected place for weights that each plan with nodes names."""

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.whole import ServicePlan


def refusals(plan: ServicePlan) -> list[Rejected]:
    return [refused for refused in plan.rejected if refused.reason is not Reason.local_storage]
