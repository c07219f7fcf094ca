"""A KV cache in host memory through the whole sizing: fleet, room, documents and refusals."""

from collections.abc import Sequence
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sizewright.gates.engine_flags import engine_flags
from sizing.catalog import Ability, Catalog
from sizing.explain import explain
from sizing.locks.workload_lock import rates_key
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.host_memory.host_cache import HostCachePlan
from sizing.plan.service.serving import HostCacheServingPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from sizing.values.field_error import FieldError
from sizing.workload import Workload
from templates.engine import engine_arguments
from templates.render import render
from tests.examples import examples
from tests.sizing.drawn import Values
from tests.sizing.replica.test_calibrated import BASE

LONG: Values = BASE | {
    "request": {"input_tokens": 8_000, "output_tokens": 300, "context_tokens": 16_384},
    "latency": {"ttft_ms": 4_000, "tpot_ms": 60},
}
"""100 requests a second with long prompts, on one H100 with 256 GiB of host memory each."""
GIB = 2**30


def offloaded(values: Values = LONG, ratio: float = 0.4, **ends: object) -> Values:
    return values | {"engine": {"kv_offload": {"hit_ratio": ratio, **ends}}}


def plan_of(values: Values, site: Site, catalog: Catalog) -> Plan:
    return size([Workload.model_validate(values)], site, catalog)


def service(values: Values, site: Site, catalog: Catalog) -> ServicePlan:
    return plan_of(values, site, catalog).services[0]


def host_cache(values: Values, site: Site, catalog: Catalog) -> HostCachePlan:
    found = service(values, site, catalog).host_cache
    assert found is not None
    return found


def gpus(values: Values, site: Site, catalog: Catalog) -> int | None:
    pool = service(values, site, catalog).pool
    return None if pool is None else pool.gpus_needed


def test_the_room_and_the_copy_by_hand(site: Site, catalog: Catalog) -> None:
    """A p5.4xlarge has 256 GiB and 118 pods. 90 % are 235,929 MiB; 255 + 11 x 118 + 100 are the
    kubelet's, and 1,024 the daemons': 233,252 MiB. Shared memory takes 1,024 and the engine 9,216,
    so that 217 GiB remain. A token of Llama 3.1 8B takes 32 x 2 x 8 x 128 x 2 = 131,072 bytes.
    0.4 of 8,000 tokens are 3,200, which 16 GB/s x 0.65 copy in 40.3 ms."""
    found = host_cache(offloaded(), site, catalog)
    assert (found.memory_mib, found.engine_mib, found.gib) == (233_252, 9_216, 217)
    assert found.tokens == 217 * GIB // 131_072 == 1_777_664
    assert found.context_bytes == 16_384 * 131_072
    low, expected, high = found.hits
    assert low == expected.model_copy(update={"name": "low"})
    assert high == expected.model_copy(update={"name": "high"})
    assert expected.tokens == pytest.approx(3_200)
    assert expected.copying_ms == pytest.approx(3_200 * 131_072 / 10.4e6)
    assert expected.saved_ms == pytest.approx(expected.computing_ms - expected.copying_ms)
    assert not expected.saves_nothing


def test_the_conservative_end_sizes_and_both_ends_are_shown(site: Site, catalog: Catalog) -> None:
    ends = {"low_hit_ratio": 0.2, "high_hit_ratio": 0.6}
    sized = service(offloaded(**ends), site, catalog)
    assert sized.host_cache is not None and sized.pool is not None and sized.calibrated is not None
    low, expected, high = (hits.gpus_needed for hits in sized.host_cache.hits)
    assert sized.pool.gpus_needed == low == gpus(offloaded(ratio=0.2), site, catalog)
    assert expected == gpus(offloaded(ratio=0.4), site, catalog)
    assert high == gpus(offloaded(ratio=0.6), site, catalog)
    assert low is not None and expected is not None and high is not None and low > expected > high
    assert sized.host_cache.gpus_needed_without == gpus(LONG, site, catalog) > low
    as_expected = service(offloaded(ratio=0.4), site, catalog).calibrated
    assert as_expected is not None
    assert sized.calibrated.median.gpus_needed == as_expected.median.gpus_needed


def test_more_host_memory_does_not_add_hits(site: Site, catalog: Catalog) -> None:
    """The share is the user's; the size only bounds what fits."""
    small, large = (
        host_cache(offloaded() | {"hardware": {"instance_type": name}}, site, catalog)
        for name in ("g6e.xlarge", "g6e.4xlarge")
    )
    assert small.gib < large.gib and small.hits == large.hits


def test_a_slow_link_saves_nothing_and_the_answer_says_so(site: Site, catalog: Catalog) -> None:
    """Llama 2 7B keeps 524,288 bytes a token, four times as many as Llama 3.1 8B."""
    slow = LONG | {"model": "llama-2-7b", "request": {"input_tokens": 3_000, "output_tokens": 200}}
    found = host_cache(offloaded(slow, 0.5), site, catalog)
    assert all(hits.saves_nothing and hits.saved_ms == 0 for hits in found.hits)
    assert gpus(offloaded(slow, 0.5), site, catalog) == gpus(slow, site, catalog)
    plan = plan_of(offloaded(slow, 0.5), site, catalog)
    saved = explain(plan, "/services/0/host_cache/hits/1/saved_ms")
    assert any("copying takes longer" in remark for remark in saved.remarks)


CASES = st.sampled_from(
    [
        ("llama-3.1-8b", {"instance_type": "p5.4xlarge"}),
        ("llama-3.1-8b", {"instance_type": "g6e.2xlarge"}),
        ("llama-2-7b", {"instance_type": "p5.4xlarge"}),
        ("qwen3-32b", {"instance_type": "g6e.12xlarge", "tensor_parallel": 4}),
    ]
)
RATIOS = st.decimals(0, 1, places=3)


@st.composite
def chats(draw: st.DrawFn) -> Values:
    """A chat with any lengths, turns, routing and targets, or none."""
    model, hardware = draw(CASES)
    targets = {"ttft_ms": st.integers(300, 20_000), "tpot_ms": st.integers(30, 300)}
    request: dict[str, Any] = {
        "input_tokens": draw(st.integers(50, 1_200)),
        "output_tokens": draw(st.integers(1, 400)),
        "turns": draw(st.integers(1, 2)),
    }
    return BASE | {
        "model": model,
        "hardware": hardware,
        "request": request | {"shared_prefix_tokens": draw(st.integers(0, 50))},
        "latency": draw(st.fixed_dictionaries({}, optional=targets)) or None,
        "engine": {"routing": draw(st.sampled_from(["least_requests", "sticky"]))},
        "traffic": BASE["traffic"] | {"daily_users": draw(st.integers(1_000, 3_000_000))},
        "capacity": {"method": "calibrated", "shortfall_cost": draw(st.integers(1, 20))},
    }


def more_hits(values: Values, ratio: object, **ends: object) -> Values:
    engine = values["engine"] | {"kv_offload": {"hit_ratio": ratio, **ends}}
    return values | {"engine": engine}


def ordered(counts: Sequence[int | None]) -> bool:
    """True where no count is above the one before it; None, no rate at all, is above every one."""
    numbers = [float("inf") if count is None else count for count in counts]
    return numbers == sorted(numbers, reverse=True)


@settings(max_examples=examples(100))
@given(values=chats(), ratios=st.tuples(RATIOS, RATIOS))
def test_more_hits_never_need_more_gpus(
    values: Values, ratios: tuple[object, object], site: Site, catalog: Catalog
) -> None:
    fewer, more = sorted(ratios, key=str)
    if float(str(fewer)) > float(str(more)):
        fewer, more = more, fewer
    cases = (more_hits(values, fewer), more_hits(values, more))
    assert ordered([gpus(case, site, catalog) for case in cases])


@settings(max_examples=examples(40))
@given(values=chats())
def test_no_hits_need_exactly_as_many_as_no_cache(
    values: Values, site: Site, catalog: Catalog
) -> None:
    with_cache, without = (service(v, site, catalog) for v in (more_hits(values, 0), values))
    assert with_cache.pool == without.pool
    assert with_cache.calibrated == without.calibrated
    if with_cache.host_cache is not None and without.calibrated is not None:
        alone = without.calibrated.safe.gpus_needed
        assert with_cache.host_cache.gpus_needed_without == alone
        assert {hits.gpus_needed for hits in with_cache.host_cache.hits} == {alone}


@settings(max_examples=examples(40))
@given(values=chats(), ratios=st.tuples(RATIOS, RATIOS, RATIOS))
def test_the_ends_are_ordered(
    values: Values, ratios: tuple[Any, Any, Any], site: Site, catalog: Catalog
) -> None:
    low, expected, high = sorted(ratios)
    case = more_hits(values, expected, low_hit_ratio=low, high_hit_ratio=high)
    found = service(case, site, catalog).host_cache
    if found is None:
        return
    assert ordered([found.gpus_needed_without, *(hits.gpus_needed for hits in found.hits)])
    saved = [hits.saved_ms for hits in found.hits]
    assert saved == sorted(saved)


def test_the_engine_gets_what_was_sized(site: Site, catalog: Catalog) -> None:
    plan = plan_of(offloaded(), site, catalog)
    serving = plan.services[0].serving
    assert serving is not None and serving.host_cache is not None
    assert serving.host_cache.gib == 217
    arguments = engine_arguments(serving)
    assert arguments[arguments.index("--kv-offloading-size") + 1] == "217"
    assert arguments[arguments.index("--kv-offloading-backend") + 1] == "native"
    assert all(gate.passed for gate in engine_flags(plan))
    assert serving.shared_memory_mib == 1_024 + 217 * 1_024
    assert serving.memory_mib - serving.shared_memory_mib >= 9_216, "the engine's own memory"
    pod = pod_of(plan)
    (shared,) = [v["emptyDir"] for v in pod["volumes"] if v["name"] == "shared-memory"]
    assert shared == {"medium": "Memory", "sizeLimit": f"{218 * 1_024}Mi"}
    resources = pod["containers"][0]["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"] == "233252Mi"


def pod_of(plan: Plan) -> Any:
    texts = render(plan)
    path = next(path for path in texts if "/deployment-" in path)
    return yaml.safe_load(texts[path])["spec"]["template"]["spec"]


def test_a_changed_number_changes_the_document(site: Site, catalog: Catalog) -> None:
    plan = plan_of(offloaded(), site, catalog)
    serving = plan.services[0].serving
    assert serving is not None
    changed = plan.services[0].model_copy(
        update={"serving": serving.model_copy(update={"host_cache": HostCacheServingPlan(gib=100)})}
    )
    before, after = pod_of(plan), pod_of(plan.model_copy(update={"services": (changed,)}))
    old, new = (pod["containers"][0]["args"] for pod in (before, after))
    assert [(o, n) for o, n in zip(old, new, strict=True) if o != n] == [("217", "100")]


def test_a_large_cache_has_time_to_be_pinned(site: Site, catalog: Catalog) -> None:
    """217 GiB take 217 x 0.11 s at three times the measured duration: 72 s."""
    with_cache, without = (service(values, site, catalog).serving for values in (offloaded(), LONG))
    assert with_cache is not None and without is not None
    assert with_cache.start_s - without.start_s == 72


def test_without_it_nothing_of_it_is_in_the_plan(site: Site, catalog: Catalog) -> None:
    plain = service(LONG, site, catalog)
    assert plain.serving is not None
    assert "host_cache" not in plain.model_dump()
    assert "host_cache" not in plain.serving.model_dump()
    assert "kv_offload" not in plain.inputs.engine.model_dump()
    assert "--kv-offloading-size" not in engine_arguments(plain.serving)


def test_a_given_rate_has_the_cache_and_both_ends_of_the_estimate(
    site: Site, catalog: Catalog
) -> None:
    values = LONG | {"capacity": {"method": "given", "requests_per_gpu_per_s": 2}}
    sized = service(offloaded(values), site, catalog)
    assert sized.pool is not None and sized.host_cache is not None
    assert sized.pool.gpus_needed == gpus(values, site, catalog)
    assert sized.serving is not None and sized.serving.host_cache is not None
    assert sized.serving.host_cache.gib == 217
    assert sized.host_cache.hits == host_cache(offloaded(), site, catalog).hits


def test_a_lock_is_of_its_hits() -> None:
    keys = {
        rates_key(Workload.model_validate(values), "p5.4xlarge", 1, 1.0)
        for values in (LONG, offloaded(), offloaded(ratio=0.5), offloaded(low_hit_ratio=0.1))
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"hit_ratio": -0.1}, "greater than or equal to 0"),
        ({"hit_ratio": 1.1}, "less than or equal to 1"),
        ({"hit_ratio": None}, "hit_ratio"),
        ({"low_hit_ratio": 0.5}, "0.5 is above hit_ratio"),
        ({"high_hit_ratio": 0.3}, "0.3 is below hit_ratio"),
    ],
)
def test_wrong_hits_are_refused(change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValidationError, match=text):
        Workload.model_validate(LONG | {"engine": {"kv_offload": {"hit_ratio": 0.4} | change}})


def test_an_engine_without_the_flag_is_refused() -> None:
    values = offloaded()
    values["engine"]["name"] = "sglang"
    with pytest.raises(ValidationError, match="keeps no KV cache in host memory with sglang"):
        Workload.model_validate(values)


def test_images_have_no_kv_cache() -> None:
    clips = {
        "name": "clips",
        "kind": "video",
        "model": "mochi-1-preview",
        "traffic": BASE["traffic"],
        "engine": offloaded()["engine"],
    }
    with pytest.raises(ValidationError, match="a model of kind video has no KV cache"):
        Workload.model_validate(clips)


def test_replicas_over_nodes_have_no_such_cache(site: Site, catalog: Catalog) -> None:
    spans = offloaded() | {"hardware": {"instance_type": "p5.48xlarge", "nodes_per_replica": 2}}
    with pytest.raises(ValidationError, match="not sized for replicas over several nodes"):
        Workload.model_validate(spans)
    large = offloaded() | {
        "model": {"name": "llama-3.1-405b", "precision": "bf16"},
        "capacity": {"method": "given", "requests_per_gpu_per_s": 1},
        "hardware": {"instance_type": "p4d.24xlarge"},
    }
    sized = service(large, site, catalog)
    assert sized.pool is None
    assert any("engine.kv_offload is not sized" in each.numbers for each in sized.rejected)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("gemma-3-12b", "window attention fills the host cache of vLLM only in part"),
        ({"parameters": 8e9, "precision": "bf16"}, "its architecture is not"),
    ],
)
def test_a_model_whose_cache_is_not_known_is_refused(
    model: object, text: str, site: Site, catalog: Catalog
) -> None:
    values = LONG | {"capacity": {"method": "given", "requests_per_gpu_per_s": 1}}
    with pytest.raises(FieldError, match=text) as refused:
        service(offloaded(values | {"model": model}), site, catalog)
    assert refused.value.field[-2:] == ("engine", "kv_offload")


def refusal(values: Values, site: Site, catalog: Catalog) -> Rejected:
    """First reason of a workload that has no pool because of its cache in host memory."""
    sized = service(values, site, catalog)
    assert sized.pool is None and sized.host_cache is None
    return sized.rejected[0]


def test_a_node_without_room_for_one_context_is_refused(site: Site, catalog: Catalog) -> None:
    """The 12,729 MiB that a g6.xlarge leaves to pods, less 9,216 of the engine and 1,024 of shared
    memory, are 2 whole GiB. A context of 20,000 tokens takes 2.62 GB."""
    small = LONG | {
        "model": {"name": "llama-3.1-8b", "precision": "fp8"},
        "request": {"input_tokens": 1_000, "output_tokens": 100, "context_tokens": 20_000},
        "latency": {"ttft_ms": 4_000, "tpot_ms": 200},
        "hardware": {"instance_type": "g6.xlarge"},
    }
    assert gpus(small, site, catalog) is not None
    refused = refusal(offloaded(small), site, catalog)
    assert (refused.reason, refused.instance_type) == (Reason.host_memory, "g6.xlarge")
    assert "one context takes 2.62 GB" in refused.numbers
    assert "the engine takes 9,216 and shared memory 1,024" in refused.numbers
    short = small | {"request": small["request"] | {"context_tokens": 12_000}}
    assert host_cache(offloaded(short), site, catalog).gib == 2
    anywhere = offloaded(small | {"hardware": "auto"})
    chosen = service(anywhere, site, catalog).pool
    assert chosen is not None and chosen.memory_gib_per_node > 16


def test_a_version_that_is_not_known_to_have_it_is_refused(site: Site, catalog: Catalog) -> None:
    rows = tuple(row for row in catalog.engine_options if row.ability is not Ability.host_cache)
    unknown = catalog.model_copy(update={"engine_options": rows})
    refused = refusal(offloaded(), site, unknown)
    assert refused.reason is Reason.engine
    assert refused.numbers == "nothing states what --kv-offloading-size does in this version"
    assert gpus(LONG, site, unknown) == gpus(LONG, site, catalog)


def test_a_type_of_an_unknown_link_is_refused(site: Site, catalog: Catalog) -> None:
    rows = tuple(row for row in catalog.host_links if row.family != "p5")
    refused = refusal(offloaded(), site, catalog.model_copy(update={"host_links": rows}))
    assert refused.reason is Reason.unknown_fact
    assert "no link between host memory and GPUs of p5" in refused.numbers
