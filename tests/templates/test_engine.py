"""Limits of requests reach the engine as options that its version knows."""

from typing import Any

import pytest
import yaml

from sizing.catalog import Ability, load_catalog
from sizing.plan.service.serving import LimitsBy
from sizing.plan.whole import Plan
from templates.render import render
from tests.components.plans import (
    CHAT,
    bursting_plan,
    changed_service,
    chat_plan,
    plan_of,
    public_plan,
    spanning_plan,
)

FP8: dict[str, Any] = CHAT | {
    "model": {"name": "llama-3.1-8b", "precision": "fp8"},
    "hardware": {"instance_type": "g6e.xlarge"},
    "latency": {"ttft_ms": 4500, "tpot_ms": 50},
}
"""Service with the newest image, which bounds its queue itself; nf4 has the other image."""


def pods(plan: Plan) -> dict[str, Any]:
    """Pods that answer requests, by document."""
    found = {}
    for path, text in render(plan).items():
        document = yaml.safe_load(text) if path.endswith(".yaml") else {}
        spec = document.get("spec") or {}
        if document.get("kind") == "Deployment":
            found[path] = spec["template"]["spec"]
        if document.get("kind") == "LeaderWorkerSet":
            found[path] = spec["leaderWorkerTemplate"]["leaderTemplate"]["spec"]
    return found


def engine(pod: Any) -> Any:
    (container,) = pod["containers"]
    return container


def environment(pod: Any) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in engine(pod)["env"]}


def flag(pod: Any, name: str) -> str | None:
    words = engine(pod)["args"]
    return words[words.index(name) + 1] if name in words else None


PLANS = {
    "floor": chat_plan(),
    "newest image": plan_of(FP8),
    "burst": bursting_plan(),
    "groups": spanning_plan(),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=list(PLANS))
def test_an_engine_keeps_idle_connections_longer_than_its_load_balancer(plan: Plan) -> None:
    """Guard: the engine's default of 5 s makes the balancer answer with 502 now and then."""
    gateway = plan.services[0].gateway
    assert gateway is not None
    for pod in pods(plan).values():
        kept = int(environment(pod)["VLLM_HTTP_TIMEOUT_KEEP_ALIVE"])
        assert kept > gateway.idle_timeout_s


@pytest.mark.parametrize("plan", PLANS.values(), ids=list(PLANS))
def test_an_internal_service_bounds_its_queue_too(plan: Plan) -> None:
    serving = plan.services[0].serving
    assert serving is not None
    assert serving.in_flight == serving.max_num_seqs + serving.waiting
    for pod in pods(plan).values():
        native = flag(pod, "--max-num-queued-reqs")
        checked = environment(pod).get("ADMISSION_IN_FLIGHT")
        assert {native, checked} == {str(serving.in_flight), None}
        assert flag(pod, "--middleware") == ("admission.Admission" if checked else None)


def test_the_newest_image_bounds_its_queue_by_its_own_flag() -> None:
    pod, *_ = pods(PLANS["newest image"]).values()
    assert flag(pod, "--max-num-queued-reqs") is not None
    assert "PYTHONPATH" not in environment(pod)


def test_a_limit_of_tokens_takes_a_request_for_one_sequence() -> None:
    def limits(plan: Plan) -> dict[str, str]:
        pod, *_ = pods(plan).values()
        names = ("VLLM_MAX", "ADMISSION_SEQUENCES")
        return {k: v for k, v in environment(pod).items() if k.startswith(names) and v}

    assert limits(public_plan(FP8)) == {
        "VLLM_MAX_N_SEQUENCES": "1",
        "VLLM_MAX_COMPLETION_PROMPTS": "1",
    }
    assert limits(public_plan()) == {"ADMISSION_SEQUENCES": "1"}
    assert limits(public_plan(FP8, tokens_per_key_per_min=None)) == {}
    assert limits(chat_plan()) == {}


@pytest.mark.parametrize(
    "plan", [*PLANS.values(), public_plan(), public_plan(FP8)], ids=[*PLANS, "public", "public fp8"]
)
def test_only_options_that_the_pinned_version_knows_are_set(plan: Plan) -> None:
    """Guard: the engine silently ignores an unknown variable, and with it the limit."""
    serving = plan.services[0].serving
    assert serving is not None
    tag = serving.image.rpartition(":")[2]
    rows = [row for row in load_catalog().engine_options if row.tag == tag]
    known = {o for row in rows if row.known for o in row.option.split(", ")}
    recorded = {o for row in load_catalog().engine_options for o in row.option.split(", ")}
    assert known, f"no row of {tag}"
    for pod in pods(plan).values():
        used = {*environment(pod), *engine(pod)["args"]}
        assert used & recorded <= known
        own = {"VLLM_NO_USAGE_STATS", *known}
        assert {name for name in environment(pod) if name.startswith("VLLM_")} <= own


def test_the_check_lies_where_the_engine_imports_it_from() -> None:
    for plan in (PLANS["floor"], PLANS["burst"], PLANS["groups"]):
        texts = render(plan)
        name = next(path for path in texts if path.endswith("script-admission.yaml"))
        script = yaml.safe_load(texts[name])
        assert list(script["data"]) == ["admission.py"]
        for pod in pods(plan).values():
            (mount,) = [m for m in engine(pod)["volumeMounts"] if m["name"] == "admission"]
            assert mount["mountPath"] == environment(pod)["PYTHONPATH"]
            (volume,) = [v for v in pod["volumes"] if v["name"] == "admission"]
            assert volume["configMap"]["name"] == script["metadata"]["name"]


def test_members_of_a_group_serve_nothing_and_check_nothing() -> None:
    (text, *_) = [t for p, t in render(PLANS["groups"]).items() if "leader-worker-set" in p]
    template = yaml.safe_load(text)["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"]
    assert flag(template, "--middleware") is None
    assert "ADMISSION_IN_FLIGHT" not in environment(template)


def test_an_engine_that_nothing_is_known_of_is_given_no_limit_that_it_may_ignore() -> None:
    plan = changed_service(PLANS["floor"], "serving", limits_by=LimitsBy.nothing, keep_alive_s=None)
    pod, *_ = pods(plan).values()
    assert not {n for n in environment(pod) if n.startswith(("VLLM_HTTP", "VLLM_MAX", "ADM"))}
    assert flag(pod, "--max-num-queued-reqs") is None


def test_every_pinned_image_has_a_row_for_every_ability() -> None:
    catalog = load_catalog()
    tags = {
        catalog.pin(item).version
        for item in (
            "vllm/vllm-openai",
            "vllm/vllm-openai for nf4",
            "public.ecr.aws/deep-learning-containers/vllm",
        )
    }
    have = {(row.tag, row.ability) for row in catalog.engine_options}
    assert have >= {(tag, ability) for tag in tags for ability in Ability}
