"""A Helm release exactly as planned; a release that does not become ready is rolled back."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from sizing.plan.stack.cluster import ChartImagePlan, ChartPlan
from sizing.stack.cluster_services import NAMESPACE

OCI = "oci://"


def release(
    name: str,
    plan: ChartPlan,
    values: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    *,
    skip_crds: bool | None = None,
    release_name: str | None = None,
) -> Release:
    """Return the release under the chart's own name, so that its objects keep their names.

    `release_name` is another name, for a second release of a chart.
    """
    oci = plan.repository.startswith(OCI)
    return Release(
        name,
        name=release_name or plan.chart,
        namespace=NAMESPACE,
        chart=f"{plan.repository}/{plan.chart}" if oci else plan.chart,
        version=plan.version,
        repository_opts=None if oci else {"repo": plan.repository},
        values=_pulled(values, plan),
        skip_crds=skip_crds,
        timeout=plan.timeout_s,
        atomic=True,
        cleanup_on_fail=True,
        opts=opts,
    )


def _pulled(values: Mapping[str, Any], plan: ChartPlan) -> Mapping[str, Any]:
    """Values with the registry of the chart's images and its credentials."""
    for path, text in _addresses(plan.images).items():
        values = _with(values, path.split("."), text)
    if plan.pull_secrets:
        secrets = [{"name": secret} for secret in plan.pull_secrets]
        values = {**values, "imagePullSecrets": secrets}
    return values


def _addresses(images: Sequence[ChartImagePlan]) -> dict[str, str]:
    """Text by path of a value; some charts need the registry in a separate value."""
    found = dict[str, str]()
    for image in images:
        registry, _, rest = image.repository.partition("/")
        if image.registry_value is None:
            found[image.repository_value] = image.repository
        else:
            found[image.registry_value] = registry
            found[image.repository_value] = rest
    return found


def _with(values: Mapping[str, Any], path: Sequence[str], text: str) -> Mapping[str, Any]:
    """Copy of the values with the text at the path."""
    key, *rest = path
    below = values.get(key, {})
    return {**values, key: _with(below, rest, text) if rest else text}
