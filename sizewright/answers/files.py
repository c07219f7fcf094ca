"""The `--json` answers of commands that write files: `new`, `init`, `update`, `calibrate` and
`benchmark`."""

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


class BenchmarkRunAnswer(Strict):
    """One run of the load generator."""

    name: str
    """Loop and concurrency: closed-116, or open."""
    concurrency: int | None
    """Requests in flight of a closed loop; null for the open loop."""
    requests_per_s: float | None
    """Arrivals of the open loop, requests a second; null for a closed loop."""
    requests: int
    """Counted requests."""
    warm_up_requests: int
    """Requests before them, which are not counted."""
    minutes_at_most: float
    """Minutes by the estimate that sizes the service."""


class BenchmarkAnswer(Answer):
    """Job that measures one replica."""

    service: str
    """Name of the service."""
    written: tuple[str, ...]
    """Paths of the files, in the order in which they are applied."""
    bound_minutes: float
    """Minutes after which the Job ends, whatever it has measured."""
    minutes_at_most: float
    """Minutes of all runs together."""
    requests: int
    """Requests of all runs together, those of the warm-ups included."""
    usd_at_most: float | None
    """Price of the replica's share of its node for these minutes, US dollars; null where no source
    states the price."""
    runs: tuple[BenchmarkRunAnswer, ...]
    """Runs in their order."""
    left_out: tuple[BenchmarkRunAnswer, ...]
    """Runs that the bound leaves out."""
    notes: tuple[str, ...]
    """Limits of what the runs say."""
    steps: tuple[str, ...]
    """Commands that run the Job, read its log and put the replica back."""
