"""Weights narrower than published are chosen only where allowed, and always with a notice."""

from collections.abc import Callable

import pytest

from sizewright.exit_code import ExitCode
from sizewright.feasibility import refusal
from sizing.catalog import Catalog
from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan

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


FAST = {"latency": {"ttft_ms": 1_000, "tpot_ms": 8.5}}
"""Targets so fast that no type serves 70 billion parameters in 16 bits."""


@pytest.mark.parametrize(
    ("model", "precisions", "change"),
    [
        ("llama-3.1-70b", [], "hardware.precisions [bf16, fp8]"),
        ("llama-3.1-70b", ["bf16"], "hardware.precisions [bf16, fp8]"),
        ({"name": "llama-3.1-70b", "precision": "bf16"}, [], "model.precision fp8"),
    ],
)
def test_a_refusal_of_16_bits_says_that_fp8_would_do_and_what_allows_it(
    sized: Sized, model: object, precisions: list[str], change: str
) -> None:
    hardware = {"instance_type": "auto", "families": ["p6-b300"], "precisions": precisions}
    plan = sized(**OPEN, **FAST, model=model, hardware=hardware)
    assert plan.pool is None
    last = plan.rejected[-1]
    assert (last.option, last.reason) == ("fp8", Reason.nearest)
    assert last.numbers.startswith("p6-b300.48xlarge (")
    assert f"would do with {change}" in last.numbers
    code, text = refusal(plan.rejected, auto=True)
    assert code is ExitCode.infeasible and text.endswith(last.numbers)
    key, _, value = change.partition(" ")
    if key == "hardware.precisions":
        hardware["precisions"] = ["bf16", "fp8"]
    else:
        model = {"name": "llama-3.1-70b", "precision": value}
    assert sized(**OPEN, **FAST, model=model, hardware=hardware).pool is not None


def test_fp8_is_no_advice_where_it_is_allowed_or_would_not_do(sized: Sized) -> None:
    for precisions, tpot_ms in ((["bf16", "fp8"], 1), ([], 1)):
        hardware = {"instance_type": "auto", "families": ["p6-b300"], "precisions": precisions}
        targets = {"latency": {"ttft_ms": 1_000, "tpot_ms": tpot_ms}}
        plan = sized(**OPEN, **targets, model="llama-3.1-70b", hardware=hardware)
        assert plan.pool is None
        assert not [r for r in plan.rejected if r.option == "fp8"]
