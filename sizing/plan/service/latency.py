"""Do the latency targets hold at the judged load, and does the answer contradict itself?"""

from enum import StrEnum

from pydantic import Field

from sizing.plan.part import Part
from sizing.values.exact import Number
from sizing.workload import Contradicts


class Verdict(StrEnum):
    met = "met"
    """Every target holds at the sizing estimate."""
    missed = "missed"
    """A target does not hold at the sizing estimate."""
    unknown = "unknown"
    """No estimate covers this service."""


class LatencyPlan(Part):
    """Verdict on the latency targets."""

    verdict: Verdict
    """Verdict: met, missed or unknown."""
    load: str
    """Load of the verdict: peak, or mean where the peak is unknown."""
    requests_per_s: Number
    """Requests per second of that load."""
    replicas: int
    """Replicas that share the load: those needed, or all and the burst if the mean is sized."""
    percentile: Number
    """Percentage of requests that must meet a target."""
    ttft_ms: Number | None
    """Time to the first token at the sizing estimate; null where unknown or unbounded."""
    ttft_target_ms: Number | None
    """Target of the time to the first token; null without one."""
    tpot_ms: Number | None
    """Time per output token at the sizing estimate; null where unknown or unbounded."""
    tpot_target_ms: Number | None
    """Target of the time per output token; null without one."""
    response_s: Number | None = Field(default=None, exclude_if=lambda seconds: seconds is None)
    """Time to the whole image, clip or vector, seconds; left out where unknown, and for text."""
    response_target_s: Number | None = Field(default=None, exclude_if=lambda target: target is None)
    """Target of the time to the whole answer; left out without one."""
    missed_ratio: Number | None
    """Largest time over its target; null unless missed by a known amount."""
    text: str
    """Verdict in a clause."""


class Contradiction(Part):
    """Part of the answer that refutes another part of it."""

    code: Contradicts
    """Code of the contradiction."""
    text: str
    """Explanation in a sentence."""
    numbers: dict[str, Number]
    """Numbers that contradict each other, by name."""
    accepted: str | None
    """Reason why the workload accepts it; null where it does not."""
