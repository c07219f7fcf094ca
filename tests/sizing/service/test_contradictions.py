"""Contradictions in an answer, each code by itself, and their acceptance by a workload."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from sizing.explain import explain, numeric_leaves
from sizing.plan.service.latency import Verdict
from sizing.plan.service.whole import ServicePlan
from sizing.plan.whole import Plan
from sizing.service.contradictions import unmatched
from sizing.site import Site
from sizing.size import size
from sizing.workload import Contradicts, Workload

Sized = Callable[..., ServicePlan]
CALIBRATED = {"method": "calibrated", "load": "peak"}
PEAK = {"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 3}
TARGETS = {"ttft_ms": 2000, "tpot_ms": 100}


def codes(plan: ServicePlan) -> list[str]:
    return [each.code.value for each in plan.contradictions]


def test_an_answer_that_nothing_refutes_has_no_contradiction(sized: Sized) -> None:
    plan = sized(capacity=CALIBRATED, traffic=PEAK, latency=TARGETS, hardware="g6e.xlarge")
    assert codes(plan) == []
    assert plan.latency is not None
    assert plan.latency.verdict is Verdict.met
    assert (plan.latency.load, plan.latency.missed_ratio) == ("peak", None)


@pytest.mark.parametrize(("rate", "how"), [(0.1, "fewer"), (1000, "more")])
def test_a_given_rate_that_the_estimate_refutes_either_way_is_named(
    sized: Sized, rate: float, how: str
) -> None:
    plan = sized(capacity={"method": "given", "requests_per_gpu_per_s": rate, "load": "mean"})
    (found,) = [e for e in plan.contradictions if e.code is Contradicts.methods_disagree]
    assert how in found.text
    assert found.accepted is None
    by_method, by_estimate = found.numbers["gpus_by_method"], found.numbers["gpus_by_estimate"]
    assert (by_method > 2 * by_estimate) or (by_estimate > 2 * by_method)
    assert by_estimate == next(m.gpus_needed for m in plan.methods if m.method == "calibrated")


def test_the_textbook_rule_is_held_against_the_estimate(sized: Sized) -> None:
    plan = sized(capacity={"method": "textbook", "load": "mean"})
    assert ("methods_disagree" in codes(plan)) == (
        max(m.ratio for m in plan.methods if m.method == "calibrated") > 2
    )
    assert "methods_disagree" in codes(plan)


@pytest.mark.parametrize(
    ("users", "rate", "counts", "is_named"),
    [
        pytest.param(100_000, 3, (4, 2), False, id="twice as many"),
        pytest.param(100_000, 2.5, (5, 2), True, id="more than twice as many"),
        pytest.param(100_000, 12, (1, 2), False, id="half as many"),
        pytest.param(220_000, 50, (1, 3), True, id="less than half as many"),
    ],
)
def test_twice_is_no_disagreement_and_more_than_twice_is(
    sized: Sized, users: int, rate: float, counts: tuple[int, int], is_named: bool
) -> None:
    """The counts are GPUs by the given rate and by the estimate."""
    plan = sized(
        traffic={"daily_users": users, "requests_per_user_per_day": 10},
        capacity={"method": "given", "requests_per_gpu_per_s": rate, "load": "mean"},
        hardware="g6e.xlarge",
    )
    assert plan.pool is not None
    by_estimate = next(m.gpus_needed for m in plan.methods if m.method == "calibrated")
    assert (plan.pool.gpus_needed, by_estimate) == counts
    assert ("methods_disagree" in codes(plan)) is is_named


def test_the_calibrated_answer_is_never_held_against_the_textbook_rule(sized: Sized) -> None:
    plan = sized(capacity=CALIBRATED, traffic=PEAK, hardware="g6e.xlarge")
    assert any(m.method == "textbook" and m.ratio < 0.5 for m in plan.methods)
    assert codes(plan) == []


def test_a_peak_that_all_gpus_cannot_serve_is_named_until_a_burst_serves_it(sized: Sized) -> None:
    mean = {"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"}
    plan = sized(capacity=mean, traffic=PEAK)
    (found,) = [e for e in plan.contradictions if e.code is Contradicts.peak_above_capacity]
    assert found.numbers["gpus_with_burst"] == 12
    assert found.numbers["peak_over_capacity"] == pytest.approx(34.72 / 12, rel=1e-3)
    few = sized(capacity={**mean, "burst_gpus": 22}, traffic=PEAK)
    assert "peak_above_capacity" in codes(few), "34 GPUs for 34.7 requests/s"
    enough = sized(capacity={**mean, "burst_gpus": 23}, traffic=PEAK)
    assert "peak_above_capacity" not in codes(enough)


def test_all_nodes_in_one_zone_of_several_are_named(sized: Sized) -> None:
    traffic = {"daily_users": 10, "requests_per_user_per_day": 1, "peak_ratio": 1}
    few: dict[str, Any] = {"traffic": traffic, "capacity": CALIBRATED}
    assert codes(sized(**few, hardware="g6e.xlarge")) == ["single_zone"]
    assert codes(sized("1", **few, hardware="g6e.xlarge")) == [], "a site of one zone"
    spread = {"redundancy": {"nodes": 1}, "hardware": "g6e.xlarge"}
    assert codes(sized(**few, **spread)) == [], "a second node in another zone"


def test_a_missed_target_says_at_which_load_and_by_how_much(sized: Sized) -> None:
    """The given rate exceeds what the estimate allows within the target."""
    plan = sized(
        capacity={"method": "given", "requests_per_gpu_per_s": 6, "load": "mean"},
        latency={"tpot_ms": 10},
        hardware="g6e.xlarge",
    )
    assert "latency_missed" in codes(plan)
    latency = plan.latency
    assert latency is not None and latency.verdict is Verdict.missed
    assert latency.missed_ratio is not None and latency.missed_ratio > 1
    assert latency.text.startswith("missed at the mean of 11.6 requests/s on 2 replicas")
    assert "times the target" in latency.text


def test_a_mean_sized_fleet_is_judged_at_its_peak(sized: Sized) -> None:
    """The latency at the mean does not represent requests at the peak."""
    mean = {"method": "calibrated", "load": "mean"}
    traffic = {"daily_users": 100_000, "requests_per_user_per_day": 10, "peak_ratio": 30}
    plan = sized(capacity=mean, traffic=traffic, latency=TARGETS, hardware="g6e.xlarge")
    assert plan.latency is not None
    assert (plan.latency.verdict, plan.latency.load) == (Verdict.missed, "peak")
    assert plan.latency.ttft_ms is None, "the queue is unbounded"
    assert {"latency_missed", "peak_above_capacity"} <= set(codes(plan))
    burst = sized(
        capacity={**mean, "burst_gpus": 60},
        traffic=traffic,
        latency=TARGETS,
        hardware="g6e.xlarge",
    )
    assert codes(burst) == []
    assert burst.latency is not None and burst.latency.verdict is Verdict.met


def test_a_target_that_nothing_can_check_is_not_called_met(sized: Sized) -> None:
    plan = sized(
        model={"parameters": 3.0e9, "precision": "fp16"},
        hardware="g6e.xlarge",
        request={},
        capacity={"method": "given", "requests_per_gpu_per_s": 1, "load": "mean"},
        latency={"ttft_ms": 3000},
    )
    assert "latency_unchecked" in codes(plan)
    assert plan.latency is not None and plan.latency.verdict is Verdict.unknown
    assert plan.latency.text.startswith("not known whether TTFT 3,000 ms hold")


def test_without_a_target_there_is_no_verdict(sized: Sized) -> None:
    plan = sized(capacity=CALIBRATED, traffic=PEAK, hardware="g6e.xlarge")
    assert plan.latency is None
    assert not {"latency_missed", "latency_unchecked"} & set(codes(plan))


def test_an_accepted_contradiction_carries_its_sentence_and_stays(sized: Sized) -> None:
    given = {"method": "given", "requests_per_gpu_per_s": 1000, "load": "mean"}
    accept = {"methods_disagree": "A cache answers nearly all of it.", "single_zone": "A trial."}
    plan = sized(capacity=given, accept=accept)
    assert {e.code.value: e.accepted for e in plan.contradictions} == accept
    assert unmatched(plan) == ()


def test_what_is_accepted_for_nothing_is_found(sized: Sized) -> None:
    plan = sized(
        capacity=CALIBRATED,
        traffic=PEAK,
        hardware="g6e.xlarge",
        accept={"latency_missed": "It was once."},
    )
    assert unmatched(plan) == (Contradicts.latency_missed,)


@pytest.mark.parametrize(
    ("accept", "said"),
    [
        ({"single_zon": "A trial."}, "unknown code"),
        ({"single_zone": "   "}, "at least 1 character"),
        ({"single_zone": "a\x1bb"}, "match pattern"),
        ({"single_zone": None}, "valid string"),
    ],
)
def test_an_accept_that_says_nothing_is_refused(
    workload: Callable[..., Workload], accept: Any, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        workload(accept=accept)


def test_a_workload_without_accept_is_dumped_without_it(workload: Callable[..., Workload]) -> None:
    assert "accept" not in workload().model_dump(mode="json")
    accepting = workload(accept={"single_zone": "A trial."})
    assert accepting.model_dump(mode="json")["accept"] == {"single_zone": "A trial."}
    assert Workload.model_validate(accepting.model_dump(mode="json")) == accepting


def test_every_number_of_a_contradiction_and_of_the_verdict_explains_itself(
    workload: Callable[..., Workload], site: Site, catalog: Any
) -> None:
    cases = [
        workload(
            traffic=PEAK,
            latency={"ttft_ms": 1, "tpot_ms": 1},
            capacity={"method": "given", "requests_per_gpu_per_s": rate, "load": "mean"},
        )
        for rate in (0.1, 1000)
    ]
    for case in cases:
        plan: Plan = size([case], site, catalog)
        leaves = dict(numeric_leaves(plan.as_json()))
        mine = [p for p in leaves if "/contradictions/" in p or "/latency/" in p]
        assert len(mine) > 5
        for pointer in mine:
            why = explain(plan, pointer)
            assert why.value == leaves[pointer]
            if why.arithmetic:
                assert eval(why.numbers, {"ceil": None, "max": max}) == pytest.approx(why.value)
