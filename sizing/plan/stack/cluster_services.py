"""Shared services of the cluster, as one part of the plan."""

from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.stack.cluster import (
    ChartPlan,
    ControllerPlan,
    GroupControllerPlan,
    InterconnectPluginPlan,
    MetricsPlan,
    NodeAutoscalerPlan,
    OciChartPlan,
    PodAutoscalerPlan,
)
from sizing.plan.stack.monitoring import MonitoringPlan
from sizing.values.strict import absent


class BurstServicesPlan(Part):
    """Charts that add replicas and nodes under load. A part is null where the cluster's owner runs
    it, or nothing uses it."""

    node_definitions: OciChartPlan | None
    """Chart with the definitions of Karpenter's objects."""
    node_autoscaler: NodeAutoscalerPlan | None
    """Karpenter."""
    pod_autoscaler: PodAutoscalerPlan | None
    """KEDA."""
    metrics: MetricsPlan | None
    """Prometheus."""


class ClusterServicesPlan(Part):
    """Shared services of the cluster. A part is null where nothing uses it."""

    device_plugin: ChartPlan | None
    """Plugin that offers GPUs to pods."""
    load_balancer_controller: ControllerPlan | None
    """Controller that registers pods with load balancers."""
    group_controller: GroupControllerPlan | None
    """Controller that keeps the pods of a replica over several nodes together."""
    interconnect_plugin: InterconnectPluginPlan | None
    """Plugin that offers the fast path between nodes."""
    burst: BurstServicesPlan | None
    """Charts that add replicas and nodes under load."""
    monitoring: Annotated[MonitoringPlan | None, Field(exclude_if=absent)] = None
    """Metrics and alerts; left out where the cluster does not keep them."""
