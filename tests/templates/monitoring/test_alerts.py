"""Each alert fires just outside the plan's number, and none fires just inside, in real promtool."""

from pathlib import Path
from typing import Any

import pytest

from sizing.plan.whole import Plan
from templates.monitoring.rules import rule_groups
from testbed.prometheus import prometheus_missing
from tests.components.plans import ZONES, plan_of
from tests.templates.monitoring.plans import CALIBRATED
from tests.templates.monitoring.promtool import Case, Cases, Measured, run_cases

TTFT = ("TTFTTargetMissedFast", "TTFTTargetMissedSlow")
TPOT = ("TPOTTargetMissedFast", "TPOTTargetMissedSlow")
WEEK = 8 * 24 * 60
"""Minutes of a week and a day."""
SPARE = plan_of(CALIBRATED)
"""The example of the README: 12 replicas needed, 15 built, any 3 nodes may fail; 141.7 requests/s,
prompts of 100 tokens and answers of 400, 42.5 ms per token at the P90 estimate, 27.1 at the median;
6 waiting requests on a replica, 216 s for a copy of the weights."""
ZONAL = plan_of(CALIBRATED | {"redundancy": {"zones": 1}})
"""The same with 18 built, where any one zone may fail."""
MEAN = plan_of(CALIBRATED | {"capacity": {"method": "calibrated", "load": "mean"}})
"""The same, sized for the mean of the day: 11.6 requests/s."""
SGLANG = plan_of(
    CALIBRATED | {"engine": {"name": "sglang"}, "latency": {"ttft_ms": 600, "tpot_ms": 50}}
)
"""The same with SGLang: 19 replicas needed, 23 built; 47.5 ms at the P90 estimate, 19.5 at the
median; 5 waiting requests on a replica."""
BETWEEN = plan_of(CALIBRATED | {"latency": {"ttft_ms": 500, "tpot_ms": 45}})
"""A target of TPOT between the buckets that end at 25 and 50 ms."""


def fires(name: str, *alerts: str, minutes: int = 45, **changes: Any) -> Case:
    return Case(name, Measured(**changes), minutes, frozenset(alerts))


def quiet(name: str, minutes: int = 45, **changes: Any) -> Case:
    return Case(name, Measured(**changes), minutes)


HEALTHY = {0: "0x35 stale"}
"""Samples of a GPU without an XID, until it has one."""
OUTSIDE = [
    fires("more requests", "ArrivalsAboveSized", requests_per_s=142),
    fires("longer prompts", "PromptsLongerThanStated", prompt_tokens=111),
    fires("longer answers", "AnswersLongerThanStated", answer_tokens=441),
    fires("failures", "RequestsFailing", failed_share=0.051),
    fires("a queue that grows", "QueueGrowing", waiting="0+2x{n}"),
    fires("TTFT of most requests", *TTFT, ttft_slow_share=0.73),
    fires("TTFT of a third of requests, for long", *TTFT, ttft_slow_share=0.31),
    fires("TTFT of some requests", "TTFTTargetMissedSlow", ttft_slow_share=0.06),
    fires("TPOT of most requests", *TPOT, tpot_slow_share=0.73),
    fires("TPOT of some requests", "TPOTTargetMissedSlow", tpot_slow_share=0.06),
    fires("slower than the band", "TPOTAboveBand", tpot_mean_s=0.0426),
    fires(
        "faster than the band",
        "TPOTBelowBand",
        minutes=100,
        tpot_mean_s=0.017,
        requests_per_s=141,
        engines=12,
    ),
    fires("a lost node", "LossNotSurvived", ready={ZONES[0]: "4x{n}"}),
    fires("a zone with less", "LossNotSurvived", "ZoneImbalance", ready={ZONES[0]: "3x{n}"}),
    fires(
        "too few replicas",
        "LossNotSurvived",
        "ZoneImbalance",
        "ReplicasBelowNeeded",
        ready={ZONES[0]: "1x{n}"},
    ),
    fires("replicas lost just now", "ReplicasBelowNeeded", ready={ZONES[0]: "5x38 1x{n}"}),
    fires("a slow copy", "WeightsDownloadSlow", copies_since_s=45 * 60 - 900),
    fires("no metrics of engines", "MetricsMissing", unseen="vllm"),
    fires("no metrics of Kubernetes", "MetricsMissing", unseen="kube_deployment"),
    fires("a lost node of any kind", "NodeNotReady", node_ready=0),
    fires("a fault of a GPU", "GpuXid", xids=HEALTHY | {79: "_x36 79x{n}"}),
    fires("a further fault of a GPU", "GpuXid", xids={31: "31x35 stale", 79: "_x36 79x{n}"}),
    fires("a failed remapping", "GpuMemoryFault", remap_failure="1x{n}"),
    fires("remapped rows", "GpuMemoryFault", remapped="0x20 1x{n}"),
    fires("double-bit errors", "GpuMemoryFault", double_bit="0x20 1x{n}"),
    fires("27 slow requests", *TTFT, requests_per_s=27 / 2700, ttft_slow_share=1),
    fires(
        "11 failed requests in a quarter",
        "RequestsFailing",
        requests_per_s=11 / 900,
        failed_share=1,
    ),
    fires("heat", "GpuThrottled", clock_reasons=64 + 4),
]
FEW: dict[str, Any] = {"ttft_slow_share": 1, "tpot_slow_share": 1, "failed_share": 1}
"""Shares of a service with so few requests that their number decides."""
EDGE: dict[str, Any] = {
    "requests_per_s": 141,
    "prompt_tokens": 109,
    "answer_tokens": 439,
    "failed_share": 0.049,
    "ttft_slow_share": 0.049,
    "tpot_slow_share": 0.049,
    "tpot_mean_s": 0.0424,
    "waiting": "40x{n}",
}
INSIDE = [
    quiet("as planned"),
    quiet("at the edge of every number", minutes=100, **EDGE),
    quiet("an empty service", requests_per_s=0),
    quiet("one request, slow and failed", requests_per_s=1 / 2700, **FEW),
    quiet("9 requests, all slow and failed", requests_per_s=9 / 2700, **FEW),
    quiet("a short queue that grows", waiting="0x30 0+2x{n}"),
    quiet("slower than the band above the sized load", tpot_mean_s=0.045, engines=8),
    quiet("as fast as the band", minutes=100, tpot_mean_s=0.0174, requests_per_s=141, engines=12),
    quiet("faster than the band at a low load", minutes=100, tpot_mean_s=0.01),
    quiet("a rollout of a replica in each zone", ready=dict.fromkeys(ZONES, "5x35 4x{n}")),
    quiet("a copy as planned", copies_since_s=45 * 60 - 200),
    quiet("a fault of a program", xids=HEALTHY | {31: "_x36 31x{n}"}),
    quiet("a fault of last hour", xids={79: "79x{n}"}),
    quiet("a lower clock of an idle card", clock_reasons=1 + 4),
]
TEXTS = [
    Case(
        "a summary has both numbers",
        Measured(requests_per_s=150.5),
        45,
        frozenset({"ArrivalsAboveSized"}),
        summary="chat: 150.5 requests/s over 5m, 141.667 are sized for",
    ),
]
ZONAL_CASES = [
    quiet("all zones", engines=18),
    fires("a lost node before a zone", "LossNotSurvived", engines=17, ready={ZONES[0]: "5x{n}"}),
]


def over_weeks(name: str, *alerts: str, now: dict[str, Any], **before: Any) -> Case:
    """A week like each other, and four hours that differ."""
    usual = {"requests_per_s": 50, "ttft_mean_s": 0.1, "failed_share": 0.002} | before
    measured = Measured(**(usual | now))
    return Case(name, measured, WEEK, frozenset(alerts), Measured(**usual))


WEEKS = [
    over_weeks(
        "twice the usual", now={"requests_per_s": 99, "ttft_mean_s": 0.19, "failed_share": 0.0039}
    ),
    over_weeks("more requests than usual", "ArrivalsUnusual", now={"requests_per_s": 101}),
    over_weeks("fewer requests than usual", "ArrivalsUnusual", now={"requests_per_s": 24}),
    over_weeks("slower than usual", "TTFTUnusual", now={"ttft_mean_s": 0.21}),
    over_weeks("more failures than usual", "ErrorsUnusual", now={"failed_share": 0.006}),
    over_weeks(
        "more than usual of nearly nothing",
        requests_per_s=0.3,
        ttft_mean_s=0.01,
        now={"requests_per_s": 1, "ttft_mean_s": 0.04, "failed_share": 0.0049},
    ),
]
DAY = 26 * 60
MEANS = [
    Case(
        "a peak of some hours", Measured(requests_per_s=30), DAY, before=Measured(requests_per_s=7)
    ),
    Case(
        "a day above the mean",
        Measured(requests_per_s=12.8),
        DAY,
        frozenset({"ArrivalsAboveSized"}),
    ),
    Case("a day a little above the mean", Measured(requests_per_s=12.6), DAY),
]
SGLANG_CASES = [
    quiet("SGLang as planned", engines=23),
    quiet("the TPOT of single tokens", engines=23, tpot_slow_share=1),
    fires("more requests", "ArrivalsAboveSized", requests_per_s=142, engines=23),
    fires("longer prompts", "PromptsLongerThanStated", prompt_tokens=111, engines=23),
    fires("longer answers", "AnswersLongerThanStated", answer_tokens=441, engines=23),
    fires("failures", "RequestsFailing", failed_share=0.051, engines=23),
    quiet("fewer failures", failed_share=0.049, engines=23),
    fires("a queue that grows", "QueueGrowing", waiting="0+2x{n}", engines=23),
    fires("TTFT of most requests", *TTFT, ttft_slow_share=0.73, engines=23),
    fires("TTFT of some requests", "TTFTTargetMissedSlow", ttft_slow_share=0.06, engines=23),
    fires("slower than the band", "TPOTAboveBand", tpot_mean_s=0.0476, engines=23),
    fires(
        "faster than the band",
        "TPOTBelowBand",
        minutes=100,
        tpot_mean_s=0.008,
        requests_per_s=141,
        engines=19,
    ),
    fires("no metrics of engines", "MetricsMissing", unseen="sglang"),
]
MOST_ABOVE_25_MS = {"0.025": 0.05}
BETWEEN_CASES = [
    quiet("most requests just within the target", tpot_within=MOST_ABOVE_25_MS),
    fires("TPOT above both", *TPOT, tpot_within=MOST_ABOVE_25_MS, tpot_slow_share=0.73),
]
SETS = {
    "between": Cases(BETWEEN, BETWEEN_CASES, ("-latency",), evaluated_min=5, scraped_min=1),
    "mean": Cases(MEAN, MEANS, ("-requests",), evaluated_min=60, scraped_min=30),
    "sglang": Cases(
        SGLANG,
        SGLANG_CASES,
        ("-replicas", "-requests", "-latency"),
        evaluated_min=5,
        scraped_min=1,
    ),
    "spare": Cases(SPARE, [*OUTSIDE, *INSIDE, *TEXTS], ("",), evaluated_min=5, scraped_min=1),
    "zonal": Cases(ZONAL, ZONAL_CASES, ("-replicas",), evaluated_min=5, scraped_min=1),
    "weeks": Cases(SPARE, WEEKS, ("-requests", "-unusual"), evaluated_min=120, scraped_min=30),
}


def test_alerts_fire_outside_the_plan_and_only_there(tmp_path: Path) -> None:
    if missing := prometheus_missing():
        pytest.skip(missing)
    ended = run_cases(tmp_path, SETS)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def alerts_of(plan: Plan, *groups: str) -> set[str]:
    """Names of the alerts in the groups whose names end so."""
    rules = [r for g in rule_groups(plan) if g["name"].endswith(groups) for r in g["rules"]]
    return {rule["alert"] for rule in rules if "alert" in rule}


def test_each_alert_has_a_case_that_fires() -> None:
    fired = {alert for cases in SETS.values() for case in cases.cases for alert in case.fires}
    assert fired == alerts_of(SPARE, "")


def test_each_alert_on_the_requests_of_sglang_has_a_case_that_fires() -> None:
    fired = {alert for case in SGLANG_CASES for alert in case.fires}
    assert fired == alerts_of(SGLANG, "-requests", "-latency") | {"MetricsMissing"}
