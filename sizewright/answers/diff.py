"""`sizewright diff --json`."""

from sizewright.answers.answer import Answer, Leaf
from sizewright.review.changes import Effect
from sizewright.review.dangers import Danger
from sizing.plan import Survives
from sizing.values.exact import Number
from sizing.values.strict import Strict


class SurvivalAnswer(Strict):
    """Losses that leave enough; null on a side without a pool."""

    old: Survives | None
    """Before."""
    new: Survives | None
    """After."""


class FiguresAnswer(Strict):
    """What one side of a service costs, holds, answers in and survives; null is unknown."""

    usd_per_month_at_least: Number | None
    """US dollars of its nodes alone a month of 730 hours, at list price, spare ones included."""
    gpus_total: int | None
    """GPUs of its nodes, spare ones included."""
    nodes_total: int | None
    """Nodes, spare ones included."""
    ttft_ms: Number | None
    """Time to the first token, milliseconds: the P90 estimate at the load that is sized for. Null
    by methods that predict no times."""
    tpot_ms: Number | None
    """Time per output token after the first, milliseconds, likewise."""
    utilisation_at_peak: Number | None
    """Share of the fleet's rate that the peak takes, 0 to 1 and above."""
    survives: Survives | None
    """Losses that leave enough."""


class ServiceAnswer(Strict):
    """What changes of one service."""

    name: str
    """Name of the service."""
    before: FiguresAnswer | None
    """Its figures before; null where it is new."""
    after: FiguresAnswer | None
    """Its figures after; null where it is gone."""
    cause: tuple[Leaf, ...]
    """Inputs that changed."""
    sizing: tuple[Leaf, ...]
    """Sized numbers that followed."""
    survives: SurvivalAnswer
    """What the fleet survives."""


class CountsAnswer(Strict):
    """Resources by what happens to them."""

    create: int
    """Resources created."""
    delete: int
    """Resources deleted."""
    replace: int
    """Resources replaced."""
    may_replace: int
    """Resources that no fact says stay."""
    update: int
    """Resources updated in place."""
    unchanged: int
    """Resources that both sides have alike."""


class PropertyAnswer(Leaf):
    """One input property of a resource."""

    effect: Effect
    """What its change does to the resource."""


class ResourceAnswer(Strict):
    """One resource that differs."""

    effect: Effect
    """What happens to it."""
    type: str
    """Pulumi type."""
    name: str
    """Logical name."""
    loses_data: bool
    """Whether a store is deleted or replaced, or may be."""
    properties: tuple[PropertyAnswer, ...]
    """Changed properties; none of a resource that comes or goes."""


class DangerAnswer(Strict):
    """What a reviewer must see first."""

    danger: Danger
    """Its kind."""
    effect: Effect
    """What happens to the resource."""
    type: str | None
    """Pulumi type; null where it is of a service."""
    name: str
    """Logical name of the resource, or name of the service."""
    says: str
    """The danger in words."""


class DiffAnswer(Answer):
    """What a change of workloads changes, cause first."""

    services: tuple[ServiceAnswer, ...]
    """Services that differ, each with its figures before and after first."""
    dangers: tuple[DangerAnswer, ...]
    """Lost data, opened doors, lost guards, outages, survived failures lost; by kind."""
    notes: tuple[str, ...]
    """What a reader must know about how the sides were compared."""
    site: tuple[Leaf, ...]
    """Keys of the stack file that changed."""
    counts: CountsAnswer
    """Numbers of resources, components included."""
    resources: tuple[ResourceAnswer, ...]
    """What loses data first, then by effect; none where a side is infeasible."""
