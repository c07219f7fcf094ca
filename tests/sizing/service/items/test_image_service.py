"""Image services that an engine serves: what they get, what is refused, and their laws."""

from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.catalog import Catalog, load_catalog
from sizing.locks.workload_lock import Lock
from sizing.plan.part import Reason
from sizing.plan.service.latency import Verdict
from sizing.plan.service.whole import ServicePlan
from sizing.replica.queues.item_queue import fewest_replicas
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import EngineName, Workload
from sizing.workload.source import HUB_FILES, PARTS_FILES

STUDIO: dict[str, Any] = {
    "name": "studio",
    "kind": "image",
    "model": {"name": "sd3.5-medium"},
    "traffic": {"daily_users": 20_000, "requests_per_user_per_day": 8, "peak_ratio": 3},
    "latency": {"response_s": 12},
    "capacity": {"method": "calibrated"},
    "hardware": {"instance_type": "g6e.xlarge"},
}
SITE = Site(region="us-east-1", zones=("use1-az1", "use1-az2", "use1-az4"), environment="dev")
CATALOG = load_catalog()


def studio(lock: Lock | None = None, catalog: Catalog = CATALOG, **changes: Any) -> ServicePlan:
    """Plan of the service with other top-level keys."""
    workload = Workload.model_validate(STUDIO | changes)
    locks = {} if lock is None else {workload.name: lock}
    return size([workload], SITE, catalog, locks).services[0]


def lacks(**changes: Any) -> str:
    """Reason why no engine serves the service, which keeps its size."""
    plan = studio(latency=None, **changes)
    assert plan.pool is not None and plan.serving is None and plan.gateway is None
    assert plan.unserved is not None
    return plan.unserved


def test_an_image_service_has_all_parts_of_a_chat() -> None:
    plan = studio(capacity={"method": "calibrated", "burst_gpus": 4})
    assert plan.pool and plan.serving and plan.gateway and plan.quota and plan.rollout
    assert plan.serving.engine is EngineName.vllm_omni
    assert plan.serving.image == "docker.io/vllm/vllm-omni:v0.30.0"
    assert (plan.serving.max_num_seqs, plan.serving.sequences_per_request) == (1, 1)
    assert (plan.serving.kv_precision, plan.serving.gpu_memory_utilisation) == (None, None)
    assert plan.gateway.paths == ("/v1/images/generations", "/v1/models")
    assert plan.serving.weights_ready == "model_index.json"
    assert plan.burst is not None
    assert plan.burst.in_flight_target == 1, "each further request waits for another replica"
    assert plan.quota.gpus >= plan.pool.replicas_total + plan.burst.replicas


def test_the_count_is_that_of_the_queue_at_the_sized_load() -> None:
    plan = studio()
    assert plan.item and plan.pool and plan.capacity and plan.latency
    load = 20_000 * 8 * 3 / 86_400
    fewest = fewest_replicas(load, float(plan.item.sized_s), 12, 0.95)
    throughput = ceil(Fraction(load) * Fraction(plan.item.sized_s) / Fraction(9, 10))
    assert plan.pool.gpus_by_constraint["response"] == fewest
    assert plan.pool.gpus_by_constraint["throughput"] == throughput
    assert plan.pool.gpus_needed == max(fewest or 0, throughput)
    assert plan.latency.verdict is Verdict.met
    assert plan.latency.response_s is not None and plan.latency.response_s <= 12


def test_a_tighter_target_binds() -> None:
    tight = studio(latency={"response_s": 6.5, "percentile": 99})
    assert tight.pool and tight.latency and tight.pool.binding == "response"
    assert tight.latency.text.startswith("met at the peak of 5.56 requests/s on")
    assert "response 6.3" in tight.latency.text or "response 6.4" in tight.latency.text


def test_a_target_below_one_image_is_infeasible_with_the_numbers() -> None:
    plan = studio(latency={"response_s": 2})
    assert plan.pool is None
    refused = next(r for r in plan.rejected if r.reason is Reason.latency)
    assert refused.numbers.endswith("2 s is the target (one request alone, P90 estimate)")


def test_without_a_target_the_limit_of_utilisation_sizes_and_four_images_may_wait() -> None:
    plan = studio(latency=None)
    assert plan.pool and plan.serving and plan.gateway and plan.item
    assert plan.pool.binding == "throughput" and plan.latency is None
    assert (plan.serving.waiting, plan.serving.in_flight) == (3, 4)
    assert plan.gateway.longest_answer_s == pytest.approx(4 * plan.item.sized_s)


def test_the_engine_holds_as_many_requests_as_can_be_in_time() -> None:
    plan = studio(latency={"response_s": 30})
    assert plan.item and plan.serving and plan.gateway
    seconds = float(plan.item.sized_s)
    assert plan.serving.waiting == int((30 - seconds) / seconds) + 1
    assert plan.gateway.longest_answer_s == 120
    assert plan.gateway.longest_answer_s >= plan.serving.in_flight * seconds


def test_what_the_load_balancer_waits_for_is_in_the_rejections_where_it_cannot() -> None:
    plan = studio(latency={"response_s": 1_000})
    assert Reason.gateway_limit in {r.reason for r in plan.rejected}


def test_a_given_rate_is_judged_and_served() -> None:
    given_rate = {"method": "given", "requests_per_gpu_per_s": 1, "load": "peak"}
    plan = studio(capacity=given_rate)
    assert plan.serving is not None and plan.latency is not None
    assert plan.latency.verdict is Verdict.missed
    assert {c.code for c in plan.contradictions} >= {"latency_missed", "methods_disagree"}


def test_models_that_the_engine_does_not_list_keep_their_size() -> None:
    text = lacks(model={"name": "sd3.5-large"})
    assert text.startswith("vllm-omni v0.30.0 does not list sd3.5-large; it lists flux.1-dev, ")
    nameless = lacks(model={"parameters": 2e9, "precision": "bf16"})
    assert nameless.endswith("and this one has no name of the catalog")


def test_what_the_engine_cannot_do_is_named() -> None:
    assert lacks(engine={"runtime": "tensorrt"}).endswith("has no runtime tensorrt")
    separate = {"name": "sd3.5-medium", "encoder_placement": "separate"}
    assert "encodes prompts itself" in lacks(model=separate)
    eight = {"name": "sd3.5-medium", "precision": "fp8"}
    assert lacks(model=eight).endswith("is not known to run fp8 on NVIDIA L40S")


def test_cards_share_guidance_but_not_tokens_where_the_engine_does_not_split_them() -> None:
    type4 = "g6e.12xlarge"
    two = studio(hardware={"instance_type": type4, "tensor_parallel": 2})
    assert two.serving is not None and two.serving.item is not None
    assert (two.serving.item.guidance_cards, two.serving.item.token_cards) == (2, 1)
    four = studio(hardware={"instance_type": type4, "tensor_parallel": 4})
    assert four.pool is None
    refused = next(r for r in four.rejected if r.reason is Reason.engine)
    assert refused.numbers.startswith("vllm-omni does not split the tokens of sd3.5-medium")
    qwen = {"name": "qwen-image"}
    split = studio(
        model=qwen, latency=None, hardware={"instance_type": "p5.48xlarge", "tensor_parallel": 4}
    )
    assert split.serving is not None and split.serving.item is not None
    assert (split.serving.item.guidance_cards, split.serving.item.token_cards) == (2, 2)


def test_a_ranking_never_takes_cards_that_the_engine_cannot_split() -> None:
    plan = studio(hardware="auto", latency={"response_s": 2.5})
    if plan.pool is not None:
        assert plan.serving is not None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"engine": {"name": "vllm"}}, ("engine", "name")),
        ({"engine": {"max_sequences": 4}}, ("engine", "max_sequences")),
        ({"engine": {"kv_precision": "fp8"}}, ("engine", "kv_precision")),
        ({"engine": {"routing": "sticky"}}, ("engine", "routing")),
        ({"latency": {"ttft_ms": 500}}, ("latency", "ttft_ms")),
        ({"kind": "chat", "latency": {"response_s": 5}}, ("latency", "response_s")),
        ({"kind": "chat", "engine": {"name": "vllm-omni"}}, ("engine", "name")),
        (
            {"hardware": {"instance_type": "p5.48xlarge", "nodes_per_replica": 2}},
            ("hardware", "nodes_per_replica"),
        ),
    ],
)
def test_the_field_to_blame(changes: dict[str, Any], field: tuple[str, ...]) -> None:
    base = STUDIO if "kind" not in changes else {k: v for k, v in STUDIO.items() if k != "latency"}
    with pytest.raises(ValueError, match=r".") as refused:
        Workload.model_validate(base | changes)
    errors = getattr(refused.value, "errors", list)()
    found = errors[0]["ctx"]["error"]
    assert isinstance(found, FieldError)
    assert found.field == field and found.expected


def test_the_files_of_a_repository_follow_the_engine() -> None:
    hub = {"id": "stabilityai/stable-diffusion-3.5-medium", "revision": "b" * 40}
    model = {"name": "sd3.5-medium", "source": {"hub": hub}}
    source = Workload.model_validate(STUDIO | {"model": model}).model.source
    assert source is not None and source.hub is not None
    assert (source.hub.files, source.version) == (PARTS_FILES, "b" * 40)
    chat = {"kind": "chat", "model": model | {"name": "llama-3.1-8b"}, "latency": None}
    request = {"input_tokens": 10, "output_tokens": 10}
    text = Workload.model_validate(STUDIO | chat | {"request": request}).model.source
    assert text is not None and text.hub is not None and text.hub.files == HUB_FILES
    stated = {"name": "sd3.5-medium", "source": {"hub": hub | {"files": ["*/*.safetensors"]}}}
    own = Workload.model_validate(STUDIO | {"model": stated}).model.source
    assert own is not None and own.hub is not None and own.hub.files == ("*/*.safetensors",)


def test_a_lock_keeps_the_count_and_belongs_to_its_load() -> None:
    plan = studio()
    assert plan.capacity and plan.choice and plan.pool
    seconds = {
        name: float(plan.choice.tensor_parallel / rate)
        for name, rate in plan.capacity.requests_per_replica_per_s.items()
    }
    lock = Lock(
        model="sd3.5-medium",
        precision=plan.choice.precision,
        instance_type="g6e.xlarge",
        tensor_parallel=1,
        engine=EngineName.vllm_omni,
        catalog_digest="0",
        rates_for=plan.choice.rates_for,
        gpu_seconds={**seconds, "full": float(plan.item.sized_s) if plan.item else 0.0},
    )
    kept = studio(lock)
    assert kept.capacity is not None and kept.capacity.locked
    assert kept.pool is not None and kept.pool.gpus_needed == plan.pool.gpus_needed
    more = studio(lock, traffic=STUDIO["traffic"] | {"daily_users": 40_000})
    assert more.capacity is not None and not more.capacity.locked


@given(
    users=st.integers(100, 3_000_000),
    factor=st.floats(1.01, 9),
    target=st.floats(6.0, 60.0),
    looser=st.floats(1.0, 4.0),
    percentile=st.integers(50, 99),
)
def test_laws_of_target_and_load(
    users: int, factor: float, target: float, looser: float, percentile: int
) -> None:
    """A looser target never needs more GPUs, and more load never fewer."""

    def gpus(daily_users: int, response_s: float, share: int) -> int:
        plan = studio(
            traffic=STUDIO["traffic"] | {"daily_users": daily_users},
            latency={"response_s": response_s, "percentile": share},
        )
        assert plan.pool is not None and plan.latency is not None
        assert plan.latency.verdict is Verdict.met
        return plan.pool.gpus_needed

    usual = gpus(users, target, percentile)
    assert gpus(users, target * looser, percentile) <= usual
    assert gpus(users, target, 50) <= usual
    assert gpus(int(users * factor) + 1, target, percentile) >= usual
