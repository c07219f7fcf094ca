"""Verdicts, histograms, and proposals that keep the text of a file."""

from dataclasses import fields, replace
from math import inf
from pathlib import Path

import pytest

from sizewright.measured.observed.expected import Expectation, replica_of
from sizewright.measured.observed.figure import Figure, Unit, Verdict
from sizewright.measured.observed.figures import Compared, most_failures
from sizewright.measured.observed.histogram import Histogram, Quantile, histogram_of
from sizewright.measured.observed.measured import Measured, Step, Up
from sizewright.measured.observed.proposal import proposal
from sizewright.measured.observed.service import planned_service
from sizewright.measured.observed.window import Window, moment, window_seconds
from sizewright.measured.observed.workload_text import with_numbers
from sizewright.reading.input_error import InputError
from sizewright.reading.read import Document, read_mapping
from sizing.replica.traffic import request_rates
from sizing.values.units import SECONDS_PER_DAY
from sizing.workload import Workload
from tests.sizewright.conftest import ROOT

STATED = Figure("arrivals_mean", "arrivals", Unit.per_s).around(100.0, 0.1)
TARGET = Figure("ttft_percentile", "TTFT", Unit.ms, high=40.0)


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [(110.0, "met"), (90.0, "met"), (111.0, "above"), (89.0, "below"), (None, "unknown")],
)
def test_a_number_is_judged_by_its_band(measured: float | None, verdict: str) -> None:
    assert STATED.judged(measured).verdict == verdict
    assert bool(STATED.judged(measured).reason) == (verdict == "unknown")


def test_what_is_not_measured_is_no_zero() -> None:
    found = STATED.judged(None)
    assert found.measured is None and found.reason.startswith("not measured")
    assert STATED.judged(0.0).verdict is Verdict.below


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(10, 25, "met"), (10, 40, "met"), (25, 50, "unknown"), (40, 50, "above"), (50, inf, "above")],
)
def test_a_bucket_on_both_sides_of_a_target_decides_nothing(
    low: float, high: float, verdict: str
) -> None:
    found = TARGET.of_quantile(Quantile((low + min(high, 60)) / 2, low, high), 1.0, is_target=True)
    assert found.verdict == verdict
    assert ("25 to 50 ms" in found.reason) == (verdict == "unknown")


def test_a_quantile_is_even_within_its_bucket() -> None:
    found = Histogram(((10.0, 50.0), (20.0, 90.0), (inf, 100.0)))
    assert found.quantile(0.25) == Quantile(5.0, 0.0, 10.0)
    assert found.quantile(0.7) == Quantile(15.0, 10.0, 20.0)
    assert found.quantile(0.95) == Quantile(20.0, 20.0, inf)


def test_buckets_that_were_estimated_apart_never_fall() -> None:
    found = histogram_of({"+Inf": 9.9, "1": 4.0, "2": 10.0})
    assert found is not None and found.buckets == ((1.0, 4.0), (2.0, 10.0), (inf, 10.0))
    assert histogram_of({"+Inf": 0.0}) is None and histogram_of({}) is None


def test_failures_that_almost_no_window_exceeds() -> None:
    assert [most_failures(mean) for mean in (0.001, 0.05, 1.0)] == [0.0, 1.0, 4.0]


def test_a_window_has_steps_of_at_most_an_hour() -> None:
    week, short = Window(0, window_seconds("7d")), Window(0, window_seconds("30m"))
    assert (week.step_s, week.steps, week.ends[0], week.ends[-1]) == (3600, 168, -167 * 3600, 0)
    assert (short.step_s, short.steps) == (300, 6)
    assert moment("2026-06-01") == moment("2026-06-01T01:00:00+01:00") == 1_780_272_000


TEXT = """\
# first
name: chat  # the name
kind: chat
model: {name: qwen3-8b, precision: fp8}
traffic:
  daily_users: 100_000   # on a weekday
  requests_per_user_per_day: 10
  peak_users_share: 0.085
  think_time_s: 60
request: {input_tokens: [{tokens: 50, share: 0.5}, {tokens: 150, share: 0.5}], output_tokens: 400}
latency: {ttft_ms: 500, tpot_ms: 50}
hardware: {instance_type: g6e.xlarge}
data: none
"""


def document(folder: Path, text: str = TEXT) -> Document:
    path = folder / "chat.yaml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def test_numbers_are_replaced_and_nothing_else(tmp_path: Path) -> None:
    places = {
        ("traffic", "daily_users"): 150_000.0,
        ("traffic", "peak_users_share"): 0.1,
        ("request", "input_tokens", 0, "tokens"): 12.5,
        ("request", "input_tokens", 1, "tokens"): 1000.0,
    }
    changed = with_numbers(document(tmp_path), TEXT, places)
    expected = TEXT.replace("100_000", "150_000").replace("0.085", "0.1")
    assert changed == expected.replace("tokens: 50,", "tokens: 12.5,").replace(": 150,", ": 1000,")


def test_a_place_without_a_plain_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"model\.name: cannot be replaced; expected a plain number"
    ):
        with_numbers(document(tmp_path), TEXT, {("model", "name"): 1.0})


def figures(**measured: tuple[float, float]) -> dict[str, Figure]:
    """Stated and measured numbers; the others as sized."""
    names = (
        *("arrivals_mean", "arrivals_peak", "prompt_mean", "prompt_percentile", "answer_mean"),
        *("answer_percentile", "tpot_mean", "utilisation_peak"),
    )
    found = {}
    for name in names:
        sized, value = measured.get(name, (1.0, 1.0))
        scale = 0.5 if name == "utilisation_peak" else 1.0
        figure = Figure(name, name, Unit.tokens).around(sized * scale, 0.1)
        found[name] = figure.judged(value * scale)
    return found


@pytest.mark.parametrize(
    ("old", "new", "numbers"),
    [
        ("", "", {("traffic", "peak_users_share"): 0.17}),
        ("0.085", "0.6", {("traffic", "think_time_s"): 30.0}),
        (
            "peak_users_share: 0.085\n  think_time_s: 60",
            "peak_ratio: 12.2",
            {("traffic", "peak_ratio"): 24.4},
        ),
        (
            "peak_users_share: 0.085\n  think_time_s: 60",
            f"hourly: [{', '.join(['1'] * 23)}, 24]",
            {},
        ),
    ],
)
def test_a_peak_is_answered_where_the_file_states_it(
    tmp_path: Path, old: str, new: str, numbers: dict[tuple[str, str], float]
) -> None:
    workload = document(tmp_path, TEXT.replace(old, new)).validate(Workload)
    peak = float(request_rates(workload.traffic).peak or 0)
    made = proposal(workload, figures(arrivals_peak=(peak, 2 * peak)))
    assert made.numbers == numbers
    assert bool(made.notes) == (not numbers)


def test_only_what_is_contradicted_is_proposed(tmp_path: Path) -> None:
    workload = document(tmp_path).validate(Workload)
    assert proposal(workload, figures()).is_empty
    made = proposal(workload, figures(arrivals_mean=(11.57, 23.15), arrivals_peak=(141.7, 283.3)))
    assert made.numbers == {("traffic", "daily_users"): 200_000}, "the peak follows its users"
    made = proposal(workload, figures(prompt_mean=(100.0, 200.0), tpot_mean=(1.0, 2.0)))
    assert list(made.numbers.values()) == [100.0, 300.0] and made.is_calibrated
    made = proposal(workload, figures(utilisation_peak=(1.0, 2.0)))
    assert made.is_empty and "the fleet was full" in made.notes[0]


def test_what_several_numbers_could_answer_is_left_to_a_person() -> None:
    """A route and a cache share arrivals, and documents are part of a prompt."""
    off = figures(arrivals_mean=(1.0, 2.0), prompt_mean=(1.0, 2.0))
    said = {"rag": "documents", "assistant": "a route", "faq-app": "a cache"}
    for name, word in said.items():
        workload = read_mapping(ROOT / f"workloads/{name}.yaml")
        data = {key: value for key, value in workload.data.items() if key != "$schema"}
        made = proposal(replace(workload, data=data).validate(Workload), off)
        assert any(word in note for note in made.notes), name
        field = ("traffic", "daily_users") if name != "rag" else ("request", "input_tokens")
        assert field not in made.numbers


def test_a_new_prompt_is_what_its_turns_leave(tmp_path: Path) -> None:
    """Three turns: prompt = new + (new + answer), so 700 of 400 tokens an answer are 150 new."""
    text = TEXT.replace("[{tokens: 50, share: 0.5}, {tokens: 150, share: 0.5}]", "100, turns: 3")
    workload = document(tmp_path, text).validate(Workload)
    same = figures(prompt_mean=(600.0, 700.0))
    same["answer_mean"] = replace(same["answer_mean"], measured=400.0, verdict=Verdict.met)
    assert proposal(workload, same).numbers == {("request", "input_tokens"): 150.0}
    same["prompt_mean"] = replace(same["prompt_mean"], measured=300.0, verdict=Verdict.below)
    assert not proposal(workload, same).numbers


def measured_steps(window: Window, missing: range = range(0)) -> Measured:
    """Measurements of a window in which the steps of these numbers have no data."""
    ends = [end for number, end in enumerate(window.ends) if number not in missing]
    steps = tuple(Step(end, 1.0, 1.0, 1.0, None, None) for end in ends)
    nothing = dict.fromkeys(field.name for field in fields(Measured))
    return Measured(**{**nothing, "window": window, "steps": steps})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("window", "missing", "is_whole"),
    [
        ("24h", range(0), True),
        ("7d", range(3), True),
        ("36h", range(0), False),
        ("8h", range(0), False),
        ("2d", range(12, 36), True),
        ("36h", range(12, 24), False),
    ],
    ids=["a day", "a week almost", "two daytimes", "short", "two halves", "a day apart"],
)
def test_a_daily_mean_weighs_each_hour_of_the_day_alike(
    window: str, missing: range, is_whole: bool
) -> None:
    found = measured_steps(Window(0, window_seconds(window)), missing)
    assert found.has_whole_days == is_whole


def test_the_peak_of_a_burst_is_divided_by_the_replicas_that_served_it() -> None:
    stack = planned_service(ROOT / "workloads/chat.yaml", ROOT / "Pulumi.dev.yaml")
    sized, pool = replica_of(stack.service, stack.site.site, stack.catalog), stack.service.pool
    assert sized is not None and pool is not None and pool.utilisation_at_peak is not None
    peak = float(stack.service.traffic.requests_per_s_peak or 0)
    quiet = replace(measured_steps(Window(0, SECONDS_PER_DAY)), peak_per_s=peak)
    found = []
    for replicas in (pool.replicas_total, 2 * pool.replicas_total):
        measured = replace(quiet, peak_replicas=float(replicas))
        compared = Compared(stack.service, measured, Expectation(sized, measured))
        found.append({figure.name: figure for figure in compared.figures()}["utilisation_peak"])
    floor, burst = found
    assert floor.sized == pytest.approx(float(pool.utilisation_at_peak))
    assert floor.measured and floor.sized and floor.measured <= 1.1 * floor.sized
    assert burst.measured == pytest.approx(floor.measured / 2)
    assert burst.sized == pytest.approx(floor.sized / 2)
    assert burst.verdict == floor.verdict


@pytest.mark.parametrize(
    ("up", "verdict"),
    [(Up(0.5, is_certain=True), "below"), (Up(1.0, is_certain=True), "met")]
    + [(Up(ratio, is_certain=False), "unknown") for ratio in (0.5, 1.0)]
    + [(None, "unknown")],
)
def test_replicas_that_may_be_unseen_decide_nothing(up: Up | None, verdict: str) -> None:
    stack = planned_service(ROOT / "workloads/chat.yaml", ROOT / "Pulumi.dev.yaml")
    measured = replace(measured_steps(Window(0, SECONDS_PER_DAY)), up=up)
    found = Compared(stack.service, measured, None).figures()
    availability = {figure.name: figure for figure in found}["availability"]
    assert availability.verdict == verdict
    assert ("kube-state-metrics" in availability.reason) == (up is not None and not up.is_certain)
