"""Explanations of the fleet's states and of a rollout."""

from typing import assert_never

from sizing.explained.entry import Basis, Entry, Leaf, Registry
from sizing.explained.service.capacity import utilisation
from sizing.explained.service.serving import sum_of, taken
from sizing.plan.service.states import FleetState, RolloutPlan, StatePlan


def _batches(leaf: Leaf) -> str:
    """Batches of a rollout, as in `zone_rollout.batches`."""
    serving = leaf.serving
    each = [
        f"ceil({count} / {serving.rollout_by_zone[zone]})"
        for zone, count in serving.replicas_by_zone.items()
    ]
    if len(each) == 1:
        return each[0]
    return f"({sum_of(each)})" if serving.zones_take_turns else f"max({', '.join(each)})"


def _state(leaf: Leaf) -> Entry:
    state = leaf.sized.states[int(leaf.keys[3])].state
    meaning, every = f"replicas that serve: {state}", "{s.pool.replicas_total}"
    match state:
        case FleetState.steady:
            return Entry(meaning, "every slot", every)
        case FleetState.rollout:
            return Entry(meaning, "less those replaced at once", f"{every} - {taken(leaf)}")
        case FleetState.repair:
            return Entry(meaning, "less one node's", f"{every} - {{s.pool.replicas_per_node}}")
        case _:
            assert_never(state)


def _state_utilisation(leaf: Leaf) -> Entry:
    state = leaf.sized.states[int(leaf.keys[3])]
    return Entry(
        f"utilisation of these replicas at the peak: {state.state}",
        "peak rate / (replicas x rate of a full replica)",
        utilisation("peak", leaf, str(state.replicas)),
    )


STATES: Registry = {
    StatePlan: {
        "replicas": _state,
        "utilisation_at_peak": _state_utilisation,
    },
    RolloutPlan: {
        "surge_replicas": Entry(
            "replicas above the fleet during a rollout",
            "0: every slot of the floor is taken",
            "{v}",
            Basis.assumed,
            "the floor fills its nodes, see docs/decisions",
        ),
        "replicas_at_once": lambda leaf: Entry(
            "replicas replaced at once, over all zones",
            "the sum over the zones, or the most of one zone where the zones take turns",
            taken(leaf),
        ),
        "cold_start_s": Entry(
            "seconds until a new replica serves",
            "reading the weights + the engine's start",
            "{s.volumes.load_s} + {fleet_states.USUAL_ENGINE_START_S}",
            Basis.assumed,
            "the engine's start: 1 to 3 minutes for 8 to 70 billion parameters",
        ),
        "duration_s": lambda leaf: Entry(
            "seconds of a rollout",
            "batches of the slowest zone, or of all zones where they take turns, x cold start",
            f"{_batches(leaf)} * {{s.rollout.cold_start_s}}",
        ),
    },
}
