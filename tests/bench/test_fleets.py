"""The scores of fleets, on made-up rows whose answers are known."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from cliffs import steps as cliff_steps
from fleet_answers import answered, as_sized, check_roofline, margin_only, steps_only
from fleet_choice import Option, chosen
from fleet_curves import Curve, Point, curves
from fleet_questions import (
    Question,
    closed_questions,
    offline_questions,
    poisson_questions,
)
from fleet_score import Found, summary
from steps_fit import Row, rows
from tally import Tally

from sizewright.measured.prediction import Predictor, config_files
from sizewright.measured.run import MeasuredRun
from sizing.catalog import Catalog, load_catalog
from sizing.catalog.bands import EDGE, MEDIAN
from tests.bench.made_up import run

CONFIGS = Path(__file__).parents[2] / "bench/data/configs"
FLIGHTS = (4, 8, 16, 32, 64)


def exactly(predicted: float, group: str = "g") -> Found:
    """A replica with a measured capacity of exactly 10 requests a second."""
    return Found(group, "vllm", "h100", 10.0, 10.0, predicted, exact=True)


def between(predicted: float, fails: float = 10.0) -> Found:
    """A replica measured to sustain 5 requests a second and to fail at `fails`."""
    return Found("g", "vllm", "h100", 5.0, fails, predicted, exact=False)


@pytest.mark.parametrize(
    ("found", "replicas", "undersized", "regret"),
    [
        (exactly(10.0), 100, False, 0.0),
        (exactly(5.0), 200, False, 1.0),
        (exactly(12.5), 80, True, -0.2),
        (exactly(0.0), math.inf, False, math.inf),
        (between(5.0), 100, False, 0.0),
        (between(9.9), 51, False, -0.49),
        (between(10.0), 50, True, -0.5),
        (between(20.0, math.inf), 25, None, -0.75),
    ],
    ids=["exact", "double", "too few", "refused", "held", "not tried", "fails", "no failure"],
)
def test_a_fleet_is_judged_by_what_was_measured(
    found: Found, replicas: float, undersized: bool | None, regret: float
) -> None:
    assert found.replicas == replicas
    assert found.undersized is undersized
    assert found.regret == pytest.approx(regret)


def test_each_group_counts_once_and_no_refusal_is_averaged_away() -> None:
    """One group has nine undersized fleets, one group is exact, and one group is refused."""
    small = [exactly(12.5, "a")] * 9
    both = summary([*small, exactly(10.0, "b")])
    assert (both.questions, both.groups, both.undersized) == (10, 2, 9)
    assert both.undersized_percent == 50
    assert both.median_regret_percent == pytest.approx(-10)
    refused = summary([exactly(0.0, "a"), exactly(0.0, "b"), exactly(10.0, "c")])
    assert refused.refused == 2
    assert refused.undersized_percent == 0
    assert math.isinf(refused.median_regret_percent)
    unknown = summary([between(7.0, math.inf)])
    assert unknown.undersized_percent is None


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def predictor(catalog: Catalog) -> Predictor:
    return Predictor(catalog, config_files(CONFIGS))


def as_rows(runs: list[MeasuredRun], predictor: Predictor) -> list[Row]:
    return rows(runs, predictor, 1.0)


def test_a_curve_joins_repeats_and_says_what_it_holds(predictor: Predictor) -> None:
    """Three repeats at 10 in flight, one run at 30.

    10 / (0.1 + 500 x 0.01) and 30 / (1 + 500 x 0.03) requests a second
    """
    runs = [run(30, 1000, 30)]
    runs += [run(10, 100, tpot, f"again {tpot}") for tpot in (9, 10, 17)]
    (curve,) = curves(as_rows(runs, predictor))
    assert curve.points == (
        Point(pytest.approx(10 / 5.1), 100, 10),
        Point(pytest.approx(30 / 16), 1000, 30),
    )
    fast = Curve(curve.row, (Point(2.0, 100, 10), Point(6.0, 200, 30)), 30)
    assert fast.rate_at(9) == 0
    assert fast.rate_at(29) == 2
    assert fast.between(9) == 0
    assert fast.between(20) == pytest.approx(4)
    assert fast.between(30) == 6
    assert fast.between(31) is None


def measured(predictor: Predictor, slower: float) -> list[Question]:
    """Questions of a replica that is slower than predicted by this factor."""
    runs = []
    for flight in FLIGHTS:
        answer = predictor.predict(run(flight, 1, 1))
        runs.append(run(flight, slower * answer.ttft_ms, slower * answer.tpot_ms))
    return closed_questions(curves(as_rows(runs, predictor)))


@pytest.mark.parametrize(
    ("slower", "undersized"), [(1.0, False), (0.8, False), (1.25, True)], ids=str
)
def test_closed_loops_of_known_speed(
    predictor: Predictor, catalog: Catalog, slower: float, undersized: bool
) -> None:
    """A replica as fast as predicted gets an exact fleet; faster too many, slower too few."""
    requested = measured(predictor, slower)
    assert [q.what for q in requested] == ["low load", "half load", "high load"]
    found = answered(requested, lambda q: catalog.coefficients, steps_only, MEDIAN)
    assert [x.undersized for x in found] == [undersized] * 3
    if slower == 1.0:
        assert [x.replicas for x in found] == pytest.approx([100] * 3, abs=1)
    else:
        assert all((x.regret < -0.1) == undersized for x in found)


def test_the_p90_estimate_is_exact_for_a_replica_as_slow_as_the_band_allows(
    predictor: Predictor, catalog: Catalog
) -> None:
    high = catalog.coefficients.bands["vllm"].tpot.high
    requested = measured(predictor, high)
    found = answered(requested, lambda q: catalog.coefficients, steps_only, EDGE)
    assert [x.replicas for x in found] == pytest.approx([100] * 3, abs=1)


def test_the_p90_estimate_never_gives_fewer(predictor: Predictor, catalog: Catalog) -> None:
    requested = measured(predictor, 1.0)
    for rate in (as_sized, steps_only):
        sides = [
            answered(requested, lambda q: catalog.coefficients, rate, side)
            for side in (MEDIAN, EDGE)
        ]
        for median, safe in zip(*sides, strict=True):
            assert safe.replicas > median.replicas
            assert not safe.undersized


def test_an_exact_forecast_pays_for_its_margin_alone(predictor: Predictor) -> None:
    requested = measured(predictor, 1.0)[2]
    assert requested.curve is not None and requested.targets.tpot_s is not None
    high = requested.steps.bands.tpot.high
    expected = requested.curve.between(1000 * requested.targets.tpot_s / high)
    assert margin_only(requested, EDGE) == expected
    assert margin_only(requested, MEDIAN) == pytest.approx(requested.holds_per_s)


def test_a_step_above_the_roofline_is_an_error(predictor: Predictor) -> None:
    requested = measured(predictor, 1.0)[0]
    check_roofline(requested, 4, 1e6)
    with pytest.raises(ArithmeticError, match="roofline"):
        check_roofline(requested, 4, 1e-3)


def sweep(rate: str, ttft: str, tpot: str, **changes: str) -> dict[str, str]:
    row = {
        "group": "made up",
        "engine": "vLLM",
        "engine_version": "1",
        "model": "Llama-3.1-8B",
        "gpu": "H100-SXM-80GB",
        "weight_prec": "bf16",
        "tp": "1",
        "pp": "",
        "n_gpus": "1",
        "core": "1",
        "input_tokens": "256",
        "output_tokens": "344",
        "load_type": "poisson_qps",
        "request_rate": rate,
        "latency_limits": "",
        "flags": "",
        "ttft_ms_p99": ttft,
        "tpot_ms_p99": tpot,
        "ttft_ms_mean": "",
        "tpot_ms_mean": "",
        **dict.fromkeys(("id", "dp", "ep", "concurrency", "out_tok_s"), ""),
    }
    return row | changes


def test_a_sweep_brackets_what_a_replica_holds(predictor: Predictor) -> None:
    """2 a second holds. 4 was too short to show it, yet its TPOT is longer. 8 misses the limit."""
    limit = "p99 TTFT<=500 ms"
    table = [
        sweep("2", "50", "10", latency_limits=f"{limit} (met)", n_gpus="2"),
        sweep("4", "60", "12", latency_limits=f"{limit} (met)", flags="short_burst", n_gpus="2"),
        sweep("8", "900", "20", latency_limits=f"{limit} (missed)", n_gpus="2"),
        sweep("1", "50", "10", model="nobody", n_gpus="2", group="other"),
    ]
    tally = Tally()
    requested = poisson_questions(table, predictor, tally)
    brackets = {q.what: (q.holds_per_s, q.fails_per_s) for q in requested}
    assert brackets == {
        "published limit": (1.0, 4.0),
        "measured TPOT": (1.0, 2.0),
        "measured TPOT and TTFT": (1.0, 2.0),
    }
    limits = {q.what: (q.targets.share, q.targets.ttft_s, q.targets.tpot_s) for q in requested}
    assert limits["published limit"] == (0.99, 0.5, None)
    assert limits["measured TPOT"] == (0.99, None, 0.01)
    assert tally.answered == {"made up": 1}
    assert tally.reasons == {
        "poisson: too short to show that the rate holds": 1,
        "poisson: missed its limit, and no lower rate was measured": 1,
        "poisson: no config.json and no catalog row of model nobody": 1,
    }


def test_means_are_compared_with_means_and_never_with_medians(predictor: Predictor) -> None:
    row = sweep("2", "", "", ttft_ms_mean="50", tpot_ms_mean="10")
    (tpot, _) = poisson_questions([row], predictor, Tally())
    assert tpot.targets.share == 0.632
    assert math.isinf(tpot.fails_per_s)


def test_unlimited_supply_is_the_capacity_itself(predictor: Predictor) -> None:
    """6,880 output tokens a second of 344 each over two replicas: 10 requests a second each."""
    row = sweep("", "", "", load_type="offline_max", out_tok_s="6880", n_gpus="2")
    (requested,) = offline_questions([row], predictor, Tally())
    assert (requested.holds_per_s, requested.exact) == (10.0, True)
    assert requested.targets.tpot_s is requested.targets.ttft_s is None


def test_the_choice_among_types_is_judged_in_dollars() -> None:
    """Twice the price for three times the rate is cheapest. A prediction of equal rates chooses the
    other type, at 10 / 10 dollars against 20 / 30.
    """
    cheap = Option("a", 10.0, 10.0, 10.0)
    fast = Option("b", 20.0, 30.0, 30.0)
    right = chosen("g", "vllm", [cheap, fast])
    assert right is not None
    assert (right.regret, right.undersized, right.same_type) == (0.0, False, True)
    wrong = chosen("g", "vllm", [cheap, replace(fast, predicted_per_s=15.0)])
    assert wrong is not None
    assert (wrong.regret, wrong.undersized, wrong.same_type) == (0.5, False, False)
    small = chosen("g", "vllm", [cheap, replace(fast, predicted_per_s=40.0)])
    assert small is not None
    assert small.undersized and small.regret == pytest.approx(-0.25)
    none = chosen("g", "vllm", [replace(x, predicted_per_s=0.0) for x in (cheap, fast)])
    assert none is not None
    assert math.isinf(none.regret) and not none.undersized
    assert chosen("g", "vllm", [replace(cheap, measured_per_s=0.0)]) is None


@pytest.mark.parametrize(
    ("predicted", "right"), [({"1": 1.0, "2": 1.0}, True), ({"1": 10.0, "2": 1.0}, False)]
)
def test_a_cliff_is_predicted_right(predicted: dict[str, float], right: bool) -> None:
    """One GPU has room for few sequences: 100 tokens a second each against 250 on two. A prediction
    ten times too high for the one misses the cliff.
    """
    names = dict.fromkeys(("source_id", "gpu", "model", "weight_prec"), "x")
    names |= {"input_tokens": "128", "output_tokens": "2048", "load_type": "offline_max"}
    small = names | {"tp": "1", "n_gpus": "1", "out_tok_s": "100", "flags": "kv_capacity_cliff"}
    large = names | {"tp": "2", "n_gpus": "2", "out_tok_s": "500", "flags": ""}
    (step,) = cliff_steps([large, small], lambda row: predicted[row["tp"]])
    assert (step.flagged, step.is_clear, step.right) == (True, True, right)
    assert step.measured == pytest.approx(0.4)
