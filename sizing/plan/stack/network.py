"""The network, and the names in it."""

from typing import Annotated

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


class AddressPlan(Part):
    """Private addresses of one zone: by whom they are taken, needed with the spare, there."""

    gpu_nodes: int
    """Addresses of GPU nodes."""
    pods: int
    """Addresses of pods."""
    system_nodes: int
    """Addresses of system nodes."""
    load_balancers: int
    """Addresses of load balancers."""
    endpoints: int
    """Addresses of interface endpoints."""
    databases: int
    """Addresses of database instances."""
    control_plane: int
    """Addresses that the control plane takes."""
    needed: int
    """Addresses needed in all, the spare included."""
    capacity: int | None
    """Null where the subnet's range is not known."""
    smallest_prefix: int
    """Prefix of the smallest subnet that would hold what is needed."""


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
    """The AWS service behind it: the end of the endpoint's service name."""


class UsedSubnetPlan(Part):
    """A zone's private subnet that stands; its id is null where another stack knows it."""

    zone: str
    """Zone id."""
    subnet_id: Annotated[str | None, Reaches(NODE_GROUP, "subnetIds")]
    public_subnet_id: str | None
    """Public subnet of the zone, for public load balancers."""
    private_cidr: str | None
    """Null where nobody stated it."""
    addresses: AddressPlan
    """Addresses of the subnet."""


class UsedNetworkPlan(Part):
    """A VPC that stands; its id is null where another stack knows it."""

    vpc_id: Annotated[str | None, Reaches(TARGETS, "vpcId")]
    subnets: tuple[UsedSubnetPlan, ...]
    """Private subnets, one a zone."""


class AllowedPlan(Part):
    """Sources beyond the network that reach the cluster's API and the internal services."""

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
    """One of `used` and `subnets` is empty."""

    vpc_cidr: Annotated[
        str,
        Reaches("aws:ec2/vpc:Vpc", "cidrBlock"),
        Reaches("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "cidrIpv4"),
        Reaches("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "cidrIpv4"),
    ]
    allowed: AllowedPlan
    """Sources beyond the network that get in."""
    used: UsedNetworkPlan | None
    """The VPC that stands; null where one is made."""
    subnets: tuple[SubnetPlan, ...]
    """Subnets that are made, one pair a zone."""
    interface_endpoints: tuple[EndpointPlan, ...]
    """Private ways to AWS services."""
    flow_log_days: Annotated[int, Reaches(LOGS, "retentionInDays")]

    @property
    def zones(self) -> tuple[SubnetPlan | UsedSubnetPlan, ...]:
        """The private subnets, whoever made them."""
        return self.subnets if self.used is None else self.used.subnets

    @property
    def private_cidrs(self) -> list[str]:
        """Ranges of the private subnets; the network's where they are not known."""
        known = [zone.private_cidr for zone in self.zones if zone.private_cidr is not None]
        return known or [self.vpc_cidr]

    @property
    def public_cidrs(self) -> list[str]:
        """Ranges of the public subnets; the network's where they are not known."""
        return [subnet.public_cidr for subnet in self.subnets] or [self.vpc_cidr]


class UsedZonePlan(Part):
    zone_id: Annotated[str, Reaches(RECORD, "zoneId")]


class CreatedZonePlan(Part):
    domain: Annotated[str, Reaches(ZONE, "name")]
    parent_zone_id: Annotated[str | None, Reaches(RECORD, "zoneId")]
    protected: bool
    """Whether the zone is protected from deletion."""


class DnsPlan(Part):
    """Names of the services, and the certificate for them; one of `used` and `created` is null."""

    used: UsedZonePlan | None
    """The hosted zone that stands."""
    created: CreatedZonePlan | None
    """The hosted zone that is made."""
    hosts: Annotated[dict[str, str], Reaches(RECORD, "name")]
    """Name by service."""
    certificate_domain: Annotated[str | None, Reaches(CERTIFICATE, "domainName")]
    """Of the certificate that is made; null where the site has one."""
