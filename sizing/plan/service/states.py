"""Fleet in each state, and its rollouts."""

from enum import StrEnum

from sizing.plan.part import Part
from sizing.values.exact import Number


class FleetState(StrEnum):
    """State of a fleet."""

    steady = "steady"
    """Every replica serves."""
    rollout = "rollout"
    """A new version replaces replicas."""
    repair = "repair"
    """One node is in repair."""


class StatePlan(Part):
    """Fleet in one state."""

    state: FleetState
    """State: steady, a rollout, or a node in repair."""
    replicas: int
    """Replicas that serve."""
    holds: bool
    """True where the replicas are enough."""
    utilisation_at_peak: Number | None
    """Share of the replicas' rate that the peak uses; null without a peak."""


class RolloutPlan(Part):
    """Rollout of a new version to every replica."""

    surge_replicas: int
    """Replicas above the fleet's number at once: none, because every slot is taken."""
    replicas_at_once: int
    """Replicas that change at the same time."""
    cold_start_s: Number
    """Seconds until a replica serves: its weights copied, the engine started."""
    duration_s: Number
    """Seconds until every replica has the new version."""
