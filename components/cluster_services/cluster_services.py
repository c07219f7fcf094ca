"""Controllers and plugins of the whole cluster, on the system nodes or as daemons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from components.cluster_services.burst_services import BurstServices, BurstServicesArgs
from components.cluster_services.chart import release
from components.cluster_services.controllers import apart, resources
from components.cluster_services.load_balancer_controller import (
    LoadBalancerController,
    LoadBalancerControllerArgs,
)
from components.cluster_services.monitoring.monitoring import Monitoring, MonitoringArgs
from components.foundation.cluster.target_writer import TargetWriter
from components.naming import Tags
from sizing.plan.stack.cluster import (
    ChartPlan,
    ControllerPlan,
    GroupControllerPlan,
    InterconnectPluginPlan,
    RolesPlan,
)
from sizing.plan.stack.cluster_services import BurstServicesPlan, ClusterServicesPlan
from templates.scheduling import BURST_TAINT, GPU_LABEL, GPU_TAINT


@dataclass(frozen=True, kw_only=True)
class ClusterServicesArgs:
    plan: ClusterServicesPlan
    roles: RolesPlan
    cluster_name: pulumi.Input[str]
    cluster: str
    """Name of the cluster as a plain text, which IAM policies need."""
    has_burst_nodes: bool
    node_autoscaler_role: pulumi.Input[str] | None
    """Role of the Karpenter of the cluster's owner."""
    region: str
    account_ids: Sequence[str]
    vpc_id: pulumi.Input[str]
    volumes_key_arn: pulumi.Input[str] | None
    """Key of the nodes' volumes; null only where the stack has no nodes."""
    monitoring: MonitoringArgs | None = None
    """Metrics that the cluster keeps; null where it keeps none."""
    after: Sequence[pulumi.Resource]
    """Nodes and add-ons that must outlive the controllers."""
    tags: Tags


class ClusterServices(pulumi.ComponentResource):
    """Charts of the cluster. The component requires a Kubernetes provider among its options."""

    ready_for_gpu_pods: list[pulumi.Resource]
    """Resources that must exist before a pod gets a GPU."""
    controller: TargetWriter | None
    """Controller of this stack that registers targets; null where the stack runs none."""
    burst: BurstServices | None
    metrics: Release | None
    """Prometheus that keeps metrics; null where there is none."""
    node_autoscaler_role: pulumi.Input[str] | None
    """Role of the Karpenter that starts burst nodes here, where this stack must grant it rights."""

    def __init__(
        self, name: str, args: ClusterServicesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:ClusterServices", name, None, opts)
        self._name = name
        self._args = args
        self._after = pulumi.ResourceOptions(parent=self, depends_on=args.after)
        plugin, controller = args.plan.device_plugin, args.plan.load_balancer_controller
        burst = args.plan.burst
        self.ready_for_gpu_pods = [] if plugin is None else [self._device_plugin(plugin)]
        if args.plan.interconnect_plugin is not None:
            self.ready_for_gpu_pods.append(self._interconnect_plugin(args.plan.interconnect_plugin))
        if args.plan.group_controller is not None:
            self.ready_for_gpu_pods.append(self._group_controller(args.plan.group_controller))
        self.controller = None if controller is None else self._controller(controller).writer
        self.burst = None if burst is None else self._burst(burst)
        autoscaler = None if self.burst is None else self.burst.node_autoscaler
        self.metrics = None if args.monitoring is None else self._metrics(args.monitoring)
        self.node_autoscaler_role = None if autoscaler is None else autoscaler.role_name
        self.register_outputs({})

    def _device_plugin(self, plan: ChartPlan) -> Release:
        """Return the release; it selects GPU nodes by this product's label, not by discovery."""
        terms = [{"matchExpressions": [{"key": GPU_LABEL, "operator": "Exists"}]}]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        taints = GPU_TAINT if self._args.plan.burst is None else GPU_TAINT | BURST_TAINT
        values = {
            "affinity": {"nodeAffinity": required},
            "tolerations": _tolerations(taints),
            "resources": resources("50m", "128Mi", limit="512Mi"),
            "gfd": {"enabled": False},
            "nfd": {"enabled": False},
        }
        return release(
            f"{self._name}-device-plugin",
            plan,
            values,
            self._after,
        )

    def _interconnect_plugin(self, plan: InterconnectPluginPlan) -> Release:
        """Return the release for types whose nodes share replicas; the chart lacks newer ones."""
        values = {
            "supportedInstanceLabels": {"values": list(plan.instance_types)},
            "tolerations": _tolerations(GPU_TAINT),
            "resources": resources("10m", "64Mi", limit="256Mi"),
        }
        return release(
            f"{self._name}-efa-plugin",
            plan,
            values,
            self._after,
        )

    def _group_controller(self, plan: GroupControllerPlan) -> Release:
        """Return the release of the group controller.

        Guard: the chart's own default is the image of its main branch.
        """
        image = {"repository": "registry.k8s.io/lws/lws", "tag": f"v{plan.version}"}
        values = {
            "replicaCount": plan.replicas,
            "image": {"manager": {**image, "pullPolicy": "IfNotPresent"}},
            "resources": resources("100m", "256Mi", limit="1Gi"),
            "affinity": apart({"app.kubernetes.io/name": plan.chart}),
        }
        return release(
            f"{self._name}-groups",
            plan,
            values,
            self._after,
        )

    def _controller(self, plan: ControllerPlan) -> LoadBalancerController:
        args = self._args
        return LoadBalancerController(
            f"{self._name}-balancing",
            LoadBalancerControllerArgs(
                plan=plan,
                roles=args.roles,
                cluster_name=args.cluster_name,
                region=args.region,
                account_ids=args.account_ids,
                vpc_id=args.vpc_id,
                after=args.after,
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _metrics(self, args: MonitoringArgs) -> Release:
        opts = pulumi.ResourceOptions(parent=self)
        return Monitoring(f"{self._name}-monitoring", args, opts).server

    def _burst(self, plan: BurstServicesPlan) -> BurstServices:
        args = self._args
        return BurstServices(
            f"{self._name}-burst",
            BurstServicesArgs(
                plan=plan,
                roles=args.roles,
                cluster_name=args.cluster_name,
                cluster=args.cluster,
                has_nodes=args.has_burst_nodes,
                node_autoscaler_role=args.node_autoscaler_role,
                region=args.region,
                account_ids=args.account_ids,
                volumes_key_arn=args.volumes_key_arn,
                after=args.after,
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )


def _tolerations(taints: Mapping[str, str]) -> list[dict[str, str]]:
    return [
        {"key": key, "operator": "Equal", "value": value, "effect": "NoSchedule"}
        for key, value in taints.items()
    ]
