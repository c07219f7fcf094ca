"""What a service costs, holds, answers in and survives: the figures that a reviewer reads first."""

from dataclasses import dataclass

from sizing.plan import ServicePlan, Survives
from sizing.values.exact import Number
from sizing.workload import Method


@dataclass(frozen=True)
class Headline:
    """The figures of one service; None where nothing says one, never zero."""

    usd_per_month_at_least: Number | None
    """US dollars of its nodes alone at list price, spare ones included."""
    gpus_total: int | None
    nodes_total: int | None
    ttft_ms: Number | None
    """Time to the first token on the P90 side of the estimate, at the load that is sized for."""
    tpot_ms: Number | None
    """Time per output token after the first, likewise."""
    utilisation_at_peak: Number | None
    survives: Survives | None


def headline(service: ServicePlan | None) -> Headline | None:
    """The figures of a service; None where there is no such service.

    Guard: other methods than `calibrated` predict no times. Those of the plan are then of the fleet
    that the calibrated method would take, which is another one.
    """
    if service is None:
        return None
    pool, choice, capacity = service.pool, service.choice, service.capacity
    is_timed = capacity is not None and capacity.method == Method.calibrated and pool is not None
    safe = service.calibrated.safe if service.calibrated is not None and is_timed else None
    return Headline(
        usd_per_month_at_least=choice.pool_usd_per_month if choice and pool else None,
        gpus_total=pool.gpus_total if pool else None,
        nodes_total=pool.nodes_total if pool else None,
        ttft_ms=safe.ttft_ms if safe else None,
        tpot_ms=safe.tpot_ms if safe else None,
        utilisation_at_peak=pool.utilisation_at_peak if pool else None,
        survives=pool.survives if pool else None,
    )
