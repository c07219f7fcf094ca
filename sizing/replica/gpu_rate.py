"""What does one GPU serve, and how many GPUs does the load alone need?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from sizing.catalog import Gpu, InstanceType
from sizing.plan.service.capacity import CapacityPlan
from sizing.replica.traffic import Rates
from sizing.steps.card import card_flop_per_s
from sizing.values.exact import ceiling, exact, plain, plain_or_none
from sizing.values.units import SECONDS_PER_DAY
from sizing.workload import Capacity, Method, Precision, Workload


@dataclass(frozen=True)
class GpuRate:
    """GPU-seconds of one request, and requests per second of one GPU. Both are exact."""

    request_s: Fraction
    by_constraint: Mapping[str, Fraction] = field(default_factory=dict)
    """GPU-seconds of a request by each constraint alone; empty where only throughput counts."""
    full_request_s: Fraction | None = None
    """GPU-seconds of a request in a full batch, where the rate is below that of a full batch."""

    @property
    def used_s(self) -> Fraction:
        """GPU-seconds that a request really uses, the unit of utilisation."""
        return self.request_s if self.full_request_s is None else self.full_request_s

    @property
    def requests_per_s(self) -> Fraction:
        return 1 / self.request_s


def peak_flop_per_s(gpu: Gpu, instance: InstanceType, precision: Precision) -> Fraction | None:
    """Dense peak rate of one GPU of the instance for that precision, FLOP/s; None when unknown.

    A partition of a card has its share of the card's rate.
    Basis: as `card_flop_per_s`.
    """
    rate = card_flop_per_s(gpu, precision)
    return None if rate is None else rate * instance.gpu_share


def textbook_request_s(parameters: Fraction, passes: Fraction, flop_per_s: Fraction) -> Fraction:
    """GPU-seconds of one request by the textbook rule.

    t = 2 x parameters x passes / peak FLOP/s,  passes = tokens of a text, iterations of an image

    Basis: textbook (the published designs of workloads/golden). It ignores memory bandwidth,
    attention and every overhead, and counts an image's iteration as one token of work.
    """
    return 2 * parameters * passes / flop_per_s


def passes_of_one_request(workload: Workload) -> Fraction:
    """Forward passes that the textbook rule counts: tokens, or iterations of an image."""
    if workload.textbook_work is None:
        raise ValueError("the request has neither tokens nor iterations")
    return exact(workload.textbook_work)


def gpu_rate(
    workload: Workload, capacity: Capacity, parameters: Fraction, flop_per_s: Fraction | None
) -> GpuRate | None:
    """Return the rate of one GPU by the workload's method; None where the textbook rule lacks a
    peak rate."""
    if capacity.method is Method.given:
        if capacity.requests_per_gpu_per_s is None:
            raise ValueError("method given without a rate")
        return GpuRate(1 / exact(capacity.requests_per_gpu_per_s))
    if flop_per_s is None:
        return None
    return GpuRate(textbook_request_s(parameters, passes_of_one_request(workload), flop_per_s))


def gpus_for(rate: Fraction, gpu: GpuRate) -> int:
    """Number of GPUs that a rate of requests uses: ceil(rate / rate of one GPU). Basis:
    arithmetic."""
    return ceiling(rate * gpu.request_s)


def capacity_plan(
    workload: Workload,
    rates: Rates,
    gpu: GpuRate,
    flop_per_s: Fraction | None,
    *,
    tensor_parallel: int = 1,
    locked: bool = False,
) -> CapacityPlan:
    """Return the rate of one GPU, and the GPUs that the mean and the peak alone require."""
    per_user = exact(workload.traffic.requests_per_user_per_day)
    capacity = workload.capacity
    if capacity is None:
        raise ValueError("a workload without capacity has no rate")
    textbook = capacity.method is Method.textbook
    return CapacityPlan(
        method=capacity.method.value,
        load=capacity.load.value,
        request_s=plain(gpu.request_s),
        requests_per_gpu_per_s=plain(gpu.requests_per_s),
        users_per_gpu_per_day=plain(SECONDS_PER_DAY * gpu.requests_per_s / per_user),
        peak_flop_per_s=plain_or_none(flop_per_s) if textbook else None,
        passes=plain(passes_of_one_request(workload)) if textbook else None,
        requests_per_replica_per_s={
            name: plain(tensor_parallel / seconds) for name, seconds in gpu.by_constraint.items()
        },
        saturation_requests_per_s=plain_or_none(
            None if gpu.full_request_s is None else tensor_parallel / gpu.full_request_s
        ),
        locked=locked,
        gpus_at_mean=gpus_for(rates.mean, gpu),
        gpus_at_peak=None if rates.peak is None else gpus_for(rates.peak, gpu),
    )
