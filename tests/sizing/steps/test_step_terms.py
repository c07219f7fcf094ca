"""The terms of a step, added up by hand for a replica of round numbers."""

from math import inf
from typing import Any

import pytest

from sizing.steps.model import Load, StepModel
from tests.sizing.made_up import coefficients, corrected, replica

MIXTURE: dict[str, Any] = {"experts_ms": 64.0, "routed_share": 0.5, "expert_layers": 1000}
"""Every token is routed to half of the experts; all of them are read in 64 ms."""


def load(answer: float = inf, context: float = 0.0, prompt_ms: float = 0.0) -> Load:
    return Load(answer, context, prompt_ms, 0.0, 1.0, 1.0)


def test_no_work_takes_no_time() -> None:
    assert sum(replica({}).terms(8, load())) == 0
    assert replica({}).prompt_ms(1000) == 0
    made = coefficients().engines["vllm"]
    assert (made.weights_read, made.eight_bit_prefill, made.all_to_all) == (1, 1, 1)
    assert (made.activation, made.layer_us, made.first_token_queue) == (0, 0, 0)


def test_every_term_has_its_own_cause() -> None:
    """Eight sequences in two ranks, four each, at a context of 100 tokens.

    kv: 4 x (100 x 0.01 + 0.5); arithmetic: 4 x (0.25 + 0.5 + 0.125); activations: 4 x (2 x 1 + 3 x
    0.5); messages: 4 x (0.75 + 1.5); layers: 1,000 x (1 + 2) us;
    sequences: all 8 x 50 us
    """
    requested = {
        "weights_ms": 10.0,
        "kv_ms_per_token": ((0.01, None),),
        "state_ms": 0.5,
        "flop_ms_per_token": 0.25,
        "expert_flop_ms_per_token": 0.5,
        "head_flop_ms": 0.125,
        "activation_ms_per_token": 1.0,
        "expert_activation_ms_per_token": 0.5,
        "all_reduce_ms_per_token": 0.75,
        "all_to_all_ms_per_token": 1.5,
    }
    costs = {"layer_us": 1, "data_parallel_layer_us": 2, "sequence_us": 50, "step_ms": 7}
    costs |= {"activation": 2, "expert_activation": 3}
    terms = replica(requested, ranks=2, **costs).terms(8, load(context=100))
    assert terms._asdict() == pytest.approx(
        {
            "weights_ms": 10,
            "experts_ms": 0,
            "kv_ms": 6,
            "arithmetic_ms": 3.5,
            "activations_ms": 14,
            "communication_ms": 9,
            "layers_ms": 3,
            "sequences_ms": 0.4,
            "step_ms": 7,
            "draft_ms": 0,
            "prefill_ms": 0,
        }
    )


def test_experts_are_touched_by_the_sequences_of_all_ranks() -> None:
    """Two sequences leave (1 - 1/2)^2 of the experts alone, in one rank or in two: 64 x 3/4."""
    for ranks in (1, 2):
        assert replica(MIXTURE, ranks=ranks).terms(2, load()).experts_ms == pytest.approx(48)


def test_a_prompt_reads_the_experts_that_no_sequence_touched() -> None:
    """With two sequences 64 x 1/4 are left; two sequences whose answers end every 4 steps bring
    1/2 prompt a step, of a rank half of that."""
    alone, shared = (
        replica(MIXTURE, ranks=ranks).terms(2, load(answer=4)).prefill_ms for ranks in (1, 2)
    )
    assert alone == pytest.approx(16 / 2)
    assert shared == pytest.approx(16 / 4)


def test_each_rank_computes_the_prompts_of_its_own_sequences() -> None:
    """Eight sequences, answers of 16 steps: half a prompt of 100 ms a step, in two ranks a quarter;
    a step with a prompt starts 1,000 layers of 20 us more."""
    for ranks, prompts in ((1, 1 / 2), (2, 1 / 4)):
        made = replica({}, ranks=ranks, prefill_layer_us=20)
        found = made.terms(8, load(answer=16, prompt_ms=100)).prefill_ms
        assert found == pytest.approx(prompts * (100 + 20))


def test_several_prompts_share_the_launches_of_a_step() -> None:
    """Eight sequences whose answers end every 2 steps: four prompts a step, one set of launches."""
    made = replica({}, prefill_layer_us=20)
    assert made.terms(8, load(answer=2, prompt_ms=100)).prefill_ms == pytest.approx(4 * 100 + 20)


def test_a_prompt_is_linear_work_and_half_of_all_pairs() -> None:
    """100 tokens x (2 x 0.5 + 3 x 0.25 + 4 x 1 + 1.5) and 2 x 0.001 x 100 x 100 / 2."""
    requested = {
        "flop_ms_per_token": 0.5,
        "expert_flop_ms_per_token": 0.25,
        "activation_ms_per_token": 1.0,
        "all_reduce_ms_per_token": 1.5,
        "attention_ms_per_pair": ((0.001, None),),
        "head_flop_ms": 1000.0,
    }
    times = {"prefill_flop": 2, "expert_prefill_flop": 3, "activation": 4, "attention_flop": 2}
    assert replica(requested, **times).prompt_ms(100) == pytest.approx(725 + 10)


@pytest.mark.parametrize(
    ("formats", "slower"),
    [({}, 1), ({"eight_bit": True}, 2), ({"four_bit": True}, 5)],
    ids=["16 bits", "8 bits", "4 bits"],
)
@pytest.mark.parametrize("part", ["flop_ms_per_token", "expert_flop_ms_per_token"])
def test_narrow_formats_slow_all_arithmetic_of_a_prompt(
    part: str, formats: dict[str, bool], slower: float
) -> None:
    """The routed experts slow down like the rest; attention and decoding do not."""
    made = replica({part: 0.5, **formats}, eight_bit_prefill=2, four_bit_prefill=5)
    assert made.prompt_ms(100) == pytest.approx(50 * slower)
    assert made.terms(4, load()).arithmetic_ms == pytest.approx(2)
    pairs = replica(
        {"attention_ms_per_pair": ((0.001, None),), **formats},
        eight_bit_prefill=2,
        four_bit_prefill=5,
    )
    assert pairs.prompt_ms(100) == pytest.approx(5)


@pytest.mark.parametrize(
    ("requested", "layers_ms"),
    [
        ({}, 1),
        ({"eight_bit": True}, 1 + 16),
        ({"four_bit": True}, 1 + 32),
        ({"latent_layers": 500}, 1 + 0.5 * 2),
        ({"expert_layers": 250}, 1 + 0.25 * 4),
    ],
    ids=["16 bits", "8 bits", "4 bits", "latent", "experts"],
)
def test_layers_cost_what_their_kind_costs(requested: dict[str, Any], layers_ms: float) -> None:
    made = replica(
        requested,
        layer_us=1,
        latent_layer_us=2,
        expert_layer_us=4,
        data_parallel_layer_us=8,
        eight_bit_layer_us=16,
        four_bit_layer_us=32,
    )
    assert made.layers_ms == pytest.approx(layers_ms)


def twelfth(**requested: float) -> StepModel:
    """Step model of runs with a twelfth of the predicted time, and 30 ms of launches a step."""
    return replica(requested, correction=corrected(1 / 12, 1 / 12), layer_us=30)


def test_a_correction_does_not_pass_the_roofline() -> None:
    """Reading 10 ms of weights: 40 ms as fitted, 3.3 corrected, 10 by the datasheet.

    Of 120 ms as fitted the twelfth is 10 ms, which the datasheet allows where reading takes 5.
    """
    step = twelfth(weights_ms=10.0).closed_loop(100, 11, 1)
    assert sum(step.terms) == pytest.approx(40)
    assert step.tpot_ms == pytest.approx(10)
    slow = replica({"weights_ms": 5.0}, correction=corrected(1 / 12, 1), layer_us=115)
    assert slow.closed_loop(100, 11, 1).tpot_ms == pytest.approx(10)


def test_the_roofline_is_the_longer_of_reading_and_arithmetic() -> None:
    """Four sequences in two ranks, contexts of 100 + 20 / 2 tokens; no first token takes time, and
    runs took a twentieth of the predicted time.

    reading: 5 + 64 x (1 - 1/2^4) + 2 x 110 x 0.01 = 67.2; arithmetic: 2 x (8 + 16 + 32) = 112
    """
    reading = {"weights_ms": 5.0, "kv_ms_per_token": ((0.01, None),), **MIXTURE}
    flop = {"flop_ms_per_token": 8.0, "expert_flop_ms_per_token": 16.0, "head_flop_ms": 32.0}
    for requested, expected in ((reading, 67.2), (reading | flop, 112)):
        made = replica(requested, ranks=2, correction=corrected(0.05, 1))
        step = made.closed_loop(100, 20, 4)
        assert step.decoding == pytest.approx(4)
        assert sum(step.terms) * 0.05 < expected
        assert step.tpot_ms == pytest.approx(expected)


def test_the_first_token_of_a_closed_loop() -> None:
    """100 tokens x 0.5 ms, 4 sequences in 2 ranks, 10 ms of weights, 9 steps a answer after the
    first token.

    alone: 7 + 2 x (50 + 20); behind the others: 1/4 x 4 / 2 x 50; 3 steps; so that TTFT = 172 + 3 x
    TPOT, and TPOT = 10 + 0.5 x d / 2 + d / 2 / 10 x 50 + d / 2 / 10 x 20 with d sequences decoding
    """
    made = replica(
        {"weights_ms": 10.0, "flop_ms_per_token": 0.5},
        ranks=2,
        prefill_layer_us=20,
        first_token_ms=7,
        first_token_prefills=2,
        first_token_queue=0.25,
        first_token_steps=3,
    )
    step = made.closed_loop(100, 11, 4)
    rank = step.decoding / 2
    assert step.tpot_ms == pytest.approx(10 + 0.5 * rank + rank / 10 * 70)
    assert step.ttft_ms == pytest.approx(7 + 2 * 70 + 25 + 3 * step.tpot_ms)
    assert step.decoding * (1 + step.ttft_ms / (10 * step.tpot_ms)) == pytest.approx(4)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("experts", [False, True])
def test_four_bits_are_read_at_their_own_rate(dense: bool, experts: bool) -> None:
    """Weights of 10 ms at 1.5 times the datasheet, experts of 64 ms at 2: 15 and 128 ms. In four
    bits 0.8 times as long, 12 and 102.4 ms."""
    requested = {**MIXTURE, "weights_ms": 10.0}
    requested |= {"four_bit_dense": dense, "four_bit_experts": experts}
    made = replica(requested, weights_read=1.5, expert_weights_read=2, four_bit_read=0.8)
    assert made.weights_ms == pytest.approx(12 if dense else 15)
    assert made.experts_ms == pytest.approx(102.4 if experts else 128)
    assert made.terms(2, load()).weights_ms == made.weights_ms
    assert made.terms(2, load()).experts_ms == pytest.approx(made.experts_ms * 3 / 4)


def test_no_read_is_faster_than_the_datasheet() -> None:
    requested = {**MIXTURE, "weights_ms": 10.0, "four_bit_dense": True, "four_bit_experts": True}
    made = replica(requested, weights_read=1.1, expert_weights_read=1.2, four_bit_read=0.5)
    assert (made.weights_ms, made.experts_ms) == (10, 64)
