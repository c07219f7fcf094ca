"""What an embedding may state, and the one error for each field that it lacks."""

from typing import Any

import pytest
from pydantic import ValidationError

from sizing.values.field_error import FieldError
from sizing.workload import EngineName, Method, Workload
from sizing.workload.source import EMBEDDING_FILES

VECTORS: dict[str, Any] = {
    "name": "vectors",
    "kind": "embedding",
    "model": {"name": "bge-m3"},
    "traffic": {"daily_users": 1_000, "requests_per_user_per_day": 10, "peak_ratio": 3},
    "request": {"input_tokens": 300, "context_tokens": 8192},
    "latency": {"response_s": 1},
    "hardware": {"instance_type": "g6.xlarge"},
}


def fault(**changes: Any) -> FieldError:
    """The only error of the workload with other top-level keys."""
    with pytest.raises(ValidationError) as refused:
        Workload.model_validate(VECTORS | changes)
    (error,) = refused.value.errors()
    found = error["ctx"]["error"]
    assert isinstance(found, FieldError)
    return found


def test_an_embedding_is_sized_by_the_calibrated_method_on_vllm() -> None:
    found = Workload.model_validate(VECTORS)
    assert found.engine.name is EngineName.vllm and found.engines == (EngineName.vllm,)
    assert found.capacity is not None and found.capacity.method is Method.calibrated
    assert found.request.total_tokens == 300 and found.request.output_mean is None


def test_a_hub_also_gives_the_file_of_the_pooling() -> None:
    hub = {"id": "BAAI/bge-m3", "revision": "0" * 40}
    found = Workload.model_validate(VECTORS | {"model": {"name": "bge-m3", "source": {"hub": hub}}})
    assert found.model.source is not None and found.model.source.hub is not None
    assert found.model.source.hub.files == EMBEDDING_FILES
    assert found.model.source.hub.version == "0" * 40


DRAFTS = {"method": "ngram", "draft_tokens": 2, "acceptance_length": 2, "draft_cost_ratio": 0}


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("request", "output_tokens", 10),
        ("request", "turns", 3),
        ("request", "shared_prefix_tokens", 10),
        ("engine", "speculative", DRAFTS),
        ("engine", "kv_offload", {"hit_ratio": 0.5}),
        ("engine", "kv_precision", "fp8"),
        ("engine", "routing", "sticky"),
        ("engine", "name", "sglang"),
        ("engine", "name", "tensorrt-llm"),
        ("latency", "ttft_ms", 100),
        ("latency", "tpot_ms", 100),
        ("access", "tokens_per_key_per_min", 9_000),
        ("hardware", "nodes_per_replica", 2),
    ],
)
def test_a_field_that_it_lacks_is_one_error(section: str, field: str, value: object) -> None:
    stated = VECTORS.get(section, {}) | {field: value}
    assert fault(**{section: stated}).field == (section, field)


def test_a_request_states_the_tokens_of_its_text() -> None:
    assert fault(request={}).field == ("request", "input_tokens")
    assert fault(request={"tokens": 300}).field == ("request", "tokens")
    assert fault(latency=None, capacity={"method": "textbook"}, request={}).expected == (
        "tokens of one text"
    )


def test_a_model_without_a_name_states_its_longest_text() -> None:
    unnamed = {"parameters": 300_000_000, "precision": "fp16"}
    refused = fault(model=unnamed, request={"input_tokens": 300})
    assert refused.field == ("request", "context_tokens")
    assert Workload.model_validate(VECTORS | {"model": unnamed})


@pytest.mark.parametrize(
    "section",
    [{"queue": {}}, {"application": {"api": "ogx"}}, {"prompt": {"tokens": 10}}, {"cdn": {}}],
)
def test_sections_of_other_kinds_are_refused(section: dict[str, Any]) -> None:
    (name,) = section
    with pytest.raises(ValidationError) as refused:
        Workload.model_validate(VECTORS | section)
    assert all(error["loc"][0] == name for error in refused.value.errors() if error["loc"])


def test_a_text_still_needs_the_tokens_of_its_answer() -> None:
    chat = VECTORS | {"kind": "chat", "model": {"name": "qwen3-8b"}, "latency": None}
    with pytest.raises(ValidationError) as refused:
        Workload.model_validate(chat)
    (error,) = refused.value.errors()
    found = error["ctx"]["error"]
    assert (found.field, found.message) == (("request", "output_tokens"), "missing")
