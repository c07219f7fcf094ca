"""Replicas of a service above the floor."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import BUDGET, DEPLOYMENT, SCALED_OBJECT, Reaches
from sizing.values.exact import Number

MODIFIERS = "spec.advanced.scalingModifiers"
FAILED_QUERY = "spec.triggers.1.metadata.query"
SLOW_QUERY = "spec.triggers.2.metadata.query"
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


class SlowPlan(Part):
    """Target of the time to the first token, whose miss starts a replica."""

    ttft_ms: Annotated[Number, Reaches(SCALED_OBJECT, SLOW_QUERY)]
    """Time to the first token above which another replica starts, milliseconds."""
    percentile: Annotated[Number, Reaches(SCALED_OBJECT, SLOW_QUERY)]
    """Percentile of that time, which is compared."""


class FeltPlan(Part):
    """What users feel. It starts replicas one after the other, up to the burst's `replicas`."""

    window_s: Annotated[int, Reaches(SCALED_OBJECT, FAILED_QUERY)]
    """Seconds over which requests are counted, and after which a new replica's effect shows."""
    failed_share: Annotated[Number, Reaches(SCALED_OBJECT, FAILED_QUERY)]
    """Share of requests with a 5xx answer above which another replica starts."""
    least_requests: Annotated[int, Reaches(SCALED_OBJECT, FAILED_QUERY)]
    """Requests in the window below which nothing is felt: the share could be chance."""
    slow: SlowPlan | None
    """Time to the first token; null without a target of it."""


class BurstPlan(AddedPlan):
    """Burst of a service that answers requests. Requests in flight start its replicas, and what
    users feel starts more."""

    in_flight_sized: Number
    """Requests in flight on one replica at the sized load."""
    in_flight_target: Annotated[
        int,
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.threshold"),
        Reaches(SCALED_OBJECT, "spec.triggers.0.metadata.query"),
    ]
    """Requests in flight on one replica, waiting ones included, above which another one starts."""
    felt: FeltPlan | None = Field(default=None, exclude_if=lambda felt: felt is None)
    """What users feel; left out where the engine exports no metrics of its requests."""


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
