"""Every image and chart comes from the stack's mirror; an unused mirror is refused."""

import pytest

from sizing.catalog import load_catalog
from sizing.plan.whole import Plan
from sizing.site import Site
from sizing.site.mirrors import mirrored
from sizing.size import size
from sizing.stack.mirror_check import check_mirrors
from sizing.values.field_error import FieldError
from tests.components.plans import bursting_plan, imported_plan, measured_plan, spanning_plan

CATALOG = load_catalog()
COPY = "registry.example.com:5000/copies"
REGISTRIES = (
    "602401143452.dkr.ecr.us-west-2.amazonaws.com",
    "aws.github.io",
    "docker.io",
    "ghcr.io",
    "kedacore.github.io",
    "nvcr.io",
    "nvidia.github.io",
    "prometheus-community.github.io",
    "public.ecr.aws",
    "quay.io",
    "registry.k8s.io",
)
EVERYTHING = {registry: f"{COPY}/{registry}" for registry in REGISTRIES}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (
            "docker.io/vllm/vllm-openai:v1@sha256:ab",
            "copy.example/hub/vllm/vllm-openai:v1@sha256:ab",
        ),
        ("docker.io/vllms/other:v1", "copy.example/all/vllms/other:v1"),
        ("public.ecr.aws/a/b:1", "public.ecr.aws/a/b:1"),
        ("https://nvidia.github.io/k8s", "oci://copy.example/charts/k8s"),
        ("oci://quay.io/a", "oci://copy.example/quay/a"),
        ("quay.io/a", "copy.example/quay/a"),
        ("nvidia.github.io/image", "copy.example/charts/image"),
    ],
)
def test_the_longest_beginning_decides_and_ends_where_a_part_ends(
    address: str, expected: str
) -> None:
    mirrors = {
        "docker.io": "copy.example/all",
        "docker.io/vllm": "copy.example/hub/vllm",
        "nvidia.github.io": "oci://copy.example/charts",
        "quay.io": "copy.example/quay",
    }
    assert mirrored(address, mirrors) == expected


def with_mirrors(plan: Plan, mirrors: dict[str, str]) -> Plan:
    given = plan.site.model_dump(mode="json", exclude_unset=True) | {"mirrors": mirrors}
    workloads = [service.inputs for service in plan.services]
    return size(workloads, Site.model_validate(given), CATALOG)


@pytest.mark.parametrize("of", [bursting_plan, spanning_plan, imported_plan, measured_plan])
def test_with_all_registries_mirrored_no_image_and_no_chart_comes_from_elsewhere(
    of: object,
) -> None:
    """Guard: only the engine's image could be mirrored, so a closed network installed nothing."""
    assert callable(of)
    plan = with_mirrors(of(), EVERYTHING)
    places = [s.serving.image for s in plan.services if s.serving]
    places += [s.serving.copy_image for s in plan.services if s.serving]
    places += [s.weights_import.image for s in plan.services if s.weights_import]
    services = plan.cluster_services
    parts = [services.device_plugin, services.load_balancer_controller]
    parts += [services.group_controller, services.interconnect_plugin]
    burst = services.burst
    if burst is not None:
        parts += [burst.node_autoscaler, burst.pod_autoscaler, burst.metrics]
    if services.monitoring is not None:
        parts += [services.monitoring.server, services.monitoring.gpu_exporter]
    charts = [part for part in parts if part is not None]
    assert len(charts) >= 2
    for chart in charts:
        places.append(chart.repository.rpartition("://")[2])
        known = [row.image for row in CATALOG.chart_images if row.chart == chart.chart]
        assert len(chart.images) == len(known) > 0, chart.chart
        places += [image.repository for image in chart.images]
    assert [place for place in places if not place.startswith(COPY)] == []


def test_every_chart_with_pods_has_its_images_in_the_catalog() -> None:
    """Guard: a chart that is pinned and not listed would pull past the mirror."""
    pinned = {p.item.removeprefix("chart:") for p in CATALOG.pins if p.item.startswith("chart:")}
    assert pinned - {"karpenter-crd"} == {row.chart for row in CATALOG.chart_images}


def test_a_mirror_that_matches_nothing_is_refused() -> None:
    plan = bursting_plan()
    workloads = [service.inputs for service in plan.services]
    given = plan.site.model_dump(mode="json", exclude_unset=True)
    for prefix in ("dockerio.example.com", "docker.io/vll", "public.ecr.aws/karpenters"):
        site = Site.model_validate(given | {"mirrors": {prefix: COPY}})
        with pytest.raises(FieldError, match=f"{prefix} is the beginning of no image") as caught:
            check_mirrors(workloads, site, CATALOG)
        assert caught.value.field == ("mirrors", prefix)


def test_without_mirrors_nothing_is_said_about_images() -> None:
    services = bursting_plan().cluster_services
    assert services.device_plugin is not None and services.device_plugin.images == ()
