"""A Helm release exactly as planned; it is undone where it does not become ready."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from sizing.plan import ChartPlan

NAMESPACE = "kube-system"
"""Where the cluster's own add-ons run too."""


def release(
    name: str, plan: ChartPlan, values: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> Release:
    """The chart under its own name, so that what it creates keeps its names."""
    return Release(
        name,
        name=plan.chart,
        namespace=NAMESPACE,
        chart=plan.chart,
        version=plan.version,
        repository_opts={"repo": plan.repository},
        values=values,
        timeout=plan.timeout_s,
        atomic=True,
        cleanup_on_fail=True,
        opts=opts,
    )
