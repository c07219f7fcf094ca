"""The offline preview and the real engine agree on every resource and every input."""

from pathlib import Path

import pytest

from sizewright.record import Recorded, RecordedResource
from sizewright.record.program import record_program
from testbed.engine import Stack
from tests.engine.agreement import Resolved, as_engine_shows, as_given
from tests.engine.conftest import CHAT, DEV, PROD, MakeStack

STACK = "pulumi:pulumi:Stack"


def key_of(urn: str) -> str:
    """Key `type::name`, as recordings name resources."""
    return f"{urn.split('::')[2].rsplit('$', maxsplit=1)[-1]}::{urn.rsplit('::', maxsplit=1)[-1]}"


@pytest.mark.parametrize("site", [DEV, PROD], ids=["dev", "prod"])
def test_first_preview(make_stack: MakeStack, site: Path) -> None:
    recorded = record_program(site, [CHAT], preview=True)
    stack = make_stack(site, name=site.name.split(".")[1])
    steps = {step.key: step for step in stack.preview()}
    assert {step.op for step in steps.values()} == {"create"}
    assert set(steps) == {resource.key for resource in recorded.resources}
    for resource in recorded.resources:
        assert as_given(steps[resource.key]) == as_engine_shows(resource.inputs), resource.key
    assert stack.world.log == []


def recorded_of(deployed: Stack) -> Recorded:
    return record_program(deployed.site, [CHAT])


def custom(recorded: Recorded) -> list[RecordedResource]:
    """Resources that a provider creates."""
    return [r for r in recorded.resources if r.custom and not r.type.startswith("pulumi:")]


def test_what_the_providers_were_given(deployed: Stack) -> None:
    """Inputs at the provider equal the recording with every reference replaced."""
    recorded = recorded_of(deployed)
    resolved = Resolved(recorded, deployed.things())
    things = {f"{thing.type}::{thing.name}": thing for thing in deployed.things()}
    assert set(things) == {resource.key for resource in custom(recorded)}
    for resource in custom(recorded):
        assert resolved.inputs(resource) == things[resource.key].inputs, resource.key


def test_parents_protection_and_dependencies(deployed: Stack) -> None:
    recorded = recorded_of(deployed)
    state = {key_of(entry["urn"]): entry for entry in deployed.state() if entry["type"] != STACK}
    assert set(state) == {resource.key for resource in recorded.resources}
    for resource in recorded.resources:
        entry = state[resource.key]
        parent = entry["parent"]
        assert resource.parent == (None if STACK in parent else key_of(parent)), resource.key
        assert resource.protect is bool(entry.get("protect")), resource.key
        dependencies = sorted(key_of(urn) for urn in entry.get("dependencies", []))
        assert list(resource.depends_on) == dependencies, resource.key
