"""Every number explains itself, and its displayed inputs give the number."""

from math import ceil, floor, isclose

import pytest

from sizing.catalog import load_catalog
from sizing.explain import explain, explain_all
from sizing.explained.entry import Basis
from sizing.fleet.redundancy import Rule
from sizing.plan.stack.held import PodRevision
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from tests.components import plans
from tests.components.plans import ISSUER, PROMPTED, QUEUED_BURST, STUDIO, measured_plan
from tests.sizing.workload.test_embedding import VECTORS

ARITHMETIC = {"ceil": ceil, "floor": floor, "max": max, "min": min, "__builtins__": {}}
CHAT = {
    "name": "chat",
    "kind": "chat",
    "model": {"name": "llama-2-7b", "parameters": 7.0e9, "precision": "nf4"},
    "traffic": {
        "daily_users": 100_000,
        "requests_per_user_per_day": 10,
        "peak_users_share": 0.10,
        "think_time_s": 60,
    },
    "request": {
        "input_tokens": 100,
        "output_tokens": 400,
        "context_tokens": 2048,
        "request_bytes": 2000,
        "response_bytes": 10000,
    },
    "latency": {"ttft_ms": 500, "tpot_ms": 50},
    "capacity": {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"},
    "redundancy": {"spare_ratio": 0.20, "nodes": 1, "zones": 1, "availability": 0.9999},
    "hardware": {"instance_type": "g6.xlarge"},
    "data": {
        "profile_bytes_per_user": 10000,
        "interaction_bytes": 2000,
        "index_ratio": 0.25,
        "client": "own",
        "retention_days": 365,
    },
}
PUBLIC = {
    **CHAT,
    "name": "public",
    "access": {
        "public": True,
        "claims": [{"name": "scope", "values": ["chat"]}],
        "requests_per_key_per_min": 60,
        "tokens_per_key_per_min": 30_000,
    },
}
APPLIED = {
    **CHAT,
    "name": "applied",
    "application": {"api": "ogx", "file_bytes_per_request": 1_000},
    "data": {"retention_days": 30},
    "access": {"claims": [{"name": "aud", "values": ["applied"]}]},
}
LIMITED = {
    **APPLIED,
    "name": "limited",
    "access": {
        "public": True,
        "claims": [{"name": "aud", "values": ["limited"]}],
        "requests_per_key_per_min": 60,
        "tokens_per_key_per_min": 30_000,
    },
}
SEARCHING = {
    **APPLIED,
    "name": "searching",
    "request": CHAT["request"] | {"context_tokens": 8_192, "turns": 3},  # type: ignore[operator]
    "model": "qwen3-8b",
    "context": {
        "documents": 3_000_000,
        "document_bytes": 12_000,
        "documents_per_day": 90_000,
        "share": 0.4,
        "embedding": {"model": "bge-m3", "hardware": "g6.xlarge"},
    },
}
"""Its index of vectors is the lowest capacity of its database."""
OPENED = {
    **SEARCHING,
    "name": "opened",
    "access": LIMITED["access"] | {"claims": [{"name": "aud", "values": ["opened"]}]},
    "context": SEARCHING["context"]  # type: ignore[operator]
    | {"direct": {"searches_per_user_per_day": 3, "embeddings_per_user_per_day": 0.5}},
}
"""Its users search, and request vectors, without an answer."""
CACHED = {
    **APPLIED,
    "name": "cached",
    "application": {
        "api": "ogx",
        "cache": {"hit_ratio": 0.3, "low_hit_ratio": 0.2, "high_hit_ratio": 0.4, "ttl_s": 90_000},
    },
}
CACHED_ESTIMATE = {**CACHED, "name": "estimate", "capacity": {"method": "calibrated"}}
TEXTBOOK = {
    **CHAT,
    "name": "textbook",
    "kind": "text",
    "model": {"name": "llama-3.1-70b", "precision": "fp8"},
    "traffic": {"daily_users": 10_000_000, "requests_per_user_per_day": 3, "peak_ratio": 2.5},
    "request": {"tokens": 500},
    "latency": None,
    "capacity": {"method": "textbook"},
    "redundancy": {"zones": 2},
    "hardware": {"instance_type": "p5.48xlarge"},
}
LATENCIES = ("ttft", "tpot")
CALIBRATED = {
    **CHAT,
    "name": "calibrated",
    "model": "gemma-3-12b",
    "traffic": {"daily_users": 3_000_000, "requests_per_user_per_day": 3, "peak_ratio": 2.5},
    "request": {
        "input_tokens": 300,
        "output_tokens": [{"tokens": 200, "share": 0.8}, {"tokens": 4000, "share": 0.2}],
        "turns": 3,
        "shared_prefix_tokens": 100,
    },
    "latency": {"ttft_ms": 2000, "tpot_ms": 80},
    "capacity": {"method": "calibrated", "max_utilisation": 0.8},
    "engine": {"routing": "sticky", "kv_precision": "fp8"},
    "redundancy": {},
    "hardware": "auto",
}
HOURLY = {
    **CHAT,
    "name": "hourly",
    "model": {"parameters": 3e9, "precision": "fp16", "encoders": [{"name": "e", "parameters": 1}]},
    "traffic": {
        "daily_users": 7,
        "requests_per_user_per_day": 1.5,
        "hourly": [*range(1, 24), 100],
    },
    "capacity": {"method": "given", "requests_per_gpu_per_s": 0.3},
    "engine": {"kv_precision": "fp8", "max_sequences": 4},
    "data": {**CHAT["data"], "client": "own", "retention_days": 200_000_000},  # type: ignore[dict-item]
}
IMPORTED = {
    **CHAT,
    "name": "imported",
    "model": {
        "name": "llama-3.1-8b",
        "source": {"image": {"reference": f"r/llama@sha256:{'0' * 64}", "path": "/m"}},
    },
    "hardware": {"instance_type": "g6e.xlarge"},
}
KEY_PAIR = {
    "public_key": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----",
    "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf",
}
SITE = {
    "signing_key": KEY_PAIR,
    "region": "us-east-1",
    "zones": ("use1-az1", "use1-az2", "use1-az4", "use1-az6"),
    "certificate_arn": "arn:aws:acm:us-east-1:123456789012:certificate/a",
    "token_issuer": "https://issuer.example",
    "token_jwks_url": "https://issuer.example/keys",
}
ON_VOLUMES = {
    **CHAT,
    "name": "on-volumes",
    "hardware": {"instance_type": "g5g.xlarge", "load_time_s": 20},
}
SPANNING = {
    **CHAT,
    "name": "spanning",
    "model": "llama-3.1-405b",
    "redundancy": {**CHAT["redundancy"], "nodes": 2},  # type: ignore[dict-item]
    "hardware": {"instance_type": "p5.48xlarge"},
}
PICTURES = {
    **CHAT,
    "name": "pictures",
    "kind": "image",
    "model": {"parameters": 81e9, "precision": "fp16"},
    "request": {"iterations": 100},
    "latency": None,
    "capacity": {"method": "textbook"},
    "hardware": {"instance_type": "p4de.24xlarge"},
}
"""No engine serves it: it has states of its fleet, and no rollout."""
BURSTING = {**CHAT, "name": "bursting", "capacity": {**CHAT["capacity"], "burst_gpus": 3}}  # type: ignore[dict-item]
UNTIMED_BURST = {**BURSTING, "name": "untimed", "latency": None}
CLIPS = {
    **{key: value for key, value in CHAT.items() if key not in ("latency", "engine", "access")},
    "name": "clips",
    "kind": "video",
    "model": {"name": "wan2.2-ti2v-5b", "encoder_placement": "offloaded"},
    "request": {"width": 832, "guidance": "classifier_free"},
    "capacity": {"max_utilisation": 0.7},
    "traffic": {"daily_users": 1_000, "requests_per_user_per_day": 3, "peak_ratio": 2.5},
    "redundancy": {},
    "hardware": {"instance_type": "g6e.48xlarge", "tensor_parallel": 4},
}
"""Several cards make each clip."""
KEPT_CLIPS = CLIPS | {
    "name": "kept-clips",
    "request": {"frames_per_s": 12},
    "data": {
        "index_ratio": 0.25,
        "client": "own",
        "retention_days": 100,
        "tiers": [
            {"after_days": 30, "storage_class": "standard_ia"},
            {"after_days": 60, "storage_class": "glacier_ir"},
        ],
    },
}
KEPT_IMAGES = STUDIO | {
    "name": "kept-images",
    "request": {"width": 512, "height": 768, "format": "jpeg", "request_bytes": 900},
    "data": {
        "profile_bytes_per_user": 1_000,
        "client": "own",
        "retention_days": 3,
        "copy_region": "us-east-2",
    },
}
"""Their bytes follow from their pixels, older clips move to other storage classes, and images have
a copy."""
WAITED_FOR = STUDIO | {"capacity": {"burst_gpus": 2}}
"""An engine serves it, within its target."""
AT_ONCE = STUDIO | {
    "name": "at-once",
    "latency": None,
    "hardware": {"instance_type": "g6e.12xlarge", "tensor_parallel": 2},
}
PROMPTED_AT_ONCE = PROMPTED | {"name": "unhurried", "latency": None}
REVIEW = {"model": "gemma-3-4b", "hardware": "g6e.xlarge", "budget_ms": 3_000}
PROMPTED_QUEUE = QUEUED_BURST | {
    "name": "prompted-queue",
    "prompt": PROMPTED["prompt"] | {"history": 3, "review": REVIEW},
}
TOO_LATE = STUDIO | {
    "name": "too-late",
    "capacity": {"method": "given", "requests_per_gpu_per_s": 0.84, "load": "peak"},
    "latency": {"response_s": 1.5},
}
QUEUED = QUEUED_BURST | {"latency": {"response_s": 1_200}}
DELIVERED = QUEUED | {
    "name": "delivered",
    "data": {"interaction_bytes": 1e9, "client": "own", "retention_days": 30},
    "cdn": {"views_per_item": 2.5, "hit_ratio": 0.85, "price_class": "PriceClass_100"},
}
"""Its month is in the last price tier."""
DELIVERED_EVERYWHERE = QUEUED | {
    "name": "delivered-everywhere",
    "traffic": {"daily_users": 1_000, "requests_per_user_per_day": 10},
    "latency": None,
    "data": {
        "index_ratio": 0.25,
        "client": "own",
        "retention_days": 30,
        "copy_region": "us-west-2",
    },
    "cdn": {"views_per_item": 0.5, "hit_ratio": 0},
}
UNTIMED_QUEUE = QUEUED | {"name": "untimed-queue", "latency": None, "queue": {"peak_hours": 2}}
SGLANG, TENSORRT = (
    {**CHAT, "name": name, "model": "llama-3.1-8b", "engine": {"name": name}}
    for name in ("sglang", "tensorrt-llm")
)
OFFLOADED = {
    **CHAT,
    "name": "offloaded",
    "model": {"name": "llama-3.1-70b", "precision": "fp8"},
    "request": {"input_tokens": 6_000, "output_tokens": 300, "turns": 3},
    "latency": {"ttft_ms": 9_000, "tpot_ms": 150},
    "capacity": {"method": "calibrated", "load": "mean"},
    "redundancy": {},
    "hardware": {"instance_type": "g6e.24xlarge", "tensor_parallel": 4},
    "engine": {"kv_offload": {"hit_ratio": 0.4, "low_hit_ratio": 0.2, "high_hit_ratio": 0.7}},
}
OFFLOADED_MIX = OFFLOADED | {
    "name": "offloaded-mix",
    "model": "llama-2-7b",
    "request": {
        "input_tokens": [{"tokens": 300, "share": 0.5}, {"tokens": 3_000, "share": 0.5}],
        "output_tokens": 200,
        "context_tokens": 4_000,
    },
    "hardware": {"instance_type": "p5.4xlarge"},
    "engine": {"kv_offload": {"hit_ratio": 0.5}},
}
"""Of a model with many KV heads on a slow link, whose hits save nothing."""
OFFLOADED_GIVEN = {
    **IMPORTED,
    "name": "offloaded-given",
    "engine": {"kv_offload": {"hit_ratio": 1, "low_hit_ratio": 0}},
    "request": {"tokens": 600},
    "hardware": {"instance_type": "g6e.2xlarge"},
}
ZONES = ("use1-az1", "use1-az2", "use1-az4", "use1-az6")


def plan_of(*workloads: dict[str, object], environment: str = "dev") -> Plan:
    site = Site.model_validate(SITE | {"environment": environment})
    return size([Workload.model_validate(w) for w in workloads], site, load_catalog())


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_numbers_shown_give_the_number(environment: str) -> None:
    numbers_give_their_values(
        plan_of(
            *(CHAT, PUBLIC, TEXTBOOK, HOURLY, CALIBRATED, ON_VOLUMES, BURSTING, UNTIMED_BURST),
            *(IMPORTED, SPANNING, PICTURES, CLIPS, SGLANG, TENSORRT),
            *(OFFLOADED, OFFLOADED_MIX, OFFLOADED_GIVEN),
            *(WAITED_FOR, AT_ONCE, TOO_LATE, KEPT_CLIPS, KEPT_IMAGES, QUEUED, UNTIMED_QUEUE),
            *(DELIVERED, DELIVERED_EVERYWHERE),
            *(PROMPTED | {"name": "prompted"}, PROMPTED_AT_ONCE, PROMPTED_QUEUE),
            environment=environment,
        )
    )


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_numbers_of_an_application_give_the_number(environment: str) -> None:
    given = (APPLIED, LIMITED, SEARCHING, OPENED, CACHED)
    numbers_give_their_values(plan_of(*given, environment=environment))


def test_the_numbers_of_embeddings_give_the_number() -> None:
    bars = [{"tokens": 100, "share": 0.9}, {"tokens": 2_100, "share": 0.1}]
    given = {"method": "given", "requests_per_gpu_per_s": 100, "burst_gpus": 4, "load": "mean"}
    plan = plan_of(
        VECTORS | {"name": "encoder", "capacity": {"burst_gpus": 2}},
        VECTORS | {"name": "decoder", "model": {"name": "qwen3-embedding-0.6b"}},
        VECTORS | {"name": "mixed", "request": {"input_tokens": bars, "context_tokens": 4_096}},
        VECTORS | {"name": "rated", "capacity": given, "latency": None},
        VECTORS | {"name": "textbook", "capacity": {"method": "textbook"}},
        VECTORS | {"name": "few", "engine": {"max_sequences": 4}, "latency": {"response_s": 0.2}},
    )
    numbers_give_their_values(plan)
    fitted = [e for e in explain_all(plan) if e.basis is Basis.fitted and "services" in e.pointer]
    assert not [e.pointer for e in fitted if "/locked" not in e.pointer], "nothing was measured"


def test_the_numbers_of_a_calibrated_service_behind_a_cache_give_the_number() -> None:
    """Guard: each rate of the engines is that behind the cache."""
    numbers_give_their_values(plan_of(CACHED_ESTIMATE))


def test_the_numbers_of_a_burst_on_spot_give_the_number() -> None:
    """Guard: with the others, its nodes also serve requests, and are no spot instances."""
    numbers_give_their_values(plan_of(QUEUED))


def test_the_numbers_of_metrics_give_the_number() -> None:
    spread = measured_plan(plans.BURSTING, plans.SPANNING, QUEUED_BURST, **ISSUER)
    assert "queued" not in spread.cluster_services.model_dump_json(), "its engine exports nothing"
    numbers_give_their_values(spread)
    numbers_give_their_values(measured_plan(plans.BURSTING, environment="dev", alerts=None))


def numbers_give_their_values(plan: Plan) -> None:
    for explained in explain_all(plan):
        assert explained.symbols
        assert explained.meaning
        if explained.arithmetic:
            result = eval(explained.numbers, dict(ARITHMETIC))
            assert isclose(result, explained.value, rel_tol=1e-6), explained


def test_every_redundancy_rule_is_explained() -> None:
    chat = Workload.model_validate(CHAT)
    assert set(chat.redundancy.model_fields_set) == set(Rule) - {Rule.none}


def test_what_is_not_arithmetic_says_where_from() -> None:
    every = (CHAT, PUBLIC, TEXTBOOK, HOURLY, CALIBRATED, ON_VOLUMES, BURSTING, IMPORTED, SPANNING)
    every = (*every, PICTURES, CLIPS, WAITED_FOR, AT_ONCE, TOO_LATE, QUEUED, UNTIMED_QUEUE)
    every = (*every, PROMPTED | {"name": "prompted"}, OFFLOADED)
    for explained in explain_all(plan_of(*every)):
        if explained.basis is not Basis.arithmetic:
            assert explained.source or explained.basis in (Basis.given, Basis.textbook), explained


def test_searches_are_few_and_known() -> None:
    reported = {e.pointer for e in explain_all(plan_of(CHAT)) if not e.arithmetic}
    assert {pointer.removeprefix("/services/0/") for pointer in reported} == {
        "pool/survives/zones",
        "pool/nodes_by_rule/availability",
        "pool/nodes_at_peak",
        "memory/max_context_tokens",
        "pool/tensor_parallel",
        "latency/tpot_ms",
        "contradictions/1/numbers/tpot_p90_ms",
        "pool/nodes_per_replica",
        "serving/cpu_millicores",
        "serving/memory_mib",
        *(f"methods/{index}/gpus_needed" for index in range(4)),
        "calibrated/imbalance_ratio",
        *(f"calibrated/quantiles/{index}/gpus_needed" for index in (0, 1)),
        *(f"calibrated/quantiles/{index}/nodes_total" for index in (0, 1)),
        *(f"calibrated/margins/{index}/nodes" for index in (0, 1)),
        *(f"calibrated/replicas_without_headroom/{at}" for at in ("low", "median", "high")),
        *(
            f"calibrated/{side}/{field}"
            for side in ("median", "safe")
            for field in ("requests_per_replica_per_s", "saturation_requests_per_s")
        ),
        *(f"calibrated/{side}/{field}_ms" for side in ("median", "safe") for field in LATENCIES),
    }


def test_a_default_is_not_called_given() -> None:
    plan = plan_of(CHAT)
    assert explain(plan, "/services/0/inputs/redundancy/mttr_hours").basis is Basis.assumed
    assert explain(plan, "/services/0/inputs/redundancy/spare_ratio").basis is Basis.given


def test_an_estimate_has_a_band_around_it() -> None:
    acu = explain(plan_of(CHAT), "/services/0/database/max_acu")
    assert acu.low is not None
    assert acu.high is not None
    assert acu.low < acu.value < acu.high


def test_the_published_design_states_its_slips() -> None:
    published = plan_of({**CHAT, "redundancy": {"spare_ratio": 0.2}})
    total = explain(published, "/services/0/pool/gpus_total")
    assert any("prints 15" in remark for remark in total.remarks)
    assert any("10 of 12 are left" in remark for remark in total.remarks)
    other = plan_of({**CHAT, "traffic": {**CHAT["traffic"], "daily_users": 130_000}})  # type: ignore[dict-item]
    assert not any("prints" in r for r in explain(other, "/services/0/pool/gpus_total").remarks)


def test_a_held_pod_is_explained_by_the_lock() -> None:
    limits = {"cpu": 3, "nvidia.com/gpu": 1}
    held = {"chat": {"use1-az1": PodRevision(pod={"spec": [{"limits": limits}]})}}
    plan = plan_of(CHAT).model_copy(update={"held_pods": held})
    of_lock = [e for e in explain_all(plan) if e.pointer.startswith("/held_pods")]
    assert [e.value for e in of_lock] == [3, 1]
    assert {e.source for e in of_lock} == {"the stack's lock: templates_by_zone"}


def test_a_pointer_to_nothing_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        explain(plan_of(CHAT), "/services/0/pool/gpu")
