"""Storage classes and key prefixes of a bucket's files."""

from typing import Annotated

from sizing.plan.part import Part
from sizing.plan.reaches import LIFECYCLE, Reaches
from sizing.values.exact import Number


class TierPlan(Part):
    """Files of a bucket that are older than `after_days`."""

    storage_class: Annotated[str, Reaches(LIFECYCLE, "rules.0.transitions")]
    """Storage class of S3, in lower case."""
    after_days: Annotated[int, Reaches(LIFECYCLE, "rules.0.transitions")]
    """Age in days from which files are in this class."""
    days: int
    """Days that a file stays in this class."""
    stored_bytes: int
    """Bytes in this class at full retention."""
    charged_bytes: int
    """Bytes that are charged; more than are stored where files leave before the class's minimum."""


class PrefixPlan(Part):
    """Key prefixes that the rate of requests needs; S3 limits each of them."""

    writes_per_s: Number
    """Requests a second that write, at the highest known rate."""
    reads_per_s: Number
    """Requests a second that read, at the highest known rate."""
    needed: int
    """Prefixes that carry both."""
    available: int | None
    """Prefixes over which the service's keys are spread; null where your application names them."""
