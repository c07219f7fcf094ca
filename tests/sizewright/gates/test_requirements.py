"""The gate over requirements of resources: it fails without each provider of a sound graph."""

from dataclasses import replace
from functools import cache

import pytest
import yaml

from sizewright.gates.requirements import is_a, requirements
from sizewright.record import Recorded, program
from templates.needs import NEEDS, SELF_SUFFICIENT, Need
from templates.render import render
from tests.components.plans import (
    APPLIED,
    CHAT,
    EVERYTHING,
    PAGED,
    QUEUED_BURST,
    SPANNING,
    chat_plan,
    infeasible_plan,
    measured_plan,
    plan_of,
    public_plan,
)
from tests.components.stacks import stack
from tests.sizewright.conftest import Run

PLAN = public_plan(EVERYTHING, SPANNING, QUEUED_BURST, APPLIED, PAGED | {"name": "paged"})


@cache
def sound() -> Recorded:
    """Graph of a public service that bursts, of one whose replicas span nodes, of a queued one
    that bursts, of one with an application, and of one with a chat page; and what another stack
    has that keeps metrics."""
    built, measured = stack(PLAN), stack(measured_plan())
    known = {resource.key for resource in built.resources}
    more = (resource for resource in measured.resources if resource.key not in known)
    return replace(built, resources=(*built.resources, *more))


def without(need: Need) -> Recorded:
    kept = tuple(r for r in sound().resources if not is_a(r, need.provider))
    assert len(kept) < len(sound().resources), need
    return replace(sound(), resources=kept)


def test_a_sound_graph_meets_every_need() -> None:
    gate = requirements(sound())
    assert gate.passed is True, gate.detail
    assert gate.detail == f"{len(NEEDS)} needs met", "each need has a user"


def test_a_stack_that_keeps_metrics_meets_its_needs() -> None:
    for plan in (measured_plan(), measured_plan(CHAT, alerts=None)):
        gate = requirements(stack(plan))
        assert gate.passed is True, gate.detail


def test_without_a_burst_nothing_of_it_is_there() -> None:
    built = stack(chat_plan())
    assert requirements(built).passed is True
    answer = " ".join(f"{r.key} {r.inputs}" for r in built.resources).lower()
    assert not [word for word in ("karpenter", "keda", "prometheus") if word in answer]
    assert not [r.key for r in built.resources if "burst" in r.key]


def test_a_cluster_without_services_needs_less() -> None:
    gate = requirements(stack(infeasible_plan()))
    assert gate.passed is True
    assert gate.detail != requirements(sound()).detail


def test_an_empty_graph_is_not_judged() -> None:
    assert requirements(Recorded((), {})).passed is None


@pytest.mark.parametrize("need", NEEDS, ids=lambda need: f"{need.user}-{need.provider}")
def test_a_missing_provider_fails(need: Need) -> None:
    gate = requirements(without(need))
    assert gate.passed is False
    assert str(need.provider) in gate.detail and need.why in gate.detail


def test_the_command_ends_with_4(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = next(need for need in NEEDS if need.provider.value == "nvidia-device-plugin")
    monkeypatch.setattr(program, "record_program", lambda *_: without(plugin))
    ended = run("check", "tests/workloads/chat.yaml")
    assert ended.code == 4
    assert "requirements" in ended.err.removeprefix("failed: ").strip().split(", ")


def test_every_rendered_kind_declares_what_it_needs() -> None:
    users = {need.user.resource_type for need in NEEDS}
    for path, text in render(PLAN).items():
        if path.endswith(".yaml"):
            parsed = yaml.safe_load(text)
            version = parsed["apiVersion"] if "/" in parsed["apiVersion"] else "core/v1"
            token = f"kubernetes:{version}:{parsed['kind']}"
            assert (token in users) != (token in SELF_SUFFICIENT), token


def test_a_type_with_one_card_has_the_interface_that_its_plugin_offers() -> None:
    """The type's first interface is EFA with addresses; none is EFA alone."""
    hardware = {"instance_type": "g6.48xlarge", "nodes_per_replica": 2, "load_time_s": 2_000}
    small = {**SPANNING, "model": "llama-3.1-70b", "hardware": hardware}
    gate = requirements(stack(plan_of(small)))
    assert gate.passed is True, gate.detail
