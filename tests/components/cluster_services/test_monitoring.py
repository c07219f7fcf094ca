"""Metrics that a cluster keeps: releases, volumes, rights, rules, and the delivery of alerts."""

import json
import re
from functools import cache
from typing import Any

import pytest

from sizewright.record import Recorded
from sizing.plan.stack.monitoring import MonitoringPlan
from templates.monitoring.dashboards import dashboards
from templates.monitoring.rules import rule_groups
from tests.components.plans import CHAT, bursting_plan, chat_plan, measured_plan
from tests.components.recording import before, children, named, of_type
from tests.components.stacks import stack

NAME = "sw-cluster-services-monitoring"
PLAN = measured_plan()


def planned() -> MonitoringPlan:
    monitoring = PLAN.cluster_services.monitoring
    assert monitoring is not None
    return monitoring


@cache
def platform(preview: bool = False) -> Recorded:
    return stack(PLAN, preview)


def values(name: str = f"{NAME}-server", preview: bool = False) -> Any:
    return named(platform(preview), name).inputs["values"]


def statements(name: str) -> list[dict[str, Any]]:
    return list(json.loads(str(named(platform(), f"{name}-policy").inputs["policy"]))["Statement"])


def test_children(preview: bool) -> None:
    recording = platform(preview)
    assert children(recording, NAME) == [
        f"ConfigMap {NAME}-dashboard-fleet",
        f"ConfigMap {NAME}-dashboard-money",
        f"ConfigMap {NAME}-dashboard-service-chat",
        f"Release {NAME}-gpus",
        f"Release {NAME}-server",
        f"Role {NAME}-exporters",
        f"RoleBinding {NAME}-exporters-access",
        f"Topic {NAME}-alerts",
        f"Volumes {NAME}-volumes",
    ]
    assert children(recording, f"{NAME}-alerts") == [
        f"Identity {NAME}-alerts-identity",
        f"PodIdentityAssociation {NAME}-alerts-association",
        f"Topic {NAME}-alerts-topic",
        f"TopicSubscription {NAME}-alerts-on-call@example.com",
        f"TopicSubscription {NAME}-alerts-team@example.com",
    ]


@pytest.mark.parametrize("before_metrics", [chat_plan(), bursting_plan()], ids=["chat", "burst"])
def test_without_the_key_nothing_of_it_is_built(before_metrics: Any) -> None:
    recording = stack(before_metrics)
    names = [r.name for r in recording.resources]
    assert not [name for name in names if NAME in name]
    assert not of_type(recording, "aws:sns/") + of_type(recording, "StorageClass")
    addons = {r.inputs["addonName"] for r in of_type(recording, "eks/addon:Addon")}
    assert "aws-ebs-csi-driver" not in addons


def test_one_prometheus_measures_and_keeps() -> None:
    releases = {r.inputs["name"]: r.inputs["chart"] for r in of_type(platform(), "v3:Release")}
    assert [name for name, chart in releases.items() if chart == "prometheus"] == ["metrics"]
    scaling = named(platform(), "sw-chat-burst-scaling")
    assert f"{NAME}-server" in {key.rpartition("::")[2] for key in before(platform(), scaling)}


def test_the_release_has_the_numbers_of_the_plan(preview: bool) -> None:
    server, plan = values(preview=preview)["server"], planned().server
    assert server["retention"] == f"{plan.kept_hours}h" == "720h"
    assert server["retentionSize"] == f"{plan.blocks_gib}GB"
    assert server["persistentVolume"]["size"] == f"{plan.volume_gib}Gi"
    assert server["replicaCount"] == plan.replicas == 2
    assert server["resources"]["requests"]["memory"] == f"{plan.memory_mib}Mi"
    assert server["resources"]["limits"]["memory"] == f"{plan.memory_mib * 2}Mi"


def test_a_pod_of_each_zone_has_a_volume_that_survives_it() -> None:
    server = values()["server"]
    claims = {"pvcDeleteOnStsDelete": True, "pvcDeleteOnStsScale": True}
    assert server["statefulSet"] == {"enabled": True} | claims, "a claim leaves no volume behind"
    zone = server["topologySpreadConstraints"][0]
    assert zone["topologyKey"] == "topology.kubernetes.io/zone"
    assert zone["whenUnsatisfiable"] == "DoNotSchedule"
    storage = named(platform(), f"{NAME}-volumes-class").inputs
    assert server["persistentVolume"]["storageClass"] == storage["metadata"]["name"]
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"
    assert storage["parameters"]["type"] == "gp3"
    assert storage["parameters"]["encrypted"] == "true"
    assert storage["parameters"]["kmsKeyId"]["$ref"].endswith("sw-keys-volumes")


def test_sizes_that_kubernetes_cannot_change_are_kept() -> None:
    """Guard: a StatefulSet refuses another volume, and the update would fail."""
    assert named(platform(), f"{NAME}-server").ignore_changes == (
        "values.server.persistentVolume.size",
        "values.server.retentionSize",
    )


def test_prometheus_has_the_rules_and_grafana_the_dashboards() -> None:
    assert values()["serverFiles"]["alerting_rules.yml"]["groups"] == rule_groups(PLAN)
    for name, board in dashboards(PLAN).items():
        made = named(platform(), f"{NAME}-dashboard-{name}").inputs
        assert made["metadata"]["labels"] == {"grafana_dashboard": "1"}
        assert json.loads(str(made["data"][f"{name}.json"])) == board


def test_prometheus_reads_pods_only_where_a_role_lets_it() -> None:
    assert values()["rbac"] == {"create": False}
    role = named(platform(), f"{NAME}-exporters").inputs
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    ]
    bound = [r.inputs for r in of_type(platform(), "RoleBinding")]
    assert {b["metadata"]["namespace"] for b in bound} == {"kube-system", "chat"}
    assert {s["name"] for b in bound for s in b["subjects"]} == {"metrics-prometheus"}
    collectors = values()["kube-state-metrics"]["collectors"]
    assert not {"secrets", "configmaps"} & {*collectors}


def test_the_exporter_of_gpus_runs_on_every_gpu_node_and_no_other() -> None:
    exporter = values(f"{NAME}-gpus")
    plugin = named(platform(), "sw-cluster-services-device-plugin").inputs["values"]
    assert exporter["affinity"] == plugin["affinity"]
    assert exporter["tolerations"] == plugin["tolerations"]
    lines = exporter["customMetrics"].splitlines()
    assert [line.split(", ")[:2] for line in lines] == [
        [name, kind] for name, kind in planned().gpu_counters.items()
    ]
    assert exporter["serviceMonitor"] == {"enabled": False}, "its definition is not installed"


def test_the_driver_of_volumes_leaves_gpu_nodes_alone() -> None:
    addon = named(platform(), f"{NAME}-volumes-aws-ebs-csi-driver").inputs
    node = json.loads(str(addon["configurationValues"]))["node"]
    assert node == {"tolerateAllTaints": False, "tolerations": []}
    assert f"{NAME}-volumes-association" in {
        key.rpartition("::")[2]
        for key in named(platform(), f"{NAME}-volumes-aws-ebs-csi-driver").depends_on
    }


def test_the_driver_changes_only_its_own_volumes() -> None:
    tag = "sizewright-cluster"
    storage = named(platform(), f"{NAME}-volumes-class").inputs["parameters"]
    tags = {v for key, v in storage.items() if key.startswith("tagSpecification_")}
    assert f"{tag}=sizewright-test" in tags
    for statement in statements(f"{NAME}-volumes-identity"):
        actions = statement["Action"]
        actions = [actions] if isinstance(actions, str) else actions
        changing = [a for a in actions if a.startswith("ec2:") and "Describe" not in a]
        if not changing:
            continue
        condition = statement["Condition"]["StringEquals"]
        assert statement["Resource"] != "*"
        assert {"sizewright-test", "CreateVolume"} & {*condition.values()}, statement


def test_alertmanager_may_publish_to_this_topic_only() -> None:
    publish, key = statements(f"{NAME}-alerts-identity")
    assert publish["Action"] == "sns:Publish"
    assert f"{NAME}-alerts-topic" in str(publish["Resource"])
    assert key["Condition"] == {"StringEquals": {"kms:ViaService": "sns.us-east-1.amazonaws.com"}}
    association = named(platform(), f"{NAME}-alerts-association").inputs
    assert association["serviceAccount"] == "metrics-alertmanager"


def test_alerts_go_to_the_topic_and_from_it_to_each_address() -> None:
    alertmanager = values()["alertmanager"]
    assert alertmanager["enabled"] is True and alertmanager["replicaCount"] == 2
    (receiver,) = alertmanager["config"]["receivers"]
    (sent,) = receiver["sns_configs"]
    assert sent["topic_arn"]["$ref"].endswith(f"{NAME}-alerts-topic")
    assert sent["sigv4"] == {"region": "us-east-1"}
    subscribed = [r.inputs for r in of_type(platform(), "TopicSubscription")]
    assert {s["endpoint"] for s in subscribed} == {"on-call@example.com", "team@example.com"}
    assert {s["protocol"] for s in subscribed} == {"email"}


def test_messages_are_encrypted_by_a_key_that_lets_the_topic_use_it() -> None:
    topic = named(platform(), f"{NAME}-alerts-topic").inputs
    assert topic["kmsMasterKeyId"]["$ref"].endswith("sw-keys-logs")
    policy = json.loads(str(named(platform(), "sw-keys-logs", "Key").inputs["policy"]))
    hosts = [s["Condition"]["StringEquals"] for s in policy["Statement"] if s["Sid"] == "Use"]
    assert hosts == [{"kms:ViaService": ["sns.us-east-1.amazonaws.com"]}]


def test_without_addresses_rules_are_visible_and_nothing_is_sent() -> None:
    recording = stack(measured_plan(CHAT, alerts=None))
    own = named(recording, f"{NAME}-server").inputs["values"]
    assert own["alertmanager"] == {"enabled": False}
    assert own["server"]["alertmanagers"] == []
    assert own["serverFiles"]["alerting_rules.yml"]["groups"]
    assert not of_type(recording, "aws:sns/")
    policy = json.loads(str(named(recording, "sw-keys-logs", "Key").inputs["policy"]))
    assert "Use" not in [statement["Sid"] for statement in policy["Statement"]]


def test_a_service_without_a_burst_lets_prometheus_in_too() -> None:
    recording = stack(measured_plan(CHAT, alerts=None))
    role = named(recording, "sw-chat-namespace-metrics", "Role")
    assert role.inputs["metadata"]["name"] == "chat-measured"
    assert named(recording, "sw-chat-namespace-metrics", "NetworkPolicy")


def test_what_scaling_rules_read_is_kept() -> None:
    jobs = values()["scrapeConfigs"]
    (rule,) = jobs["engines"]["metric_relabel_configs"]
    triggers = named(platform(), "sw-chat-burst-scaling").inputs["spec"]["triggers"]
    queries = [trigger["metadata"]["query"] for trigger in triggers]
    assert len(queries) == 3
    read = {name for query in queries for name in re.findall(r"([\w:]+)\{", query)} - {"up"}
    assert all(re.fullmatch(rule["regex"], name) for name in read)


def test_keda_is_scraped_where_metrics_are_kept() -> None:
    keda = values("sw-cluster-services-burst-pods")
    assert keda["prometheus"] == {"operator": {"enabled": True, "port": 8080}}
    plain = named(stack(bursting_plan()), "sw-cluster-services-burst-pods").inputs["values"]
    assert "prometheus" not in plain
