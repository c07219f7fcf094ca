"""The AWS Load Balancer Controller: it registers targets and creates nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import eks
from pulumi_kubernetes.helm.v3 import Release

from components.chart import NAMESPACE, release
from components.identity import Identity, IdentityArgs
from components.naming import Tags
from sizing.plan import ControllerPlan, RolesPlan

READS = (
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeVpcs",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
)
"""What a binding of ip targets without `networking` asks of AWS, none of which takes a resource.
Basis: vendor (the controller's source: pkg/targetgroupbinding, webhooks/elbv2; 2026-11)."""


@dataclass(frozen=True, kw_only=True)
class LoadBalancerControllerArgs:
    plan: ControllerPlan
    roles: RolesPlan
    cluster_name: pulumi.Input[str]
    region: str
    partition: str
    account_ids: Sequence[str]
    vpc_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource]
    """What must outlive it."""
    tags: Tags


class LoadBalancerController(pulumi.ComponentResource):
    """Each target group that it may write to is granted to `role_name` where it is bound."""

    role_name: pulumi.Output[str]
    release: Release

    def __init__(
        self,
        name: str,
        args: LoadBalancerControllerArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("sizewright:index:LoadBalancerController", name, None, opts)
        self._name = name
        self._args = args
        identity = self._identity()
        association = self._association(identity)
        self.role_name = identity.name
        self.release = self._release([association, *args.after])
        self.register_outputs({})

    def _identity(self) -> Identity:
        statement = {"Effect": "Allow", "Action": list(READS), "Resource": "*"}
        return Identity(
            f"{self._name}-identity",
            IdentityArgs(
                trusted_service="pods.eks.amazonaws.com",
                trusted_actions=("sts:AssumeRole", "sts:TagSession"),
                roles=self._args.roles,
                conditions={
                    "aws:SourceAccount": list(self._args.account_ids),
                    "aws:RequestTag/kubernetes-namespace": NAMESPACE,
                    "aws:RequestTag/kubernetes-service-account": self._args.plan.chart,
                },
                partition=self._args.partition,
                policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
                tags=self._args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _association(self, identity: Identity) -> eks.PodIdentityAssociation:
        name = f"{self._name}-association"
        return eks.PodIdentityAssociation(
            name,
            cluster_name=self._args.cluster_name,
            namespace=NAMESPACE,
            service_account=self._args.plan.chart,
            role_arn=identity.arn,
            tags=self._args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=identity.grants),
        )

    def _release(self, after: list[pulumi.Resource]) -> Release:
        """Guard: all three Gateway gates, or the controller looks for Gateway definitions."""
        args = self._args
        gates = ("ALBGatewayAPI", "NLBGatewayAPI", "GatewayListenerSet", "EnableServiceController")
        values = {
            "replicaCount": args.plan.replicas,
            "podDisruptionBudget": {"maxUnavailable": 1},
            "clusterName": args.cluster_name,
            "region": args.region,
            "vpcId": args.vpc_id,
            "serviceAccount": {"create": True, "name": args.plan.chart},
            "createIngressClassResource": False,
            "ingressClassParams": {"create": False},
            "disableIngressClassAnnotation": True,
            "enableServiceMutatorWebhook": False,
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
