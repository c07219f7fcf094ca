"""The network and its names."""

import operator
from typing import Annotated

from pydantic import Field

from sizing.plan.part import Part
from sizing.plan.reaches import (
    CERTIFICATE,
    ENDPOINT,
    LOGS,
    NETWORK_POLICY,
    NODE_GROUP,
    RECORD,
    TARGETS,
    ZONE,
    Reaches,
)
from sizing.plan.stack.addresses import AddressPlan


class SubnetPlan(Part):
    zone: Annotated[str, Reaches("aws:ec2/subnet:Subnet", "availabilityZoneId")]
    private_cidr: Annotated[
        str, Reaches("aws:ec2/subnet:Subnet", "cidrBlock"), Reaches(NETWORK_POLICY, "spec.ingress")
    ]
    public_cidr: Annotated[str, Reaches("aws:ec2/subnet:Subnet", "cidrBlock")]
    nat: Annotated[bool, Reaches("aws:ec2/natGateway:NatGateway", "")]
    addresses: AddressPlan
    """Addresses of the private subnet."""


class EndpointPlan(Part):
    service: Annotated[str, Reaches(ENDPOINT, "serviceName")]
    """AWS service of the endpoint: the end of the endpoint's service name."""


class UsedSubnetPlan(Part):
    """Existing private subnet of a zone. Its id is null where another stack knows it."""

    zone: str
    """Zone id."""
    subnet_id: Annotated[str | None, Reaches(NODE_GROUP, "subnetIds")]
    public_subnet_id: str | None
    """Public subnet of the zone, for public load balancers."""
    private_cidr: str | None
    """IPv4 range of the subnet; null where it is not stated."""
    addresses: AddressPlan
    """Addresses of the subnet."""


class UsedNetworkPlan(Part):
    """Existing VPC. Its id is null where another stack knows it."""

    vpc_id: Annotated[str | None, Reaches(TARGETS, "vpcId")]
    subnets: tuple[UsedSubnetPlan, ...]
    """Private subnets, one for each zone."""


class AllowedPlan(Part):
    """Sources outside the network that reach the cluster's API and the internal services."""

    cidrs: Annotated[
        tuple[str, ...],
        Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4"),
    ]
    """IPv4 ranges, e.g. of a VPN or a peered network."""
    prefix_list_ids: Annotated[
        tuple[str, ...],
        Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "prefixListId"),
    ]
    """Ids of managed prefix lists."""


class NetworkPlan(Part):
    """Network of the stack. Either `used` or `subnets` is empty."""

    vpc_cidr: Annotated[
        str,
        Reaches("aws:ec2/vpc:Vpc", "cidrBlock"),
        Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4"),
        Reaches("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "cidrIpv4"),
    ]
    allowed: AllowedPlan
    """Sources outside the network with access."""
    used: UsedNetworkPlan | None
    """Existing VPC; null where the stack makes one."""
    subnets: tuple[SubnetPlan, ...]
    """Subnets of the stack, one pair for each zone."""
    interface_endpoints: tuple[EndpointPlan, ...]
    """Private endpoints of AWS services."""
    gateway_endpoints: Annotated[tuple[EndpointPlan, ...], Field(exclude_if=operator.not_)] = ()
    """Private endpoints of AWS services by route, in addition to that of S3; left out where there
    are none."""
    flow_log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]

    @property
    def zones(self) -> tuple[SubnetPlan | UsedSubnetPlan, ...]:
        """Private subnets, made or used."""
        return self.subnets if self.used is None else self.used.subnets

    @property
    def private_cidrs(self) -> list[str]:
        """Ranges of the private subnets, or the network's range where they are not known."""
        known = [zone.private_cidr for zone in self.zones if zone.private_cidr is not None]
        return known or [self.vpc_cidr]

    @property
    def public_cidrs(self) -> list[str]:
        """Ranges of the public subnets, or the network's range where they are not known."""
        return [subnet.public_cidr for subnet in self.subnets] or [self.vpc_cidr]


class UsedZonePlan(Part):
    zone_id: Annotated[str, Reaches(RECORD, "zoneId")]


class CreatedZonePlan(Part):
    domain: Annotated[str, Reaches(ZONE, "name")]
    parent_zone_id: Annotated[str | None, Reaches(RECORD, "zoneId")]
    protected: bool
    """True where the zone is protected from deletion."""


class DnsPlan(Part):
    """Names of the services, and their certificate. Either `used` or `created` is null."""

    used: UsedZonePlan | None
    """Existing hosted zone."""
    created: CreatedZonePlan | None
    """Hosted zone of the stack."""
    hosts: Annotated[dict[str, str], Reaches(RECORD, "name")]
    """Name by service."""
    certificate_domain: Annotated[str | None, Reaches(CERTIFICATE, "domainName")]
    """Domain of the created certificate; null where the site has one."""
