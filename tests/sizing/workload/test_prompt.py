"""Stages of prompts in a workload, and the services that they add to a plan."""

from typing import Any

import pytest

from sizing.catalog import load_catalog
from sizing.explain import explain
from sizing.locks.workload_lock import rates_key
from sizing.plan.service.latency import Verdict
from sizing.plan.service.serving import LimitsBy
from sizing.plan.service.whole import ServicePlan
from sizing.size import size
from sizing.values.field_error import FieldError, StackFieldError
from sizing.workload import Workload
from sizing.workload.prompt.prompt import REWRITE
from tests.components.plans import (
    CHAT,
    PROMPTED,
    QUEUED,
    RENDERED,
    STUDIO,
    plan_of,
    queued_plan,
    site,
)

ENHANCE: dict[str, Any] = PROMPTED["prompt"]["enhance"]


REVIEW: dict[str, Any] = {
    "model": "gemma-3-4b",
    "hardware": "g6e.xlarge",
    "budget_ms": 3_000,
}
REVIEWED: dict[str, Any] = STUDIO | {"latency": {"response_s": 8}, "prompt": {"review": REVIEW}}


def with_prompt(**changes: Any) -> dict[str, Any]:
    return PROMPTED | {"prompt": PROMPTED["prompt"] | changes}


def services(workload: dict[str, Any]) -> list[ServicePlan]:
    return list(plan_of(workload).services)


def test_each_stage_is_a_service_after_its_parent() -> None:
    plan = plan_of(PROMPTED, CHAT)
    names = [service.name for service in plan.services]
    assert names == ["studio", "studio-moderate", "studio-enhance", "chat"]
    parent, *stages, chat = plan.services
    for stage in stages:
        assert (stage.kind, stage.callers, stage.gateway) == ("text", ("studio",), None)
        assert stage.traffic.requests_per_s_mean == parent.traffic.requests_per_s_mean
        assert stage.traffic.requests_per_s_peak == parent.traffic.requests_per_s_peak
        assert stage.inputs.redundancy == parent.inputs.redundancy
        assert stage.pool is not None and stage.serving is not None
        assert stage.serving.limits_by in (LimitsBy.engine, LimitsBy.admission)
        assert stage.pool.survives.any_zone
        assert stage.latency is not None and stage.latency.verdict is Verdict.met
    assert (chat.callers, parent.callers) == ((), ())


def test_a_stage_is_sized_for_its_tokens_and_its_time() -> None:
    """1/4 of 2,500 ms for the first token, and 3/4 for 80 tokens; 4 characters a token."""
    _, moderate, enhance = services(with_prompt(enhance=ENHANCE | {"instruction": "x" * 200}))
    request, latency = enhance.inputs.request, enhance.inputs.latency
    assert request.prompt_tokens == 90
    assert request.output_mean == 80
    assert request.shared_prefix_tokens == 50
    assert latency is not None and latency.ttft_ms is not None and latency.tpot_ms is not None
    assert latency.ttft_ms == 625
    assert latency.ttft_ms + 80 * latency.tpot_ms == 2_500
    assert moderate.inputs.request.output_tokens == 8


def test_the_plan_is_that_of_the_same_workload_without_stages_and_less_time() -> None:
    """5.5 seconds with stages of four size the images as 1.5 seconds without any."""
    (alone,) = services(STUDIO | {"latency": {"response_s": 1.5}})
    parent, *_ = services(PROMPTED | {"latency": {"response_s": 5.5}})
    (unhurried,) = services(STUDIO | {"latency": {"response_s": 5.5}})
    assert alone.pool is not None and unhurried.pool is not None
    assert alone.pool.gpus_needed > unhurried.pool.gpus_needed, "the target decides"
    assert alone.pool == parent.pool
    assert alone.latency is not None and parent.latency is not None
    assert alone.latency.response_s is not None and parent.latency.response_s is not None
    assert parent.latency.response_s == pytest.approx(alone.latency.response_s + 4)
    assert parent.latency.response_target_s == 5.5


def test_without_a_model_a_prompt_is_only_normalised() -> None:
    (alone,), (parent,) = services(STUDIO), services(STUDIO | {"prompt": {"max_characters": 300}})
    assert parent.serving is not None and parent.serving.prompt is not None
    assert (parent.serving.prompt.max_characters, parent.serving.prompt.stages_s) == (300, 0)
    assert alone.pool == parent.pool


def test_two_jobs_of_images_are_in_hand_so_that_the_gpu_waits_half_as_long() -> None:
    """Four seconds of stages: (image + 4) / 2 for each job, and the whole time for the user."""
    prompt = {"prompt": PROMPTED["prompt"]}
    alone, parent = queued_plan().services[0], queued_plan(workload=QUEUED | prompt).services[0]
    assert alone.item is not None and parent.item is not None
    assert alone.jobs is not None and parent.jobs is not None
    assert parent.item.seconds == alone.item.seconds
    assert alone.item.sized_s < 4
    assert parent.item.sized_s == pytest.approx((alone.item.sized_s + 4) / 2)
    assert parent.jobs.job_s == pytest.approx(parent.item.sized_s / 0.98)
    assert parent.jobs.workers > alone.jobs.workers
    assert parent.latency is not None and parent.latency.response_s is not None
    assert parent.latency.response_s >= parent.item.sized_s + 4
    assert parent.serving is not None and parent.serving.limits_by is LimitsBy.worker
    workers = [service.jobs.worker for service in (alone, parent)]  # type: ignore[union-attr]
    assert workers[0] is not None and workers[1] is not None
    assert [worker.at_once for worker in workers if worker is not None] == [1, 2]
    assert workers[1].memory_mib == 2 * workers[0].memory_mib
    assert workers[1].cpu_millicores == 2 * workers[0].cpu_millicores


def test_stages_shorter_than_an_image_need_no_more_gpus() -> None:
    enhance = PROMPTED["prompt"]["enhance"] | {"budget_ms": 300}
    prompt = {"prompt": {"tokens": 40, "enhance": enhance}}
    alone, parent = queued_plan().services[0], queued_plan(workload=QUEUED | prompt).services[0]
    assert alone.item is not None and parent.item is not None
    assert alone.item.sized_s > 0.3
    assert parent.item.sized_s == alone.item.sized_s
    assert parent.pool == alone.pool


def test_the_one_worker_of_a_clip_holds_its_cards_during_the_stages() -> None:
    prompt = {"prompt": PROMPTED["prompt"]}
    alone = queued_plan(workload=RENDERED).services[0]
    parent = queued_plan(workload=RENDERED | prompt).services[0]
    assert alone.item is not None and parent.item is not None
    assert parent.item.sized_s == pytest.approx(alone.item.sized_s + 4)
    assert parent.jobs is not None and parent.jobs.worker is not None
    assert parent.jobs.worker.at_once == 1


def test_a_stage_after_a_queue_is_sized_for_the_peak() -> None:
    services = queued_plan(workload=QUEUED | {"prompt": PROMPTED["prompt"]}).services
    loads = [service.capacity.load for service in services if service.capacity is not None]
    assert loads == ["mean", "peak", "peak"]
    traffic = {k: v for k, v in QUEUED["traffic"].items() if k != "peak_ratio"}
    flat = queued_plan(workload=QUEUED | {"prompt": PROMPTED["prompt"], "traffic": traffic})
    loads = [service.capacity.load for service in flat.services if service.capacity is not None]
    assert loads == ["mean", "mean", "mean"]


def test_a_review_is_sized_for_its_image() -> None:
    """224 characters of the instruction, 256 tokens of the image, and the work of the tower."""
    parent, review = services(REVIEWED)
    assert (review.name, review.callers) == ("studio-review", ("studio",))
    assert review.traffic.requests_per_s_peak == parent.traffic.requests_per_s_peak
    assert parent.serving is not None and parent.serving.prompt is not None
    stage = parent.serving.prompt.review
    assert stage is not None and stage.image is not None
    assert (stage.instruction_tokens, stage.image.tokens) == (56, 256)
    assert stage.input_tokens == 56 + 256 + stage.image.tower_tokens
    request = review.inputs.request
    assert request.prompt_tokens == stage.input_tokens
    assert (request.shared_prefix_tokens, request.output_mean) == (56, 8)
    assert review.latency is not None and review.latency.verdict is Verdict.met


def test_the_time_of_a_review_is_part_of_the_response() -> None:
    (alone,) = services(STUDIO | {"latency": {"response_s": 5}})
    parent, _ = services(REVIEWED)
    assert alone.latency is not None and parent.latency is not None
    assert alone.latency.response_s is not None and parent.latency.response_s is not None
    assert alone.pool == parent.pool
    assert parent.latency.response_s == pytest.approx(alone.latency.response_s + 3)


def test_a_larger_model_needs_fewer_tokens_for_the_same_tower() -> None:
    tokens = []
    for model in ("gemma-3-4b", "gemma-3-12b", "gemma-3-27b"):
        review = REVIEW | {"model": model, "hardware": "p5.48xlarge"}
        parent, *_ = services(STUDIO | {"latency": {"response_s": 8}, "prompt": {"review": review}})
        assert parent.serving is not None and parent.serving.prompt is not None
        stage = parent.serving.prompt.review
        assert stage is not None and stage.image is not None
        tokens.append(stage.image.tower_tokens)
    assert tokens == [752, 244, 105]


HISTORY: dict[str, Any] = QUEUED | {
    "prompt": {"tokens": 40, "history": 3, "enhance": ENHANCE},
}


def test_earlier_prompts_are_tokens_of_the_enhancing_model() -> None:
    """(1 + 3) x 40 tokens, and an instruction that says how they come."""
    parent, enhance = queued_plan(workload=HISTORY).services
    assert parent.serving is not None and parent.serving.prompt is not None
    prompt = parent.serving.prompt
    assert prompt.history == 3 and prompt.enhance is not None
    assert "`earlier`" in prompt.enhance.instruction
    assert prompt.enhance.input_tokens == prompt.enhance.instruction_tokens + 160
    assert enhance.inputs.request.prompt_tokens == prompt.enhance.input_tokens
    assert enhance.inputs.request.shared_prefix_tokens == prompt.enhance.instruction_tokens
    assert parent.jobs is not None and parent.jobs.owner_index == "by-owner"


def test_without_a_history_the_table_has_no_index_and_the_instruction_is_the_same() -> None:
    prompt = {key: value for key, value in HISTORY["prompt"].items() if key != "history"}
    parent, _ = queued_plan(workload=QUEUED | {"prompt": prompt}).services
    assert parent.jobs is not None and parent.serving is not None
    assert "owner_index" not in parent.jobs.model_dump()
    assert parent.serving.prompt is not None and parent.serving.prompt.enhance is not None
    assert parent.serving.prompt.enhance.instruction == REWRITE


def test_the_new_prompt_has_the_stated_language() -> None:
    parent, *_ = services(with_prompt(enhance=ENHANCE | {"language": "English"}))
    assert parent.serving is not None and parent.serving.prompt is not None
    stage = parent.serving.prompt.enhance
    assert stage is not None and "Answer in English" in stage.instruction
    assert "its language" not in stage.instruction


def test_without_a_section_there_is_none() -> None:
    text = plan_of(STUDIO).model_dump_json()
    assert '"prompt"' not in text
    assert '"callers"' not in text


def test_requests_in_their_stages_do_not_fill_a_replica() -> None:
    """Guard: four requests of a service without a target would all be in their stages."""
    (alone,), (parent, *_) = (services(w | {"latency": None}) for w in (STUDIO, PROMPTED))
    assert alone.serving is not None and parent.serving is not None
    assert alone.capacity is not None
    item_s = 1 / (alone.capacity.saturation_requests_per_s or 0)
    added = parent.serving.in_flight - alone.serving.in_flight
    assert (added - 1) * item_s < 4 <= added * item_s


def test_the_balancer_waits_for_the_stages() -> None:
    (alone,), (parent, *_) = (services(w | {"latency": None}) for w in (STUDIO, PROMPTED))
    assert alone.gateway is not None and parent.gateway is not None
    assert parent.gateway.longest_answer_s == pytest.approx(alone.gateway.longest_answer_s + 16)


def test_the_inputs_of_a_stage_name_the_file_of_its_parent() -> None:
    plan = plan_of(PROMPTED)
    found = explain(plan, "/services/2/latency/ttft_target_ms")
    assert found.source == (
        "prompt.enhance in the workload file of studio, which gives latency.ttft_ms"
    )
    own = explain(plan, "/services/0/latency/response_target_s")
    assert own.source == "the workload file: latency.response_s"


def test_another_budget_is_another_question_for_the_lock() -> None:
    def key(workload: dict[str, Any]) -> str:
        return rates_key(Workload.model_validate(workload), "g6e.xlarge", 1, 5)

    assert key(PROMPTED) != key(with_prompt(enhance=ENHANCE | {"budget_ms": 1_000}))


REFUSED = (
    ({**CHAT, "prompt": {}}, ("prompt",)),
    (with_prompt(tokens=None), ("prompt", "tokens")),
    ({**STUDIO, "prompt": {"tokens": 40}}, ("prompt", "tokens")),
    (PROMPTED | {"latency": {"response_s": 4}}, ("latency", "response_s")),
    (with_prompt(history=3), ("prompt", "history")),
    (QUEUED | {"prompt": {"history": 3}}, ("prompt", "history")),
    (QUEUED | {"kind": "video", "prompt": {"review": REVIEW}}, ("prompt", "review")),
    (REVIEWED | {"prompt": {"tokens": 40, "review": REVIEW}}, ("prompt", "tokens")),
    (
        REVIEWED | {"prompt": {"review": REVIEW | {"precision": "fp8"}}},
        ("prompt", "review", "precision"),
    ),
    (
        with_prompt(enhance=ENHANCE | {"language": "English", "instruction": "Rewrite it."}),
        ("prompt", "enhance", "language"),
    ),
)


@pytest.mark.parametrize(("workload", "field"), REFUSED)
def test_what_has_no_effect_or_no_time_is_refused(
    workload: dict[str, Any], field: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError) as refused:
        Workload.model_validate(workload)
    (error,) = refused.value.errors()  # type: ignore[attr-defined]
    fault = error["ctx"]["error"]
    assert isinstance(fault, FieldError)
    assert (*(step for step in error["loc"]), *fault.field) == field


BROKEN_STAGES = (
    (ENHANCE | {"model": "qwen3-1.7"}, ("prompt", "enhance", "model")),
    (ENHANCE | {"hardware": "g6.xlarg"}, ("prompt", "enhance", "hardware")),
    (ENHANCE | {"model": "sd3.5-medium"}, ("prompt", "enhance", "model")),
)


@pytest.mark.parametrize(("stage", "field"), BROKEN_STAGES)
def test_an_error_of_a_stage_is_in_the_file_of_its_parent(
    stage: dict[str, Any], field: tuple[str, ...]
) -> None:
    """Guard: the second file has the third workload, and only files have positions."""
    with pytest.raises(StackFieldError) as refused:
        plan_of(CHAT, with_prompt(enhance=stage))
    assert (refused.value.workload_index, refused.value.field) == (1, field)
    assert "studio-enhance" in refused.value.message


@pytest.mark.parametrize("model", ["qwen3-1.7b", "gemma-3-1b", "llava"])
def test_a_model_that_reads_no_images_cannot_review(model: str) -> None:
    prompt = {"review": REVIEW | {"model": model}}
    with pytest.raises(StackFieldError) as refused:
        plan_of(CHAT, REVIEWED | {"prompt": prompt})
    fault = refused.value
    assert (fault.workload_index, fault.field) == (1, ("prompt", "review", "model"))
    assert fault.expected == "a model that reads images: gemma-3-12b, gemma-3-27b, gemma-3-4b"


def test_an_error_after_a_service_with_stages_keeps_its_file() -> None:
    with pytest.raises(StackFieldError) as refused:
        plan_of(PROMPTED, CHAT | {"model": "llama-2-7"})
    assert refused.value.workload_index == 1


def test_names_of_stages_are_short_and_unique() -> None:
    with pytest.raises(StackFieldError, match="has a name of 31 characters") as long:
        plan_of(PROMPTED | {"name": "a" * 22})
    assert long.value.field == ("prompt", "moderate")
    with pytest.raises(StackFieldError, match="a service named studio-enhance"):
        plan_of(PROMPTED, CHAT | {"name": "studio-enhance"})


def test_an_engine_that_cannot_run_the_stages_is_refused() -> None:
    catalog = load_catalog().with_lock({"vllm/vllm-omni": "v9.9.9"})
    with pytest.raises(StackFieldError, match="loads a program in front") as refused:
        size([Workload.model_validate(PROMPTED)], site("prod"), catalog)
    assert refused.value.field == ("prompt",)
