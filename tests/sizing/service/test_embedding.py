"""A service of vectors in the plan: what is kept, what the engine gets, and what is forwarded."""

from itertools import pairwise
from typing import Any

import pytest
import yaml

from sizewright.gates.engine_flags import engine_flags
from sizing.catalog import load_catalog
from sizing.compare.length_classes import why_whole
from sizing.plan.service.latency import Verdict
from sizing.plan.service.serving import LimitsBy
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.workload import Workload
from templates.engine import engine_arguments, engine_environment, server_arguments
from templates.render import render
from tests.sizing.workload.test_embedding import VECTORS

CATALOG = load_catalog()
SITE = Site(region="us-east-1", zones=("use1-az1", "use1-az2", "use1-az4"), environment="dev")
QWEN = {"model": {"name": "qwen3-embedding-0.6b"}}


def stack(**changes: Any) -> Plan:
    return size([Workload.model_validate(VECTORS | changes)], SITE, CATALOG)


def service(**changes: Any) -> ServicePlan:
    return stack(**changes).services[0]


def test_an_encoder_keeps_nothing_and_a_decoder_its_text() -> None:
    encoder, decoder = service(), service(**QWEN)
    assert (encoder.memory.kv_bytes_per_token, encoder.memory.max_sequences) == (0, None)
    assert decoder.memory.kv_bytes_per_token == 114_688
    assert decoder.memory.kv_bytes_per_sequence == 300 * 114_688
    assert decoder.memory.max_sequences is not None
    for plan in (encoder, decoder):
        assert plan.serving is not None and plan.serving.kv_precision is None


def test_the_times_are_those_of_a_response() -> None:
    plan = service()
    assert plan.latency is not None and plan.latency.verdict is Verdict.met
    assert (plan.latency.ttft_ms, plan.latency.tpot_ms) == (None, None)
    assert plan.calibrated is not None and plan.calibrated.output_tokens == 0
    for estimate in (plan.calibrated.median, plan.calibrated.safe):
        assert (estimate.ttft_ms, estimate.tpot_ms) == (None, None)
        assert estimate.response_s is not None
    assert plan.calibrated.median.response_s < plan.calibrated.safe.response_s  # type: ignore[operator]


def test_the_engine_gets_what_was_sized() -> None:
    plan = service()
    assert plan.serving is not None
    arguments = [*engine_arguments(plan.serving), *server_arguments(plan.serving)]
    given = dict(pairwise(arguments))
    assert given["--runner"] == "pooling"
    assert given["--max-num-batched-tokens"] == "8192" == given["--max-model-len"]
    assert given["--max-num-seqs"] == str(8192 // 300)
    assert "--kv-cache-dtype" not in arguments
    assert given["--middleware"] == "embedding_check.Embeddings"
    environment = engine_environment(plan.serving)
    assert environment["ADMISSION_SEQUENCES"] == "27"
    assert environment["EMBEDDING_TOKENS"] == "8192"
    assert environment["EMBEDDING_DIMENSIONS"] == "1024"
    assert environment["EMBEDDING_BYTES"] == str(27 * 8192 * 16)
    (gate,) = engine_flags(stack())
    assert gate.passed, gate.detail


def test_a_step_holds_the_longest_text() -> None:
    plan = service(**QWEN, request={"input_tokens": 300, "context_tokens": 32_768})
    assert plan.serving is not None and plan.serving.embedding is not None
    assert plan.serving.embedding.max_batched_tokens == 32_768
    assert plan.serving.max_num_seqs == 32_768 // 300
    short = service(request={"input_tokens": 300, "context_tokens": 512})
    assert short.serving is not None and short.serving.embedding is not None
    assert short.serving.embedding.max_batched_tokens == 8_192


def test_the_limits_count_texts() -> None:
    """Texts in flight are those that a full replica answers within the target."""
    plan = service(latency={"response_s": 2})
    assert plan.serving is not None and plan.capacity is not None
    assert plan.serving.limits_by is LimitsBy.admission
    assert plan.serving.sequences_per_request == plan.serving.max_num_seqs
    rate = plan.capacity.saturation_requests_per_s
    assert rate is not None and plan.serving.in_flight == int(2 * rate)
    tight = service(latency={"response_s": 0.15})
    assert tight.serving is not None
    assert (tight.serving.waiting, tight.serving.in_flight) == (0, tight.serving.max_num_seqs)


def test_only_its_paths_are_forwarded() -> None:
    plan = service()
    assert plan.gateway is not None
    assert plan.gateway.paths == ("/v1/embeddings", "/v1/models")
    assert plan.gateway.longest_answer_s == 4, "4 x the target"


def test_the_documents_have_the_check_and_its_helper() -> None:
    documents = render(stack())
    scripts = yaml.safe_load(documents["kubernetes/vectors/script-admission.yaml"])
    assert {*scripts["data"]} == {"admission.py", "embedding_check.py"}
    path = next(path for path in documents if path.endswith("deployment-use1-az1.yaml"))
    pod = yaml.safe_load(documents[path])["spec"]["template"]["spec"]
    mounted = {volume["configMap"]["name"] for volume in pod["volumes"] if "configMap" in volume}
    assert scripts["metadata"]["name"] in mounted


def test_a_burst_follows_its_requests() -> None:
    plan = service(capacity={"burst_gpus": 2})
    assert plan.burst is not None and plan.serving is not None
    assert 1 <= plan.burst.in_flight_target <= plan.serving.max_num_seqs


def test_a_model_without_a_name_is_sized_by_other_methods() -> None:
    unnamed = {"parameters": 300_000_000, "precision": "fp16"}
    plan = service(model=unnamed, capacity={"method": "textbook"})
    assert plan.pool is not None and plan.serving is not None
    assert plan.serving.embedding is not None and plan.serving.embedding.dimensions is None
    assert engine_environment(plan.serving)["EMBEDDING_DIMENSIONS"] == ""
    refused = service(model=unnamed)
    assert refused.pool is None
    assert any("architecture is not known" in each.numbers for each in refused.rejected)


@pytest.mark.parametrize("model", [m.model for m in CATALOG.models if m.is_embedding])
def test_every_model_of_vectors_is_sized(model: str) -> None:
    facts = CATALOG.model(model)
    assert facts.dimensions is not None and facts.context is not None
    request = {"input_tokens": 100, "context_tokens": min(facts.context, 512)}
    plan = service(model={"name": model}, request=request, hardware="auto")
    assert plan.pool is not None and plan.serving is not None
    assert plan.serving.embedding is not None
    assert plan.serving.embedding.dimensions == facts.dimensions


def test_a_request_for_vectors_is_not_split_by_length() -> None:
    bars = [{"tokens": 100, "share": 0.9}, {"tokens": 2_100, "share": 0.1}]
    request = Workload.model_validate(VECTORS | {"request": {"input_tokens": bars}}).request
    assert why_whole(request) == "a request for vectors has texts of several lengths"
