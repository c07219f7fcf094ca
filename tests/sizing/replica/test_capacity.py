"""Capacity of one GPU: the textbook rule, the measured rate, and the resulting count."""

from collections.abc import Callable
from fractions import Fraction

import pytest

from sizing.catalog import Catalog
from sizing.replica.gpu_rate import (
    GpuRate,
    capacity_plan,
    gpu_rate,
    gpus_for,
    passes_of_one_request,
    peak_flop_per_s,
    textbook_request_s,
)
from sizing.replica.traffic import request_rates
from sizing.workload import Precision, Workload

TFLOP = 10**12


@pytest.mark.parametrize(
    ("instance_type", "precision", "tflops"),
    [
        ("p4d.24xlarge", "fp16", 312),
        ("p4d.24xlarge", "bf16", 312),
        # weight-only and integer formats are computed in 16 bits
        ("p4d.24xlarge", "int4", 312),
        ("p4d.24xlarge", "nf4", 312),
        # 8-bit integers have units of their own
        ("p4d.24xlarge", "int8", 624),
        # an A100 has no FP8 arithmetic, an L4 and an H100 have
        ("p4d.24xlarge", "fp8", 312),
        ("g6.xlarge", "fp8", 242),
        ("p5.48xlarge", "fp8", 1_979),
        # FP4 arithmetic starts with Blackwell
        ("p5.48xlarge", "fp4", 989),
        ("p6-b200.48xlarge", "fp4", 9_000),
        # g6f.xlarge is an eighth of an L4, g6f.4xlarge a half
        ("g6f.xlarge", "fp16", Fraction(121, 8)),
        ("g6f.4xlarge", "fp8", 121),
        ("p4d.24xlarge", "fp32", None),
        ("g5g.xlarge", "fp16", None),
    ],
)
def test_the_dense_peak_rate(
    catalog: Catalog, instance_type: str, precision: str, tflops: Fraction | None
) -> None:
    instance = catalog.instance_type(instance_type)
    peak = peak_flop_per_s(catalog.gpu(instance.gpu), instance, Precision(precision))
    assert peak == (None if tflops is None else tflops * TFLOP)


def test_the_textbook_rule() -> None:
    # 2 x 3e9 x 500 / 312e12 = 3 / 312 = 1 / 104
    assert textbook_request_s(Fraction(3 * 10**9), Fraction(500), Fraction(312 * TFLOP)) == (
        Fraction(1, 104)
    )


def test_the_passes_that_are_counted(workload: Callable[..., Workload]) -> None:
    assert passes_of_one_request(workload()) == 100 + 400
    assert passes_of_one_request(workload(request={"tokens": 500})) == 500
    image = workload(kind="image", request={"iterations": 28})
    assert passes_of_one_request(image) == 28
    with pytest.raises(ValueError, match="neither tokens nor iterations"):
        passes_of_one_request(workload(request={}))


def test_a_measured_rate_needs_no_facts(workload: Callable[..., Workload]) -> None:
    chat = workload(capacity={"method": "given", "requests_per_gpu_per_s": "0.1", "load": "mean"})
    assert chat.capacity is not None
    assert gpu_rate(chat, chat.capacity, Fraction(1), None) == GpuRate(Fraction(10))


def test_the_textbook_rule_without_a_peak_rate_has_no_answer(
    workload: Callable[..., Workload],
) -> None:
    chat = workload(capacity={"method": "textbook", "load": "mean"})
    assert chat.capacity is not None
    assert gpu_rate(chat, chat.capacity, Fraction(8 * 10**9), None) is None
    known = gpu_rate(chat, chat.capacity, Fraction(8 * 10**9), Fraction(100 * TFLOP))
    # 2 x 8e9 x 500 / 100e12
    assert known == GpuRate(Fraction(8, 100))


@pytest.mark.parametrize(
    ("rate", "request_s", "gpus"),
    [
        # 10/s x 0.1 s utilise one GPU exactly
        (Fraction(10), Fraction(1, 10), 1),
        (Fraction(10) + Fraction(1, 10**12), Fraction(1, 10), 2),
        (Fraction(1, 10**6), Fraction(1), 1),
        (Fraction(10**9, 86_400), Fraction(1, 104), 112),
    ],
)
def test_gpus_for_a_rate(rate: Fraction, request_s: Fraction, gpus: int) -> None:
    assert gpus_for(rate, GpuRate(request_s)) == gpus


def test_the_plan_of_a_measured_rate(workload: Callable[..., Workload]) -> None:
    traffic = {"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 2}
    chat = workload(
        traffic=traffic,
        capacity={"method": "given", "requests_per_gpu_per_s": 4, "load": "peak"},
    )
    assert chat.capacity is not None
    plan = capacity_plan(chat, request_rates(chat.traffic), GpuRate(Fraction(1, 4)), None)
    assert (plan.method, plan.load) == ("given", "peak")
    assert (plan.request_s, plan.requests_per_gpu_per_s) == (0.25, 4)
    # 86,400 s x 4/s / 10 requests
    assert plan.users_per_gpu_per_day == 34_560
    assert (plan.peak_flop_per_s, plan.passes) == (None, None)
    # 11.57/s / 4/s = 2.89; twice that is 5.79
    assert (plan.gpus_at_mean, plan.gpus_at_peak) == (3, 6)


def test_the_plan_of_the_textbook_rule_shows_its_inputs(
    sized: Callable[..., object],
) -> None:
    capacity = {"method": "textbook", "load": "mean"}
    plan = sized(capacity=capacity).capacity  # type: ignore[attr-defined]
    assert (plan.peak_flop_per_s, plan.passes) == (121 * TFLOP, 500)
    # 2 x 8,030,261,248 x 500 / 121e12
    assert plan.request_s == pytest.approx(0.0663658, abs=1e-7)
    assert plan.gpus_at_peak is None
