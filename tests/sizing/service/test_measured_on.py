"""A given rate belongs to the measured model and GPU, and does not size others."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from sizing.plan.service.whole import ServicePlan
from sizing.values.field_error import FieldError
from sizing.workload import Workload

Sized = Callable[..., ServicePlan]


def given(**measured_on: Any) -> dict[str, Any]:
    return {
        "method": "given",
        "requests_per_gpu_per_s": 1,
        "load": "mean",
        "measured_on": measured_on,
    }


def test_a_rate_of_this_model_and_gpu_sizes_the_service(sized: Sized) -> None:
    for model in ("llama-3.1-8b", "meta-llama/Llama-3.1-8B-Instruct"):
        plan = sized(capacity=given(model=model, gpu="L4", precision="bf16"))
        assert plan.pool is not None and plan.pool.gpus_needed == 12


@pytest.mark.parametrize(
    ("measured_on", "field", "said"),
    [
        ({"model": "llama-3.1-70b", "gpu": "l4"}, "model", "llama-3.1-8b"),
        ({"model": "llama-3.1-8b", "gpu": "h100"}, "gpu", "NVIDIA L4"),
        ({"model": "llama-3.1-8b", "gpu": "l4", "precision": "fp8"}, "precision", "bf16"),
    ],
)
def test_a_rate_of_another_model_gpu_or_precision_is_refused(
    sized: Sized, measured_on: dict[str, str], field: str, said: str
) -> None:
    with pytest.raises(FieldError) as refused:
        sized(capacity=given(**measured_on))
    assert refused.value.field == ("capacity", "measured_on", field)
    assert said in refused.value.message
    assert said in refused.value.expected


def test_a_changed_instance_type_does_not_keep_the_rate(sized: Sized) -> None:
    """Without the key the same rate would silently size another card."""
    with pytest.raises(FieldError, match="NVIDIA L40S"):
        sized(capacity=given(model="llama-3.1-8b", gpu="l4"), hardware="g6e.xlarge")


def test_an_unknown_measured_gpu_is_refused_by_name(sized: Sized) -> None:
    with pytest.raises(FieldError) as refused:
        sized(capacity=given(model="llama-3.1-8b", gpu="l4o"))
    assert refused.value.field == ("capacity", "measured_on", "gpu")


def test_only_a_given_rate_is_measured(workload: Callable[..., Workload]) -> None:
    with pytest.raises(ValidationError, match="only method given uses it"):
        workload(
            capacity={
                "method": "textbook",
                "load": "mean",
                "measured_on": {"model": "llama-3.1-8b", "gpu": "l4"},
            }
        )


def test_a_workload_without_it_is_dumped_without_it(workload: Callable[..., Workload]) -> None:
    dumped = workload().model_dump(mode="json")
    assert "measured_on" not in dumped["capacity"]
