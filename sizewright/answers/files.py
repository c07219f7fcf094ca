"""`--json` of `new`, `init`, `update` and `calibrate`, which write files."""

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
    """What follows for one service."""

    name: str
    """Name of the service."""
    sizing: tuple[Leaf, ...]
    """Sized numbers that change."""


class UpdateAnswer(Answer):
    """What sizing chooses today, against the lock."""

    lock: str
    """Path of the lock."""
    written: bool
    """Whether the lock was written."""
    catalog: tuple[Leaf, ...]
    """Facts of the catalog that the locked choice rests on and that moved; all without a lock."""
    choice: tuple[Leaf, ...]
    """What is chosen otherwise, and the versions that it was chosen with."""
    causes: tuple[str, ...]
    """Why, as far as a lock can tell, which does not hold the inputs; empty where nothing moves."""
    rests_on: dict[str, str]
    """Facts that another choice rests on, where the locked one rests on something else."""
    usd_per_month: Leaf
    """US dollars of the service's nodes a month, on the locked choice and on the new one; null
    where no source says it or there is no pool."""
    services: tuple[FollowedAnswer, ...]
    """The sizing that follows."""


class UnknownAnswer(Strict):
    """A version that nobody has read yet."""

    path: str
    """Its place in the lock."""
    command: str
    """The command that prints it."""


class ResourceMoveAnswer(Strict):
    """A resource that another lock changes."""

    effect: str
    """What happens to it."""
    type: str
    """Its type."""
    name: str
    """Its name."""


class StackUpdateAnswer(Answer):
    """The lock of a stack with today's versions, against the lock as it is."""

    lock: str
    """Path of the lock."""
    written: bool
    """Whether the lock was written."""
    versions: tuple[Leaf, ...]
    """Versions that move."""
    unknown: tuple[UnknownAnswer, ...]
    """Versions that are null until somebody reads them."""
    resources: tuple[ResourceMoveAnswer, ...] | None
    """Resources that change with it; null where nothing moves or the stack cannot be built."""


class UpdateAnswers(RootModel[UpdateAnswer | StackUpdateAnswer]):
    """The lock of a workload, or the lock of a stack."""


class CalibrateAnswer(Answer):
    """Factors that a user's own runs give."""

    written: str
    """Path of the correction file."""
    fitted: str
    """Day of the coefficients that the factors belong to."""
    corrections: tuple[Correction, ...]
    """One for each model on one GPU and engine."""
