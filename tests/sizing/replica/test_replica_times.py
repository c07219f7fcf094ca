"""Times of a replica under load, by hand for a replica of round numbers."""

from dataclasses import replace
from typing import Any

import pytest

from sizing.catalog.bands import EDGE, MEDIAN
from sizing.replica.rate import ReplicaTimes, replica_times
from tests.sizing.made_up import LENGTHS, QUEUED, corrected, replica

REQUEST: dict[str, Any] = {
    "weights_ms": 10.0,
    "experts_ms": 64.0,
    "routed_share": 0.5,
    "expert_layers": 1000,
    "flop_ms_per_token": 0.25,
}
COSTS = {
    "layer_us": 64,
    "prefill_layer_us": 5,
    "first_token_ms": 7,
    "first_token_prefills": 1,
    "first_token_steps": 4,
}
ALONE_MS = 64 + 10 + 64 / 2 + 0.25
"""One sequence: launches, the weights, half of the experts, its arithmetic."""
PAIR_MS = 64 + 10 + 64 * 3 / 4 + 0.5
PROMPT_MS = 100 * 0.25 + 5 + 64 / 2
"""Its arithmetic, launches of 1,000 layers, and the experts that half of the two slots, one
sequence, leave untouched."""


def times_of(quantile: float, ranks: int = 1, **changes: Any) -> ReplicaTimes:
    """Times of two slots; the band of TPOT is 0.5 to 2, that of TTFT 0.25 to 3."""
    made = replica(REQUEST, ranks=ranks, **COSTS)
    return replica_times(replace(made, **changes), LENGTHS, 2, quantile, QUEUED)


@pytest.mark.parametrize(
    ("quantile", "tpot", "ttft"), [(0.1, 0.5, 0.25), (MEDIAN, 1, 1), (EDGE, 2, 3)]
)
def test_each_estimate_of_the_band(quantile: float, tpot: float, ttft: float) -> None:
    """Steps and prompts have the band of TPOT. The first token has its own, with fitted steps."""
    times = times_of(quantile)
    assert times.decode_s == pytest.approx((tpot * ALONE_MS / 1000, tpot * PAIR_MS / 1000))
    assert times.prompt_s == pytest.approx(tpot * PROMPT_MS / 1000)
    assert times.firsts_s == ((pytest.approx(1), pytest.approx((7 + PROMPT_MS) / 1000)),)
    assert times.first_factor == pytest.approx(ttft)
    idle = times.server.at(0.0)
    own_s = (7 + PROMPT_MS + 4 * ALONE_MS) / 1000
    assert times.tpot_s(idle, 0.95) == pytest.approx(tpot * ALONE_MS / 1000)
    assert times.ttft_s(idle, 0.95) == pytest.approx(ttft * own_s)


def test_a_correction_moves_both_times() -> None:
    """Runs that took 1.5 times the steps, P90 1.2 above it, and 1.25 times the first token, 1.6."""
    times = times_of(EDGE, correction=corrected(1.5, 1.25))
    assert times.decode_s == pytest.approx((1.8 * ALONE_MS / 1000, 1.8 * PAIR_MS / 1000))
    assert times.prompt_s == pytest.approx(1.8 * PROMPT_MS / 1000)
    assert times.first_factor == pytest.approx(2)


def test_two_ranks_compute_prompts_in_parallel() -> None:
    """Each of two ranks takes every second prompt; a request waits for the whole of its own.

    Two sequences bring each rank one, whose arithmetic is 0.25 ms.
    """
    times = times_of(MEDIAN, ranks=2)
    assert times.decode_s == pytest.approx(((ALONE_MS - 0.125) / 1000, (PAIR_MS - 0.25) / 1000))
    assert times.prompt_s == pytest.approx(PROMPT_MS / 2 / 1000)
    assert times.first_s(0.95) == pytest.approx((7 + PROMPT_MS) / 1000)


def test_the_untouched_experts_are_those_of_half_the_slots() -> None:
    """Six slots: three sequences leave 64 / 2^3 ms of experts for a prompt to read."""
    made = replica(REQUEST, **COSTS)
    times = replica_times(made, LENGTHS, 6, MEDIAN, QUEUED)
    assert times.prompt_s == pytest.approx((25 + 5 + 8) / 1000)
    assert times.decode_s[0] == pytest.approx(ALONE_MS / 1000)
    assert times.decode_s[2] == pytest.approx((64 + 10 + 64 * 7 / 8 + 0.75) / 1000)


def test_prompts_stretch_the_time_between_tokens() -> None:
    """A request in four seconds, each with a prompt of 124 ms: steps have 96.9 % of the time."""
    times = times_of(EDGE)
    utilisation = 0.25 * 2 * PROMPT_MS / 1000
    assert utilisation == pytest.approx(0.031)
    queue = times.server.at(0.25)
    assert times.tpot_s(queue, 0.5) == pytest.approx(2 * ALONE_MS / 1000 / (1 - utilisation))
    assert times.tpot_s(queue, 0.999) == pytest.approx(2 * PAIR_MS / 1000 / (1 - utilisation))


def test_the_first_token_waits_for_prompts_and_a_slot() -> None:
    """A request's own times have the band of TTFT; the waits have that of the steps."""
    times = times_of(EDGE)
    queue = times.server.at(0.6)
    stretched = 2 * PAIR_MS / 1000 / (1 - 0.6 * 0.124)
    own = 3 * ((7 + PROMPT_MS) / 1000 + 4 * stretched / 2)
    waits = queue.prompt_wait_s(0.95), queue.slot_wait_s(0.95)
    assert min(waits) > 0
    assert times.ttft_s(queue, 0.95) == pytest.approx(own + sum(waits))


def test_the_work_of_a_request_varies_by_the_squares_of_its_parts() -> None:
    """Ten steps shared by two: 5 x 122.5 = 612.5 ms, its prompt 62: 90.8 % answer, 9.2 % prompt.

    The answer's squared variation of 2 counts 0.908^2, the prompt's of 3 counts 0.092^2; a length
    of which only the mean is known counts as an exponential, 1.
    """
    answer, prompt = 612.5 / 674.5, 62 / 674.5
    expected = 2 * answer**2 + 3 * prompt**2
    assert expected == pytest.approx(1.675, abs=1e-3)
    assert times_of(MEDIAN).variation == pytest.approx(expected)
    assert times_of(EDGE).variation == pytest.approx(expected)
    unknown = replace(LENGTHS, prompt_variation=None, output_variation=None)
    made = replica_times(replica(REQUEST, **COSTS), unknown, 2, MEDIAN, QUEUED)
    assert made.variation == pytest.approx(answer**2 + prompt**2)


def test_a_cached_prefix_is_attended_to_and_not_computed() -> None:
    """Prompts of 100 and 300 tokens, half each, 50 of them cached.

    0.25 ms x (50, 250) and 0.002 x (100^2 - 50^2, 300^2 - 50^2) / 2: 20 and 150 ms, 85 in the mean;
    the first token of three quarters of the requests is a long prompt's.
    """
    lengths = replace(
        LENGTHS, prompt_tokens=200.0, cached_tokens=50.0, prompts=((100.0, 0.5), (300.0, 0.5))
    )
    requested = {"flop_ms_per_token": 0.25, "attention_ms_per_pair": ((0.002, None),)}
    times = replica_times(replica(requested, first_token_prefills=1), lengths, 2, MEDIAN, QUEUED)
    assert times.prompt_s == pytest.approx(0.085)
    assert times.firsts_s == (
        (pytest.approx(0.5), pytest.approx(0.020)),
        (pytest.approx(1.0), pytest.approx(0.150)),
    )
    assert times.first_s(0.5) == pytest.approx(0.020)
    assert times.first_s(0.75) == pytest.approx(0.150)


def test_between_computed_batches_time_grows_in_a_straight_line() -> None:
    """The times are computed at 1, 2, 3, 4, 6 and 9 sequences; 5 is half way, 8 two thirds."""
    made = replica(REQUEST, layer_us=64)
    times = replica_times(made, LENGTHS, 8, MEDIAN, QUEUED).decode_s
    at = {n: (64 + 10 + 64 * (1 - 0.5**n) + 0.25 * n) / 1000 for n in (4, 6, 9)}
    assert len(times) == 8
    assert times[4] == pytest.approx((at[4] + at[6]) / 2)
    assert times[7] == pytest.approx(at[6] + (at[9] - at[6]) * 2 / 3)
