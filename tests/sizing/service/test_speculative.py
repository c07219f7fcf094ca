"""Speculative decoding through the whole sizing: fleet, memory, lock, flag and refusals."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sizewright.gates.engine_flags import engine_flags
from sizewright.reading.model_file import read_model_file
from sizing.catalog import Catalog
from sizing.catalog.correction import Corrections
from sizing.explain import explain
from sizing.locks.workload_lock import rates_key
from sizing.model.rows import architecture_of
from sizing.plan.part import Reason
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import DraftMethod, Workload
from templates.engine import engine_arguments
from tests.sizing.drawn import Values
from tests.sizing.made_up import corrected
from tests.sizing.replica.test_calibrated import BASE

CONFIGS = Path(__file__).parents[3] / "bench" / "data" / "configs"
NGRAM = {
    "method": "ngram",
    "draft_tokens": 3,
    "acceptance_length": 2.5,
    "draft_cost_ratio": 0.1,
}


def with_drafts(values: Values = BASE, **changes: object) -> Values:
    return {**values, "engine": {"speculative": {**NGRAM, **changes}}}


def service(values: Values, site: Site, catalog: Catalog) -> ServicePlan:
    return size([Workload.model_validate(values)], site, catalog).services[0]


def test_the_fleet_follows_what_was_measured(site: Site, catalog: Catalog) -> None:
    def tpot_ms(values: Values) -> float:
        found = service(values, site, catalog).calibrated
        assert found is not None and found.median.tpot_ms is not None
        return float(found.median.tpot_ms)

    def gpus(values: Values) -> int:
        pool = service(values, site, catalog).pool
        assert pool is not None
        return pool.gpus_needed

    assert tpot_ms(with_drafts()) < tpot_ms(BASE)
    more_accepted = [gpus(with_drafts(acceptance_length=a)) for a in (1.0, 1.5, 2.5, 4.0)]
    assert more_accepted == sorted(more_accepted, reverse=True)
    assert more_accepted[0] > more_accepted[-1]
    costly = gpus(with_drafts(draft_cost_ratio=1.0))
    assert costly > gpus(with_drafts(draft_cost_ratio=0.0))
    assert gpus(with_drafts(acceptance_length=1.0)) > gpus(BASE)


def test_the_answer_says_that_nobody_measured_it(site: Site, catalog: Catalog) -> None:
    found = service(with_drafts(), site, catalog).calibrated
    assert found is not None
    assert (found.basis, found.unmeasured) == ("datasheet", ("speculative decoding",))
    assert found.one_run is None, "no run would narrow it"


def test_drafted_tokens_take_pages_of_the_cache(site: Site, catalog: Catalog) -> None:
    short = {**BASE, "request": {"input_tokens": 10, "output_tokens": 20}}
    plain, drafted = (service(v, site, catalog).memory for v in (short, with_drafts(short)))
    assert (plain.tokens_per_sequence, drafted.tokens_per_sequence) == (30, 33)
    assert plain.max_sequences is not None and drafted.max_sequences is not None
    assert drafted.max_sequences < plain.max_sequences
    assert drafted.max_context_tokens == plain.max_context_tokens


def test_the_engine_runs_what_was_sized(site: Site, catalog: Catalog) -> None:
    plan = size([Workload.model_validate(with_drafts())], site, catalog)
    serving = plan.services[0].serving
    assert serving is not None
    arguments = engine_arguments(serving)
    flag = arguments[arguments.index("--speculative-config") + 1]
    assert json.loads(flag) == {"method": "ngram", "num_speculative_tokens": 3}
    assert all(gate.passed for gate in engine_flags(plan))
    entry = explain(plan, "/services/0/serving/drafts/tokens")
    assert (entry.value, entry.numbers) == (3, "3")
    plain = service(BASE, site, catalog).serving
    assert plain is not None and "--speculative-config" not in engine_arguments(plain)
    assert "drafts" not in plain.model_dump()


def test_a_lock_is_of_its_drafts() -> None:
    keys = {
        rates_key(Workload.model_validate(values), "p5.4xlarge", 1, 1.0)
        for values in (BASE, with_drafts(), with_drafts(acceptance_length=2.6))
    }
    assert len(keys) == 3


def test_own_runs_are_not_applied_to_drafts(site: Site, catalog: Catalog) -> None:
    """A run with drafts would count their gain twice, and no run says whether it had any."""
    shape = architecture_of(catalog.model("llama-3.1-8b"))
    assert shape is not None
    run = corrected(0.5, 1.0).model_copy(
        update={
            "gpu": "NVIDIA H100 SXM5 80GB",
            "parameters": shape.parameters,
            "layers": shape.layers,
        }
    )
    own = Corrections(fitted=catalog.coefficients.fitted, corrections=(run,))
    for values, applied in ((BASE, True), (with_drafts(), False)):
        workload = Workload.model_validate(values)
        (after,) = size([workload], site, catalog, corrections={"chat": own}).services
        (before,) = size([workload], site, catalog).services
        assert after.own_runs is not None and after.own_runs.applied is applied
        assert (after.calibrated == before.calibrated) is not applied


def with_layers(folder: Path, catalog: Catalog, **keys: object) -> Catalog:
    """Catalog with DeepSeek-V3 by its config.json, with other keys; None leaves one out."""
    config = json.loads((CONFIGS / "deepseek-ai--DeepSeek-V3.json").read_text(encoding="utf-8"))
    config = {key: value for key, value in {**config, **keys}.items() if value is not None}
    path = folder / "own.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return catalog.with_models([read_model_file(path, "own.json")])


MTP: Values = {
    **with_drafts(method="mtp", draft_tokens=1, acceptance_length=1.8),
    "model": "own.json",
    "latency": {"ttft_ms": 4_000, "tpot_ms": 60},
    "hardware": {"instance_type": "p6-b300.48xlarge", "tensor_parallel": 8},
}


def test_layers_that_draft_have_weights_and_caches(
    tmp_path: Path, site: Site, catalog: Catalog
) -> None:
    """DeepSeek-V3's layer that drafts has 11.5 thousand million parameters of its own (model card),
    and caches 576 elements of 2 bytes a token as each of the 61 layers does."""
    known = with_layers(tmp_path, catalog)
    plan = size([Workload.model_validate(MTP)], site, known)
    drafted = plan.services[0].memory
    plain = service({**MTP, "engine": {}}, site, known).memory
    assert drafted.draft_parameters == pytest.approx(11.5e9, rel=0.02)
    assert drafted.weights_bytes - plain.weights_bytes == pytest.approx(11.5e9, rel=0.02)
    assert (plain.kv_bytes_per_token, drafted.kv_bytes_per_token) == (61 * 1_152, 62 * 1_152)
    assert plain.draft_parameters is None and "draft_parameters" not in plain.model_dump()
    weights = explain(plan, "/services/0/memory/weights_bytes")
    assert weights.value == drafted.weights_bytes
    assert str(drafted.draft_parameters) in weights.numbers
    serving = plan.services[0].serving
    assert serving is not None and serving.drafts is not None
    assert serving.drafts.method is DraftMethod.mtp


@pytest.mark.parametrize(
    ("keys", "drafts", "field"),
    [
        ({"num_nextn_predict_layers": None}, 1, "method"),
        ({"num_nextn_predict_layers": 0}, 1, "method"),
        ({"model_type": "kimi_k2"}, 1, "method"),
        ({"num_nextn_predict_layers": 2}, 3, "draft_tokens"),
    ],
)
def test_a_checkpoint_without_such_layers_is_refused(
    *, keys: dict[str, Any], drafts: int, field: str, tmp_path: Path, site: Site, catalog: Catalog
) -> None:
    values = {**MTP, "engine": with_drafts(method="mtp", draft_tokens=drafts)["engine"]}
    values["engine"]["speculative"]["acceptance_length"] = 1.5
    with pytest.raises(FieldError) as refused:
        size([Workload.model_validate(values)], site, with_layers(tmp_path, catalog, **keys))
    assert refused.value.field[-3:] == ("engine", "speculative", field)


def test_a_row_of_the_catalog_states_no_such_layers(site: Site, catalog: Catalog) -> None:
    with pytest.raises(FieldError, match="layers that draft") as refused:
        service({**MTP, "model": "deepseek-v3"}, site, catalog)
    assert "num_nextn_predict_layers" in refused.value.expected


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"method": "eagle3"}, "a model of its own"),
        ({"method": "guess"}, "ngram"),
        ({"draft_tokens": 8}, "7"),
        ({"draft_tokens": 0}, "0"),
        ({"acceptance_length": 0.9}, "1"),
        ({"acceptance_length": 4.1}, "found 4.1"),
        ({"draft_cost_ratio": -0.1}, "0"),
    ],
)
def test_wrong_drafts_are_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Workload.model_validate(with_drafts(**change))


def test_an_engine_without_such_a_flag_is_refused() -> None:
    values = with_drafts()
    values["engine"]["name"] = "sglang"
    with pytest.raises(ValidationError, match="drafts no tokens with sglang"):
        Workload.model_validate(values)


def test_drafts_require_an_engine_in_one_node() -> None:
    clips = {
        "name": "clips",
        "kind": "video",
        "model": "mochi-1-preview",
        "traffic": BASE["traffic"],
        "engine": with_drafts()["engine"],
    }
    with pytest.raises(ValidationError, match="drafts no tokens with vllm-omni"):
        Workload.model_validate(clips)
    spans = {**with_drafts(), "hardware": {"instance_type": "p5.48xlarge", "nodes_per_replica": 2}}
    with pytest.raises(ValidationError, match="pipeline"):
        Workload.model_validate(spans)


def test_a_model_over_several_nodes_has_no_drafts(site: Site, catalog: Catalog) -> None:
    large = {
        **with_drafts(),
        "model": {"name": "llama-3.1-405b", "precision": "bf16"},
        "capacity": {"method": "given", "requests_per_gpu_per_s": 1},
        "hardware": {"instance_type": "p4d.24xlarge"},
    }
    plan = service(large, site, catalog)
    assert plan.pool is None
    reasons = [(each.reason, each.numbers) for each in plan.rejected]
    assert (Reason.engine, "engine.speculative is not known to work in a pipeline") in reasons
    spanning = service({**large, "engine": {}}, site, catalog).pool
    assert spanning is not None and spanning.nodes_per_replica > 1
