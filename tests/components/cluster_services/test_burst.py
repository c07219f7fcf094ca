"""Additions of a burst to a platform: controllers with their rights, nodes and replicas."""

import json
import re
from functools import cache
from typing import Any

import pytest
import yaml

from components.cluster_services.burst_services import _jobs
from sizewright.record import Recorded, RecordedResource
from templates.render import render
from tests.components.plans import BURSTING, bursting_plan, chat_plan, plan_of
from tests.components.recording import before, children, named, of_type
from tests.components.stacks import stack

SERVICES = "sw-cluster-services-burst"
NODES = f"{SERVICES}-nodes"
RELEASE = "kubernetes:helm.sh/v3:Release"
PLAN = bursting_plan()
TEXTS = render(PLAN)


@cache
def platform(preview: bool = False) -> Recorded:
    return stack(PLAN, preview)


def inputs(name: str, type_part: str = "", preview: bool = False) -> Any:
    return named(platform(preview), name, type_part).inputs


def test_children(preview: bool) -> None:
    recording = platform(preview)
    assert children(recording, SERVICES) == [
        f"NodeAutoscaler {NODES}",
        f"Release {SERVICES}-metrics",
        f"Release {SERVICES}-pods",
    ]
    assert children(recording, NODES) == [
        f"AccessEntry {NODES}-entry",
        f"Identity {NODES}-identity",
        f"Identity {NODES}-node",
        f"InstanceProfile {NODES}-profile",
        f"Interruptions {NODES}-interruptions",
        f"PodIdentityAssociation {NODES}-association",
        f"Release {NODES}-definitions",
        f"Release {NODES}-release",
    ]
    assert children(recording, "sw-g6-xlarge-burst") == [
        "EC2NodeClass sw-g6-xlarge-burst-class",
        "NodePool sw-g6-xlarge-burst-pool",
    ]
    assert children(recording, "sw-chat-burst") == [
        "Deployment sw-chat-burst-replicas",
        "PodDisruptionBudget sw-chat-burst-budget",
        "Role sw-chat-burst-metrics",
        "RoleBinding sw-chat-burst-metrics-access",
        "ScaledObject sw-chat-burst-scaling",
    ]


def test_without_a_burst_there_is_less() -> None:
    still = stack(chat_plan())
    keys = {r.key for r in still.resources}
    assert keys < {r.key for r in platform().resources}
    assert not [key for key in keys if "burst" in key]
    plugin = named(still, "sw-cluster-services-device-plugin").inputs["values"]
    assert [t["key"] for t in plugin["tolerations"]] == ["nvidia.com/gpu"]


def test_the_device_plugin_runs_on_burst_nodes_too(preview: bool) -> None:
    values = inputs("sw-cluster-services-device-plugin", preview=preview)["values"]
    tolerated = {(t["key"], t["value"], t["effect"]) for t in values["tolerations"]}
    pool = inputs("sw-g6-xlarge-burst-pool", preview=preview)["spec"]["template"]
    assert tolerated == {(t["key"], t["value"], t["effect"]) for t in pool["spec"]["taints"]}
    required = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = required["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["key"] in pool["metadata"]["labels"]


@pytest.mark.parametrize(
    ("name", "chart"),
    [
        (f"{NODES}-definitions", "karpenter-crd"),
        (f"{NODES}-release", "karpenter"),
    ],
)
def test_charts_of_an_oci_registry_have_no_index(preview: bool, name: str, chart: str) -> None:
    release = inputs(name, preview=preview)
    assert release["chart"] == f"oci://public.ecr.aws/karpenter/{chart}"
    assert "repositoryOpts" not in release
    assert release["name"] == chart
    burst = PLAN.cluster_services.burst
    assert burst is not None and burst.node_autoscaler is not None
    assert release["version"] == burst.node_autoscaler.version


def test_definitions_are_updated_with_the_controller() -> None:
    """Helm never updates definitions in a chart's own folder."""
    assert inputs(f"{NODES}-release")["skipCrds"] is True
    needed = before(platform(), named(platform(), f"{NODES}-release"))
    assert f"{RELEASE}::{NODES}-definitions" in needed


def test_karpenter_receives_what_it_cannot_look_up(preview: bool) -> None:
    values = inputs(f"{NODES}-release", preview=preview)["values"]
    assert values["settings"]["clusterName"] == "sizewright-test"
    assert values["settings"]["eksControlPlane"] is True
    queue = {"$ref": f"aws:sqs/queue:Queue::{NODES}-interruptions-queue", "property": "name"}
    assert values["settings"]["interruptionQueue"] == ({"$unknown": True} if preview else queue)
    region = {"name": "AWS_REGION", "value": "us-east-1"}
    assert values["controller"]["env"] == [region], "pods do not reach the metadata service"
    assert values["replicas"] == 2
    for spread in values["topologySpreadConstraints"]:
        assert spread["whenUnsatisfiable"] == "ScheduleAnyway"
    association = inputs(f"{NODES}-association", preview=preview)
    assert association["serviceAccount"] == values["serviceAccount"]["name"] == "karpenter"
    assert association["namespace"] == inputs(f"{NODES}-release")["namespace"] == "kube-system"


def policy_of(name: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(inputs(name)["policy"])["Statement"]
    return statements


def test_it_changes_only_what_carries_the_cluster_s_tag() -> None:
    """Guard: reading and pricing have no resource; everything else names one, or a tag."""
    for statement in policy_of(f"{NODES}-identity-policy"):
        actions = statement["Action"]
        actions = [actions] if isinstance(actions, str) else actions
        assert not any("*" in action for action in actions)
        if statement["Resource"] == "*":
            names = {action.split(":")[1] for action in actions}
            assert all(name.startswith(("Describe", "GetProducts", "List")) for name in names)
        if "launch-template/" in str(statement["Resource"]):
            assert statement["Condition"]["StringEquals"], "no template but its own"
        writes = {"ec2:CreateTags", "ec2:TerminateInstances", "ec2:CreateLaunchTemplate"}
        if writes & set(actions):
            tags = statement["Condition"]["StringEquals"]
            assert any(
                key.endswith("/kubernetes.io/cluster/sizewright-test") and value == "owned"
                for key, value in tags.items()
            ), statement


def test_what_it_starts_is_of_its_account_and_region() -> None:
    for statement in policy_of(f"{NODES}-identity-policy"):
        resources = statement["Resource"]
        for resource in [resources] if isinstance(resources, str) else resources:
            if ":ec2:" in resource:
                assert resource.startswith("arn:aws:ec2:us-east-1:")
                kind = resource.split(":")[5].split("/")[0]
                account = {"image": "", "snapshot": "", "subnet": "*"}.get(kind, "123456789012")
                assert resource.split(":")[4] == account


def test_karpenter_starts_nodes_in_subnets_that_another_account_shares() -> None:
    """Guard: the ARN of such a subnet contains its owner's account, not this one."""
    (starts,) = (
        s
        for s in policy_of(f"{NODES}-identity-policy")
        if "subnet" in str(s["Resource"]) and "Condition" not in s
    )
    assert starts["Action"] == ["ec2:CreateFleet", "ec2:RunInstances"]
    assert "arn:aws:ec2:us-east-1:*:subnet/*" in starts["Resource"]


def test_it_makes_no_instance_profile_and_passes_one_role() -> None:
    statements = policy_of(f"{NODES}-identity-policy")
    text = json.dumps(statements)
    assert "CreateInstanceProfile" not in text
    (passes,) = (s for s in statements if s["Action"] == "iam:PassRole")
    assert passes["Resource"] == f"${{aws:iam/role:Role::{NODES}-node-role.arn}}"
    assert "ec2.amazonaws.com" in passes["Condition"]["StringEquals"]["iam:PassedToService"]
    profile = inputs(f"{NODES}-profile")
    assert profile["role"] == {
        "$ref": f"aws:iam/role:Role::{NODES}-node-role",
        "property": "name",
    }


def test_it_uses_the_volumes_key_through_ec2() -> None:
    key = "${aws:kms/key:Key::sw-keys-volumes.arn}"
    used = [s for s in policy_of(f"{NODES}-identity-policy") if s["Resource"] == key]
    assert [s["Condition"]["StringEquals"] for s in used] == [
        {"kms:ViaService": "ec2.us-east-1.amazonaws.com"}
    ] * 2
    (grants,) = (s for s in used if s["Action"] == "kms:CreateGrant")
    assert grants["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_burst_nodes_may_join(preview: bool) -> None:
    entry = inputs(f"{NODES}-entry", preview=preview)
    assert entry["type"] == "EC2_LINUX"
    attached = {
        r.inputs["policyArn"].rpartition("/")[2]
        for r in of_type(platform(), "rolePolicyAttachment:")
        if r.parent == f"sizewright:index:Identity::{NODES}-node"
    }
    floor = {
        r.inputs["policyArn"].rpartition("/")[2]
        for r in of_type(platform(), "rolePolicyAttachment:")
        if r.parent == "sizewright:index:Identity::sw-cluster-node"
    }
    assert attached == floor, "what a floor node may, and no more"


def test_notices_of_aws_reach_the_queue_and_nothing_else_does() -> None:
    name = f"{NODES}-interruptions"
    queue = inputs(f"{name}-queue")
    assert queue["sqsManagedSseEnabled"] is True
    assert queue["messageRetentionSeconds"] == 300
    patterns = {
        json.loads(rule.inputs["eventPattern"])["detail-type"][0]
        for rule in of_type(platform(), "eventRule:EventRule")
    }
    assert patterns == {
        "AWS Health Event",
        "EC2 Spot Instance Interruption Warning",
        "EC2 Instance State-change Notification",
    }
    assert {t.inputs["arn"]["$ref"] for t in of_type(platform(), "eventTarget:EventTarget")} == {
        f"aws:sqs/queue:Queue::{name}-queue"
    }
    allowed, denied = policy_of(f"{name}-access")
    assert allowed["Principal"] == {"Service": "events.amazonaws.com"}
    assert len(allowed["Condition"]["ArnEquals"]["aws:SourceArn"]) == 3
    assert denied["Effect"] == "Deny"
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_keda_reads_no_secrets_and_scales_deployments_only(preview: bool) -> None:
    values = inputs(f"{SERVICES}-pods", preview=preview)["values"]
    assert values["rbac"] == {"enabledCustomScaledRefKinds": False}
    assert values["permissions"] == {
        "operator": {"restrict": {"secret": True}},
        "metricServer": {"restrict": {"secret": True}},
    }


def test_prometheus_scrapes_the_engines_that_burst_and_nothing_else(preview: bool) -> None:
    values = inputs(f"{SERVICES}-metrics", preview=preview)["values"]
    jobs = values["scrapeConfigs"]
    engines = jobs.pop("engines")
    assert {job["enabled"] for job in jobs.values()} == {False}
    (discovery,) = engines["kubernetes_sd_configs"]
    assert discovery == {"role": "pod", "namespaces": {"names": ["chat"]}}
    kept = {
        rule["source_labels"][0]: rule["regex"]
        for rule in engines["relabel_configs"]
        if rule["action"] == "keep"
    }
    pod = document("deployment-use1-az1")["spec"]["template"]
    (engine,) = pod["spec"]["containers"]
    assert kept == {
        "__meta_kubernetes_pod_label_app_kubernetes_io_part_of": pod["metadata"]["labels"][
            "app.kubernetes.io/part-of"
        ],
        "__meta_kubernetes_pod_container_port_number": str(engine["ports"][0]["containerPort"]),
    }
    targets = {r["target_label"] for r in engines["relabel_configs"] if "target_label" in r}
    assert {"namespace", "component", "ready"} <= targets, "the query names them"
    assert values["rbac"] == {"create": False}
    assert values["server"]["persistentVolume"] == {"enabled": False}
    off = ("alertmanager", "kube-state-metrics", "prometheus-node-exporter")
    assert {values[part]["enabled"] for part in off} == {False}


def test_prometheus_reads_encrypted_engines_by_https() -> None:
    """Guard: a job that names no namespace would scrape every pod of the cluster."""
    burst = plan_of(BURSTING | {"in_transit": "tls"}).cluster_services.burst
    assert burst is not None and burst.metrics is not None
    jobs = _jobs(burst.metrics)
    assert list(jobs) == ["encrypted-engines"]
    job: Any = jobs["encrypted-engines"]
    assert job["scheme"] == "https"
    assert job["tls_config"] == {"insecure_skip_verify": True}
    assert job["kubernetes_sd_configs"][0]["namespaces"]["names"] == ["chat"]


def test_prometheus_keeps_what_scaling_rules_read_of_every_engine() -> None:
    other = BURSTING | {"name": "other", "engine": {"name": "sglang"}, "model": "llama-3.1-8b"}
    both = plan_of(BURSTING, other)
    burst = both.cluster_services.burst
    assert burst is not None and burst.metrics is not None
    (rule,) = _jobs(burst.metrics)["engines"]["metric_relabel_configs"]  # type: ignore[index]
    kept = re.compile(rule["regex"])
    for text in (t for path, t in render(both).items() if path.endswith("/scaled-object.yaml")):
        for trigger in yaml.safe_load(text)["spec"]["triggers"]:
            read = set(re.findall(r"([\w:]+)\{", trigger["metadata"]["query"])) - {"up"}
            assert read and all(kept.fullmatch(name) for name in read)
    assert not kept.fullmatch("vllm:time_to_first_token_seconds_sum")


def test_prometheus_is_where_keda_asks_and_as_whom_it_may_look(preview: bool) -> None:
    release = inputs(f"{SERVICES}-metrics", preview=preview)
    triggers = document("scaled-object")["spec"]["triggers"]
    name = release["values"]["server"]["fullnameOverride"]
    host = f"{name}.{release['namespace']}.svc"
    assert {t["metadata"]["serverAddress"] for t in triggers} == {f"http://{host}:80"}
    (subject,) = document("metrics-role-binding")["subjects"]
    account = release["values"]["serviceAccounts"]["server"]["name"]
    assert (subject["name"], subject["namespace"]) == (account, release["namespace"])


def document(name: str) -> Any:
    return yaml.safe_load(TEXTS[f"kubernetes/chat/{name}.yaml"])


@pytest.mark.parametrize(
    ("name", "rendered"),
    [
        ("sw-chat-burst-budget", "burst-disruption-budget"),
        ("sw-chat-burst-metrics", "metrics-role"),
        ("sw-chat-burst-metrics-access", "metrics-role-binding"),
        ("sw-chat-namespace-metrics", "network-policy-metrics"),
        ("sw-chat-burst-scaling", "scaled-object"),
    ],
)
def test_objects_are_the_rendered_documents(preview: bool, name: str, rendered: str) -> None:
    assert inputs(name, preview=preview) == document(rendered)


def test_the_burst_deployment_leaves_its_number_to_keda(preview: bool) -> None:
    """Guard: with `replicas` each later preview would conflict with the autoscaler."""
    deployment = inputs("sw-chat-burst-replicas", preview=preview)
    assert "replicas" not in deployment["spec"]
    for zone in PLAN.site.zones:
        floor = inputs(f"sw-chat-serving-floor-{zone}", preview=preview)
        assert floor["spec"]["replicas"] == 5


def test_nodes_are_of_the_stack_s_own_network(preview: bool) -> None:
    spec = inputs("sw-g6-xlarge-burst-class", preview=preview)["spec"]
    unknown = {"$unknown": True}
    subnets = [
        {"$ref": f"aws:ec2/subnet:Subnet::sw-network-private-{zone}", "property": "id"}
        for zone in PLAN.site.zones
    ]
    found = [term["id"] for term in spec["subnetSelectorTerms"]]
    assert found == ([unknown] * 3 if preview else subnets)
    (group,) = spec["securityGroupSelectorTerms"]
    assert preview or group["id"]["property"] == "vpcConfig.clusterSecurityGroupId"
    assert preview or spec["instanceProfile"]["$ref"].endswith(f"{NODES}-profile")
    assert spec["tags"]["managed-by"] == "sizewright"
    assert spec["tags"]["cost-centre"] == "42"


def resource(name: str, type_part: str) -> RecordedResource:
    return named(platform(), name, type_part)


def test_order() -> None:
    """Destroyed in reverse: scaling, replicas, nodes, their class, Karpenter, its rights."""
    recording = platform()
    scaling = before(recording, resource("sw-chat-burst-scaling", "ScaledObject"))
    assert "kubernetes:apps/v1:Deployment::sw-chat-burst-replicas" in scaling
    assert f"{RELEASE}::{SERVICES}-pods" in scaling, "its definition, and who clears its finalizer"
    replicas = before(recording, resource("sw-chat-burst-replicas", "Deployment"))
    assert "kubernetes:core/v1:Namespace::sw-chat-namespace-object" in replicas
    assert "kubernetes:karpenter.sh/v1:NodePool::sw-g6-xlarge-burst-pool" in replicas
    pool = before(recording, resource("sw-g6-xlarge-burst-pool", "NodePool"))
    assert "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass::sw-g6-xlarge-burst-class" in pool
    node_class = before(recording, resource("sw-g6-xlarge-burst-class", "EC2NodeClass"))
    assert {
        f"{RELEASE}::{NODES}-release",
        f"{RELEASE}::{NODES}-definitions",
        f"aws:iam/instanceProfile:InstanceProfile::{NODES}-profile",
        f"aws:eks/accessEntry:AccessEntry::{NODES}-entry",
    } <= node_class
    release = before(recording, resource(f"{NODES}-release", "Release"))
    assert {
        f"aws:iam/rolePolicy:RolePolicy::{NODES}-identity-policy",
        f"aws:eks/podIdentityAssociation:PodIdentityAssociation::{NODES}-association",
        f"aws:cloudwatch/eventTarget:EventTarget::{NODES}-interruptions-health-target",
        "aws:eks/nodeGroup:NodeGroup::sw-system-nodes",
    } <= release, "it runs on system nodes, not on its own"


def test_the_floor_waits_for_nothing_of_the_burst() -> None:
    floor = before(platform(), resource("sw-chat-serving-floor-use1-az1", "Deployment"))
    assert not [key for key in floor if "burst" in key]
