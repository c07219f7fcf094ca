"""Which nodes serve the load, or why can none serve it?"""

from dataclasses import dataclass
from fractions import Fraction

from sizing.catalog import InstanceType
from sizing.plan.part import Rejected
from sizing.plan.service.pool import PoolPlan
from sizing.replica.case import Choice
from sizing.replica.rated import Rated
from sizing.workload import Capacity


@dataclass(frozen=True)
class Served:
    """Hardware that serves the load: a replica that fits, its rate, and the nodes."""

    choice: Choice
    instance: InstanceType
    capacity: Capacity
    """Method and load of the sizing."""
    rated: Rated
    pool: PoolPlan
    load: Fraction
    """Requests per second that are sized for."""
    rejected: tuple[Rejected, ...]
    """Options that were not taken."""


@dataclass(frozen=True)
class Unserved:
    """Reasons why no hardware serves the load, with the parts that are known nonetheless."""

    rejected: tuple[Rejected, ...]
    choice: Choice | None = None
    """Replica that fits; None where none does."""
    rated: Rated | None = None
    """Rate of one GPU; None where it is unknown."""


HardwareResult = Served | Unserved
