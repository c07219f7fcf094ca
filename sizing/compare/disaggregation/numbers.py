"""Why do the numbers of separate pools have their values?"""

from collections.abc import Iterator
from dataclasses import dataclass

from sizing.compare.disaggregation.pools import RolePool
from sizing.compare.disaggregation.search import Pair
from sizing.compare.disaggregation.transfer import USABLE_NETWORK
from sizing.values.exact import short
from sizing.values.units import GB

FITTED = "fitted (data/coefficients.json), sizing estimate"
WAITS = "arithmetic (queue of random arrivals)"
ARITHMETIC = "arithmetic"
NETWORK = (
    f"vendor (data/instance_types.csv); assumed: {USABLE_NETWORK * 100:.0f} % of the bandwidth is"
    " usable"
)
SHARED_QUEUE = (
    "assumed: one queue for the prefill replicas of a zone, as in NVIDIA Dynamo; replicas for both"
    " roles have a queue each"
)


@dataclass(frozen=True)
class Line:
    """One number: its meaning, its value with a unit, and the formula with numbers."""

    name: str
    value: float
    unit: str
    numbers: str
    basis: str


def lines(pair: Pair) -> Iterator[Line]:
    """Yield the numbers that lead to the nodes of both pools, each after those that it uses."""
    yield from _times(pair)
    for role, pool in (("prefill", pair.prefill), ("decode", pair.decode)):
        used = f"{short(pair.load / pool.replicas)} requests/s x {_gb(pair.cache.mean_bytes)}"
        share = pair.network_share(pool) * 100
        band = _gbit(pool.candidate.bytes_per_s)
        yield Line(f"{role} network", share, "%", f"{used} over {band} of a replica", NETWORK)
        yield Line(f"{role} nodes", pool.nodes_total, "nodes", _nodes(pair, pool), ARITHMETIC)
    apart = pair.prefill_within_ttft(shared_queue=False)
    if apart is not None:
        numbers = f"{apart.replicas} replicas a zone with a queue each"
        name = "prefill nodes without the shared queue"
        yield Line(name, apart.nodes_total, "nodes", numbers, SHARED_QUEUE)


def _times(pair: Pair) -> Iterator[Line]:
    """Yield the parts of TTFT, TTFT and TPOT in milliseconds, and the bytes of a cache."""
    share, cache = f"P{short(pair.targets.share * 100)}", pair.cache
    prefill, decode = pair.prefill, pair.decode
    length = f"{share} prompt of {cache.tokens:,.0f} tokens"
    times = "once" if cache.copies == 1 else f"{short(cache.copies)} times"
    each = f"{_gb(cache.bytes / cache.copies)}, read {times}"
    yield Line("KV cache of a prompt", cache.bytes / GB, "GB", f"{length}: {each}", ARITHMETIC)
    yield _ms("prompt", pair.prompt_s, f"{length}, {_replica(prefill)}", FITTED)
    queue = f"{share} at {short(pair.load)} requests/s for {prefill.replicas} replicas, "
    queue += f"{short(prefill.candidate.prefill_s * 1000)} ms a prompt"
    yield _ms("wait for a prefill replica", pair.prompt_wait_s, queue, SHARED_QUEUE)
    sent = f"{_gb(cache.bytes)} over {_gbit(pair.bytes_per_s)}"
    yield _ms("transfer of the cache", pair.transfer_s, sent, NETWORK)
    arrivals = f"{share} at {short(pair.decode_load)} requests/s for one replica"
    yield _ms("wait behind other transfers", pair.transfer_wait_s, arrivals, WAITS)
    yield _ms("first step", pair.first_step_s, f"{arrivals}, {_replica(decode)}", FITTED)
    parts = (
        pair.prompt_s,
        pair.prompt_wait_s,
        pair.transfer_s,
        pair.transfer_wait_s,
        pair.first_step_s,
    )
    yield _ms("TTFT", pair.ttft_s, " + ".join(short(part * 1000) for part in parts), ARITHMETIC)
    yield _ms("TPOT", pair.tpot_s, f"{arrivals}, no prompt in a step", FITTED)


def _ms(name: str, seconds: float, numbers: str, basis: str) -> Line:
    return Line(name, seconds * 1000, "ms", numbers, basis)


def _nodes(pair: Pair, pool: RolePool) -> str:
    """Replicas by constraint, then nodes by rule."""
    counts = ", ".join(f"{name} {count}" for name, count in pool.replicas_by_constraint.items())
    rules = ", ".join(f"{rule.value} {count}" for rule, count in pool.nodes_by_rule.items())
    zones = pair.cells.count
    each = f"a zone, {zones} zones" if zones > 1 else "in one zone"
    return (
        f"max({counts}) replicas {each}; {pool.candidate.replicas_per_node} a node;"
        f" by rule: max({rules})"
    )


def _replica(pool: RolePool) -> str:
    candidate = pool.candidate
    return f"{candidate.instance.name}, tensor parallel {candidate.tensor_parallel}"


def _gb(size: float) -> str:
    return f"{short(size / GB)} GB"


def _gbit(bytes_per_s: float) -> str:
    return f"{short(8 * bytes_per_s / GB)} Gbit/s"
