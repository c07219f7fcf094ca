"""The calibrated method through the whole sizing: directions of change, and its output."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sizing.catalog import Catalog
from sizing.plan.part import Reason
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.site import Site
from tests.examples import examples
from tests.sizing.drawn import Values, more, plan_of

BASE: Values = {
    "name": "chat",
    "kind": "chat",
    "model": "llama-3.1-8b",
    "traffic": {"daily_users": 864_000, "requests_per_user_per_day": 10, "peak_ratio": 1},
    "request": {"input_tokens": 1_000, "output_tokens": 500},
    "latency": {"ttft_ms": 500, "tpot_ms": 30},
    "capacity": {"method": "calibrated"},
    "hardware": {"instance_type": "p5.4xlarge"},
}
"""100 requests a second."""


def service(values: Values, site: Site, catalog: Catalog) -> ServicePlan:
    return plan_of(values, site, catalog).services[0]


def test_a_hundred_requests_a_second_on_h100(site: Site, catalog: Catalog) -> None:
    plan = service(BASE, site, catalog)
    assert plan.calibrated is not None and plan.pool is not None
    median, safe = plan.calibrated.median, plan.calibrated.safe
    assert plan.calibrated.basis == "measured"
    assert median.gpus_needed is not None and safe.gpus_needed is not None
    assert median.gpus_needed <= safe.gpus_needed == plan.pool.gpus_needed
    assert safe.ttft_ms is not None and safe.ttft_ms <= 500
    assert safe.tpot_ms is not None and safe.tpot_ms <= 30 * (1 + 1e-6)
    assert median.tpot_ms is not None and median.tpot_ms <= safe.tpot_ms


@pytest.mark.parametrize("instance_type", ["p4de.24xlarge", "g6e.xlarge", "g6.xlarge", "g5.xlarge"])
def test_a_card_without_rows_has_a_wider_band(
    instance_type: str, site: Site, catalog: Catalog
) -> None:
    slow = more(BASE, "latency", ttft_ms=20_000, tpot_ms=500)
    plan = service(more(slow, "hardware", instance_type=instance_type), site, catalog)
    assert plan.calibrated is not None
    known = service(slow, site, catalog).calibrated
    assert known is not None
    assert (plan.calibrated.basis, known.basis) == ("datasheet", "measured")

    def width(found: Any) -> float:
        return float(found.safe.saturation_requests_per_s / found.median.saturation_requests_per_s)

    assert width(plan.calibrated) < width(known) < 1


def test_latency_that_nothing_meets_is_an_answer(site: Site, catalog: Catalog) -> None:
    plan = service(more(BASE, "latency", tpot_ms="0.1"), site, catalog)
    assert plan.pool is None
    (slow, *_) = [r for r in plan.rejected if r.reason is Reason.latency]
    assert "TPOT" in slow.numbers and "0.1 ms is the target" in slow.numbers


def test_a_model_of_an_unknown_shape_asks_for_its_config(site: Site, catalog: Catalog) -> None:
    plan = service(BASE | {"model": "qwen3.6-27b"}, site, catalog)
    assert plan.pool is None
    assert any("config.json" in r.numbers for r in plan.rejected)


@pytest.mark.parametrize(
    "hardware",
    [
        {"instance_type": "p5.48xlarge"},
        {"instance_type": "p5.48xlarge", "tensor_parallel": 8, "nodes_per_replica": 2},
        {"instance_type": "p5.48xlarge", "nodes_per_replica": 2},
        {"instance_type": "auto", "nodes_per_replica": 2},
    ],
)
def test_a_replica_over_nodes_is_not_rated(hardware: Values, site: Site, catalog: Catalog) -> None:
    """Its step times are unknown; a measured rate sizes it."""
    values = BASE | {"model": "llama-3.1-405b", "hardware": hardware}
    plan = service(values, site, catalog)
    assert plan.pool is None
    lacks = (Reason.not_in_this_version, Reason.memory)
    assert any(r.reason in lacks for r in plan.rejected)
    if "nodes_per_replica" in hardware:
        assert any("step times are of replicas in one node" in r.numbers for r in plan.rejected)
    stated = more(values, "hardware", instance_type="p5.48xlarge", nodes_per_replica=2)
    measured = more(stated, "capacity", method="given", requests_per_gpu_per_s=1)
    counted = service(measured, site, catalog)
    assert counted.pool is not None and counted.pool.nodes_per_replica == 2
    assert counted.calibrated is None and counted.rollout is not None
    assert [m.method for m in counted.methods] == ["given", "textbook"]


def test_the_binding_constraint_is_named(site: Site, catalog: Catalog) -> None:
    tight = service(more(BASE, "latency", tpot_ms=12), site, catalog).pool
    loose = service(more(BASE, "latency", tpot_ms=1_000, ttft_ms=60_000), site, catalog).pool
    assert tight is not None and tight.binding == "tpot"
    assert loose is not None and loose.binding == "throughput"
    assert tight.gpus_needed > loose.gpus_needed


def test_conversations_that_stay_need_less_prompt_and_more_slack(
    site: Site, catalog: Catalog
) -> None:
    turns = more(more(BASE, "request", turns=6), "latency", ttft_ms=5_000, tpot_ms=100)
    spread = service(turns, site, catalog)
    sticky = service(turns | {"engine": {"routing": "sticky"}}, site, catalog)
    assert spread.calibrated is not None and sticky.calibrated is not None
    assert sticky.calibrated.cached_tokens > spread.calibrated.cached_tokens
    assert spread.calibrated.imbalance_ratio == 0 < sticky.calibrated.imbalance_ratio
    assert spread.pool is not None and sticky.pool is not None
    assert sticky.pool.gpus_needed < spread.pool.gpus_needed


@pytest.mark.parametrize(
    ("spare", "at_once"),
    [pytest.param(2, 1, id="zones take turns"), pytest.param(3, 3, id="a spare in each zone")],
)
def test_the_fleet_is_reported_in_every_state(
    spare: int, at_once: int, site: Site, catalog: Catalog
) -> None:
    plan = service(BASE | {"redundancy": {"nodes": spare}}, site, catalog)
    assert plan.pool is not None and plan.rollout is not None
    total = plan.pool.replicas_total
    assert [(s.state, s.replicas, s.holds) for s in plan.states] == [
        ("steady", total, True),
        ("rollout", total - at_once, True),
        ("repair", total - 1, True),
    ]
    load_share = [s.utilisation_at_peak for s in plan.states]
    assert load_share[0] == plan.pool.utilisation_at_peak
    assert load_share[0] is not None
    assert load_share[1] == pytest.approx(load_share[0] * total / (total - at_once))
    assert plan.rollout.replicas_at_once == at_once and plan.rollout.surge_replicas == 0
    bare = service(BASE, site, catalog)
    assert [s.holds for s in bare.states] == [True, False, False]


def test_methods_are_listed_side_by_side(site: Site, catalog: Catalog) -> None:
    plan = service(BASE, site, catalog)
    assert plan.pool is not None
    ratios = {m.method: (m.gpus_needed, m.ratio) for m in plan.methods}
    assert ratios["calibrated"] == (plan.pool.gpus_needed, 1)
    # 100 requests a second x 1,500 tokens x 2 x 8.03e9 / 989e12 = 2.44 GPUs
    assert ratios["textbook"][0] == 3
    given_rate = service(
        more(BASE, "capacity", method="given", requests_per_gpu_per_s=5), site, catalog
    )
    assert next((m.method, m.ratio) for m in given_rate.methods) == ("given", 1)
    assert given_rate.calibrated is not None and given_rate.calibrated.assumed == ()


def test_requests_in_flight_are_not_users_online(site: Site, catalog: Catalog) -> None:
    traffic = {"peak_ratio": None, "peak_users_share": "0.01", "think_time_s": 86}
    values = {key: value for key, value in {**BASE["traffic"], **traffic}.items() if value}
    plan = service({**BASE, "traffic": values}, site, catalog)
    assert plan.traffic.users_online_peak == 8_640
    assert plan.calibrated is not None and plan.calibrated.in_flight_peak is not None
    # 100.5 a second for some seconds each
    assert 100 < plan.calibrated.in_flight_peak < 100.5 * 15.5


TYPES = ["p5.4xlarge", "g6e.xlarge", "p4d.24xlarge", "g6.12xlarge"]
MODELS = ["llama-3.1-8b", "qwen3-30b-a3b", "gemma-3-12b"]


@st.composite
def requested(draw: st.DrawFn) -> Values:
    routing = draw(st.sampled_from(["least_requests", "round_robin", "sticky"]))
    return {
        **BASE,
        "model": {"name": draw(st.sampled_from(MODELS)), "precision": "bf16"},
        "traffic": {
            "daily_users": draw(st.integers(1, 5_000_000)),
            "requests_per_user_per_day": draw(st.integers(1, 20)),
            "peak_ratio": draw(st.decimals(1, 5, places=1)),
        },
        "request": {
            "input_tokens": draw(st.integers(10, 4_000)),
            "output_tokens": draw(st.integers(10, 1_000)),
            "turns": draw(st.integers(1, 4)),
        },
        "latency": {
            "ttft_ms": draw(st.integers(300, 8_000)),
            "tpot_ms": draw(st.integers(25, 300)),
        },
        "engine": {"routing": routing},
        "hardware": {
            "instance_type": draw(st.sampled_from(TYPES)),
            "tensor_parallel": draw(st.sampled_from([1, 4])),
        },
    }


def pool_of(values: Values, site: Site, catalog: Catalog) -> PoolPlan | None:
    """Pool on the stated type. The catalog has that type alone, so a refusal names no others."""
    stated = values["hardware"]["instance_type"]
    alone = tuple(row for row in catalog.instance_types if row.name == stated)
    return service(values, site, catalog.model_copy(update={"instance_types": alone})).pool


HARDER: dict[str, Callable[[Values, float], Values]] = {
    "users": lambda v, f: more(v, "traffic", daily_users=int(v["traffic"]["daily_users"] * f)),
    "longer outputs": lambda v, f: more(
        v, "request", output_tokens=int(v["request"]["output_tokens"] * f)
    ),
    "longer prompts": lambda v, f: more(
        v, "request", input_tokens=int(v["request"]["input_tokens"] * f)
    ),
    "tighter ttft": lambda v, f: more(v, "latency", ttft_ms=v["latency"]["ttft_ms"] / f),
    "tighter tpot": lambda v, f: more(v, "latency", tpot_ms=v["latency"]["tpot_ms"] / f),
    "stricter percentile": lambda v, f: more(v, "latency", percentile=95 + 4 * (1 - 1 / f)),
    "less utilisation": lambda v, f: more(v, "capacity", max_utilisation=f"{0.9 / f:.6f}"),
}


@pytest.mark.parametrize("change", HARDER)
@settings(max_examples=examples(150))
@given(values=requested(), factor=st.floats(1, 4))
def test_harder_questions_never_need_fewer_nodes(
    change: str, values: Values, factor: float, site: Site, catalog: Catalog
) -> None:
    before = pool_of(values, site, catalog)
    assume(before is not None)
    after = pool_of(HARDER[change](values, factor), site, catalog)
    assert after is None or (before is not None and after.nodes_total >= before.nodes_total)


@settings(max_examples=examples(200))
@given(values=requested())
def test_twice_the_memory_never_needs_more(values: Values, site: Site, catalog: Catalog) -> None:
    name = values["hardware"]["instance_type"]
    larger = tuple(
        row.model_copy(update={"gpu_memory_bytes": 2 * row.gpu_memory_bytes})
        if row.name == name
        else row
        for row in catalog.instance_types
    )
    before = pool_of(values, site, catalog)
    assume(before is not None)
    after = pool_of(values, site, catalog.model_copy(update={"instance_types": larger}))
    assert before is not None and after is not None
    assert after.nodes_total <= before.nodes_total


MIXTURE: Values = BASE | {
    "model": "kimi-k2.6",
    "traffic": {"daily_users": 8_640, "requests_per_user_per_day": 10, "peak_ratio": 1},
    "request": {"input_tokens": 500, "output_tokens": 300, "context_tokens": 8192},
    "hardware": {"instance_type": "p6-b300.48xlarge"},
}
"""A model of which 3 % is active and no experts are known."""


@pytest.mark.parametrize("instance_type", ["p6-b300.48xlarge", "auto"])
def test_a_mixture_without_known_experts_is_not_taken_for_dense(
    instance_type: str, site: Site, catalog: Catalog
) -> None:
    values = MIXTURE | {"hardware": {"instance_type": instance_type}}
    plan = service(values, site, catalog)
    assert plan.pool is None and plan.calibrated is None
    reasons = [r.numbers for r in plan.rejected if r.reason is Reason.unknown_fact]
    assert reasons and set(reasons) == {
        "the model's architecture is not known; name its config.json"
    }


def test_its_memory_is_known_and_the_textbook_rule_sizes_it(site: Site, catalog: Catalog) -> None:
    plan = service(MIXTURE | {"capacity": {"method": "textbook"}}, site, catalog)
    assert plan.pool is not None and plan.calibrated is None
    assert [method.method for method in plan.methods] == ["textbook"]
    # 61 layers x (512 + 64) x 2 bytes
    assert plan.memory.kv_bytes_per_token == 61 * (512 + 64) * 2
