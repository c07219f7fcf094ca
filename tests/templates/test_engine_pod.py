"""User id of an engine, and the place of its compiled code."""

from typing import Any

import pytest
import yaml

from sizing.plan.whole import Plan
from templates.render import render
from tests.components.plans import bursting_plan, changed_service, chat_plan, spanning_plan
from tests.templates.test_engine import engine, pods

PLANS = {"floor": chat_plan(), "burst": bursting_plan(), "groups": spanning_plan()}


def cache(pod: Any) -> tuple[dict[str, Any], str]:
    """Volume of compiled code, and the engine's part of it."""
    home = next(e["value"] for e in engine(pod)["env"] if e["name"] == "HOME")
    (mount,) = [m for m in engine(pod)["volumeMounts"] if m["mountPath"] == home]
    (volume,) = [v for v in pod["volumes"] if v["name"] == mount["name"]]
    return volume, mount["subPath"]


@pytest.mark.parametrize("plan", PLANS.values(), ids=list(PLANS))
def test_compiled_code_outlives_a_pod(plan: Plan) -> None:
    """Guard: an emptyDir is deleted with its pod, and the next one compiles for minutes."""
    for pod in pods(plan).values():
        volume, part = cache(pod)
        assert "emptyDir" not in volume
        assert volume["hostPath"]["type"] == "DirectoryOrCreate"
        assert part.startswith(f"{plan.services[0].name}/"), "services share no compiled code"


@pytest.mark.parametrize("plan", PLANS.values(), ids=list(PLANS))
def test_the_engine_may_write_its_cache_whoever_it_runs_as(plan: Plan) -> None:
    for pod in pods(plan).values():
        _, part = cache(pod)
        (opener,) = [c for c in pod["initContainers"] if c["name"] == "cache"]
        (mount,) = opener["volumeMounts"]
        assert opener["command"] == ["chmod", "0770", mount["mountPath"]]
        assert mount["subPath"] == part
        user = engine(pod)["securityContext"].get("runAsUser", 0)
        assert part.endswith(f"/{user}"), "another user's files could not be replaced"
        assert engine(pod)["securityContext"].get("runAsGroup", 0) == 0


def test_an_engine_is_not_root_where_its_image_has_another_user() -> None:
    pod, *_ = pods(PLANS["floor"]).values()
    context = engine(pod)["securityContext"]
    assert context["runAsNonRoot"] is True
    assert (context["runAsUser"], context["runAsGroup"]) == (2000, 0)


def test_an_engine_stays_root_where_no_other_user_is_known() -> None:
    pod, *_ = pods(changed_service(PLANS["floor"], "serving", as_root=True)).values()
    assert "runAsUser" not in engine(pod)["securityContext"]
    serving = PLANS["groups"].services[0].serving
    assert serving is not None
    assert serving.as_root, "EFA's locked memory, and an image of which nothing was read"


def test_every_other_pod_is_not_root_or_writes_the_nodes_disk() -> None:
    for text in render(PLANS["floor"]).values():
        document = yaml.safe_load(text) if text.startswith("apiVersion") else {}
        if document.get("kind") != "Deployment":
            continue
        pod = document["spec"]["template"]["spec"]
        disks = {v["name"] for v in pod["volumes"] if "hostPath" in v}
        for container in (*pod["initContainers"], *pod["containers"]):
            root = "runAsUser" not in container["securityContext"]
            writes = {
                m["name"] for m in container["volumeMounts"] if not m.get("readOnly", False)
            } & disks
            assert writes or not root, container["name"]
