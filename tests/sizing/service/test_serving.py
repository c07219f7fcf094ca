"""Serving of a replica: the engine's flags, and the allocatable resources of a node."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from sizing.catalog import Catalog
from sizing.fleet.capacity_source import pool_name
from sizing.model.memory import RUNTIME_BYTES
from sizing.plan.service.serving import ServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.service.serving import allocatable, compute_precision, engine_image
from sizing.site import Site
from sizing.workload import EngineName, Precision

DIGEST = "sha256:" + "0123456789abcdef" * 4
VLLM = EngineName.vllm.traits
P4D = {"instance_type": "p4d.24xlarge"}


@pytest.fixture
def serving(sized: Callable[..., ServicePlan]) -> Callable[..., ServingPlan]:
    def build(**changes: object) -> ServingPlan:
        found = sized(**changes).serving
        assert found is not None
        return found

    return build


def test_the_floor_fills_every_slot(serving: Callable[..., ServingPlan]) -> None:
    served = serving(redundancy={"spare_ratio": 0.2})
    assert (served.replicas, served.max_unavailable, served.pool) == (15, 3, "g6-xlarge")


def test_the_quota_holds_replicas_that_leave_and_their_successors(
    sized: Callable[..., ServicePlan],
) -> None:
    floor = sized(redundancy={"spare_ratio": 0.2}).quota
    assert floor is not None and (floor.pods, floor.gpus) == (15 + 7, 22)
    wide = sized(hardware=P4D | {"tensor_parallel": 4}).quota
    # 12 GPUs in fours are 3 replicas on two nodes of two: 4; a lost zone has 2, and 1 rolls
    assert wide is not None and (wide.pods, wide.gpus) == (4 + 3, 28)


def test_a_node_can_always_be_drained(serving: Callable[..., ServingPlan]) -> None:
    assert serving().max_unavailable == 1, "no spare, one replica a node"
    # 12 of 16 replicas needed on two nodes of eight: four spare, but a node has eight
    assert serving(hardware=P4D).max_unavailable == 8
    # one more node: 24 - 12
    assert serving(hardware=P4D, redundancy={"nodes": 1}).max_unavailable == 12


@pytest.mark.parametrize(
    ("engine", "sequences"),
    [
        # memory has room for 46 sequences of 500 tokens after the weights on an L4
        ({}, 46),
        ({"max_sequences": 32}, 32),
        ({"max_sequences": 64}, 46),
        # twice as many, and one more where the halves had left room
        ({"kv_precision": "fp8"}, 93),
    ],
)
def test_sequences_in_a_batch(
    serving: Callable[..., ServingPlan], engine: dict[str, object], sequences: int
) -> None:
    assert serving(engine=engine).max_num_seqs == sequences


def test_the_engine_caps_what_memory_would_hold(serving: Callable[..., ServingPlan]) -> None:
    assert serving(hardware=P4D).max_num_seqs == 256
    unknown = {"parameters": "8e9", "precision": "bf16"}
    assert serving(model=unknown).max_num_seqs == 256, "KV unknown, so only the engine's cap"


def test_a_long_conversation_leaves_at_least_one(serving: Callable[..., ServingPlan]) -> None:
    # 23,419 tokens are all that fit after the weights on an L4
    assert serving(request={"tokens": 23_419}).max_num_seqs == 1


def test_the_context_is_the_requested_one(serving: Callable[..., ServingPlan]) -> None:
    requested = {"input_tokens": 100, "output_tokens": 400, "context_tokens": 2_048}
    assert serving(request=requested).max_model_len == 2_048


@pytest.mark.parametrize(
    ("precision", "instance_type", "computed"),
    [
        ("bf16", "g6.xlarge", "bf16"),
        ("fp8", "g6.xlarge", "bf16"),
        ("nf4", "g6.xlarge", "bf16"),
        ("int4", "g6.xlarge", "bf16"),
        # an A100 is the first with bf16 arithmetic, a T4 has none
        ("int4", "p4d.24xlarge", "bf16"),
        ("int4", "g4dn.xlarge", "fp16"),
    ],
)
def test_precision_decides_arithmetic_and_image(
    serving: Callable[..., ServingPlan],
    precision: str,
    instance_type: str,
    computed: str,
) -> None:
    served = serving(
        model={"name": "llama-3.1-8b", "precision": precision},
        hardware={"instance_type": instance_type},
    )
    assert served.compute_precision == computed
    assert served.image.startswith("docker.io/vllm/vllm-openai:")
    assert served.image.endswith(":v0.27.1") is (precision == "nf4"), "the last with bitsandbytes"


@pytest.mark.parametrize(
    ("instance_type", "millicores", "mib"),
    [
        # 4 vCPU: 4,000 - (60 + 10 + 5 + 5) - 500
        # 16 GiB, 58 pods: 14,745 - 255 - 638 - 100 - 1,024
        ("g6.xlarge", 3_420, 12_728),
        # 96 vCPU: 96,000 - (80 + 92 x 2.5 = 310) - 500
        # 1,152 GiB, 737 pods: 1,061,683 - 255 - 8,107 - 100 - 1,024
        ("p4d.24xlarge", 95_190, 1_052_197),
        # 2 vCPU: 2,000 - (60 + 10) - 500; 8 GiB, 20 pods: 7,372 - 255 - 220 - 100 - 1,024
        ("g6f.large", 1_430, 5_773),
    ],
)
def test_what_a_node_leaves_for_pods(
    catalog: Catalog, instance_type: str, millicores: int, mib: int
) -> None:
    assert allocatable(catalog.instance_type(instance_type)) == (millicores, mib)


def test_replicas_of_a_node_fit_on_it_together(
    serving: Callable[..., ServingPlan], catalog: Catalog
) -> None:
    served = serving(hardware=P4D)
    millicores, mib = allocatable(catalog.instance_type("p4d.24xlarge"))
    assert 8 * served.cpu_millicores <= millicores < 8 * (served.cpu_millicores + 1)
    assert 8 * served.memory_mib <= mib < 8 * (served.memory_mib + 1)


def test_a_replica_over_several_cards(serving: Callable[..., ServingPlan]) -> None:
    served = serving(model="llama-3.1-70b", hardware=P4D)
    assert (served.gpus_per_replica, served.shared_memory_mib) == (8, 8 * 1_024)


def test_start_and_stop_leave_time(serving: Callable[..., ServingPlan]) -> None:
    served = serving(latency={"ttft_ms": 500, "tpot_ms": 50})
    # weights 15,316.5 MiB at 250 MiB/s = 61.27 s; ceil(3 x 61.27) + 600
    assert served.start_s == 184 + 600
    # copied at 125 MiB/s
    assert served.copy_s == 368
    # the load balancer drains ceil(81.8) s, and 30 s more
    assert served.stop_s == 82 + 30


def test_the_image_by_tag_and_by_digest_where_one_is_known(catalog: Catalog, site: Site) -> None:
    tag = engine_image(VLLM, Precision.bf16, site, catalog)
    assert tag == f"docker.io/vllm/vllm-openai:{catalog.pin('vllm/vllm-openai').version}"
    known = Site.model_validate(site.model_dump() | {"engine_image_digest": DIGEST})
    assert engine_image(VLLM, Precision.bf16, known, catalog) == f"{tag}@{DIGEST}"
    mirror = "111122223333.dkr.ecr.us-east-1.amazonaws.com/hub/vllm/vllm-openai"
    near = Site.model_validate(known.model_dump() | {"engine_image_repository": mirror})
    version = catalog.pin("vllm/vllm-openai").version
    assert engine_image(VLLM, Precision.bf16, near, catalog) == f"{mirror}:{version}@{DIGEST}"


@pytest.mark.parametrize("instance_type", ["g6.xlarge", "g6e.xlarge", "p4d.24xlarge"])
def test_sglang_gets_the_share_that_leaves_the_sized_bytes(
    sized: Callable[..., ServicePlan], instance_type: str
) -> None:
    """Its setting is of the memory free at its start, for weights and KV cache alone."""
    engine = {"name": "sglang"}
    plan = sized(model="llama-3.1-8b", hardware={"instance_type": instance_type}, engine=engine)
    assert plan.serving is not None and plan.pool is not None
    usable, card = plan.memory.usable_bytes_per_gpu, plan.pool.gpu_memory_bytes
    assert usable is not None
    static = plan.serving.gpu_memory_utilisation * (card - 2**30)
    assert usable <= static < usable + 0.001 * card
    assert static + 2**30 < 0.94 * card, "the rest is for activations and graphs"


def test_tensorrt_llm_gets_the_default_share_of_the_rest_which_is_more_than_sized(
    sized: Callable[..., ServicePlan],
) -> None:
    plan = sized(model="llama-3.1-8b", engine={"name": "tensorrt-llm"})
    assert plan.serving is not None and plan.pool is not None
    usable, card = plan.memory.usable_bytes_per_gpu, plan.pool.gpu_memory_bytes
    assert usable is not None
    rest = card - plan.memory.weights_bytes - RUNTIME_BYTES
    assert plan.serving.gpu_memory_utilisation * rest >= usable - plan.memory.weights_bytes


@pytest.mark.parametrize(
    ("engine", "instance_type", "served"),
    [
        ("vllm", "g5.xlarge", True),
        ("sglang", "g5.xlarge", False),
        ("sglang", "g6.xlarge", True),
    ],
)
def test_an_8_bit_kv_cache_needs_the_arithmetic_that_the_engine_uses(
    sized: Callable[..., ServicePlan], engine: str, instance_type: str, served: bool
) -> None:
    plan = sized(
        model="llama-3.2-1b",
        hardware={"instance_type": instance_type},
        engine={"name": engine, "kv_precision": "fp8"},
    )
    assert (plan.serving is not None) is served
    if not served:
        (refused, *_) = plan.rejected
        assert refused.option == "sglang x NVIDIA A10G x KV cache in fp8"
        assert refused.numbers == "compute capability 8.6, the format needs 8.9"


def test_a_model_larger_than_a_node_names_the_engines_that_span_nodes(
    sized: Callable[..., ServicePlan],
) -> None:
    large = {"model": "llama-3.1-405b", "hardware": {"instance_type": "p5.48xlarge"}}
    assert sized(**large, engine={"name": "vllm"}).serving is not None
    plan = sized(**large, engine={"name": "sglang"})
    assert plan.serving is None
    assert "this version builds such replicas for vllm: set engine.name" in {
        each.numbers for each in plan.rejected
    }


def test_the_model_is_named_as_the_catalog_does(serving: Callable[..., ServingPlan]) -> None:
    assert serving(model="meta-llama/Llama-3.1-8B-Instruct").model == "llama-3.1-8b"
    assert serving(model={"parameters": "8e9", "precision": "bf16"}).model == "chat"


def test_pool_names_fit_kubernetes() -> None:
    assert pool_name("p6-b200.48xlarge", 1) == "p6-b200-48xlarge"
    assert pool_name("p5.48xlarge", 4) == "p5-48xlarge-tp4"


def test_the_engine_gets_the_longest_sequence_that_fits(
    serving: Callable[..., ServingPlan],
) -> None:
    """Guard: without --max-model-len the engine takes the model's 131,072 and does not start."""
    # an L4 leaves 0.9 x 22,888 MiB - 2.3 GiB; 8.03e9 x 2 B are weights; 131,072 B a token
    left = (19_130_220_543 - 2 * 8_030_261_248) // 131_072
    assert serving(model="llama-3.1-8b").max_model_len == left == 23_419
    assert serving(model="llama-3.2-1b").max_model_len == 131_072, "the model's own context"
    assert serving(model={"parameters": "8e9", "precision": "bf16"}).max_model_len is None


@pytest.mark.parametrize(
    ("precision", "capability", "computed"),
    [
        ("fp32", "8.9", "fp32"),
        ("fp16", "8.9", "fp16"),
        ("bf16", "8.9", "bf16"),
        ("int4", "8.0", "bf16"),
        ("int4", "7.5", "fp16"),
    ],
)
def test_what_was_sized_is_what_is_computed_in(
    precision: str, capability: str, computed: str
) -> None:
    assert compute_precision(Precision(precision), Decimal(capability)) == computed
