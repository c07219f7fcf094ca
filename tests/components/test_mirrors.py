"""Mirrors and credentials reach the charts' values and the pods."""

from typing import Any

import yaml

from sizewright.gates.pull import docker_hub_pulls
from sizing.catalog import load_catalog
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.size import size
from templates.render import render
from tests.components.plans import bursting_plan, imported_plan
from tests.components.recording import of_type
from tests.components.stacks import stack

MIRRORS = {
    "ghcr.io": "registry.example.com/ghcr",
    "nvcr.io": "registry.example.com/nvcr",
    "nvidia.github.io": "oci://registry.example.com/charts",
    "quay.io/prometheus": "registry.example.com/prometheus",
}


def given(plan: Plan, **keys: object) -> Plan:
    site = Site.model_validate(plan.site.model_dump(mode="json", exclude_unset=True) | keys)
    return size([service.inputs for service in plan.services], site, load_catalog())


def releases(plan: Plan) -> dict[str, Any]:
    built = stack(plan)
    return {str(r.inputs["name"]): r.inputs for r in of_type(built, "helm.sh/v3:Release")}


def test_charts_and_their_images_come_from_the_mirrors() -> None:
    found = releases(given(bursting_plan(), mirrors=MIRRORS))
    plugin = found["nvidia-device-plugin"]
    assert (
        plugin["chart"]
        == "oci://registry.example.com/charts/k8s-device-plugin/nvidia-device-plugin"
    )
    assert "repositoryOpts" not in plugin, "an OCI registry has no index"
    assert plugin["values"]["image"] == {
        "repository": "registry.example.com/nvcr/nvidia/k8s-device-plugin"
    }
    keda = found["keda"]["values"]["image"]
    assert keda["keda"] == {"registry": "registry.example.com", "repository": "ghcr/kedacore/keda"}
    assert keda["metricsApiServer"]["repository"] == "ghcr/kedacore/keda-metrics-apiserver"
    prometheus = found["prometheus"]["values"]
    assert prometheus["server"]["image"] == {
        "repository": "registry.example.com/prometheus/prometheus"
    }
    assert prometheus["server"]["retention"] == "24h", "the other values stay"
    assert "image" not in prometheus["configmapReload"]["prometheus"], "no mirror of its own"


def test_credentials_are_named_wherever_something_is_pulled() -> None:
    plan = given(bursting_plan(), image_pull_secrets=["registry"])
    named = [{"name": "registry"}]
    for name, inputs in releases(plan).items():
        if name != "karpenter-crd":
            assert inputs["values"]["imagePullSecrets"] == named, name
    imported = given(imported_plan("image"), image_pull_secrets=["registry"])
    for texts in (render(plan), render(imported)):
        templates = [
            document["spec"]["template"]["spec"]
            for text in texts.values()
            if isinstance(document := parsed(text), dict)
            and document.get("kind") in ("Deployment", "Job")
        ]
        assert templates and all(spec["imagePullSecrets"] == named for spec in templates)


def parsed(text: str) -> Any:
    return None if text.startswith("MIME") else yaml.safe_load(text)


def test_other_credentials_make_another_job() -> None:
    """Guard: the template of a Job cannot change."""
    plan = imported_plan()
    names = {
        yaml.safe_load(render(p)["kubernetes/chat/import-job.yaml"])["metadata"]["name"]
        for p in (plan, given(plan, image_pull_secrets=["registry"]))
    }
    assert len(names) == 2


def test_many_nodes_that_pull_from_docker_hub_without_a_name_are_warned_of() -> None:
    """Guard: 15 nodes behind the one NAT gateway of dev exceed its pulls, and pods do not start."""
    plan = bursting_plan("dev")
    gate = docker_hub_pulls(plan)
    assert gate.passed is None and "from one address" in gate.detail and "mirrors" in gate.detail
    assert docker_hub_pulls(given(plan, image_pull_secrets=["hub"])).passed is True
    copy = {"docker.io": "registry.example.com/hub"}
    assert docker_hub_pulls(given(plan, mirrors=copy)).passed is True
