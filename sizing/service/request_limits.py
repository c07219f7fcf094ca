"""What are the limits of one request and of waiting requests, and what enforces them?"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from sizing.catalog import Ability, Catalog
from sizing.plan.part import Reason, Rejected
from sizing.plan.service.gateway import GatewayPlan
from sizing.plan.service.serving import LimitsBy, ServingPlan
from sizing.replica.gpu_rate import GpuRate
from sizing.replica.traffic import stages_s
from sizing.service.prompt import check_stages
from sizing.values.exact import ceiling, exact, plain
from sizing.workload import EngineName, Workload

IDLE_MARGIN_S = 10
"""Seconds that the load balancer waits beyond the longest answer. Basis: assumed."""

KEEP_ALIVE_MARGIN_S = 10
"""Seconds that the engine keeps an idle connection longer than the load balancer does. Basis:
assumed; the vendor requires more than the balancer's idle timeout and states no margin."""
CALLER_IDLE_S = 5
"""Seconds that an application keeps an idle connection to an engine. Basis: vendor (httpx, its
default)."""
WAITING_ITEMS = 3
"""Requests that may wait for an item without a latency target. Basis: assumed; the load balancer
waits for four items."""
ONE = 1
"""Sequences of a request that a limit of tokens assumes, and images of one request."""
COUNTED = (Ability.sequences, Ability.beams, Ability.prompts)
"""Items that a request could multiply, and that a limit of tokens counts once."""


@dataclass(frozen=True)
class RequestLimits:
    """Limits of the work that one replica accepts."""

    by: LimitsBy
    keep_alive_s: int | None
    """Seconds that the engine keeps an idle connection; None where this version has no option."""
    waiting: int
    """Requests that may wait for a full batch."""
    in_flight: int
    """Maximum sequences that run or wait."""
    sequences_per_request: int | None
    """Maximum sequences of one request; None without a limit of tokens."""
    as_root: bool
    """True where no other user of the image is known."""


def request_limits(
    *,
    workload: Workload,
    catalog: Catalog,
    tag: str,
    rate: GpuRate,
    gpus_per_replica: int,
    max_num_seqs: int,
    gateway: GatewayPlan | None,
) -> RequestLimits:
    """Return the limits of one replica, and what enforces them.

    in flight = max sequences + waiting; keep-alive = idle timeout + 10 s

    Without a load balancer or callers in front of it, a worker sends one job at a time. The callers
    of a stage open a connection for each call, so that the time of an idle one does not matter. An
    application keeps them. The answer of an embedding is all of its work, so those at work count in
    its wait. One request has the texts of one full step at most, which only our check counts.

    Raises FieldError for prompts with stages that this version cannot run.
    """
    engine = workload.engine.name
    as_root = not catalog.can(engine, tag, Ability.user)
    check_stages(workload, catalog, engine, tag)
    if gateway is None and not workload.callers:
        return RequestLimits(LimitsBy.worker, None, 0, max_num_seqs, ONE, as_root)
    firewall = None if gateway is None else gateway.firewall
    counts = firewall is not None and firewall.tokens_per_key is not None
    media, embeds = workload.kind.traits.makes_media, not workload.kind.traits.generates
    if media:
        waiting = waiting_items(workload, item_seconds(rate, gpus_per_replica))
    else:
        waiting = waiting_requests(wait_s(workload), rate, gpus_per_replica)
    if embeds:
        waiting = max(waiting - max_num_seqs, 0)
    idle_s = None
    if workload.access.service is not None:
        idle_s = CALLER_IDLE_S
    if gateway is not None:
        idle_s = gateway.idle_timeout_s
    if not catalog.can(engine, tag, Ability.keep_alive):
        idle_s = None
    by = limits_by(catalog, engine, tag, counts_tokens=counts)
    if embeds:
        checked = catalog.can(engine, tag, Ability.middleware)
        by = LimitsBy.admission if checked else LimitsBy.nothing
    return RequestLimits(
        by=by if workload.prompt is None else LimitsBy.admission,
        keep_alive_s=None if idle_s is None else idle_s + KEEP_ALIVE_MARGIN_S,
        waiting=waiting,
        in_flight=max_num_seqs + waiting,
        sequences_per_request=max_num_seqs if embeds else ONE if counts or media else None,
        as_root=as_root,
    )


def wait_s(workload: Workload) -> Fraction:
    """Maximum wait for a full batch, in seconds.

    The wait is the target of the time to the first token, or of an embedding. Without one, it is
    the load balancer's wait beyond the longest answer.

    Basis: arithmetic; a request that waits longer has missed its target before it starts.
    """
    latency = workload.latency
    if latency is not None and latency.response_s is not None:
        return exact(latency.response_s)
    if latency is None or latency.ttft_ms is None:
        return Fraction(IDLE_MARGIN_S)
    return exact(latency.ttft_ms) / 1000


def waiting_requests(wait: Fraction, rate: GpuRate, gpus_per_replica: int) -> int:
    """Requests that a full replica starts within the wait: floor(wait x requests a second).

    A full replica starts one request for each that ends. Basis: Little's law.
    """
    per_gpu = exact(Decimal(str(plain(1 / rate.used_s))))
    return floor(wait * per_gpu * gpus_per_replica)


def item_seconds(rate: GpuRate, gpus_per_replica: int) -> Fraction:
    """Seconds of one item on its cards: GPU-seconds of a request / GPUs. Basis: arithmetic."""
    return rate.used_s / gpus_per_replica


def waiting_items(workload: Workload, item_s: Fraction) -> int:
    """Requests that may wait for a replica at work, which makes one item at a time.

    floor((target - seconds) / seconds) + 1, the one at work being partly done; without a target 3,
    and ceil(stages / seconds), which arrive while a prompt is in its stages

    Basis: arithmetic; the last one may still be in time.
    """
    latency = workload.latency
    if latency is None or latency.response_s is None:
        return WAITING_ITEMS + ceiling(stages_s(workload) / item_s)
    return floor(max(exact(latency.response_s) - item_s, Fraction(0)) / item_s) + 1


def limits_by(catalog: Catalog, engine: EngineName, tag: str, *, counts_tokens: bool) -> LimitsBy:
    """Enforcement of the limits: the engine where this version has the options, else our check."""
    needed = [Ability.queue, *(COUNTED if counts_tokens else ())]
    if all(catalog.can(engine, tag, ability) for ability in needed):
        return LimitsBy.engine
    if catalog.can(engine, tag, Ability.middleware):
        return LimitsBy.admission
    return LimitsBy.nothing


def impatient(gateway: GatewayPlan, serving: ServingPlan) -> list[Rejected]:
    """Rejection where the engine may close idle connections before the load balancer does."""
    if serving.keep_alive_s is not None:
        return []
    numbers = (
        f"nothing says that {serving.image} can keep a connection longer than the "
        f"{gateway.idle_timeout_s:,} s of the load balancer: it would answer with 502"
    )
    option = "an engine that keeps connections longer than its load balancer"
    return [Rejected(option=option, reason=Reason.keep_alive, numbers=numbers)]
