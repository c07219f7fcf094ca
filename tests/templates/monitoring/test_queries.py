"""Every query parses, names known metrics, and has the plan's numbers; each alert has a runbook."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sizing.explain import explain
from sizing.plan.whole import Plan
from sizing.workload.engines import ENGINES
from templates.monitoring.alert import START
from templates.monitoring.dashboards import dashboards
from templates.monitoring.files import RULES, monitoring_files
from templates.monitoring.metrics import known_metrics
from templates.monitoring.rules import rule_groups
from testbed.prometheus import program, prometheus_missing
from tests.components.plans import SPANNING, STUDIO, plan_of
from tests.templates.monitoring.plans import CALIBRATED

ROOT = Path(__file__).parents[3]
WITHOUT_NUMBER = {"GpuMemoryFault", "GpuThrottled", "GpuXid", "MetricsMissing", "NodeNotReady"}
"""Alerts on faults, which no number of the plan states."""


def with_engine(name: str, **changes: Any) -> dict[str, Any]:
    return CALIBRATED | {"engine": {"name": name}} | changes


PLANS: dict[str, Plan] = {
    "vllm": plan_of(CALIBRATED | {"redundancy": {"zones": 1}}),
    "sglang": plan_of(with_engine("sglang")),
    "tensorrt-llm": plan_of(with_engine("tensorrt-llm")),
    "images": plan_of(STUDIO),
    "groups": plan_of(SPANNING),
    "two services": plan_of(CALIBRATED, STUDIO),
}


def alerts(plan: Plan) -> dict[str, dict[str, Any]]:
    rules = [rule for group in rule_groups(plan) for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def queries(plan: Plan) -> Iterator[str]:
    for group in rule_groups(plan):
        yield from (rule["expr"] for rule in group["rules"])
    for board in dashboards(plan).values():
        for panel in board["panels"]:
            yield from (target["expr"] for target in panel.get("targets", []))


def json_pointer(plan: Plan, pointer: str) -> str:
    """Place in the plan of a number as `sizewright explain` names it: SERVICE.FIELD..."""
    service, *path = pointer.split(".")
    index = [each.name for each in plan.services].index(service)
    return "/".join(["", "services", str(index), *path])


def names(query: str) -> set[str]:
    """Names of the series in a query: identifiers outside of labels that are no function."""
    bare = re.sub(r'"[^"]*"', "", query)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|on|without|group_left)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\b\d[\w.]*|\boffset\s+\w+", " ", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w|\s*\()", bare)
    return set(words) - {"and", "or", "by", "on", "sum", "group_left"}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_each_query_names_known_metrics_only(plan: Plan) -> None:
    rules = [rule for group in rule_groups(plan) for rule in group["rules"]]
    known = {series for metric in known_metrics() for series in metric.series}
    known |= {rule["record"] for rule in rules if "record" in rule}
    for query in queries(plan):
        found = names(query)
        assert found <= known, query
        assert found or query.startswith("vector("), query


def test_each_known_metric_is_read() -> None:
    read = {name for plan in PLANS.values() for query in queries(plan) for name in names(query)}
    assert all(read & set(metric.series) for metric in known_metrics())


def test_all_queries_parse(tmp_path: Path) -> None:
    if missing := prometheus_missing():
        pytest.skip(missing)
    files = []
    for index, plan in enumerate(PLANS.values()):
        lines = [{"record": f"q{i}", "expr": query} for i, query in enumerate(queries(plan))]
        for name, groups in {
            "rules": rule_groups(plan),
            "queries": [{"name": "queries", "rules": lines}],
        }.items():
            path = tmp_path / f"{name}-{index}.json"
            path.write_text(json.dumps({"groups": groups}), encoding="utf-8")
            files.append(str(path))
    command = [program("promtool"), "check", "rules", "--lint-fatal", *files]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_each_alert_names_numbers_of_the_plan_that_its_query_has(plan: Plan) -> None:
    for name, alert in alerts(plan).items():
        named = alert["annotations"].get("plan")
        assert (named is None) == (name in WITHOUT_NUMBER)
        for pointer in [] if named is None else named.split(", "):
            value = explain(plan, json_pointer(plan, pointer)).value
            assert isinstance(value, int | float)
            if name.startswith(("TTFTTarget", "TPOTTarget")) and pointer.endswith("_target_ms"):
                continue  # The bucket of the recorded series has it.
            assert f"{float(value):.6g}" in re.findall(r"[\d.]+", alert["expr"]), (name, pointer)


@pytest.mark.parametrize(
    ("target_ms", "bound", "exact"),
    [(500, "0.5", True), (300, "0.5", False), (800, "1.0", False)],
)
def test_a_target_counts_from_the_first_bucket_that_holds_it(
    target_ms: int, bound: str, exact: bool
) -> None:
    plan = plan_of(CALIBRATED | {"latency": {"ttft_ms": target_ms, "tpot_ms": 50}})
    expr = next(query for query in queries(plan) if "first_token_seconds_bucket" in query)
    assert f'le="{bound}"' in expr
    meaning = alerts(plan)["TTFTTargetMissedFast"]["annotations"]["description"]
    unseen = f"Requests between {target_ms} and {float(bound) * 1000:g} ms do not count as slow"
    assert (unseen in meaning) is not exact


def test_a_target_beyond_every_bucket_has_no_alert_and_the_plan_says_so() -> None:
    plan = plan_of(with_engine("sglang", latency={"ttft_ms": 400_001, "tpot_ms": 50}))
    assert "TTFTTargetMissedFast" not in alerts(plan)
    serving = plan.services[0].serving
    assert serving is not None and serving.unwatched == (
        "no alerts on the target of TTFT: the last bucket of sglang ends at 400 s; "
        "no alerts on the target of TPOT: sglang counts tokens there, not requests"
    )
    last = plan_of(with_engine("sglang", latency={"ttft_ms": 400_000, "tpot_ms": 50}))
    assert "TTFTTargetMissedFast" in alerts(last)


@pytest.mark.parametrize(
    ("name", "reacts"), [("TPOTAboveBand", "late"), ("TPOTBelowBand", "early")]
)
def test_an_alert_on_the_band_says_that_it_compares_a_mean(name: str, reacts: str) -> None:
    """The percentile of the targets is one of the requests, and lies above their mean."""
    meaning = alerts(PLANS["vllm"])[name]["annotations"]["description"]
    assert meaning.endswith(
        "The measured time is a mean, and that of the estimate is for 95 % of requests: the alert "
        f"may fire {reacts}."
    )


def test_a_low_percentile_still_allows_the_alert() -> None:
    """A burn rate of 14.4 with 10 % of slow requests allowed would require 144 %."""
    latency = {"ttft_ms": 500, "tpot_ms": 50, "percentile": 90}
    expr = alerts(plan_of(CALIBRATED | {"latency": latency}))["TTFTTargetMissedFast"]["expr"]
    assert "> 9 * (1 - 90 / 100)" in expr and "14.4" not in expr


def test_an_engine_without_metrics_of_requests_has_no_alerts_on_them() -> None:
    of_replicas = {"LossNotSurvived", "ReplicasBelowNeeded", "WeightsDownloadSlow", "ZoneImbalance"}
    for name in ("tensorrt-llm", "images"):
        assert set(alerts(PLANS[name])) - WITHOUT_NUMBER == of_replicas
    said = {
        name: each.unwatched
        for name, plan in PLANS.items()
        if (each := plan.services[0].serving) is not None and each.unwatched is not None
    }
    assert set(said) == {"sglang", "tensorrt-llm", "images"}
    assert said["tensorrt-llm"] == (
        "no alerts on requests: tensorrt-llm exports no metrics of them that alerts may watch"
    )
    assert f"# chat: {said['sglang']}.\n" in monitoring_files(PLANS["sglang"])[RULES]
    assert said["images"] in json.dumps(dashboards(PLANS["images"])["service-studio"])
    assert "TPOTTargetMissedFast" not in alerts(PLANS["sglang"])
    assert "TPOTAboveBand" in alerts(PLANS["sglang"])


def test_groups_of_pods_count_their_leaders() -> None:
    expr = alerts(PLANS["groups"])["ZoneImbalance"]["expr"]
    assert "kube_statefulset_status_replicas_ready" in expr and "kube_deployment" not in expr


def test_each_engine_names_metrics_of_the_data_file() -> None:
    known = {metric.metric for metric in known_metrics()}
    for engine in ENGINES.values():
        requests = engine.requests
        if requests is not None:
            assert {requests.finished, requests.tokens, requests.kv_use} <= known
            assert requests.first_token.bounds_s == tuple(sorted(requests.first_token.bounds_s))


def test_each_alert_has_a_section_and_each_section_an_alert() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### (\w+)\n\n(.*?)(?=^##|\Z)", page, re.DOTALL | re.MULTILINE))
    every = {name: alert for plan in PLANS.values() for name, alert in alerts(plan).items()}
    assert set(sections) == set(every)
    for name, text in sections.items():
        assert every[name]["annotations"]["runbook"] == f"docs/alerts.md#{name.lower()}"
        assert "**Meaning.**" in text and "**First.**" in text
        assert ("**Plan.**" in text) == (name not in WITHOUT_NUMBER)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_the_files_have_the_rules_and_the_dashboards(plan: Plan) -> None:
    files = monitoring_files(plan)
    assert yaml.safe_load(files.pop(RULES)) == {"groups": rule_groups(plan)}
    read = {path: json.loads(text) for path, text in files.items()}
    boards = {f"monitoring/dashboards/{name}.json": b for name, b in dashboards(plan).items()}
    assert read == boards
    assert set(boards) >= {f"monitoring/dashboards/{name}.json" for name in ("fleet", "money")}


def test_a_plan_without_nodes_has_no_files() -> None:
    plan = plan_of(CALIBRATED | {"hardware": {"instance_type": "g4dn.xlarge"}})
    assert plan.services[0].serving is None
    assert monitoring_files(plan) == {} == dashboards(plan)


def test_numbers_of_the_plan_are_lines() -> None:
    plan = PLANS["vllm"]
    drawn = {
        (panel["title"], target["legendFormat"]): target["expr"]
        for board in dashboards(plan).values()
        for panel in board["panels"]
        for target in panel["targets"]
    }
    assert drawn["Arrivals", "sized for"] == "vector(141.667)"
    assert drawn["TTFT", "target"] == "vector(0.5)"
    assert drawn["TPOT", "P90 of the estimate"] == "vector(0.0424948)"
    assert drawn["Slow requests", "allowed"] == "vector(0.05)"
    assert drawn["Tokens of a request", "answer sized for"] == "vector(400)"
    assert drawn["Ready replicas", "needed"] == "vector(12)"
    assert drawn["Spare replicas", "chat of the plan"] == "vector(6)"
    assert drawn["GPUs by zone", "use1-az1 of the plan"] == "vector(6)"
    usd = plan.services[0].choice
    assert usd is not None and usd.usd_per_hour is not None
    assert drawn["GPU nodes, USD per hour", "g6e-xlarge of the plan"] == (
        f"vector({18 * usd.usd_per_hour:.6g})"
    )


def test_panels_have_places_of_their_own() -> None:
    for board in dashboards(PLANS["two services"]).values():
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
        assert len(set(places)) == len(places)
        assert len({panel["id"] for panel in board["panels"]}) == len(places)


def test_recorded_names_start_alike() -> None:
    for plan in PLANS.values():
        rules = [rule for group in rule_groups(plan) for rule in group["rules"]]
        assert all(rule["record"].startswith(START) for rule in rules if "record" in rule)
