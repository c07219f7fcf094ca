"""The AWS Load Balancer Controller: it registers targets and creates nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.helm.v3 import Release

from components.cluster_services.chart import release
from components.cluster_services.controllers import resources, spread
from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity
from components.foundation.cluster.target_writer import TargetWriter
from components.identity import Identity
from components.naming import Tags, partition
from components.policy import allow, policy
from sizing.plan.stack.cluster import ControllerPlan, RolesPlan
from sizing.stack.cluster_services import NAMESPACE

READS = (
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
)
"""Calls to AWS for a binding of ip targets without `networking`; none of them takes a resource.
Basis: vendor (the controller's source: pkg/targetgroupbinding, webhooks/elbv2; 2026-11)."""


@dataclass(frozen=True, kw_only=True)
class LoadBalancerControllerArgs:
    plan: ControllerPlan
    roles: RolesPlan
    cluster_name: pulumi.Input[str]
    region: str
    account_ids: Sequence[str]
    vpc_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """Resources that must outlive the controller."""
    tags: Tags


class LoadBalancerController(pulumi.ComponentResource):
    """The controller; each target group is granted to its role where the group is bound."""

    writer: TargetWriter

    def __init__(
        self,
        name: str,
        args: LoadBalancerControllerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("sizewright:index:LoadBalancerController", name, None, opts)
        self._name = name
        self._args = args
        identity, association = self._pod_identity()
        release = self._release([association, *args.after])
        self.writer = TargetWriter(role_name=identity.name, ready=[release])
        self.register_outputs({})

    def _pod_identity(self) -> tuple[Identity, eks.PodIdentityAssociation]:
        args = self._args
        return pod_identity(
            self._name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=NAMESPACE,
                service_account=args.plan.chart,
                policy=policy(allow(list(READS), "*")),
                roles=args.roles,
                partition=partition(args.region),
                account_ids=args.account_ids,
                tags=args.tags,
            ),
            self,
        )

    def _release(self, after: list[pulumi.Resource]) -> Release:
        """Return the release of the controller.

        Guard: all three Gateway gates are off, or the controller looks for Gateway definitions.
        """
        args = self._args
        gates = ("ALBGatewayAPI", "NLBGatewayAPI", "GatewayListenerSet", "EnableServiceController")
        values = {
            "replicaCount": args.plan.replicas,
            "resources": resources("100m", "256Mi", limit="512Mi"),
            "topologySpreadConstraints": spread({"app.kubernetes.io/name": args.plan.chart}),
            "podDisruptionBudget": {"maxUnavailable": 1},
            "clusterName": args.cluster_name,
            "region": args.region,
            "vpcId": args.vpc_id,
            "serviceAccount": {"create": True, "name": args.plan.chart},
            "createIngressClassResource": False,
            "ingressClassParams": {"create": False},
            "disableIngressClassAnnotation": True,
            "enableServiceMutatorWebhook": False,
            # Pods start ungated without the controller: its absence must not block a lost replica.
            "podMutatorWebhookConfig": {"failurePolicy": "Ignore"},
            "enableBackendSecurityGroup": False,
            "enableShield": False,
            "enableWaf": False,
            "enableWafv2": False,
            "controllerConfig": {"featureGates": dict.fromkeys(gates, False)},
        }
        return release(
            f"{self._name}-release",
            args.plan,
            values,
            pulumi.ResourceOptions(parent=self, depends_on=after),
        )
