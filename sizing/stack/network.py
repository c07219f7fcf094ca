"""Which subnets, gateways and addresses does the network of a stack have?"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Network

from sizing.plan.service.stores import BucketPlan
from sizing.plan.service.whole import ServicePlan
from sizing.plan.stack.addresses import AddressPlan
from sizing.plan.stack.network import (
    AllowedPlan,
    EndpointPlan,
    NetworkPlan,
    SubnetPlan,
    UsedNetworkPlan,
    UsedSubnetPlan,
)
from sizing.plan.stack.nodes import CpuPool, NodePool
from sizing.site import LOG_DAYS, Environment, Site
from sizing.site.reuse import UsedNetwork
from sizing.stack.addresses import PRIVATE_SHARE, zone_addresses
from sizing.values.exact import ceiling, exact
from sizing.values.field_error import FieldError
from sizing.values.units import SECONDS_PER_DAY
from sizing.workload import Workload

PUBLIC_PREFIX = 24
"""Prefix of a public subnet, for NAT gateways and public load balancers."""

INTERFACE_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "eks-auth", "logs", "sts")
"""AWS services that nodes and pods call: interfaces, images, pod identity, logs, roles."""
QUEUE_ENDPOINT, TABLE_ENDPOINT = "sqs", "dynamodb"
"""AWS services that workers call for jobs. The second one has a gateway endpoint, as S3 has."""
ACCESS_LOG_BYTES = 300
"""Compressed bytes of one request in the load balancer's logs, its share of a connection included.
Basis: assumed (a line has about 600 to 1,000 bytes and is stored compressed)."""


def access_logs(services: Sequence[ServicePlan], site: Site) -> BucketPlan | None:
    """Return the bucket of the load balancers' logs, sized for the mean rate of all requests.

    bytes = rate x seconds of the days kept x bytes of a request

    A deleted log can be restored for a day.
    """
    behind = [service.front_per_s_mean for service in services if service.gateway]
    if not behind:
        return None
    days = LOG_DAYS[site.environment]
    rate = sum((exact(Decimal(str(mean))) for mean in behind), Fraction(0))
    return BucketPlan(
        role="access-logs",
        stored_bytes=ceiling(rate * SECONDS_PER_DAY * days * ACCESS_LOG_BYTES),
        expire_days=days,
        noncurrent_days=1,
        protected=site.protected,
    )


def subnet_ranges(site: Site) -> dict[str, tuple[IPv4Network, IPv4Network]]:
    """Return the private and the public range of each zone: its own eighth, and a /24 of the last
    one.

    The zone's number decides the range: use1-az3 has the third. A zone that is added, removed
    or larger changes the range of no other. A changed range would replace the subnet and everything
    in it. An existing network has its own ranges, so the result is empty.
    Raises FieldError for an address range that is not one, and for an eighth zone.
    """
    if site.network is not None:
        return {}
    try:
        whole = IPv4Network(site.vpc_cidr)
    except ValueError as fault:
        raise FieldError(("vpc_cidr",), str(fault), "an IPv4 range like 10.0.0.0/16") from fault
    *private, last = whole.subnets(prefixlen_diff=PRIVATE_SHARE)
    public = list(last.subnets(new_prefix=PUBLIC_PREFIX))
    ranges = {}
    for index, zone in enumerate(site.zones):
        number = int(zone.rpartition("-az")[2])
        if not 1 <= number <= len(private):
            expected = f"a zone numbered 1 to {len(private)}: each has its own eighth of vpc_cidr"
            raise FieldError(("zones", index), f"{zone} has no place in the network", expected)
        ranges[zone] = (private[number - 1], public[number - 1])
    return ranges


def have_workers(services: Sequence[ServicePlan]) -> bool:
    """True where workers on nodes of the stack take jobs from a queue."""
    jobs = [service.jobs for service in services if service.jobs is not None]
    return any(each.api is not None and each.worker is not None for each in jobs)


def gateway_endpoints(site: Site, services: Sequence[ServicePlan]) -> tuple[EndpointPlan, ...]:
    """Return the gateway endpoints in addition to that of S3, none in an existing network.

    Basis: vendor; a gateway endpoint is free, while a NAT gateway costs by GB.
    """
    if site.uses_network or not have_workers(services):
        return ()
    return (EndpointPlan(service=TABLE_ENDPOINT),)


def interface_endpoints(site: Site, services: Sequence[ServicePlan]) -> tuple[EndpointPlan, ...]:
    """Return the interface endpoints in prod, none in dev and none in an existing network.

    In dev all calls leave through the NAT gateway, which exists anyway. An endpoint costs the same
    each hour and zone whether it is used or not. Six endpoints in three zones cost more than the
    gateway. In prod images and roles must not depend on the path to the internet.
    Basis: vendor (PrivateLink pricing is by endpoint, zone and hour, and by GB).
    """
    if site.environment is Environment.dev or site.uses_network:
        return ()
    called = {*INTERFACE_ENDPOINTS, *([QUEUE_ENDPOINT] if have_workers(services) else [])}
    return tuple(EndpointPlan(service=service) for service in sorted(called))


def network_plan(
    site: Site,
    workloads: Sequence[Workload],
    services: Sequence[ServicePlan],
    pools: Sequence[NodePool],
    *,
    cpu_pools: Sequence[CpuPool],
    ranges: Mapping[str, tuple[IPv4Network, IPv4Network]],
) -> NetworkPlan:
    """Return the subnets of the site's zones, with the addresses that they need and have.

    `ranges` are the private and the public range of each zone, see `subnet_ranges`.

    An existing network has its own internet access, endpoints and flow logs, so nothing is made. In
    prod, or when a workload must survive a zone, each zone has a NAT gateway. Otherwise only the
    first zone has one.
    """
    endpoints = interface_endpoints(site, services)
    everywhere = site.must_survive_a_zone(workloads)

    def addresses(zone: str, private_cidr: str | None) -> AddressPlan:
        return zone_addresses(
            zone=zone,
            private_cidr=private_cidr,
            services=services,
            pools=pools,
            cpu_pools=cpu_pools,
            zone_count=len(site.zones),
            endpoint_count=len(endpoints),
            control_plane=not site.cluster.elsewhere,
        )

    used = site.network.use if site.network else None
    subnets = tuple(
        SubnetPlan(
            zone=zone,
            private_cidr=str(private),
            public_cidr=str(public),
            nat=everywhere or zone == site.zones[0],
            addresses=addresses(zone, str(private)),
        )
        for zone, (private, public) in ranges.items()
    )
    existing = _used_network(used, site, addresses) if used else _of_stack(site, subnets)
    return NetworkPlan(
        vpc_cidr=used.vpc_cidr if used else site.vpc_cidr,
        allowed=AllowedPlan(cidrs=site.allowed_cidrs, prefix_list_ids=site.allowed_prefix_list_ids),
        used=existing,
        subnets=() if existing else subnets,
        interface_endpoints=endpoints,
        gateway_endpoints=gateway_endpoints(site, services),
        flow_log_days=LOG_DAYS[site.environment],
    )


def _used_network(
    used: UsedNetwork, site: Site, addresses: Callable[[str, str | None], AddressPlan]
) -> UsedNetworkPlan:
    """Return the network that the site names, with the addresses that each zone needs of it."""
    return UsedNetworkPlan(
        vpc_id=used.vpc_id,
        subnets=tuple(
            UsedSubnetPlan(
                zone=zone,
                subnet_id=used.private_subnet_ids[zone],
                public_subnet_id=used.public_subnet_ids.get(zone),
                private_cidr=used.private_subnet_cidrs.get(zone),
                addresses=addresses(zone, used.private_subnet_cidrs.get(zone)),
            )
            for zone in site.zones
        ),
    )


def _of_stack(site: Site, subnets: Sequence[SubnetPlan]) -> UsedNetworkPlan | None:
    """Return the network that another stack made by the same rule; None where this one makes it."""
    if site.cluster.stack is None:
        return None
    return UsedNetworkPlan(
        vpc_id=None,
        subnets=tuple(
            UsedSubnetPlan(
                zone=subnet.zone,
                subnet_id=None,
                public_subnet_id=None,
                private_cidr=subnet.private_cidr,
                addresses=subnet.addresses,
            )
            for subnet in subnets
        ),
    )
