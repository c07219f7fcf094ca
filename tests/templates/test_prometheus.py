"""Scrape jobs and the configuration of Alertmanager, checked by the tools of Prometheus."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sizing.catalog import load_catalog
from sizing.plan.stack.monitoring import StoredMetricsPlan
from sizing.plan.whole import Plan
from sizing.workload.engines import ENGINES
from templates.monitoring.metrics import known_metrics
from templates.monitoring.nodes import POOL, ZONE
from templates.monitoring.rules import rule_groups
from templates.prometheus.alertmanager import MESSAGE, REPEATS, SUBJECT, alertmanager_config
from templates.prometheus.jobs import stored_jobs
from templates.render import render
from templates.scheduling import POOL_LABEL, ZONE_LABEL
from testbed.prometheus import program, prometheus_missing
from tests.components.plans import (
    CHAT,
    ISSUER,
    QUEUED_BURST,
    SPANNING,
    bursting_plan,
    chat_plan,
    measured_plan,
)

ROOT = Path(__file__).parents[2]
PLAN = measured_plan(CHAT, SPANNING, QUEUED_BURST, **ISSUER)
TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
WITH_TOOLS = pytest.mark.skipif(bool(prometheus_missing()), reason=prometheus_missing())


def server(plan: Plan = PLAN) -> StoredMetricsPlan:
    monitoring = plan.cluster_services.monitoring
    assert monitoring is not None
    return monitoring.server


def kept(job: Mapping[str, Any], name: str) -> bool:
    """True where the job keeps a series of this name. Prometheus anchors the expression."""
    (rule,) = job["metric_relabel_configs"]
    assert (rule["source_labels"], rule["action"]) == (["__name__"], "keep")
    return re.fullmatch(rule["regex"], name) is not None


def test_what_rules_and_dashboards_read_is_kept_and_counted() -> None:
    """Guard: an alert on a metric that Prometheus drops would never fire."""
    rows = {row.metric: row for row in load_catalog().metric_series}
    for metric in known_metrics():
        row = rows[metric.metric]
        assert (row.exporter, row.kind.value) == (metric.exporter, metric.type.value)
        assert all(re.fullmatch(row.pattern, series) for series in metric.series)


def test_the_load_of_a_burst_is_kept() -> None:
    rows = {row.metric for row in load_catalog().metric_series}
    for traits in ENGINES.values():
        if traits.gauges is not None:
            assert {traits.gauges.running, traits.gauges.waiting} <= rows


def test_each_job_keeps_its_own_metrics_only() -> None:
    jobs = stored_jobs(server())
    assert list(jobs) == ["engines", "nodes", "gpus", "scaling", "objects"]
    named = {
        "engines": "vllm:time_to_first_token_seconds_bucket",
        "nodes": "node_load5",
        "gpus": "DCGM_FI_DEV_XID_ERRORS",
        "scaling": "keda_scaler_active",
        "objects": "kube_node_status_condition",
    }
    for job in jobs:
        assert [name for name, metric in named.items() if kept(jobs[job], metric)] == [job]
    assert not kept(jobs["engines"], "python_gc_objects_collected_total")
    assert not kept(jobs["engines"], "vllm:time_to_first_token_seconds_created")


def test_engines_of_all_services_are_found_in_their_namespaces_only() -> None:
    job = stored_jobs(server())["engines"]
    (discovery,) = job["kubernetes_sd_configs"]
    assert discovery == {"role": "pod", "namespaces": {"names": ["chat", "spanning"]}}
    labels = {r["target_label"] for r in job["relabel_configs"] if r["action"] == "replace"}
    assert labels == {"component", "namespace", "pod", "ready"}


def test_engines_that_encrypt_have_a_job_of_their_own() -> None:
    plan = server().model_copy(update={"encrypted": ("chat",)})
    jobs = stored_jobs(plan)
    (discovery,) = jobs["encrypted-engines"]["kubernetes_sd_configs"]
    assert discovery["namespaces"]["names"] == ["chat"]
    assert jobs["encrypted-engines"]["scheme"] == "https"
    assert "chat" not in jobs["engines"]["kubernetes_sd_configs"][0]["namespaces"]["names"]
    alone = plan.model_copy(update={"services": ("chat",)})
    assert "engines" not in stored_jobs(alone)


def test_nodes_and_gpus_carry_the_name_of_their_node() -> None:
    jobs = stored_jobs(server())
    for name in ("nodes", "gpus"):
        (label,) = [r for r in jobs[name]["relabel_configs"] if r["action"] == "replace"]
        assert label["target_label"] == "node"
        assert label["source_labels"] == ["__meta_kubernetes_pod_node_name"]
        assert jobs[name]["scrape_interval"] == "30s"
    assert jobs["objects"]["honor_labels"] is True, "rules read the namespace of the object"


def test_the_labels_of_nodes_are_those_that_rules_read() -> None:
    def exported(label: str) -> str:
        return "label_" + re.sub(r"[^A-Za-z0-9_]", "_", label)

    assert (exported(POOL_LABEL), exported(ZONE_LABEL)) == (POOL, ZONE)


def test_prometheus_may_reach_and_find_each_service() -> None:
    texts = render(PLAN)
    for service in ("chat", "spanning"):
        folder = f"kubernetes/{service}"
        policy = yaml.safe_load(texts[f"{folder}/network-policy-metrics.yaml"])
        (rule,) = policy["spec"]["ingress"]
        assert rule["from"][0]["podSelector"]["matchLabels"] == {
            "app.kubernetes.io/name": "prometheus",
            "app.kubernetes.io/component": "server",
        }
        binding = yaml.safe_load(texts[f"{folder}/metrics-role-binding.yaml"])
        assert [s["name"] for s in binding["subjects"]] == ["metrics-prometheus"]
        assert binding["roleRef"]["name"] == f"{service}-measured"


def test_an_engine_on_loopback_is_not_scraped() -> None:
    """Guard: it would be a target that is always down."""
    assert "queued" in [service.name for service in PLAN.services]
    assert "queued" not in server().services
    assert not [path for path in render(PLAN) if "queued/" in path and "metrics" in path]


def test_without_metrics_a_service_lets_prometheus_in_only_for_its_burst() -> None:
    def documents(plan: Plan) -> set[str]:
        return {path for path in render(plan) if "metrics" in path}

    assert documents(chat_plan()) == set()
    assert len(documents(bursting_plan())) == 3
    role = yaml.safe_load(render(bursting_plan())["kubernetes/chat/metrics-role-binding.yaml"])
    assert role["subjects"][0]["name"] == "prometheus-server"
    assert role["roleRef"]["name"] == "chat-metrics"


def test_keda_reads_the_load_from_the_prometheus_that_keeps_it() -> None:
    scaled = yaml.safe_load(render(measured_plan())["kubernetes/chat/scaled-object.yaml"])
    read = {trigger["metadata"]["serverAddress"] for trigger in scaled["spec"]["triggers"]}
    assert read == {"http://metrics-prometheus.kube-system.svc:80"}


def test_a_subject_is_one_line_that_sns_takes() -> None:
    assert SUBJECT.isascii() and "\n" not in SUBJECT
    for annotation in ("summary", "description", "runbook", "plan"):
        assert f".Annotations.{annotation}" in MESSAGE


def test_no_alert_repeats_after_alertmanager_has_forgotten_it() -> None:
    """Guard: Alertmanager sends an alert again when it deletes what it has sent, after 120 hours
    by default, even where its time to repeat is longer."""
    units = {"h": 1, "d": 24}
    hours = {severity: int(time[:-1]) * units[time[-1]] for severity, time in REPEATS.items()}
    assert max(hours.values()) <= 120
    page = (ROOT / "docs/how-to/get-metrics-and-alerts.md").read_text(encoding="utf-8")
    days = hours["info"] // 24
    assert (
        f"after {hours['critical']} hour (critical), {hours['warning']} hours (warning) or {days} "
        "days (info)"
    ) in page


def tool(*command: str | Path) -> str:
    name, *rest = command
    done = subprocess.run(
        [program(str(name)), *map(str, rest)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@WITH_TOOLS
def test_promtool_accepts_jobs_and_rules(tmp_path: Path) -> None:
    """Debian's build has no discovery in Kubernetes, so that a fixed target stands in for it."""
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": rule_groups(PLAN)}))
    jobs = []
    for name, job in stored_jobs(server()).items():
        fixed = {key: value for key, value in job.items() if key != "kubernetes_sd_configs"}
        jobs.append({"job_name": name, "static_configs": [{"targets": ["127.0.0.1:1"]}]} | fixed)
    config = {"rule_files": ["rules.yml"], "scrape_configs": jobs}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    assert "SUCCESS" in tool("promtool", "check", "config", tmp_path / "prometheus.yml")


@WITH_TOOLS
def test_amtool_accepts_the_configuration_and_routes_each_severity(tmp_path: Path) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(yaml.safe_dump(alertmanager_config(TOPIC, "us-east-1")))
    assert "SUCCESS" in tool("amtool", "check-config", path)
    severities = {
        rule["labels"]["severity"]
        for group in rule_groups(PLAN)
        for rule in group["rules"]
        if "alert" in rule
    }
    assert severities
    repeats = {
        route["matchers"][0]: route["repeat_interval"]
        for route in alertmanager_config(TOPIC, "us-east-1")["route"]["routes"]
    }
    for severity in severities:
        routed = tool(
            "amtool", "config", "routes", "test", f"--config.file={path}", f"severity={severity}"
        )
        assert routed.strip() == "people"
        assert f'severity="{severity}"' in repeats, "each severity has its own time to repeat"
