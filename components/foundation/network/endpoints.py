"""Interface endpoints: AWS services that the private subnets reach without leaving the network."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2

from components.foundation.network.ingress import ingress
from components.naming import Tags, aws_name
from sizing.plan.stack.network import EndpointPlan


@dataclass(frozen=True, kw_only=True)
class EndpointsArgs:
    plans: Sequence[EndpointPlan]
    region: str
    vpc_id: pulumi.Input[str]
    vpc_cidr: str
    subnet_ids: Sequence[pulumi.Input[str]]
    tags: Tags


class Endpoints(pulumi.ComponentResource):
    """Endpoints in each subnet, under the service's own name; only the network can call them."""

    def __init__(
        self, name: str, args: EndpointsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Endpoints", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        group = self._security_group()
        for plan in args.plans:
            self._endpoint(plan.service, group)
        self.register_outputs({})

    def _security_group(self) -> ec2.SecurityGroup:
        name = f"{self._name}-group"
        group = ec2.SecurityGroup(
            name,
            description="Interface endpoints",
            vpc_id=self._args.vpc_id,
            tags=self._args.tags.named(name),
            opts=self._child,
        )
        ingress(
            f"{self._name}-from-network",
            into=group.id,
            description="HTTPS from the network",
            port=443,
            cidr=self._args.vpc_cidr,
            tags=self._args.tags,
            opts=self._child,
        )
        return group

    def _endpoint(self, service: str, group: ec2.SecurityGroup) -> None:
        name = f"{self._name}-{aws_name(service)}"
        ec2.VpcEndpoint(
            name,
            vpc_id=self._args.vpc_id,
            vpc_endpoint_type="Interface",
            service_name=f"com.amazonaws.{self._args.region}.{service}",
            subnet_ids=self._args.subnet_ids,
            security_group_ids=[group.id],
            private_dns_enabled=True,
            tags=self._args.tags.named(name),
            opts=self._child,
        )
