"""Refusals of a plan, without those of the weights' place and of nodes beyond one cluster."""

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.whole import ServicePlan

OF_NODES = (Reason.local_storage, Reason.one_cluster)


def refusals(plan: ServicePlan) -> list[Rejected]:
    return [refused for refused in plan.rejected if refused.reason not in OF_NODES]
