"""The `--json` answers of `new`, `init`, `update` and `calibrate`, which write files."""

from pydantic import RootModel

from sizewright.answers.answer import Answer, Leaf
from sizing.catalog.correction import Correction
from sizing.values.strict import Strict


class NewAnswer(Answer):
    """A new repository."""

    written: tuple[str, ...]
    """Paths of its files."""


class InitAnswer(Answer):
    """A new workload and its lock."""

    written: tuple[str, ...]
    """Paths of the workload file, its lock, and the stack file where none existed."""


class FollowedAnswer(Strict):
    """Changes of the sizing of one service."""

    name: str
    """Name of the service."""
    sizing: tuple[Leaf, ...]
    """Sized numbers that change."""


class UpdateAnswer(Answer):
    """Choices of the sizing today, compared with the lock."""

    lock: str
    """Path of the lock."""
    written: bool
    """True where the lock was written."""
    catalog: tuple[Leaf, ...]
    """Changed catalog facts on which the locked choice rests; all facts where there is no lock."""
    choice: tuple[Leaf, ...]
    """Changed choices, and the versions with which they were made."""
    causes: tuple[str, ...]
    """Causes as far as the lock, which has no inputs, shows them; empty where nothing changes."""
    rests_on: dict[str, str]
    """Facts on which the new choice rests, where the locked choice rests on other facts."""
    usd_per_month: Leaf
    """US dollars per month for the service's nodes, with the locked choice and with the new one.
    Null where no source states it or there is no pool."""
    services: tuple[FollowedAnswer, ...]
    """Sizing that follows from the new choice."""


class UnknownAnswer(Strict):
    """A version that nobody has read yet."""

    path: str
    """Path of the version in the lock."""
    command: str
    """Command that prints the version."""


class ResourceMoveAnswer(Strict):
    """A resource that the new lock changes."""

    effect: str
    """Effect on the resource."""
    type: str
    """Its type."""
    name: str
    """Its name."""


class StackUpdateAnswer(Answer):
    """The lock of a stack with today's versions, compared with the existing lock."""

    lock: str
    """Path of the lock."""
    written: bool
    """True where the lock was written."""
    versions: tuple[Leaf, ...]
    """Versions that change."""
    unknown: tuple[UnknownAnswer, ...]
    """Versions that are null until a user enters them."""
    resources: tuple[ResourceMoveAnswer, ...] | None
    """Resources that change; null where no version changes or the stack cannot be built."""


class UpdateAnswers(RootModel[UpdateAnswer | StackUpdateAnswer]):
    """The lock of a workload, or the lock of a stack."""


class CalibrateAnswer(Answer):
    """Correction factors from a user's own runs."""

    written: str
    """Path of the correction file."""
    fitted: str
    """Date of the fitted coefficients that the factors correct."""
    corrections: tuple[Correction, ...]
    """One correction for each model on one GPU and engine."""
