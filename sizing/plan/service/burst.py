"""Replicas of a service above the floor."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import BUDGET, DEPLOYMENT, SCALED_OBJECT, Reaches
from sizing.values.exact import Number

MODIFIERS = "spec.advanced.scalingModifiers"
SCALE_DOWN = "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown"


class AddedPlan(Part):
    """Burst Deployment: up to `replicas`, on nodes that Karpenter adds and removes with them."""

    nodes: int
    gpus: int
    """Ceiling minus floor."""
    replicas: Annotated[int, Reaches(SCALED_OBJECT, "spec.maxReplicaCount")]
    max_unavailable: Annotated[
        int,
        Reaches(BUDGET, "spec.maxUnavailable"),
        Reaches(DEPLOYMENT, "spec.strategy.rollingUpdate.maxUnavailable"),
    ]
    cooldown_s: Annotated[
        int,
        Reaches(SCALED_OBJECT, "spec.cooldownPeriod"),
        Reaches(SCALED_OBJECT, f"{SCALE_DOWN}.stabilizationWindowSeconds"),
    ]


class BurstPlan(AddedPlan):
    """Burst of a service that answers requests. Requests in flight start its replicas."""

    in_flight_sized: Number
    """Requests in flight on one replica at the sized load."""
    in_flight_target: Annotated[
        int,
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.threshold"),
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.query"),
    ]
    """Requests in flight on one replica, waiting ones included, above which another one starts."""


class JobBurstPlan(AddedPlan):
    """Burst of a queued service. Jobs that wait in its queue start its replicas."""

    backlog_s: Number
    """Seconds in which waiting jobs must be made."""
    jobs_per_replica: Annotated[
        int,
        Reaches(SCALED_OBJECT, f"{MODIFIERS}.target"),
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.queueLength"),
    ]
    """Waiting jobs for each replica of the burst."""
    floor_jobs: Annotated[int, Reaches(SCALED_OBJECT, f"{MODIFIERS}.formula")]
    """Waiting jobs that are left to the floor."""
    oldest_s: Annotated[
        int,
        Reaches(SCALED_OBJECT, f"{MODIFIERS}.formula"),
        Reaches(SCALED_OBJECT, "spec.triggers.1.metadata.targetMetricValue"),
    ]
    """Age of the oldest job above which no job is left to the floor, which does not keep up."""
