"""The answer of `sizewright diff --json`."""

import operator
from typing import Annotated

from pydantic import Field

from sizewright.answers.answer import Answer, Leaf
from sizewright.review.changes import Effect
from sizewright.review.dangers import Danger
from sizewright.review.headline import headline
from sizing.plan.service.pool import Survives
from sizing.plan.service.whole import ServicePlan
from sizing.values.exact import Number
from sizing.values.strict import Strict, absent


class SurvivalAnswer(Strict):
    """Losses after which enough nodes remain; null on a side without a pool."""

    old: Survives | None
    """Losses before the change."""
    new: Survives | None
    """Losses after the change."""


class FiguresAnswer(Strict):
    """Figures of one side of a service: cost, size, latency and survival; null is unknown."""

    usd_per_month_at_least: Number | None
    """US dollars per month of 730 hours for the nodes alone, at list price, spare ones included."""
    gpus_total: int | None
    """GPUs of its nodes, spare ones included."""
    nodes_total: int | None
    """Number of nodes, spare ones included."""
    ttft_ms: Number | None
    """Sizing estimate of the time to the first token at the sized load, milliseconds. Null for
    methods that predict no times."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, under the same conditions."""
    quantile_percent: Number | None
    """Quantile of both times, percent: 90 unless the workload states a shortfall cost."""
    utilisation_at_peak: Number | None
    """Peak load divided by the capacity of the fleet, 0 to 1 and above."""
    survives: Survives | None
    """Losses after which enough nodes remain."""
    response_s: Annotated[Number | None, Field(exclude_if=absent)] = None
    """Time to the whole image, clip or vector, seconds; left out for text, and without a target."""
    drain_s: Annotated[Number | None, Field(exclude_if=absent)] = None
    """Seconds from the largest backlog until no job waits; left out without a queue."""
    makes_media: Annotated[bool, Field(exclude_if=operator.not_)] = False
    """True for images and clips, which have no tokens; left out for text."""
    makes_vectors: Annotated[bool, Field(exclude_if=operator.not_)] = False
    """True for embeddings, which have no time per token; left out for other kinds."""


def figures_of(service: ServicePlan | None) -> FiguresAnswer | None:
    """Return the figures of one side; None where it does not have the service."""
    figures = headline(service)
    return None if figures is None else FiguresAnswer(**vars(figures))


class ServiceAnswer(Strict):
    """Changes of one service."""

    name: str
    """Name of the service."""
    before: FiguresAnswer | None
    """Its figures before; null where it is new."""
    after: FiguresAnswer | None
    """Its figures after; null where the service is removed."""
    cause: tuple[Leaf, ...]
    """Inputs that changed."""
    engine: tuple[Leaf, ...]
    """Parts that another engine changes: image, command, settings, gauges; empty where it stays."""
    sizing: tuple[Leaf, ...]
    """Sized numbers that followed."""
    survives: SurvivalAnswer
    """Failures that the fleet survives."""


class CountsAnswer(Strict):
    """Number of resources by what happens to them."""

    create: int
    """Resources created."""
    delete: int
    """Resources deleted."""
    replace: int
    """Resources replaced."""
    may_replace: int
    """Resources that may be replaced, because no fact says that they stay."""
    update: int
    """Resources updated in place."""
    unchanged: int
    """Resources that are the same on both sides."""


class PropertyAnswer(Leaf):
    """One input property of a resource."""

    effect: Effect
    """Effect of the change on the resource."""


class ResourceAnswer(Strict):
    """One resource that differs."""

    effect: Effect
    """Effect on the resource."""
    type: str
    """Pulumi type."""
    name: str
    """Logical name."""
    loses_data: bool
    """True where a store is deleted or replaced, or may be."""
    properties: tuple[PropertyAnswer, ...]
    """Changed properties; empty for a created or deleted resource."""


class DangerAnswer(Strict):
    """One danger that a reviewer must see first."""

    danger: Danger
    """Kind of the danger."""
    effect: Effect
    """Effect on the resource."""
    type: str | None
    """Pulumi type; null where the danger concerns a service."""
    name: str
    """Logical name of the resource, or name of the service."""
    says: str
    """Description of the danger."""


class DiffAnswer(Answer):
    """Effects of a change of workloads, cause first."""

    services: tuple[ServiceAnswer, ...]
    """Services that differ, each with its figures before and after first."""
    dangers: tuple[DangerAnswer, ...]
    """Lost data, public ingress, lost guards, outages and lost survival, by kind."""
    notes: tuple[str, ...]
    """Notes on how the sides were compared."""
    site: tuple[Leaf, ...]
    """Keys of the stack file that changed."""
    counts: CountsAnswer
    """Numbers of resources, components included."""
    resources: tuple[ResourceAnswer, ...]
    """Resources that differ, lost data first, then by effect; empty where a side is infeasible."""
