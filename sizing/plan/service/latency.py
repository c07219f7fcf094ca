"""Whether the latency targets hold, at which load, and what the answer contradicts."""

from enum import StrEnum

from sizing.plan.part import Part
from sizing.values.exact import Number
from sizing.workload import Contradicts


class Verdict(StrEnum):
    met = "met"
    """Every target holds on the P90 side of the estimate."""
    missed = "missed"
    """A target does not hold on the P90 side of the estimate."""
    unknown = "unknown"
    """No estimate covers this service."""


class LatencyPlan(Part):
    """The one verdict on the latency targets."""

    verdict: Verdict
    """met, missed or unknown."""
    load: str
    """Load that it is of: peak, or mean where nothing says what the peak is."""
    requests_per_s: Number
    """Requests a second of that load."""
    replicas: int
    """Replicas that share it: those needed, or all with the burst where the mean is sized for."""
    percentile: Number
    """Per cent of requests that a target is for."""
    ttft_ms: Number | None
    """Time to the first token on the P90 side; null where unknown or unbounded."""
    ttft_target_ms: Number | None
    """Its target; null without one."""
    tpot_ms: Number | None
    """Time per output token on the P90 side; null where unknown or unbounded."""
    tpot_target_ms: Number | None
    """Its target; null without one."""
    missed_ratio: Number | None
    """Largest time over its target; null unless missed by a known amount."""
    text: str
    """The verdict in a clause."""


class Contradiction(Part):
    """Something in the answer that refutes another part of it."""

    code: Contradicts
    """Which one."""
    text: str
    """What contradicts what, in a sentence."""
    numbers: dict[str, Number]
    """The numbers that contradict each other, by name."""
    accepted: str | None
    """Why the workload accepts it; null where it does not."""
