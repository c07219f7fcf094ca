"""What may one request ask of an engine, how many may wait, and what holds them to it?"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from sizing.catalog import Ability, Catalog
from sizing.plan import GatewayPlan, LimitsBy, Reason, Rejected, ServingPlan
from sizing.replica.gpu_rate import GpuRate
from sizing.values.exact import exact, plain
from sizing.workload import Workload

IDLE_MARGIN_S = 10
"""Seconds that the load balancer waits beyond the longest answer. Basis: assumed."""

ENGINE = "vllm"
"""Engine of `data/engine_options.csv` that every image here holds."""
KEEP_ALIVE_MARGIN_S = 10
"""Seconds that the engine keeps an idle connection longer than the load balancer does. Basis:
assumed; the vendor asks for more than the balancer's idle timeout and names no margin."""
ONE = 1
"""Sequences of a request that a limit of tokens takes it for."""
COUNTED = (Ability.sequences, Ability.beams, Ability.prompts)
"""What a request could ask for more than once, and a limit of tokens counts once."""


@dataclass(frozen=True)
class EngineLimits:
    """What bounds the work that one replica accepts."""

    by: LimitsBy
    keep_alive_s: int | None
    """None where this version cannot be asked for it."""
    waiting: int
    """Requests that may wait before a full batch."""
    in_flight: int
    """Sequences that run or wait at most."""
    sequences_per_request: int | None
    """None without a limit of tokens."""
    as_root: bool
    """Where no other user of the image is known."""


def engine_limits(
    *,
    workload: Workload,
    catalog: Catalog,
    tag: str,
    rate: GpuRate,
    gpus_per_replica: int,
    max_num_seqs: int,
    gateway: GatewayPlan,
) -> EngineLimits:
    """The bounds of one replica, and what holds requests to them.

    in flight = max sequences + waiting; keep-alive = idle timeout + 10 s
    """
    counts = gateway.firewall is not None and gateway.firewall.tokens_per_key is not None
    waiting = waiting_requests(wait_s(workload), rate, gpus_per_replica)
    idle_s = gateway.idle_timeout_s
    raised = catalog.can(ENGINE, tag, Ability.keep_alive)
    return EngineLimits(
        by=limits_by(catalog, tag, counts_tokens=counts),
        keep_alive_s=idle_s + KEEP_ALIVE_MARGIN_S if raised else None,
        waiting=waiting,
        in_flight=max_num_seqs + waiting,
        sequences_per_request=ONE if counts else None,
        as_root=not catalog.can(ENGINE, tag, Ability.user),
    )


def wait_s(workload: Workload) -> Fraction:
    """Longest wait before a full batch, in seconds.

    the target of the time to the first token; without one, what the load balancer waits beyond the
    longest answer

    Basis: arithmetic; a request that waits longer has missed its target before it starts.
    """
    latency = workload.latency
    if latency is None or latency.ttft_ms is None:
        return Fraction(IDLE_MARGIN_S)
    return exact(latency.ttft_ms) / 1000


def waiting_requests(wait: Fraction, rate: GpuRate, gpus_per_replica: int) -> int:
    """Requests that a full replica starts within the wait: floor(wait x requests a second).

    A full replica starts one request for each that ends. Basis: Little's law.
    """
    per_gpu = exact(Decimal(str(plain(1 / rate.busy_s))))
    return floor(wait * per_gpu * gpus_per_replica)


def limits_by(catalog: Catalog, tag: str, *, counts_tokens: bool) -> LimitsBy:
    """What holds requests to their limits: the engine where this version can, else our check."""
    needed = [Ability.queue, *(COUNTED if counts_tokens else ())]
    if all(catalog.can(ENGINE, tag, ability) for ability in needed):
        return LimitsBy.engine
    if catalog.can(ENGINE, tag, Ability.middleware):
        return LimitsBy.admission
    return LimitsBy.nothing


def impatient(gateway: GatewayPlan, serving: ServingPlan) -> list[Rejected]:
    """That the engine's idle connections outlast the load balancer's, where they cannot."""
    if serving.keep_alive_s is not None:
        return []
    numbers = (
        f"nothing says that {serving.image} can keep a connection longer than the "
        f"{gateway.idle_timeout_s:,} s of the load balancer: it would answer with 502"
    )
    option = "an engine that keeps connections longer than its load balancer"
    return [Rejected(option=option, reason=Reason.keep_alive, numbers=numbers)]
