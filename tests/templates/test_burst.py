"""Rendered documents of a burst: the same pods as the floor's, their scaling, and their nodes."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

import templates.render
from sizing.plan.whole import Plan
from sizing.workload import EngineName
from templates.burst import wanted_query
from templates.engine import ENGINE_PORT
from templates.render import WIRES, render
from templates.scheduling import BURST_TAINT, GPU_TAINT
from tests.components.plans import (
    BURSTING,
    ZONES,
    applied_plan,
    bursting_plan,
    chat_plan,
    paged_plan,
    plan_of,
    queued_burst_plan,
    rendered_plan,
    searching_plan,
)

SCHEMAS = Path(templates.render.__file__).parent / "schemas"
OURS = {
    "ScaledObject": "scaled-object",
    "NodePool": "node-pool",
    "EC2NodeClass": "ec2-node-class",
}
"""Definitions that no Kubernetes release has."""
FLOOR = "deployment-use1-az1"
"""The floor's replicas of the first zone."""
POD_LABELS = "spec.template.metadata.labels"
OF_SERVICE = (
    "burst-deployment",
    "burst-disruption-budget",
    "metrics-role",
    "metrics-role-binding",
    "network-policy-metrics",
    "scaled-object",
)
OF_POOL = ("ec2-node-class", "node-pool")
ON_VOLUMES = BURSTING | {"hardware": {"instance_type": "g5g.xlarge"}}


@cache
def texts() -> dict[str, str]:
    return render(bursting_plan())


def service(name: str) -> Any:
    return yaml.safe_load(texts()[f"kubernetes/chat/{name}.yaml"])


def pool(name: str, plan: Plan | None = None) -> Any:
    rendered = texts() if plan is None else render(plan)
    (path,) = (path for path in rendered if path.endswith(f"/{name}.yaml"))
    return yaml.safe_load(rendered[path])


def validate(parsed: Any) -> None:
    if parsed["kind"] in OURS:
        schema = json.loads((SCHEMAS / f"{OURS[parsed['kind']]}.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        jsonschema.Draft7Validator(schema).validate(parsed)
    else:
        kubernetes_validate.validate(parsed, "1.35", strict=True)


def test_paths() -> None:
    more = set(texts()) - set(render(chat_plan()))
    assert more == {
        *(f"kubernetes/chat/{name}.yaml" for name in OF_SERVICE),
        *(f"node/g6-xlarge/{name}.yaml" for name in OF_POOL),
    }


OTHER = {*(f"deployment-{zone}" for zone in ZONES), "resource-quota"}
"""Documents that differ: the former by its drain for latency targets, the latter by the burst."""


def test_the_floor_is_the_same_with_and_without_a_burst() -> None:
    still = {p: t for p, t in render(chat_plan()).items() if not OTHER & set(re.split("[/.]", p))}
    assert {path: texts()[path] for path in still} == still


@pytest.mark.parametrize("name", OF_SERVICE)
def test_schemas_know_every_field_of_a_service_s(name: str) -> None:
    validate(service(name))


@pytest.mark.parametrize("name", OF_POOL)
@pytest.mark.parametrize("workload", [BURSTING, ON_VOLUMES], ids=["disks", "volumes"])
def test_schemas_know_every_field_of_a_pool_s(name: str, workload: dict[str, Any]) -> None:
    validate(pool(name, plan_of(workload)))


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Paths of every mapping in the value."""
    if isinstance(value, dict):
        return [path, *(p for key, child in value.items() for p in places(child, (*path, key)))]
    if isinstance(value, list):
        return [p for index, child in enumerate(value) for p in places(child, (*path, index))]
    return []


FREE = {"labels", "limits", "tags"}
"""Mappings whose keys are data."""


@pytest.mark.parametrize("name", ["scaled-object", *OF_POOL])
def test_our_own_schemas_are_strict_all_the_way_down(name: str) -> None:
    right = service(name) if name == "scaled-object" else pool(name)
    for place in places(right):
        if place and place[-1] in FREE:
            continue
        wrong = json.loads(json.dumps(right))
        inner = wrong
        for step in place:
            inner = inner[step]
        inner["extra"] = "x"
        with pytest.raises(jsonschema.ValidationError):
            validate(wrong)


@pytest.mark.parametrize("field", ["maxReplicaCount", "fallback", "triggers", "cooldownPeriod"])
def test_a_misspelled_field_is_refused(field: str) -> None:
    wrong = service("scaled-object")
    wrong["spec"][f"{field}s"] = wrong["spec"].pop(field)
    with pytest.raises(jsonschema.ValidationError):
        validate(wrong)


def test_nobody_but_keda_says_how_many() -> None:
    """Guard: a literal number under an autoscaler makes each later preview a conflict."""
    assert "replicas" not in service("burst-deployment")["spec"]
    assert service(FLOOR)["spec"]["replicas"] == 5


DIFFERENT = {
    "metadata.name",
    *(
        f"{labels}.sizewright.dev/zone"
        for labels in ("metadata.labels", "spec.selector.matchLabels", POD_LABELS)
    ),
    "spec.replicas",
    "spec.template.spec.nodeSelector",
    "spec.template.spec.tolerations",
    "spec.template.spec.topologySpreadConstraints",
}


def leaves(value: object, path: str = "") -> dict[str, object]:
    """Texts and numbers by dotted path; parts that differ by design count as a whole."""
    if isinstance(value, dict) and path not in DIFFERENT:
        return {
            leaf: found
            for key, child in value.items()
            for leaf, found in leaves(child, f"{path}.{key}".strip(".")).items()
        }
    return {path: value}


def test_burst_pods_are_floor_pods_but_for_where_they_go() -> None:
    floor, burst = leaves(service(FLOOR)), leaves(service("burst-deployment"))
    differing = {p for p in floor.keys() | burst.keys() if floor.get(p) != burst.get(p)}
    components = {path for path in differing if path.endswith("app.kubernetes.io/component")}
    assert {burst[path] for path in components} == {"burst"}
    assert differing - components == DIFFERENT


def test_both_are_behind_one_service() -> None:
    selector = service("service")["spec"]["selector"]
    for name in (FLOOR, "burst-deployment"):
        labels = service(name)["spec"]["template"]["metadata"]["labels"]
        assert selector.items() <= labels.items()


def test_selectors_distinguish_them() -> None:
    floor, burst = service(FLOOR)["spec"], service("burst-deployment")["spec"]
    for spec, other, budget in (
        (floor, burst, "disruption-budget"),
        (burst, floor, "burst-disruption-budget"),
    ):
        labels, others = (s["template"]["metadata"]["labels"].items() for s in (spec, other))
        for selector in (spec["selector"], service(budget)["spec"]["selector"]):
            assert selector["matchLabels"].items() <= labels
            assert not selector["matchLabels"].items() <= others


def taints_of(tolerations: list[dict[str, str]]) -> dict[str, str]:
    """Taints that keep other pods away; the rest belong to nodes in trouble."""
    own = [t for t in tolerations if t["effect"] == "NoSchedule"]
    assert {t["operator"] for t in own} == {"Equal"}
    return {t["key"]: t["value"] for t in own}


def test_a_floor_pod_never_goes_to_a_burst_node_nor_a_burst_pod_to_the_floor() -> None:
    floor = service(FLOOR)["spec"]["template"]["spec"]
    burst = service("burst-deployment")["spec"]["template"]["spec"]
    template = pool("node-pool")["spec"]["template"]
    taints = {taint["key"]: taint["value"] for taint in template["spec"]["taints"]}
    assert taints == GPU_TAINT | BURST_TAINT == taints_of(burst["tolerations"])
    assert taints_of(floor["tolerations"]) == GPU_TAINT
    labels = template["metadata"]["labels"]
    assert burst["nodeSelector"].items() <= labels.items()
    assert burst["nodeSelector"].items() - floor["nodeSelector"].items() == BURST_TAINT.items()
    zone = {"sizewright.dev/zone": "use1-az1"}
    assert floor["nodeSelector"].items() - burst["nodeSelector"].items() == zone.items()


def test_burst_pods_spread_over_zones_without_a_deadlock() -> None:
    """They do not spread over nodes: Karpenter would start a node for each replica."""
    (zones,) = service("burst-deployment")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert zones["topologyKey"] == "topology.kubernetes.io/zone"
    assert zones["whenUnsatisfiable"] == "ScheduleAnyway"


def test_it_scales_from_none_to_the_ceiling() -> None:
    spec = service("scaled-object")["spec"]
    assert spec["scaleTargetRef"]["name"] == service("burst-deployment")["metadata"]["name"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (0, 4)
    window = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert window["stabilizationWindowSeconds"] == spec["cooldownPeriod"]


def test_the_fallback_is_one_that_keda_takes() -> None:
    """With 0 replicas KEDA would scale to zero without metrics; it needs an average value."""
    spec = service("scaled-object")["spec"]
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    assert spec["fallback"]["replicas"] == 1
    for trigger in spec["triggers"]:
        assert trigger["metricType"] == "AverageValue"
        assert trigger["metadata"]["ignoreNullValues"] == "false", "no sample is a failure"


def test_it_asks_the_prometheus_of_the_stack() -> None:
    trigger, *_ = service("scaled-object")["spec"]["triggers"]
    assert trigger["metadata"]["serverAddress"] == "http://prometheus-server.kube-system.svc:80"
    assert trigger["metadata"]["query"] == wanted_query("chat", 16, EngineName.vllm)
    assert trigger["metadata"]["threshold"] == "16"


def answer(query: str, samples: dict[str, float]) -> float:
    """The query's arithmetic over sums by metric, as Prometheus would do it."""
    text = re.sub(r"sum\(vllm:num_requests_(\w+)\{[^}]*\}\)", r"\1", query)
    text = re.sub(r"\(count\(up\{[^}]*\} == 1\) or vector\(0\)\)", "floor", text)
    text = text.replace("clamp_min", "max")
    value: float = eval(text, {"max": max}, samples)
    return value


@pytest.mark.parametrize(
    ("running", "waiting", "floor", "wanted"),
    [
        (0, 0, 15, 0),
        (240, 0, 15, 0),
        (200, 41, 15, 1),
        (256, 0, 15, 16),
        (320, 0, 10, 160),
        (64, 0, 0, 64),
    ],
)
def test_the_load_beyond_the_floor_s_live_replicas(
    running: float, waiting: float, floor: float, wanted: float
) -> None:
    """The target is 16 a replica; the loss of a zone's five replicas requires as many."""
    samples = {"running": running, "waiting": waiting, "floor": floor}
    assert answer(wanted_query("chat", 16, EngineName.vllm), samples) == wanted


def test_the_query_counts_its_own_service_on_floor_and_burst() -> None:
    query = wanted_query("chat", 16, EngineName.vllm)
    assert query.count('namespace="chat"') == 3
    assert query.count("component=") == 1, "all replicas' load, the floor's room"
    assert 'count(up{namespace="chat",component="floor",ready="true"} == 1) or vector(0)' in query
    assert {"vllm:num_requests_running", "vllm:num_requests_waiting"} <= set(
        re.findall(r"vllm:\w+", query)
    )


def test_prometheus_may_look_for_pods_and_nothing_else() -> None:
    assert service("metrics-role")["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    ]
    binding = service("metrics-role-binding")
    assert binding["roleRef"]["name"] == service("metrics-role")["metadata"]["name"]
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "prometheus-server", "namespace": "kube-system"}
    ]


def test_prometheus_reaches_the_engines_port_and_no_other_does() -> None:
    """The policy selects the chart's own pods; the namespace denies what no policy allows."""
    spec = service("network-policy-metrics")["spec"]
    ((source,),) = (rule["from"] for rule in spec["ingress"])
    assert source["namespaceSelector"]["matchLabels"] == {
        "kubernetes.io/metadata.name": "kube-system"
    }
    assert source["podSelector"]["matchLabels"] == {
        "app.kubernetes.io/name": "prometheus",
        "app.kubernetes.io/component": "server",
    }
    assert spec["ingress"][0]["ports"] == [{"protocol": "TCP", "port": ENGINE_PORT}]
    assert spec["podSelector"] == service("network-policy-engine")["spec"]["podSelector"]


def test_the_quota_holds_floor_and_burst() -> None:
    """15 + 4 replicas, a lost zone's 5 with 2 that roll elsewhere, and 1 of the burst."""
    assert service("resource-quota")["spec"]["hard"] == {
        "requests.nvidia.com/gpu": "27",
        "pods": "27",
    }


def test_the_node_pool_stops_at_the_ceiling() -> None:
    spec = pool("node-pool")["spec"]
    assert spec["limits"] == {"nvidia.com/gpu": "4"}
    required = {
        r["key"]: (r["operator"], r["values"]) for r in spec["template"]["spec"]["requirements"]
    }
    assert required == {
        "node.kubernetes.io/instance-type": ("In", ["g6.xlarge"]),
        "karpenter.sh/capacity-type": ("In", ["on-demand"]),
        "topology.k8s.aws/zone-id": ("In", ["use1-az1", "use1-az2", "use1-az4"]),
    }


def test_nodes_go_when_they_are_empty_and_age() -> None:
    spec = pool("node-pool")["spec"]
    assert spec["disruption"]["consolidationPolicy"] == "WhenEmpty"
    assert spec["disruption"]["consolidateAfter"] == "300s"
    budgets = {b["reasons"][0]: b["nodes"] for b in spec["disruption"]["budgets"]}
    assert budgets == {"Empty": "100%", "Drifted": "1"}
    node, pods = spec["template"]["spec"], service("burst-deployment")["spec"]["template"]["spec"]
    assert node["expireAfter"] == "720h"
    drain_s = int(node["terminationGracePeriod"].removesuffix("s"))
    assert drain_s == 2 * pods["terminationGracePeriodSeconds"]


def test_the_pool_names_its_class() -> None:
    reference = pool("node-pool")["spec"]["template"]["spec"]["nodeClassRef"]
    node_class = pool("ec2-node-class")
    group = node_class["apiVersion"].split("/")[0]
    assert reference == {
        "group": group,
        "kind": node_class["kind"],
        "name": node_class["metadata"]["name"],
    }


def test_burst_nodes_are_as_closed_as_the_floor_s() -> None:
    spec = pool("ec2-node-class")["spec"]
    assert spec["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpProtocolIPv6": "disabled",
        "httpPutResponseHopLimit": 1,
        "httpTokens": "required",
    }
    assert spec["associatePublicIPAddress"] is False
    assert spec["amiSelectorTerms"] == [{"alias": "al2023@v20261101"}]
    for mapping in spec["blockDeviceMappings"]:
        assert mapping["ebs"]["encrypted"] is True
        assert mapping["ebs"]["kmsKeyID"] == "${wire:volumes_key_arn}"


def test_everything_is_found_by_id() -> None:
    spec = pool("ec2-node-class")["spec"]
    zones = ("use1-az1", "use1-az2", "use1-az4")
    assert spec["subnetSelectorTerms"] == [
        {"id": f"${{wire:private_subnet/{zone}}}"} for zone in zones
    ]
    assert spec["securityGroupSelectorTerms"] == [{"id": "${wire:node_security_group}"}]
    assert spec["instanceProfile"] == "${wire:burst_instance_profile}"
    assert "role" not in spec


def test_burst_nodes_keep_weights_on_their_disks_as_the_floor_does() -> None:
    spec = pool("ec2-node-class")["spec"]
    assert spec["instanceStorePolicy"] == "RAID0"
    assert spec["userData"] == texts()["node/g6-xlarge/user-data.mime"]
    assert [mapping["deviceName"] for mapping in spec["blockDeviceMappings"]] == ["/dev/xvda"]


def test_burst_nodes_without_disks_have_the_floor_s_volume() -> None:
    plan = plan_of(ON_VOLUMES)
    volumes = plan.pools[0].volumes
    spec = pool("ec2-node-class", plan)["spec"]
    assert "instanceStorePolicy" not in spec
    root, weights = (mapping["ebs"] for mapping in spec["blockDeviceMappings"])
    assert root["volumeSize"] == f"{volumes.root_gib}Gi"
    assert weights["volumeSize"] == f"{volumes.weights_gib}Gi"
    assert (weights["iops"], weights["throughput"]) == (
        volumes.weights_iops,
        volumes.weights_mib_per_s,
    )
    assert "mkfs.xfs" in spec["userData"]


def test_every_wire_is_known_and_used() -> None:
    names = {
        name.split("/")[0]
        for plan in (
            queued_burst_plan(),
            rendered_plan(),
            applied_plan(),
            searching_plan(),
            paged_plan(),
        )
        for text in (*texts().values(), *render(plan).values())
        for name in re.findall(r"\$\{wire:([^}]*)\}", text)
    }
    assert names == WIRES


def test_the_metric_s_port_is_the_engine_s() -> None:
    (engine,) = service(FLOOR)["spec"]["template"]["spec"]["containers"]
    assert [port["containerPort"] for port in engine["ports"]] == [ENGINE_PORT]
