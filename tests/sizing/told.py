"""What a plan refuses, beside the place for weights that lost, which each plan with nodes names."""

from sizing.plan import Reason, Rejected, ServicePlan


def told(plan: ServicePlan) -> list[Rejected]:
    return [refused for refused in plan.rejected if refused.reason is not Reason.local_storage]
