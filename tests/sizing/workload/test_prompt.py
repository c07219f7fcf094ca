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
from tests.components.plans import CHAT, PROMPTED, QUEUED, STUDIO, plan_of, queued_plan, site

ENHANCE: dict[str, Any] = PROMPTED["prompt"]["enhance"]


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


def test_the_worker_of_a_job_holds_its_cards_during_the_stages() -> None:
    """Four seconds more for each job: more workers, and a longer time to the image."""
    prompt = {"prompt": PROMPTED["prompt"]}
    alone, parent = queued_plan().services[0], queued_plan(workload=QUEUED | prompt).services[0]
    assert alone.item is not None and parent.item is not None
    assert alone.jobs is not None and parent.jobs is not None
    assert parent.item.seconds == alone.item.seconds
    assert parent.item.sized_s == pytest.approx(alone.item.sized_s + 4)
    assert parent.jobs.job_s - alone.jobs.job_s == pytest.approx(4 / 0.98)
    assert parent.jobs.workers > alone.jobs.workers
    assert parent.latency is not None and parent.latency.response_s is not None
    assert parent.latency.response_s >= parent.item.sized_s
    assert parent.serving is not None and parent.serving.limits_by is LimitsBy.worker


def test_a_stage_after_a_queue_is_sized_for_the_peak() -> None:
    services = queued_plan(workload=QUEUED | {"prompt": PROMPTED["prompt"]}).services
    loads = [service.capacity.load for service in services if service.capacity is not None]
    assert loads == ["mean", "peak", "peak"]
    traffic = {k: v for k, v in QUEUED["traffic"].items() if k != "peak_ratio"}
    flat = queued_plan(workload=QUEUED | {"prompt": PROMPTED["prompt"], "traffic": traffic})
    loads = [service.capacity.load for service in flat.services if service.capacity is not None]
    assert loads == ["mean", "mean", "mean"]


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
