"""A Helm release exactly as planned; it is undone where it does not become ready."""

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from sizing.cluster_services import NAMESPACE
from sizing.plan import ChartPlan, OciChartPlan


def release(
    name: str,
    plan: ChartPlan,
    values: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
    skip_crds: bool | None = None,
) -> Release:
    """The chart under its own name, so that what it creates keeps its names."""
    oci = isinstance(plan, OciChartPlan)
    return Release(
        name,
        name=plan.chart,
        namespace=NAMESPACE,
        chart=f"{plan.repository}/{plan.chart}" if oci else plan.chart,
        version=plan.version,
        repository_opts=None if oci else {"repo": plan.repository},
        values=values,
        skip_crds=skip_crds,
        timeout=plan.timeout_s,
        atomic=True,
        cleanup_on_fail=True,
        opts=opts,
    )
