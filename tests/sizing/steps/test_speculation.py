"""Steps that verify drafted tokens: hand-worked terms, laws, and the wider band."""

from dataclasses import replace
from math import exp, inf, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sizing.catalog.bands import MEDIAN, Band, Bands
from sizing.catalog.coefficients import Evidence
from sizing.replica.rate import replica_times
from sizing.steps.model import SPECULATIVE, Load, StepModel
from sizing.steps.speculation import FEWER, MORE, NO_DRAFTS, Speculation
from tests.sizing.made_up import LENGTHS, QUEUED, replica
from tests.sizing.steps.test_steps import models

ALONE = Load(inf, 100.0, 0.0, 0.0, 1.0, 1.0)
LESS = 1e-9


def drafting(model: StepModel, drafts: int, accepted: float, cost: float = 0.0) -> StepModel:
    return replace(model, speculation=Speculation(drafts, accepted, cost))


def test_a_step_by_hand() -> None:
    """Two sequences, three drafts: weights 10 ms once, caches 2 x 100 x 0.01 = 2 ms once, and the
    arithmetic of 2 x 4 tokens = 8 ms. Half of these 20 ms again is drafting: 30 ms for 2.5 tokens.
    """
    plain = replica(
        {"weights_ms": 10.0, "kv_ms_per_token": ((0.01, None),), "flop_ms_per_token": 1.0}
    )
    assert sum(plain.terms(2, ALONE)) == pytest.approx(10 + 2 + 2)
    terms = drafting(plain, 3, 2.5, 0.5).terms(2, ALONE)
    assert terms.weights_ms == pytest.approx(10 / 2.5)
    assert terms.kv_ms == pytest.approx(2 / 2.5)
    assert terms.arithmetic_ms == pytest.approx(8 / 2.5)
    assert terms.draft_ms == pytest.approx(10 / 2.5)
    assert sum(terms) == pytest.approx(30 / 2.5)


def test_activations_and_messages_are_of_every_computed_token() -> None:
    plain = replica(
        {"activation_ms_per_token": 1.0, "all_reduce_ms_per_token": 3.0}, activation=1.0
    )
    terms = drafting(plain, 1, 1.0).terms(5, ALONE)
    assert (terms.activations_ms, terms.communication_ms) == pytest.approx((10.0, 30.0))


def test_drafts_touch_more_experts() -> None:
    """A quarter of the experts a token: one token leaves 3/4 untouched, four leave (3/4)^4."""
    plain = replica({"experts_ms": 100.0, "routed_share": 0.25, "expert_layers": 1})
    assert plain.terms(1, ALONE).experts_ms == pytest.approx(25.0)
    drafted = drafting(plain, 3, 1.0)
    assert drafted.terms(1, ALONE).experts_ms == pytest.approx(100 * (1 - 0.75**4))
    assert drafted.roofline_ms(100.0, 1) == pytest.approx(100 * (1 - 0.75**4))


def test_a_prompt_comes_with_every_answer_and_drafting_does_not_slow_it() -> None:
    """Ten tokens an answer: each sequence brings a tenth of a prompt for a token, drafted or not.
    The draft costs half of the step without prompts."""
    plain, load = replica({"weights_ms": 8.0}), Load(10.0, 100.0, 50.0, 0.0, 2.0, 2.0)
    assert plain.terms(2, load).prefill_ms == pytest.approx(0.2 * 50)
    terms = drafting(plain, 1, 2.0, 0.5).terms(2, load)
    assert terms.prefill_ms == pytest.approx(0.2 * 50)
    assert (terms.weights_ms, terms.draft_ms) == pytest.approx((4.0, 2.0))


def test_the_first_token_waits_for_whole_steps() -> None:
    plain = replica({"weights_ms": 10.0}, first_token_steps=3.0)
    found = drafting(plain, 3, 2.0).closed_loop(100, 101, 1)
    assert found.tpot_ms == pytest.approx(5.0)
    assert found.ttft_ms == pytest.approx(3 * 10.0)
    times = replica_times(drafting(plain, 3, 2.0), LENGTHS, 1, MEDIAN, QUEUED)
    assert times.decode_s[0] * times.first_steps == pytest.approx(3 * 0.010)


@given(model=models(), load=st.integers(1, 200), drafts=st.integers(1, 7), share=st.floats(0, 1))
def test_laws(model: StepModel, load: int, drafts: int, share: float) -> None:
    accepted = 1 + share * drafts
    plain = sum(model.terms(load, ALONE))
    found = drafting(model, drafts, accepted, 0.1)
    tpot = sum(found.terms(load, ALONE))
    assert tpot >= found.roofline_ms(ALONE.context, load) * (1 - LESS)
    assert tpot >= plain / accepted * (1 - LESS)
    assert sum(drafting(model, drafts, accepted, 0.2).terms(load, ALONE)) > tpot
    assert sum(drafting(model, drafts, accepted + 0.1, 0.1).terms(load, ALONE)) < tpot
    assert sum(drafting(model, drafts + 1, accepted, 0.1).terms(load, ALONE)) >= tpot
    assert replace(model, speculation=NO_DRAFTS).terms(load, ALONE) == model.terms(load, ALONE)
    assert found.bands.tpot.high >= found.coefficients.unmeasured_bands[model.engine].tpot.high


def test_the_band_is_wider_by_the_spread_of_the_acceptance() -> None:
    known = Bands(
        tpot=Band(low=0.8, high=1.5), ttft=Band(low=0.5, high=2), full_load=Band(low=1, high=1)
    )
    wider = Speculation(7, 4.0).bands(known)
    assert wider.ttft == known.ttft
    assert wider.tpot.high == pytest.approx(exp(sqrt(log(1.5) ** 2 + log(1 / FEWER) ** 2)))
    assert wider.tpot.low == pytest.approx(exp(-sqrt(log(0.8) ** 2 + log(MORE) ** 2)))
    assert wider.full_load.high == pytest.approx(1 / FEWER)
    assert wider.full_load.low == pytest.approx(1 / MORE)


@pytest.mark.parametrize(("drafts", "accepted"), [(3, 1.0), (3, 4.0)])
def test_the_acceptance_stays_between_one_and_all_drafts(drafts: int, accepted: float) -> None:
    exact = Bands(tpot=Band(low=1, high=1), ttft=Band(low=1, high=1), full_load=Band(low=1, high=1))
    band = Speculation(drafts, accepted).bands(exact).tpot
    assert (band.high == pytest.approx(1.0)) is (accepted == 1.0)
    assert (band.low == pytest.approx(1.0)) is (accepted == 4.0)


def test_nobody_measured_the_verification() -> None:
    drafted = drafting(replica({"weights_ms": 10.0}), 3, 2.0)
    assert (drafted.evidence, drafted.unmeasured) == (Evidence.unmeasured, (SPECULATIVE,))
    assert drafted.bands.tpot.high > drafted.coefficients.unmeasured_bands["vllm"].tpot.high
