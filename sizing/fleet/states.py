"""Which replicas serve normally, while a version rolls out, and while a node is repaired?"""

from fractions import Fraction

from sizing.fleet.zone_rollout import batches, taken_at_once
from sizing.plan.service.disks import VolumePlan
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.states import FleetState, RolloutPlan, StatePlan
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.traffic import Rates
from sizing.values.exact import exact, plain, plain_or_none

USUAL_ENGINE_START_S = 120
"""Usual seconds of the engine's start with its weights on the node: loading, profiling, graphs.
Basis: assumed (1 to 3 minutes for 8 to 70 billion parameters)."""


def states(
    pool: PoolPlan, serving: ServingPlan | None, rates: Rates, rate: GpuRate
) -> tuple[StatePlan, ...]:
    """Return the replicas that serve, whether they suffice, and their utilisation at the peak.

    rollout: all but those replaced at once; repair: all but one node's

    Basis: arithmetic.
    """
    there = {FleetState.steady: pool.replicas_total}
    if serving is not None:
        there[FleetState.rollout] = pool.replicas_total - taken_at_once(serving)
    there[FleetState.repair] = pool.replicas_total - pool.replicas_per_node
    return tuple(
        StatePlan(
            state=name,
            replicas=replicas,
            holds=replicas >= pool.replicas_needed,
            utilisation_at_peak=plain_or_none(_utilisation_at_peak(pool, replicas, rates, rate)),
        )
        for name, replicas in there.items()
    )


def _utilisation_at_peak(
    pool: PoolPlan, replicas: int, rates: Rates, rate: GpuRate
) -> Fraction | None:
    if rates.peak is None or replicas <= 0:
        return None
    return rates.peak * rate.used_s / (replicas * pool.gpus_per_replica)


def rollout(serving: ServingPlan, volumes: VolumePlan) -> RolloutPlan:
    """Return the duration of a rollout: its batches, each as long as a cold start.

    cold start = reading the weights + the engine's start; duration = batches x cold start

    The zones roll at the same time, or one after another where spare replicas are fewer than zones.
    Basis: arithmetic; nodes remain, so nothing surges.
    """
    cold = exact(Fraction(volumes.load_s)) + USUAL_ENGINE_START_S
    return RolloutPlan(
        surge_replicas=0,
        replicas_at_once=taken_at_once(serving),
        cold_start_s=plain(cold),
        duration_s=plain(cold * batches(serving)),
    )
