"""What would the other way of serving images need: a queue, or an answer while the user waits?"""

from fractions import Fraction

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.pool import PoolPlan
from sizing.replica.calibrated import bought_quantile
from sizing.replica.case import Case
from sizing.replica.item import utilisation_limit
from sizing.replica.queues.job_queue import job_seconds
from sizing.replica.traffic import Rates
from sizing.values.exact import ceiling, short
from sizing.workload import Kind, Queue


def other_way(case: Case, pool: PoolPlan, rates: Rates) -> tuple[Rejected, ...]:
    """Return the way of serving that was not taken, with the GPUs that it needs; empty for text.

    while the user waits: busiest rate x GPU-seconds of an item / utilisation limit
    queue: mean rate x GPU-seconds of a job / utilisation limit

    Basis: as the calibrated method, without targets of the time.
    """
    estimate = case.item_estimate(pool.tensor_parallel)
    if case.workload.kind is not Kind.image or estimate is None:
        if case.workload.kind is Kind.video and estimate is not None:
            return (_clip_waits(estimate.seconds(bought_quantile(case.workload))),)
        return ()
    item_s = estimate.gpu_s(bought_quantile(case.workload))
    limit = utilisation_limit(case.workload.capacity)
    if case.workload.jobs is not None:
        gpus = ceiling(rates.busiest * item_s / limit)
        return (_at_once(gpus, pool.gpus_needed, rates.busiest),)
    gpus = ceiling(rates.mean * job_seconds(item_s, Queue()) / limit)
    numbers = (
        f"at least {gpus:,} GPUs, which work off the mean without a deadline; {pool.gpus_needed:,} "
        "answer while the user waits"
    )
    return (Rejected(option="queue", reason=Reason.nearest, numbers=numbers),)


def _at_once(gpus: int, queued_gpus: int, busiest: Fraction) -> Rejected:
    numbers = (
        f"{gpus:,} GPUs at the peak of {short(busiest)} requests/s, {queued_gpus:,} with a queue"
    )
    reason = Reason.more_expensive if gpus > queued_gpus else Reason.nearest
    return Rejected(option="answers while the user waits", reason=reason, numbers=numbers)


def _clip_waits(item_s: float) -> Rejected:
    numbers = f"one clip takes {short(item_s)} s alone, and a load balancer ends silent connections"
    return Rejected(
        option="answers while the user waits", reason=Reason.gateway_limit, numbers=numbers
    )
