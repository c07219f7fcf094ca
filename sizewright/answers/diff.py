"""`sizewright diff --json`."""

from sizewright.answers.answer import Answer
from sizewright.answers.change import Leaf
from sizewright.changes import Effect
from sizewright.dangers import Danger
from sizing.plan import Survives
from sizing.strict import Strict


class SurvivalAnswer(Strict):
    """Losses that leave enough; null on a side without a pool."""

    old: Survives | None
    """Before."""
    new: Survives | None
    """After."""


class ServiceAnswer(Strict):
    """What changes of one service."""

    name: str
    """Name of the service."""
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

    notes: tuple[str, ...]
    """What a reader must know about how the sides were compared."""
    dangers: tuple[DangerAnswer, ...]
    """Lost data, opened doors, lost guards, outages, survived failures lost; by kind."""
    site: tuple[Leaf, ...]
    """Keys of the stack file that changed."""
    services: tuple[ServiceAnswer, ...]
    """Services that differ."""
    counts: CountsAnswer
    """Numbers of resources."""
    resources: tuple[ResourceAnswer, ...]
    """What loses data first, then by effect; none where a side is infeasible."""
