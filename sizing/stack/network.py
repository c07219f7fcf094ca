"""How much data moves, by which gateways, and which addresses does the network have?"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Network

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.stores import BucketPlan, TransferPlan
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
from sizing.plan.stack.nodes import NodePool, SystemPool
from sizing.replica.traffic import Rates, answer_s, slowest_answer_s
from sizing.service.access import firewall_plan, token_plan
from sizing.service.request_limits import IDLE_MARGIN_S
from sizing.site import LOG_DAYS, Environment, Site
from sizing.site.reuse import UsedNetwork
from sizing.stack.addresses import PRIVATE_SHARE, zone_addresses
from sizing.values.exact import ceiling, exact, plain, plain_or_none
from sizing.values.field_error import FieldError
from sizing.values.units import GB, MB, SECONDS_PER_DAY
from sizing.workload import InTransit, Routing, Workload

CONNECTIONS_PER_UNIT_S = 25
ACTIVE_CONNECTIONS_PER_UNIT = 3_000
BYTES_PER_UNIT_HOUR = GB
"""Bytes that one load balancer capacity unit (LCU) covers in an hour. Basis: vendor (ELB pricing:
25 new connections a second, 3,000 active ones, 1 GB an hour)."""
ASSUMED_ANSWER_S = 120
"""Seconds of the longest answer without a latency target. Basis: assumed."""
STREAM_RATIO = 4
"""Longest answer over the mean answer at the latency targets. Basis: assumed (3 to 10)."""
ALGORITHMS = {
    Routing.least_requests: "least_outstanding_requests",
    Routing.round_robin: "round_robin",
    Routing.sticky: "least_outstanding_requests",
}
"""Attribute names of the load balancer. Basis: vendor (target group attributes of load
balancers)."""
STICKY_S = 3_600
"""Seconds that a conversation's cookie keeps it with its replica. Basis: assumed."""
RESERVATION_MINIMUM_UNITS = 100
"""Fewest units that can be reserved. Basis: vendor (the AWS CDK refuses fewer, 2026-11)."""
HEALTH_INTERVAL_S, HEALTH_TIMEOUT_S, HEALTH_CHECKS = 10, 5, 2
"""Interval, timeout and count of health checks. Basis: assumed; the vendor's 30 s between checks
would hide a failed replica for a minute."""
IDLE_LIMIT_S, DRAIN_LIMIT_S = 4_000, 3_600
"""Limits in seconds. Basis: vendor, highest idle timeout and deregistration delay of an application
load balancer."""
PUBLIC_PREFIX = 24
"""Prefix of a public subnet, for NAT gateways and public load balancers."""

INTERFACE_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "eks-auth", "logs", "sts")
"""AWS services that nodes and pods call: interfaces, images, pod identity, logs, roles."""
ACCESS_LOG_BYTES = 300
"""Compressed bytes of one request in the load balancer's logs, its share of a connection included.
Basis: assumed (a line has about 600 to 1,000 bytes and is stored compressed)."""


def mbit_per_s(rate: Fraction | None, size_bytes: Decimal | None) -> Fraction | None:
    """Megabits per second of a rate of messages: rate x bytes x 8 / 10^6. Basis: arithmetic."""
    if rate is None or size_bytes is None:
        return None
    return rate * exact(size_bytes) * 8 / MB


def transfer_plan(workload: Workload, rates: Rates) -> TransferPlan:
    """Return the bandwidth of requests in and answers out, at the mean and at the peak."""
    ask, answer = workload.request.request_bytes, workload.request.response_bytes
    return TransferPlan(
        ingress_mbit_per_s=plain_or_none(mbit_per_s(rates.mean, ask)),
        egress_mbit_per_s=plain_or_none(mbit_per_s(rates.mean, answer)),
        ingress_mbit_per_s_peak=plain_or_none(mbit_per_s(rates.peak, ask)),
        egress_mbit_per_s_peak=plain_or_none(mbit_per_s(rates.peak, answer)),
    )


def capacity_units(workload: Workload, rates: Rates) -> int | None:
    """Load balancer capacity units at the highest known rate, rounded up.

    max(rate / 25, in flight / 3,000, bytes an hour / 1 GB), every request a new connection

    The result is None when neither size of a request is known. Basis: vendor definition; an upper
    bound, since kept-alive connections cost less.
    """
    rate = rates.busiest
    sizes = [workload.request.request_bytes, workload.request.response_bytes]
    if None in sizes:
        return None
    hourly = rate * sum((exact(s) for s in sizes if s is not None), Fraction(0)) * 3600
    in_flight = rate * (slowest_answer_s(workload) or ASSUMED_ANSWER_S)
    return ceiling(
        max(
            rate / CONNECTIONS_PER_UNIT_S,
            in_flight / ACTIVE_CONNECTIONS_PER_UNIT,
            hourly / BYTES_PER_UNIT_HOUR,
        )
    )


def reserved_units(needed: int | None) -> int | None:
    """Capacity units to reserve: those needed, where they reach the smallest reservation.

    Below it the load balancer scales by itself, and a reservation would cost more than it provides.
    Basis: vendor (a reservation is paid by the hour whether it is used or not).
    """
    return needed if needed is not None and needed >= RESERVATION_MINIMUM_UNITS else None


def longest_answer_s(workload: Workload) -> Fraction:
    """Seconds of the longest answer at the latency targets.

    max(4 x mean answer, TTFT + (context - input tokens - 1) x TPOT); 120 s without targets

    Basis: arithmetic where the context is given; the factor 4 and the 120 s are assumed.
    """
    mean = slowest_answer_s(workload)
    if mean is None:
        return Fraction(ASSUMED_ANSWER_S)
    context, prompt = workload.request.context_tokens, workload.request.prompt_tokens
    if context is None or prompt is None:
        return mean * STREAM_RATIO
    return max(mean * STREAM_RATIO, answer_s(workload, context - exact(prompt)) or mean)


def gateway_plan(workload: Workload, rates: Rates, site: Site) -> GatewayPlan:
    """Return the load balancer of one service, which waits longer than the longest answer takes.

    idle timeout = longest + 10 s, deregistration delay = longest, within the vendor's limits
    """
    longest = longest_answer_s(workload)
    units = capacity_units(workload, rates)
    access = workload.access
    return GatewayPlan(
        public=access.public,
        both=access.both_balancers,
        internal_token=access.token_required,
        public_cidrs=site.public_cidrs if access.has_public else (),
        token=token_plan(access, site),
        firewall=firewall_plan(workload, rates, site),
        longest_answer_s=plain(longest),
        idle_timeout_s=min(ceiling(longest) + IDLE_MARGIN_S, IDLE_LIMIT_S),
        encrypted=workload.in_transit is InTransit.tls,
        routing=ALGORITHMS[workload.engine.routing],
        sticky=workload.engine.routing is Routing.sticky,
        sticky_s=STICKY_S,
        deregistration_delay_s=min(ceiling(longest), DRAIN_LIMIT_S),
        capacity_units=units,
        reserved_units=reserved_units(units),
        health_interval_s=HEALTH_INTERVAL_S,
        health_timeout_s=HEALTH_TIMEOUT_S,
        health_checks=HEALTH_CHECKS,
        failure_detection_s=HEALTH_CHECKS * HEALTH_INTERVAL_S + HEALTH_TIMEOUT_S,
        certificate_arn=site.certificate_arn,
        protected=site.keeps(workload),
    )


def too_slow(gateway: GatewayPlan) -> list[Rejected]:
    """Rejection where the load balancer cannot wait for the longest answer."""
    longest = gateway.longest_answer_s
    if longest <= DRAIN_LIMIT_S:
        return []
    numbers = f"{longest:,.0f} s; it drains at most {DRAIN_LIMIT_S:,} s, idles {IDLE_LIMIT_S:,} s"
    option = "a load balancer that waits for the longest answer"
    return [Rejected(option=option, reason=Reason.gateway_limit, numbers=numbers)]


def access_logs(services: Sequence[ServicePlan], site: Site) -> BucketPlan | None:
    """Return the bucket of the load balancers' logs, sized for the mean rate of all requests.

    bytes = rate x seconds of the days kept x bytes of a request

    A deleted log can be restored for a day.
    """
    behind = [service.traffic.requests_per_s_mean for service in services if service.gateway]
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
    in it.
    Raises FieldError for an address range that is not one, and for an eighth zone.
    """
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


def interface_endpoints(site: Site) -> tuple[EndpointPlan, ...]:
    """Return the interface endpoints in prod, none in dev and none in an existing network.

    In dev all calls leave through the NAT gateway, which exists anyway. An endpoint costs the same
    each hour and zone whether it is used or not. Six endpoints in three zones cost more than the
    gateway. In prod images and roles must not depend on the path to the internet.
    Basis: vendor (PrivateLink pricing is by endpoint, zone and hour, and by GB).
    """
    if site.environment is Environment.dev or site.uses_network:
        return ()
    return tuple(EndpointPlan(service=service) for service in INTERFACE_ENDPOINTS)


def network_plan(
    site: Site,
    workloads: Sequence[Workload],
    services: Sequence[ServicePlan],
    pools: Sequence[NodePool],
    system: SystemPool | None,
) -> NetworkPlan:
    """Return the subnets of the site's zones, with the addresses that they need and have.

    An existing network has its own internet access, endpoints and flow logs, so nothing is made. In
    prod, or when a workload must survive a zone, each zone has a NAT gateway. Otherwise only the
    first zone has one. Raises FieldError like `subnet_ranges`.
    """
    endpoints = interface_endpoints(site)
    everywhere = site.environment is Environment.prod or any(w.redundancy.zones for w in workloads)

    def addresses(zone: str, private_cidr: str | None) -> AddressPlan:
        return zone_addresses(
            zone=zone,
            private_cidr=private_cidr,
            services=services,
            pools=pools,
            system=system,
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
        for zone, (private, public) in ({} if used else subnet_ranges(site)).items()
    )
    standing = _used_network(used, site, addresses) if used else _of_stack(site, subnets)
    return NetworkPlan(
        vpc_cidr=used.vpc_cidr if used else site.vpc_cidr,
        allowed=AllowedPlan(cidrs=site.allowed_cidrs, prefix_list_ids=site.allowed_prefix_list_ids),
        used=standing,
        subnets=() if standing else subnets,
        interface_endpoints=endpoints,
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
