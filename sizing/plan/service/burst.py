"""Replicas of a service above the floor."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import BUDGET, DEPLOYMENT, SCALED_OBJECT, Reaches
from sizing.values.exact import Number


class BurstPlan(Part):
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
    in_flight_sized: Number
    """Requests in flight on one replica at the sized load."""
    in_flight_target: Annotated[
        int,
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.threshold"),
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.query"),
    ]
    """Requests in flight on one replica, waiting ones included, above which another one starts."""
    cooldown_s: Annotated[
        int,
        Reaches(SCALED_OBJECT, "spec.cooldownPeriod"),
        Reaches(
            SCALED_OBJECT,
            "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown"
            ".stabilizationWindowSeconds",
        ),
    ]
