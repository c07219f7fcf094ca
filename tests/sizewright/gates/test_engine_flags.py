"""Every flag that an engine gets is in the list of its pinned image."""

import json

import pytest

from sizewright.gates import engine_flags as gate
from sizewright.gates.engine_flags import engine_flags, image_flags
from sizing.catalog import load_catalog
from sizing.plan.service.serving import LimitsBy
from sizing.plan.whole import Plan
from sizing.workload import ENGINES, EngineName
from sizing.workload.engines.traits import Setting
from tests.components.plans import (
    CHAT,
    STUDIO,
    bursting_plan,
    changed_service,
    chat_plan,
    plan_of,
    public_plan,
    spanning_plan,
)
from tests.templates.test_other_engines import OTHERS, served

PLANS = {
    "floor": chat_plan(),
    "burst": bursting_plan(),
    "groups": spanning_plan(),
    "public": public_plan(),
    "encrypted": plan_of(CHAT | {"in_transit": "tls"}),
    **{name.value: served(name) for name in OTHERS},
    "images": plan_of(STUDIO),
    "newest image": plan_of(CHAT | {"model": {"name": "llama-3.1-8b", "precision": "bf16"}}),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=list(PLANS))
def test_the_pinned_image_has_every_flag_that_its_engine_gets(plan: Plan) -> None:
    (verdict,) = engine_flags(plan)
    assert verdict.passed, verdict.detail


def test_a_flag_that_the_image_lacks_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    traits = EngineName.vllm.traits
    monkeypatch.setitem(traits.flags, Setting.context, "--max-model-length")  # type: ignore[misc]
    (verdict,) = engine_flags(PLANS["floor"])
    assert verdict.passed is False
    assert verdict.detail == "docker.io/vllm/vllm-openai:v0.27.1 lacks --max-model-length"
    assert verdict.remedy is not None


def test_a_flag_of_a_later_version_fails() -> None:
    """Guard: 0.27.1 has no bound of its queue; only the row of its own tag counts."""
    (verdict,) = engine_flags(changed_service(PLANS["floor"], "serving", limits_by=LimitsBy.engine))
    assert (verdict.passed, "--max-num-queued-reqs" in verdict.detail) == (False, True)


def test_an_image_without_a_list_fails() -> None:
    plan = changed_service(PLANS["floor"], "serving", image="docker.io/vllm/vllm-openai:v9.9.9")
    (verdict,) = engine_flags(plan)
    assert verdict.passed is False
    assert verdict.detail == "no list has the flags of docker.io/vllm/vllm-openai:v9.9.9"


def test_every_pinned_engine_image_has_a_list_with_source_and_date() -> None:
    catalog = load_catalog()
    pinned = {
        (engine, catalog.pin(item).version)
        for engine, traits in ENGINES.items()
        for item in (*traits.images, *([traits.groups.image] if traits.groups else []))
    }
    assert image_flags().keys() == pinned
    for row in image_flags().values():
        assert row.source and row.checked.startswith("20")
        assert len(row.flags) > 15 and all(flag.startswith("--") for flag in row.flags)


def test_lists_are_sorted() -> None:
    """Guard: a sorted file shows in a diff what a new version adds."""
    rows = json.loads(gate.FLAGS.read_text(encoding="utf-8"))
    assert [(r["engine"], r["tag"]) for r in rows] == sorted((r["engine"], r["tag"]) for r in rows)
    assert all(row["flags"] == sorted(set(row["flags"])) for row in rows)
