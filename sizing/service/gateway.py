"""How much data does a service move, and which load balancer passes it on?"""

from decimal import Decimal
from fractions import Fraction

from sizing.plan.part import Reason, Rejected
from sizing.plan.service.application.direct import DirectPlan
from sizing.plan.service.gateway import BalancerPlan, GatewayPlan, JobGatewayPlan
from sizing.plan.service.items.jobs import JobApiPlan
from sizing.plan.service.stores import TransferPlan
from sizing.replica.traffic import Rates, answer_s, answering, mean_of, slowest_answer_s
from sizing.service.access import CALLS_PER_TURN, firewall_plan, token_plan
from sizing.service.request_limits import IDLE_MARGIN_S
from sizing.site import Site
from sizing.values.exact import Exact, Number, ceiling, exact, plain, plain_or_none
from sizing.values.units import GB, MB, SECONDS_PER_HOUR
from sizing.workload import InTransit, Kind, Routing, Workload

CONNECTIONS_PER_UNIT_S = 25
ACTIVE_CONNECTIONS_PER_UNIT = 3_000
BYTES_PER_UNIT_HOUR = GB
"""Bytes that one load balancer capacity unit (LCU) covers in an hour. Basis: vendor (ELB pricing:
25 new connections a second, 3,000 active ones, 1 GB an hour)."""
FUNCTION_BYTES_PER_UNIT = 400 * MB
"""Bytes that one unit covers in an hour where a function answers. Basis: vendor (ELB pricing)."""
JOB_ANSWER_BYTES = 2_000
"""Bytes of a job's state with the headers of request and answer. Basis: assumed."""
PAGE_BYTES_RATIO = 100
"""Bytes that a chat page sends for one byte of an answer. Basis: assumed; an event of a WebSocket
has some 400 bytes, and one token of about four."""
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


def megabits(rate: Fraction, size_bytes: Fraction) -> Fraction:
    """Megabits per second of a rate of messages: rate x bytes x 8 / 10^6. Basis: arithmetic."""
    return rate * size_bytes * 8 / MB


def mbit_per_s(rate: Fraction | None, size_bytes: Exact | None) -> Fraction | None:
    """Megabits per second of messages; None where their rate or their size is unknown."""
    if rate is None or size_bytes is None:
        return None
    return megabits(rate, exact(size_bytes))


def mean_bytes(workload: Workload, field: str) -> Fraction | None:
    """Mean bytes of the requests or answers at a load balancer; None where they are unknown."""
    if any(getattr(each.request, field) is None for each in answering(workload)):
        return None
    return mean_of(workload, lambda each: exact(getattr(each.request, field)))


def added_bytes(direct: DirectPlan | None) -> tuple[Fraction, Fraction]:
    """Bytes of searches and vectors without an answer, and of their results, for one request."""
    if direct is None:
        return Fraction(0), Fraction(0)
    return _exact(direct.sent_bytes_per_request), _exact(direct.answer_bytes_per_request)


def added_requests(direct: DirectPlan | None) -> Fraction:
    """Searches and vectors without an answer for one request, each text as a request."""
    if direct is None:
        return Fraction(0)
    return _exact(direct.searches_per_request) + _exact(direct.embeddings_per_request)


def _exact(number: Number) -> Fraction:
    return exact(Decimal(str(number)))


def transfer_plan(
    workload: Workload, rates: Rates, direct: DirectPlan | None = None
) -> TransferPlan:
    """Return the bandwidth of requests in and answers out, at the mean and at the peak."""
    ask, answer = mean_bytes(workload, "request_bytes"), mean_bytes(workload, "response_bytes")
    if direct is not None and ask is not None and answer is not None:
        sent, answered = added_bytes(direct)
        ask, answer = ask + sent, answer + answered
    return TransferPlan(
        ingress_mbit_per_s=plain_or_none(mbit_per_s(rates.mean, ask)),
        egress_mbit_per_s=plain_or_none(mbit_per_s(rates.mean, answer)),
        ingress_mbit_per_s_peak=plain_or_none(mbit_per_s(rates.peak, ask)),
        egress_mbit_per_s_peak=plain_or_none(mbit_per_s(rates.peak, answer)),
    )


def capacity_units(
    workload: Workload, rates: Rates, direct: DirectPlan | None = None
) -> int | None:
    """Load balancer capacity units at the highest known rate, rounded up.

    max(rate / 25, in flight / 3,000, bytes an hour / 1 GB), every request a new connection
    with a chat page: calls of browsers too, and its answers in events of one token each
    with searches and vectors without an answer: these too, which are short

    The result is None when neither size of a request is known. Basis: vendor definition; an upper
    bound, since kept-alive connections cost less.
    """
    rate = rates.busiest
    sizes = [mean_bytes(workload, name) for name in ("request_bytes", "response_bytes")]
    if None in sizes:
        return None
    sent, answered = (size or Fraction(0) for size in sizes)
    events = PAGE_BYTES_RATIO * answered if workload.has_page else Fraction(0)
    hourly = rate * (sent + answered + events + sum(added_bytes(direct))) * SECONDS_PER_HOUR
    calls = rate * (1 + (CALLS_PER_TURN if workload.has_page else 0) + added_requests(direct))
    in_flight = rate * mean_of(workload, mean_answer_s)
    return ceiling(
        max(
            calls / CONNECTIONS_PER_UNIT_S,
            in_flight / ACTIVE_CONNECTIONS_PER_UNIT,
            hourly / BYTES_PER_UNIT_HOUR,
        )
    )


def mean_answer_s(workload: Workload) -> Fraction:
    """Seconds of the mean answer exactly at the latency targets; 120 s without them."""
    return slowest_answer_s(workload) or Fraction(ASSUMED_ANSWER_S)


def reserved_units(needed: int | None) -> int | None:
    """Capacity units to reserve: those needed, where they reach the smallest reservation.

    Below it the load balancer scales by itself, and a reservation would cost more than it provides.
    Basis: vendor (a reservation is paid by the hour whether it is used or not).
    """
    return needed if needed is not None and needed >= RESERVATION_MINIMUM_UNITS else None


def longest_answer_s(workload: Workload, item_s: Fraction | None = None) -> Fraction:
    """Seconds of the longest answer at the latency targets.

    max(4 x mean answer, TTFT + (context - input tokens - 1) x TPOT); 120 s without targets
    4 x max(seconds of one item, target) for images, whose seconds are known

    Basis: arithmetic where the context is given; the factor 4 and the 120 s are assumed.
    """
    mean = slowest_answer_s(workload)
    if item_s is not None:
        return STREAM_RATIO * max(item_s, mean or Fraction(0))
    if mean is None:
        return Fraction(ASSUMED_ANSWER_S)
    context, prompt = workload.request.context_tokens, workload.request.prompt_tokens
    if context is None or prompt is None:
        return mean * STREAM_RATIO
    return max(mean * STREAM_RATIO, answer_s(workload, context - exact(prompt)) or mean)


def gateway_plan(
    workload: Workload,
    rates: Rates,
    site: Site,
    item_s: Fraction | None = None,
    direct: DirectPlan | None = None,
) -> GatewayPlan:
    """Return the load balancer of one service, which waits longer than the longest answer takes.

    idle timeout = longest + 10 s, deregistration delay = longest, within the vendor's limits.
    `item_s` are the seconds of one image; None for text. `direct` are searches and vectors without
    an answer.
    """
    longest = max(longest_answer_s(each, item_s) for each in answering(workload))
    balancer = _balancer(
        workload,
        rates.busiest * (1 + added_requests(direct)),
        site,
        longest=longest,
        paths=paths_of(workload),
        units=capacity_units(workload, rates, direct),
    )
    return GatewayPlan(
        **balancer.model_dump(),
        encrypted=workload.in_transit is InTransit.tls,
        routing=ALGORITHMS[workload.engine.routing],
        sticky=workload.engine.routing is Routing.sticky,
        sticky_s=STICKY_S,
        deregistration_delay_s=min(ceiling(longest), DRAIN_LIMIT_S),
        health_interval_s=HEALTH_INTERVAL_S,
        health_timeout_s=HEALTH_TIMEOUT_S,
        health_checks=HEALTH_CHECKS,
        failure_detection_s=HEALTH_CHECKS * HEALTH_INTERVAL_S + HEALTH_TIMEOUT_S,
    )


def paths_of(workload: Workload) -> tuple[str, ...]:
    """Paths of requests that the application answers, or else the engine."""
    application, context = workload.application, workload.context
    if application is not None:
        direct = None if context is None else context.direct
        return application.paths if direct is None else (*application.paths, *direct.paths)
    return workload.engine.name.traits.paths[workload.kind]


def _balancer(
    workload: Workload,
    requests_per_s: Fraction,
    site: Site,
    *,
    longest: Fraction,
    paths: tuple[str, ...],
    units: int | None,
) -> BalancerPlan:
    """Return the load balancers of a service, whatever is behind them."""
    access = workload.access
    return BalancerPlan(
        public=access.public,
        both=access.both_balancers,
        internal_token=access.token_required or workload.has_owners,
        public_cidrs=site.public_cidrs if access.has_public else (),
        token=token_plan(workload, site),
        firewall=firewall_plan(workload, requests_per_s, site),
        longest_answer_s=plain(longest),
        idle_timeout_s=min(ceiling(longest) + IDLE_MARGIN_S, IDLE_LIMIT_S),
        paths=paths,
        capacity_units=units,
        reserved_units=reserved_units(units),
        certificate_arn=site.certificate_arn,
        protected=site.keeps(workload),
    )


def job_gateway_plan(
    workload: Workload, rates: Rates, site: Site, api: JobApiPlan
) -> JobGatewayPlan:
    """Return the load balancers in front of the functions of a queued service.

    With a content delivery network, each view is a request for its address too.
    """
    cdn, requests_per_s = workload.cdn, exact(Decimal(str(api.requests_per_s)))
    if cdn is not None:
        requests_per_s += rates.busiest * exact(cdn.views_per_item)
    return JobGatewayPlan(
        **_balancer(
            workload,
            requests_per_s,
            site,
            longest=Fraction(api.timeout_s),
            paths=job_paths(workload.kind, takes_images=api.takes_images),
            units=job_capacity_units(rates.busiest, requests_per_s, api),
        ).model_dump(),
        content_paths=() if cdn is None else content_paths(workload.kind),
    )


JOBS = {Kind.image: "/v1/images/generations", Kind.video: "/v1/videos"}
"""Path of the jobs of a kind. Basis: vendor (OpenAI's API)."""


def content_paths(kind: Kind) -> tuple[str, ...]:
    """Paths of requests for a result of the kind. Basis: vendor (OpenAI's API)."""
    return (f"{JOBS[kind]}/*/content",)


def job_paths(kind: Kind, *, takes_images: bool) -> tuple[str, ...]:
    """Paths of requests for jobs of the kind. Basis: vendor (OpenAI's API), and assumed below
    them."""
    jobs = JOBS[kind]
    uploads = ("/v1/uploads",) if takes_images else ()
    return (jobs, f"{jobs}/*", "/v1/models", *uploads)


def job_capacity_units(jobs_per_s: Fraction, requests_per_s: Fraction, api: JobApiPlan) -> int:
    """Load balancer capacity units of requests for jobs, rounded up.

    max(requests / 25, bytes an hour / 0.4 GB), each request a new connection
    bytes = jobs x largest body + requests x 2 KB of an answer

    Basis: vendor definition (0.4 GB an hour for functions); an upper bound, whose answers are
    assumed.
    """
    per_s = jobs_per_s * api.body_bytes + requests_per_s * JOB_ANSWER_BYTES
    hourly = per_s * SECONDS_PER_HOUR
    return ceiling(max(requests_per_s / CONNECTIONS_PER_UNIT_S, hourly / FUNCTION_BYTES_PER_UNIT))


def too_slow(gateway: GatewayPlan) -> list[Rejected]:
    """Rejection where the load balancer cannot wait for the longest answer."""
    longest = gateway.longest_answer_s
    if longest <= DRAIN_LIMIT_S:
        return []
    numbers = f"{longest:,.0f} s; it drains at most {DRAIN_LIMIT_S:,} s, idles {IDLE_LIMIT_S:,} s"
    option = "a load balancer that waits for the longest answer"
    return [Rejected(option=option, reason=Reason.gateway_limit, numbers=numbers)]
