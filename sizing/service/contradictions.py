"""Which parts of an answer refute each other, and does the workload accept this?"""

from collections.abc import Iterator

from sizing.plan.service.latency import Contradiction, Verdict
from sizing.plan.service.pool import PoolPlan
from sizing.plan.service.whole import ServicePlan
from sizing.service.verdict import counted, figure
from sizing.site import Site
from sizing.values.exact import Number
from sizing.workload import Contradicts, Method

MOST_APART = 2
"""Ratio of GPUs up to which two methods agree. Basis: assumed; the calibrated band is narrower (see
data/coefficients.json)."""
Finding = tuple[Contradicts, str, dict[str, Number]]


def contradictions(service: ServicePlan, site: Site) -> tuple[Contradiction, ...]:
    """Return all contradictions in a sized service, each at most once."""
    accept = service.inputs.accept
    return tuple(
        Contradiction(code=code, text=text, numbers=numbers, accepted=accept.get(code))
        for code, text, numbers in _found(service, site)
    )


def unmatched(service: ServicePlan) -> tuple[Contradicts, ...]:
    """Codes that the workload accepts and that do not occur; empty where nothing was sized."""
    if service.pool is None:
        return ()
    occurring = {each.code for each in service.contradictions}
    return tuple(code for code in service.inputs.accept if code not in occurring)


def _found(service: ServicePlan, site: Site) -> Iterator[Finding]:
    pool = service.pool
    if pool is None:
        return
    yield from _methods(service, pool)
    yield from _peak(service, pool)
    yield from _zone(pool, site)
    yield from _latency(service)


def _methods(service: ServicePlan, pool: PoolPlan) -> Iterator[Finding]:
    """Compare a given or textbook answer with the calibrated estimate."""
    method = service.capacity.method if service.capacity else ""
    estimates = [m.gpus_needed for m in service.methods if m.method == Method.calibrated]
    if method not in (Method.given, Method.textbook) or not estimates:
        return
    name = f" ({service.calibrated.estimate})" if service.calibrated is not None else ""
    answer, estimate = pool.gpus_needed, estimates[0]
    more, fewer = max(answer, estimate), min(answer, estimate)
    if more <= MOST_APART * fewer:
        return
    how = "more" if estimate > answer else "fewer"
    text = (
        f"The {method} method needs {counted(answer, 'GPU')}, but the calibrated estimate{name} "
        f"{counted(estimate, 'GPU')}: {figure(more / fewer)} times {how}."
    )
    numbers: dict[str, Number]
    numbers = {"gpus_by_method": answer, "gpus_by_estimate": estimate, "times_apart": more / fewer}
    yield Contradicts.methods_disagree, text, numbers


def _peak(service: ServicePlan, pool: PoolPlan) -> Iterator[Finding]:
    """Compare the peak with all GPUs, those of the burst included. A queue absorbs a peak."""
    peak, utilisation = service.traffic.peak_at_engines, pool.utilisation_at_peak
    if service.jobs is not None or peak is None or utilisation is None:
        return
    added = service.burst.replicas if service.burst is not None else 0
    over_capacity = utilisation * pool.replicas_total / (pool.replicas_total + added)
    if over_capacity <= 1:
        return
    gpus = pool.gpus_total + (service.burst.gpus if service.burst is not None else 0)
    text = (
        f"The peak of {figure(peak)} requests/s is {figure(over_capacity)} times what all "
        f"{counted(gpus, 'GPU')} serve{', burst included' if added else ''}."
    )
    yield (
        Contradicts.peak_above_capacity,
        text,
        {"peak_requests_per_s": peak, "gpus_with_burst": gpus, "peak_over_capacity": over_capacity},
    )


def _zone(pool: PoolPlan, site: Site) -> Iterator[Finding]:
    """Contradiction of all nodes in one zone, where the site has several."""
    zones = [zone for zone, count in pool.nodes_by_zone.items() if count]
    if len(site.zones) < 2 or len(zones) != 1:
        return
    text = (
        f"{counted(pool.nodes_total, 'node')} in {zones[0]} alone, of {len(site.zones)} zones: the "
        "loss of that zone stops the service."
    )
    numbers: dict[str, Number]
    numbers = {"nodes_in_one_zone": pool.nodes_total, "zones_of_site": len(site.zones)}
    yield Contradicts.single_zone, text, numbers


def _latency(service: ServicePlan) -> Iterator[Finding]:
    """Contradiction of a latency target that is missed, or that nothing checks."""
    latency = service.latency
    if latency is None or latency.verdict is Verdict.met:
        return
    known = {
        "ttft_target_ms": latency.ttft_target_ms,
        "tpot_target_ms": latency.tpot_target_ms,
        "ttft_p90_ms": latency.ttft_ms,
        "tpot_p90_ms": latency.tpot_ms,
        "response_target_s": latency.response_target_s,
        "response_p90_s": latency.response_s,
        "times_missed": latency.missed_ratio,
    }
    numbers = {name: value for name, value in known.items() if value is not None}
    missed = latency.verdict is Verdict.missed
    code = Contradicts.latency_missed if missed else Contradicts.latency_unchecked
    yield code, f"The latency target is {latency.text}.", numbers
