"""Every program that a pod mounts exists in the stack before the pod."""

from collections.abc import Iterator
from typing import Any

import pytest

from sizing.plan.whole import Plan
from templates.programs import MOUNTED
from templates.render import render
from tests.components.plans import BURSTING, EVERYTHING, plan_of, public_plan, spanning_plan
from tests.components.stacks import stack
from tests.templates.test_other_engines import OTHERS, served

PLANS = {
    "burst and import": plan_of(EVERYTHING),
    "encrypted": plan_of(BURSTING | {"in_transit": "tls"}),
    "public": public_plan(),
    "groups": spanning_plan(),
    **{name.value: served(name) for name in OTHERS},
}


def config_maps(value: Any) -> Iterator[str]:
    """Names of all ConfigMaps that volumes anywhere in the inputs name."""
    if isinstance(value, dict):
        found = value.get("configMap")
        if isinstance(found, dict):
            yield found["name"]
        for each in value.values():
            yield from config_maps(each)
    elif isinstance(value, list):
        for each in value:
            yield from config_maps(each)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_every_mounted_program_is_made(plan: Plan) -> None:
    """Guard: a pod without one of its ConfigMaps never starts, and nothing else would tell."""
    resources = stack(plan).resources
    made = {r.inputs["metadata"]["name"] for r in resources if r.type.endswith(":ConfigMap")}
    mounted = {name for resource in resources for name in config_maps(resource.inputs)}
    assert mounted <= made
    assert mounted


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_list_has_every_program_of_a_floor_pod(plan: Plan) -> None:
    documents = {path.split("/")[2].removesuffix(".yaml") for path in render(plan)}
    scripts = {name for name in documents if name.startswith("script-")} - {"script-import"}
    assert scripts <= {*MOUNTED}
