"""The example stacks: on an existing network, on an existing cluster, and in two layers."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from components.foundation.other_stack import OUTPUT, shape
from components.platform import build
from sizewright.gates.gates import addresses
from sizewright.gates.graph import graph
from sizewright.gates.requirements import requirements
from sizewright.reading.stack.plan import read_plan
from sizewright.reading.stack.site_file import read_site
from sizewright.record import Recorded, record
from sizewright.record.program import record_program
from sizing.catalog import load_catalog
from sizing.explain import explain, numeric_leaves
from sizing.site import Site
from sizing.site.reuse import ADDONS, Cluster, ClusterPart
from sizing.size import size
from sizing.workload import Workload
from templates.needs import NEEDS, met_elsewhere
from tests.components.plans import BURSTING
from tests.components.recording import before, named, of_type

ROOT = Path(__file__).parents[2]
STACKS = (
    "burst",
    "clips-public",
    "existing-cluster",
    "existing-network",
    "platform",
    "public",
    "team-chat",
    "workloads",
)
NETWORK_TYPES = ("ec2/vpc", "ec2/subnet", "natGateway", "ec2/route", "ec2/flowLog", "vpcEndpoint")


def path_of(stack: str) -> Path:
    return ROOT / "stacks" / f"Pulumi.{stack}.yaml"


@cache
def stack(name: str, preview: bool = False) -> Recorded:
    files = [ROOT / file for file in read_site(path_of(name)).workloads or ()]
    return record_program(path_of(name), files, preview=preview)


def leaves(value: object, path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Paths of values other than mappings; a reference is a leaf."""
    if isinstance(value, Mapping) and "$ref" not in value:
        return {leaf for key, item in value.items() for leaf in leaves(item, (*path, key))}
    return {path}


def test_these_are_the_examples() -> None:
    assert {path_of(name) for name in STACKS} == set((ROOT / "stacks").iterdir())


@pytest.mark.parametrize("name", STACKS)
def test_a_first_preview_registers_the_same(name: str) -> None:
    normal, preview = ([r.key for r in stack(name, p).resources] for p in (False, True))
    assert normal == preview


@pytest.mark.parametrize("name", STACKS)
def test_its_graph_is_sound_and_its_needs_are_met(name: str) -> None:
    site = read_site(path_of(name)).site
    assert graph(stack(name)).passed is True
    gate = requirements(stack(name), met_elsewhere(site))
    assert gate.passed is True, gate.detail


@pytest.mark.parametrize("name", STACKS)
def test_every_number_of_its_plan_explains_itself(name: str) -> None:
    plan = read_plan([ROOT / "workloads" / "chat.yaml"], path_of(name))
    for pointer, value in numeric_leaves(plan.as_json()):
        assert explain(plan, pointer).value == value


@pytest.mark.parametrize("name", ["existing-cluster", "existing-network", "workloads"])
def test_an_existing_network_is_left_alone(name: str) -> None:
    types = {r.type for r in stack(name).resources}
    assert not {t for t in types if any(part in t for part in NETWORK_TYPES)}


def test_a_used_network_bears_what_is_made() -> None:
    recording = stack("existing-network")
    subnets = [f"subnet-0a1b2c3d4e5f6071{number}" for number in (1, 2, 4)]
    cluster: Any = named(recording, "sw-cluster-control-plane").inputs
    assert cluster["vpcConfig"]["subnetIds"] == subnets
    assert named(recording, "sw-chat-gateway-balancer").inputs["subnets"] == subnets
    zones = [r.inputs["subnetIds"] for r in of_type(recording, "nodeGroup") if "g6e" in r.name]
    assert zones == [[subnet] for subnet in subnets]
    rule_inputs = named(recording, "sw-chat-gateway-from-network").inputs
    assert rule_inputs["cidrIpv4"] == "10.20.0.0/16"


@pytest.mark.parametrize(
    ("name", "ranges"),
    [
        ("existing-network", ["10.20.0.0/20", "10.20.16.0/20", "10.20.48.0/20"]),
        ("workloads", ["10.0.0.0/19", "10.0.32.0/19", "10.0.96.0/19"]),
    ],
)
def test_engines_are_called_from_the_subnets_of_the_balancer(name: str, ranges: list[str]) -> None:
    """Guard: a rule that names no range lets in everybody."""
    policies: list[Any] = [r.inputs["spec"] for r in of_type(stack(name), "NetworkPolicy")]
    blocks = [
        source["ipBlock"]["cidr"]
        for spec in policies
        for rule in spec.get("ingress", [])
        for source in rule["from"]
    ]
    assert blocks == ranges


def test_without_ranges_engines_are_called_from_the_network() -> None:
    used = read_site(path_of("existing-network")).site.network
    assert used is not None
    unknown = used.use.model_copy(update={"private_subnet_cidrs": {}})
    site = read_site(path_of("existing-network")).site.model_copy(
        update={"network": used.model_copy(update={"use": unknown})}
    )
    plan = size([], site, load_catalog())
    assert plan.network.private_cidrs == ["10.20.0.0/16"]
    assert addresses(plan).passed is None


def test_a_used_key_encrypts_and_the_others_are_made() -> None:
    recording = stack("existing-network")
    used = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"
    assert named(recording, "sw-chat-database-cluster").inputs["kmsKeyId"] == used
    made = [r.name for r in of_type(recording, "kms/key")]
    assert made == [f"sw-keys-{role}" for role in ("cluster", "volumes", "weights", "logs")]


@pytest.mark.parametrize("name", ["existing-cluster", "workloads"])
def test_an_existing_cluster_gets_pools_and_services_only(name: str) -> None:
    recording = stack(name)
    for type_part in ("eks/cluster", "eks/addon", "launchTemplate:LaunchTemplate::sw-system"):
        assert of_type(recording, type_part) == []
    groups = [r.name for r in of_type(recording, "nodeGroup")]
    assert groups == [f"sw-g6e-xlarge-use1-az{number}" for number in (1, 2, 4)]
    role = {"$ref": "aws:iam/role:Role::sw-cluster-node-role", "property": "arn"}
    assert {json.dumps(r.inputs["nodeRoleArn"]) for r in of_type(recording, "nodeGroup")} == {
        json.dumps(role)
    }


def test_the_owner_s_controller_is_used_and_what_it_lacks_is_brought() -> None:
    recording = stack("existing-cluster")
    assert [r.inputs["chart"] for r in of_type(recording, "v3:Release")] == ["nvidia-device-plugin"]
    assert "sw-targets-grant" not in {r.name for r in recording.resources}
    binding = before(recording, named(recording, "sw-chat-registration-binding"))
    assert "kubernetes:core/v1:Service::sw-chat-serving-service" in binding
    assert not [key for key in binding if key.startswith("kubernetes:apps/v1:Deployment::")]


def test_the_way_in_is_the_cluster_s_own() -> None:
    recording = stack("existing-cluster")
    config = json.loads(str(named(recording, "sw-cluster-kubernetes").inputs["kubeconfig"]))
    assert config["clusters"][0]["cluster"]["server"].endswith(".eks.amazonaws.com")
    assert config["users"][0]["user"]["exec"]["args"][3] == "shared"


def test_the_platform_offers_what_its_workloads_take() -> None:
    """Guard: a name that only one of the two knows would fail at the first `up`."""
    offered: Any = stack("platform").outputs[OUTPUT]
    zones = read_site(path_of("workloads")).site.zones
    assert leaves(offered) == leaves(shape(zones)[OUTPUT])
    platform, workloads = (read_site(path_of(n)).site for n in ("platform", "workloads"))
    assert set(workloads.cluster.provides) <= set(platform.cluster.offers)
    assert workloads.kubernetes_version == platform.kubernetes_version
    assert workloads.zones == platform.zones
    assert workloads.vpc_cidr == platform.vpc_cidr
    assert offered["load_balancer_controller_role"] is not None


def test_workloads_use_the_outputs_of_the_platform() -> None:
    recording = stack("workloads")
    reference = "pulumi:pulumi:StackReference::sw-platform"
    assert named(recording, "sw-platform").inputs == {"name": "acme/sizewright/platform"}

    def reported(field: str) -> dict[str, str]:
        return {"$ref": reference, "property": f"outputs.{OUTPUT}.{field}"}

    group = named(recording, "sw-g6e-xlarge-use1-az2").inputs
    assert group["clusterName"] == reported("cluster_name")
    assert group["subnetIds"] == [reported("private_subnet_ids.use1-az2")]
    targets = named(recording, "sw-chat-gateway-targets").inputs
    assert targets["vpcId"] == reported("vpc_id")
    grant = named(recording, "sw-targets-grant").inputs
    assert grant["role"] == reported("load_balancer_controller_role")
    assert of_type(recording, "v3:Release") == []


def test_a_first_preview_does_not_know_the_other_stack() -> None:
    inputs = named(stack("workloads", preview=True), "sw-chat-gateway-targets").inputs
    assert inputs["vpcId"] == {"$unknown": True}


@pytest.mark.parametrize("part", ["vpc-cni", "eks-pod-identity-agent", "coredns"])
def test_what_the_owner_does_not_provide_is_missed(part: str) -> None:
    site = read_site(path_of("existing-cluster")).site
    rest = tuple(p for p in site.cluster.provides if p != part)
    less = site.cluster.model_copy(update={"provides": rest})
    gate = requirements(
        stack("existing-cluster"), met_elsewhere(site.model_copy(update={"cluster": less}))
    )
    assert gate.passed is False
    assert f"addonName {part}" in gate.detail


def test_a_platform_without_its_word_misses_the_nodes_of_its_plugin() -> None:
    gate = requirements(stack("platform"))
    assert gate.passed is False
    assert "sizewright.dev/gpu" in gate.detail


def test_only_what_a_need_asks_for_can_be_met_elsewhere() -> None:
    """Guard: a pattern spelt otherwise than in the needs would never match."""
    providers = {need.provider for need in NEEDS}
    for name in ("existing-cluster", "workloads", "platform"):
        assert met_elsewhere(read_site(path_of(name)).site) <= providers


BURST = (ClusterPart.pod_autoscaler, ClusterPart.node_autoscaler, ClusterPart.metrics)
CHARTS = {
    "keda": {"keda"},
    "karpenter": {"karpenter", "karpenter-crd"},
    "prometheus": {"prometheus"},
}
NODES = "sw-cluster-services-burst-nodes"


def bursting(name: str, preview: bool = False, **cluster: object) -> tuple[Site, Recorded]:
    """A chat that may grow on an example's site, whose cluster has other values."""
    site = read_site(path_of(name)).site
    site = site.model_copy(update={"cluster": site.cluster.model_copy(update=cluster)})
    plan = size([Workload.model_validate(BURSTING)], site, load_catalog())
    referenced = shape(site.zones)
    return site, record(lambda: build(plan), config={}, preview=preview, referenced=referenced)


def charts(recording: Recorded) -> set[str]:
    return {str(r.inputs["name"]) for r in of_type(recording, "v3:Release")}


@pytest.mark.parametrize("provided", [(), *((part,) for part in BURST), BURST], ids=len)
def test_a_used_cluster_gets_what_its_burst_lacks(provided: tuple[ClusterPart, ...]) -> None:
    others = (*ADDONS, ClusterPart.device_plugin, ClusterPart.load_balancer_controller)
    site, recording = bursting("existing-cluster", provides=(*others, *provided))
    lacked = [part for part in BURST if part not in provided]
    assert charts(recording) == {chart for part in lacked for chart in CHARTS[part]}
    assert graph(recording).passed is True
    gate = requirements(recording, met_elsewhere(site))
    assert gate.passed is True, gate.detail
    missed = requirements(
        recording, met_elsewhere(site) - met_elsewhere(_providing(site, provided))
    )
    assert missed.passed is not bool(provided)


def _providing(site: Site, parts: tuple[ClusterPart, ...]) -> Site:
    cluster = site.cluster.model_copy(update={"provides": parts})
    return site.model_copy(update={"cluster": cluster})


def test_karpenter_of_this_stack_gets_the_name_of_the_used_cluster() -> None:
    _, recording = bursting("existing-cluster")
    assert named(recording, f"{NODES}-release").inputs["values"]["settings"] == {
        "clusterName": "shared",
        "eksControlPlane": True,
        "interruptionQueue": {
            "$ref": f"aws:sqs/queue:Queue::{NODES}-interruptions-queue",
            "property": "name",
        },
    }
    policy = str(named(recording, f"{NODES}-identity-policy").inputs["policy"])
    assert "kubernetes.io/cluster/shared" in policy
    assert "sizewright-" not in policy, "a tag of another cluster would let it start nothing"
    subnets = named(recording, "sw-g6-xlarge-burst-class").inputs["spec"]["subnetSelectorTerms"]
    assert [term["id"] for term in subnets] == [
        f"subnet-0a1b2c3d4e5f6071{number}" for number in (1, 2, 4)
    ]


def test_the_owner_s_karpenter_may_start_the_nodes_of_this_stack() -> None:
    provides = (*ADDONS, ClusterPart.node_autoscaler, ClusterPart.load_balancer_controller)
    used = read_site(path_of("existing-cluster")).site.cluster.use
    assert used is not None
    mine = used.model_copy(update={"node_autoscaler_role": "their-karpenter"})
    _, recording = bursting("existing-cluster", provides=provides, use=mine)
    grant = named(recording, f"{NODES}-grant")
    assert grant.inputs["role"] == "their-karpenter"
    granted = {str(s["Action"]) for s in json.loads(str(grant.inputs["policy"]))["Statement"]}
    assert "iam:PassRole" in granted and "kms:CreateGrant" in granted
    assert not any("ec2:" in actions or "sqs:" in actions for actions in granted)
    node_class = before(recording, named(recording, "sw-g6-xlarge-burst-class"))
    assert {grant.key, f"aws:eks/accessEntry:AccessEntry::{NODES}-entry"} <= node_class
    _, silent = bursting("existing-cluster", provides=provides)
    assert f"{NODES}-grant" not in {r.name for r in silent.resources}


@pytest.mark.parametrize("preview", [False, True])
def test_a_platform_offers_karpenter_to_workloads_that_burst(preview: bool) -> None:
    """Guard: without the platform's output its role would be granted nothing."""
    shared = (ClusterPart.device_plugin, ClusterPart.load_balancer_controller)
    parts = (*shared, ClusterPart.pod_autoscaler, ClusterPart.node_autoscaler)
    _, workloads = bursting("workloads", preview, provides=parts)
    assert charts(workloads) == {"prometheus"}
    role = named(workloads, f"{NODES}-grant").inputs["role"]
    reported = {
        "$ref": "pulumi:pulumi:StackReference::sw-platform",
        "property": f"outputs.{OUTPUT}.node_autoscaler_role",
    }
    assert role == ({"$unknown": True} if preview else reported)


def test_what_a_platform_offers_of_a_burst_has_no_nodes_of_its_own() -> None:
    site = read_site(path_of("platform")).site
    offers = (*site.cluster.offers, ClusterPart.pod_autoscaler, ClusterPart.node_autoscaler)
    cluster = site.cluster.model_copy(update={"offers": offers})
    plan = size([], site.model_copy(update={"cluster": cluster}), load_catalog())
    recording = record(lambda: build(plan), config={})
    assert charts(recording) >= {"keda", "karpenter", "karpenter-crd"}
    assert "prometheus" not in charts(recording)
    assert not of_type(recording, "instanceProfile")
    assert "iam:PassRole" not in str(named(recording, f"{NODES}-identity-policy").inputs["policy"])
    output: Any = recording.outputs[OUTPUT]
    assert output["node_autoscaler_role"]["$ref"].endswith(f"{NODES}-identity-role")
    gate = requirements(recording, met_elsewhere(plan.site))
    assert gate.passed is True, gate.detail


def test_prometheus_of_one_stack_is_not_offered_to_others() -> None:
    with pytest.raises(ValueError, match="knows the services and nodes of its own stack only"):
        Cluster(offers=(ClusterPart.metrics,))
