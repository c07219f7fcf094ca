"""How much data moves, through what, and which addresses does the network have?"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Network

from sizing.exact import ceiling, exact, plain, plain_or_none
from sizing.field_error import FieldError
from sizing.plan import GatewayPlan, NetworkPlan, Reason, Rejected, SubnetPlan, TransferPlan
from sizing.site import Environment, Site
from sizing.traffic import Rates, answer_s, slowest_answer_s
from sizing.units import GB, MB
from sizing.workload import Workload

CONNECTIONS_PER_UNIT_S = 25
ACTIVE_CONNECTIONS_PER_UNIT = 3_000
BYTES_PER_UNIT_HOUR = GB
"""What one load balancer capacity unit (LCU) covers. Basis: vendor (ELB pricing: 25 new connections
a second, 3,000 active ones, 1 GB an hour)."""
ASSUMED_ANSWER_S = 120
"""Longest answer when no latency target says it, seconds. Basis: assumed."""
STREAM_RATIO = 4
"""Longest answer over the mean answer at the latency targets. Basis: assumed (3 to 10)."""
IDLE_LIMIT_S, DRAIN_LIMIT_S = 4_000, 3_600
"""Basis: vendor, highest idle timeout and deregistration delay of an application load balancer."""
PRIVATE_SHARE, PUBLIC_PREFIX = 3, 24
"""A private subnet is an eighth of the network (prefix + 3); a public one a /24."""


def mbit_per_s(rate: Fraction | None, size_bytes: Decimal | None) -> Fraction | None:
    """Megabits per second of a rate of messages: rate x bytes x 8 / 10^6. Basis: arithmetic."""
    if rate is None or size_bytes is None:
        return None
    return rate * exact(size_bytes) * 8 / MB


def transfer_plan(workload: Workload, rates: Rates) -> TransferPlan:
    """Bandwidth of requests in and answers out, at the mean and at the peak."""
    ask, answer = workload.request.request_bytes, workload.request.response_bytes
    return TransferPlan(
        ingress_mbit_per_s=plain_or_none(mbit_per_s(rates.mean, ask)),
        egress_mbit_per_s=plain_or_none(mbit_per_s(rates.mean, answer)),
        ingress_mbit_per_s_peak=plain_or_none(mbit_per_s(rates.peak, ask)),
        egress_mbit_per_s_peak=plain_or_none(mbit_per_s(rates.peak, answer)),
    )


def capacity_units(workload: Workload, rates: Rates) -> int | None:
    """Load balancer capacity units at the busiest known moment, rounded up.

    max(rate / 25, in flight / 3,000, bytes an hour / 1 GB), every request a new connection

    None when neither size of a request is known. Basis: vendor definition; an upper bound, since
    kept-alive connections cost less.
    """
    rate = rates.mean if rates.peak is None else rates.peak
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


def longest_answer_s(workload: Workload) -> Fraction:
    """Seconds of the longest answer at the latency targets.

    max(4 x mean answer, TTFT + (context - input tokens - 1) x TPOT); 120 s without targets

    Basis: arithmetic where the context is given; the factor 4 and the 120 s are assumed.
    """
    mean = slowest_answer_s(workload)
    if mean is None:
        return Fraction(ASSUMED_ANSWER_S)
    context, prompt = workload.request.context_tokens, workload.request.input_tokens
    if context is None or prompt is None:
        return mean * STREAM_RATIO
    return max(mean * STREAM_RATIO, answer_s(workload, context - exact(prompt)) or mean)


def gateway_plan(workload: Workload, rates: Rates, site: Site) -> GatewayPlan:
    """The load balancer of one service: it waits longer than the longest answer takes.

    idle timeout = longest + 10 s, deregistration delay = longest, within the vendor's limits
    """
    longest = longest_answer_s(workload)
    return GatewayPlan(
        longest_answer_s=plain(longest),
        idle_timeout_s=min(ceiling(longest) + 10, IDLE_LIMIT_S),
        deregistration_delay_s=min(ceiling(longest), DRAIN_LIMIT_S),
        capacity_units=capacity_units(workload, rates),
        certificate_arn=site.certificate_arn,
        protected=site.environment is Environment.prod,
    )


def too_slow(gateway: GatewayPlan) -> list[Rejected]:
    """That the load balancer waits for the longest answer, where it cannot."""
    longest = gateway.longest_answer_s
    if longest <= DRAIN_LIMIT_S:
        return []
    numbers = f"{longest:,.0f} s; it drains at most {DRAIN_LIMIT_S:,} s, idles {IDLE_LIMIT_S:,} s"
    option = "a load balancer that waits for the longest answer"
    return [Rejected(option=option, reason=Reason.gateway_limit, numbers=numbers)]


def network_plan(site: Site, workloads: Sequence[Workload]) -> NetworkPlan:
    """Subnets of the site's zones: private eighths from the bottom, public /24 from the last one.

    A NAT gateway stands in each zone in prod or when a workload must survive a zone, else in the
    first zone only. Raises FieldError for an address range that is not one.
    """
    try:
        whole = IPv4Network(site.vpc_cidr)
    except ValueError as fault:
        raise FieldError(("vpc_cidr",), str(fault), "an IPv4 range like 10.0.0.0/16") from fault
    private = list(whole.subnets(prefixlen_diff=PRIVATE_SHARE))
    public = list(private[-1].subnets(new_prefix=PUBLIC_PREFIX))
    everywhere = site.environment is Environment.prod or any(w.redundancy.zones for w in workloads)
    subnets = tuple(
        SubnetPlan(
            zone=zone,
            private_cidr=str(private[index]),
            public_cidr=str(public[index]),
            nat=everywhere or index == 0,
        )
        for index, zone in enumerate(site.zones)
    )
    return NetworkPlan(vpc_cidr=site.vpc_cidr, subnets=subnets)
