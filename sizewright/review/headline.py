"""Figures of a service that a reviewer reads first: cost, size, latency and survival."""

from dataclasses import dataclass

from sizing.plan.service.pool import Survives
from sizing.plan.service.whole import ServicePlan
from sizing.values.exact import Number
from sizing.workload import Method


@dataclass(frozen=True)
class Headline:
    """Figures of one service; None where a figure is unknown, never zero."""

    usd_per_month_at_least: Number | None
    """US dollars of its nodes alone at list price, spare ones included."""
    gpus_total: int | None
    nodes_total: int | None
    ttft_ms: Number | None
    """Sizing estimate of the time to the first token, milliseconds, at the sized load."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, under the same conditions."""
    quantile_percent: Number | None
    """Quantile of both times, percent: 90 unless the workload states a shortfall cost."""
    utilisation_at_peak: Number | None
    survives: Survives | None
    response_s: Number | None = None
    """Time to the whole image, clip or vector, seconds; None for text, and without a target."""
    drain_s: Number | None = None
    """Seconds from the largest backlog until no job waits; None without a queue."""
    makes_media: bool = False
    """True for images and clips, which have no tokens."""
    makes_vectors: bool = False
    """True for embeddings, which have no time per token."""


def headline(service: ServicePlan | None) -> Headline | None:
    """Figures of a service; None where there is no such service.

    Guard: only `calibrated` predicts times. With another method, the plan's times belong to the
    fleet that `calibrated` would size, which is a different one.
    """
    if service is None:
        return None
    pool, choice, capacity = service.pool, service.choice, service.capacity
    is_timed = capacity is not None and capacity.method == Method.calibrated and pool is not None
    found = service.calibrated if is_timed else None
    safe = None if found is None else found.safe
    traits = service.inputs.kind.traits
    return Headline(
        usd_per_month_at_least=choice.pool_usd_per_month if choice and pool else None,
        gpus_total=pool.gpus_total if pool else None,
        nodes_total=pool.nodes_total if pool else None,
        ttft_ms=safe.ttft_ms if safe else None,
        tpot_ms=safe.tpot_ms if safe else None,
        quantile_percent=None if found is None else found.quantile_percent,
        utilisation_at_peak=pool.utilisation_at_peak if pool else None,
        survives=pool.survives if pool else None,
        response_s=service.latency.response_s if service.latency else None,
        drain_s=service.jobs.drain_s if service.jobs else None,
        makes_media=traits.makes_media,
        makes_vectors=not traits.generates,
    )
