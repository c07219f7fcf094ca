"""Queries for replicas that are wanted because users feel a lack of them.

Each is a controller in steps, because a time is not proportional to replicas: while users feel the
lack, one replica more is wanted than those that have served for a whole window. So the next step
waits until the last one shows. When users feel it no longer, none is wanted, and the window of the
autoscaler's scaling down keeps the replicas for its length.
"""

from dataclasses import dataclass

from sizing.plan.service.burst import BurstPlan, FeltPlan, SlowPlan
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.values.units import MS_PER_S
from sizing.workload.engines import request_metrics
from sizing.workload.engines.requests import Answers, Histogram
from sizing.workload.kinds import Kind
from templates.monitoring.alert import number

STEP = 1.1
"""Replicas after a step for each one before it, rounded up to a whole one more. Basis: vendor
(Kubernetes: a HorizontalPodAutoscaler does nothing within 10 % of its target)."""


@dataclass(frozen=True)
class FeltQuery:
    name: str
    """Name of the trigger."""
    query: str
    """PromQL: number of replicas of the burst, always one sample."""


def felt_queries(
    service: ServicePlan, serving: ServingPlan, burst: BurstPlan
) -> tuple[FeltQuery, ...]:
    """Return the queries for failed and for slow requests, in this order; none where the plan has
    no such numbers.

    Basis: vendor (the engine's metrics; `up` is Prometheus' own).
    """
    felt, metrics = burst.felt, request_metrics(Kind(service.kind), serving.engine)
    if felt is None or metrics is None:
        return ()
    failed = FeltQuery(
        "failed", _wanted(service.name, felt, _failed(service.name, felt, metrics.answers))
    )
    if felt.slow is None:
        return (failed,)
    slow = _slow(service.name, felt, felt.slow, metrics.first_token)
    return (failed, FeltQuery("slow", _wanted(service.name, felt, slow)))


def _wanted(service: str, felt: FeltPlan, lacking: str) -> str:
    """Query for one step more than the replicas that have served for a window, while `lacking` has
    a sample; else 0."""
    ready = f'up{{namespace="{service}",component="burst",ready="true"}}'
    settled = f"count({ready} == 1 and {ready} offset {felt.window_s}s == 1) or vector(0)"
    return f"(floor({STEP} * ({settled})) + 1 and {lacking}) or vector(0)"


def _failed(service: str, felt: FeltPlan, answers: Answers) -> str:
    """Condition: more than the share of requests fails. Without a failure there is no series."""
    posted = f'namespace="{service}",{answers.posted}'
    every = _counted(answers.name, posted, felt)
    failed = _counted(answers.name, f"{posted},{answers.failed}", felt)
    return f"{failed} > {number(felt.failed_share)} * {every} and {every} >= {felt.least_requests}"


def _slow(service: str, felt: FeltPlan, slow: SlowPlan, first_token: Histogram) -> str:
    """Condition: the percentile of the time to the first token is above its target.

    Without requests the percentile is NaN, which is not above anything. It is exact where a bucket
    ends at the target, and interpolated between two others.
    """
    buckets, of = f"{first_token.name}_bucket", f'namespace="{service}"'
    share = number(float(slow.percentile) / 100)
    percentile = (
        f"histogram_quantile({share}, sum by (le) (rate({buckets}{{{of}}}[{felt.window_s}s])))"
    )
    every = _counted(buckets, f'{of},le="+Inf"', felt)
    target_s = number(float(slow.ttft_ms) / MS_PER_S)
    return f"{percentile} > {target_s} and {every} >= {felt.least_requests}"


def _counted(counter: str, selected: str, felt: FeltPlan) -> str:
    return f"sum(increase({counter}{{{selected}}}[{felt.window_s}s]))"
