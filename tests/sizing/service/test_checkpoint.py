"""Weights narrower than published: chosen only where allowed, and never without a word."""

from collections.abc import Callable

import pytest

from sizing.catalog import Catalog
from sizing.plan import ServicePlan

Sized = Callable[..., ServicePlan]
PEAK = {"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 3}
OPEN = {"capacity": {"method": "calibrated"}, "traffic": PEAK}
HUB = {"hub": {"id": "Qwen/Qwen3-8B-FP8", "revision": "220b46e3b2180893580a4454f21f22d3ebb187d3"}}


def test_auto_keeps_the_published_precision_unless_the_workload_allows_another(
    sized: Sized,
) -> None:
    plan = sized(**OPEN, model="qwen3-8b", hardware="auto")
    assert plan.choice is not None
    assert (plan.choice.precision, plan.choice.checkpoint) == ("bf16", None)
    assert not [r for r in plan.rejected if "fp8" in r.option]


def test_auto_takes_a_narrower_precision_that_is_allowed_and_names_what_provides_it(
    sized: Sized,
) -> None:
    hardware = {"instance_type": "auto", "precisions": ["bf16", "fp8"]}
    plan = sized(**OPEN, model="qwen3-8b", hardware=hardware)
    assert plan.choice is not None and plan.choice.precision == "fp8"
    found = plan.choice.checkpoint
    assert found is not None
    assert (found.published, found.precision) == ("bf16", "fp8")
    assert found.repository == "Qwen/Qwen3-8B-FP8"
    assert found.revision == "220b46e3b2180893580a4454f21f22d3ebb187d3"
    assert found.text.startswith("fp8, narrower than the published bf16; Qwen/Qwen3-8B-FP8")


def test_a_stated_narrower_precision_is_reported_too(sized: Sized) -> None:
    model = {"name": "qwen3-8b", "precision": "fp8", "source": HUB}
    plan = sized(**OPEN, model=model, hardware="g6e.xlarge")
    assert plan.choice is not None and plan.choice.checkpoint is not None
    assert plan.choice.checkpoint.text.endswith("Qwen/Qwen3-8B-FP8 provides it")


def test_without_a_known_repository_the_flag_is_named_and_that_the_stack_does_not_pass_it(
    sized: Sized,
) -> None:
    model = {"name": "mistral-7b-v0.3", "precision": "fp8"}
    plan = sized(**OPEN, model=model, hardware="g6e.xlarge")
    assert plan.choice is not None and plan.choice.checkpoint is not None
    found = plan.choice.checkpoint
    assert (found.repository, found.flag) == (None, "--quantization fp8_per_tensor")
    assert "knows no repository" in found.text and "does not pass it" in found.text


@pytest.mark.parametrize(
    "model", ["gpt-oss-20b", {"name": "qwen3-8b", "precision": "bf16"}, "llama-3.1-8b"]
)
def test_weights_as_published_need_no_other_checkpoint(sized: Sized, model: object) -> None:
    plan = sized(**OPEN, model=model, hardware="p5.48xlarge", zones="124")
    if plan.choice is not None:
        assert plan.choice.checkpoint is None


def test_every_checkpoint_of_the_catalog_is_narrower_than_its_model(catalog: Catalog) -> None:
    assert len(catalog.checkpoints) == 6
    for row in catalog.checkpoints:
        model = catalog.model(row.model)
        assert model.native_dtype in ("bf16", "fp16"), row.repository
        assert row.source
        assert catalog.held_in(row.repository.upper()) == (row.model, row.precision)
