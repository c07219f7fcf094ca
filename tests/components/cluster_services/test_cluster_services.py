import json
from typing import Any

import pulumi
import pytest
import yaml
from pulumi_aws import ec2
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.provider import Provider

from components.cluster_services.cluster_services import ClusterServices, ClusterServicesArgs
from components.foundation.cluster.target_writer import Targets, granted
from components.naming import Tags
from components.pools.gpu_pool import GpuPool, GpuPoolArgs
from components.service import target_registration
from components.service.target_registration import TargetRegistration, TargetRegistrationArgs
from sizewright.record import Recorded
from sizing.plan.stack.cluster import RolesPlan
from sizing.plan.stack.cluster_services import ClusterServicesPlan
from templates.render import render
from tests.components.plans import chat_plan, infeasible_plan, site
from tests.components.recording import before, children, named, of_type, recorded

PLAN = chat_plan().cluster_services
DOCUMENT = render(chat_plan())["kubernetes/chat/target-group-binding.yaml"]


def services(preview: bool, plan: ClusterServicesPlan = PLAN) -> Recorded:
    """Services of the cluster, and one binding that uses them."""

    def program() -> None:
        opts = pulumi.ResourceOptions(providers=[Provider("k8s", kubeconfig="{}")])
        nodes = ec2.Vpc("nodes", cidr_block="10.0.0.0/16")
        args = ClusterServicesArgs(
            plan=plan,
            roles=RolesPlan(path="/", permissions_boundary_arn=None),
            cluster_name="sizewright-test",
            cluster="sizewright-test",
            has_burst_nodes=False,
            node_autoscaler_role=None,
            region="us-east-1",
            account_ids=["123456789012"],
            vpc_id=nodes.id,
            volumes_key_arn="arn:key",
            after=[nodes],
            tags=Tags.of_site(site("prod")),
        )
        made = ClusterServices("c", args, opts)
        if made.controller is not None:
            targets = Targets(
                region="us-east-1", account_id="123456789012", cluster_name="sizewright-test"
            )
            writer = granted("p", made.controller, targets, pulumi.ResourceOptions())
            assert writer is not None
            TargetRegistration(
                "t",
                TargetRegistrationArgs(
                    document=DOCUMENT,
                    target_group_arn="arn:chat",
                    controller=writer,
                    after=[ec2.Vpc("bound", cidr_block="10.0.0.0/16")],
                ),
                opts,
            )

    return recorded(program, preview)


def test_children(preview: bool) -> None:
    recording = services(preview)
    assert children(recording, "c") == [
        "LoadBalancerController c-balancing",
        "Release c-device-plugin",
    ]
    assert children(recording, "c-balancing") == [
        "Identity c-balancing-identity",
        "PodIdentityAssociation c-balancing-association",
        "Release c-balancing-release",
    ]
    assert children(recording, "t") == ["TargetGroupBinding t-binding"]


def test_releases_are_exact_and_undone_when_they_fail(preview: bool) -> None:
    planned = {
        "c-device-plugin": PLAN.device_plugin,
        "c-balancing-release": PLAN.load_balancer_controller,
    }
    for name, chart in planned.items():
        assert chart is not None
        inputs = named(services(preview), name).inputs
        assert inputs["name"] == inputs["chart"] == chart.chart
        assert inputs["version"] == chart.version
        assert inputs["repositoryOpts"] == {"repo": chart.repository}
        assert inputs["namespace"] == "kube-system"
        assert inputs["timeout"] == chart.timeout_s
        assert inputs["atomic"] is inputs["cleanupOnFail"] is True


def test_the_plugin_runs_where_the_gpu_nodes_are(preview: bool) -> None:
    def pool() -> None:
        args = GpuPoolArgs(
            plan=chat_plan().pools[0],
            cluster_name="sizewright-test",
            node_role_arn="arn:role",
            subnet_ids=dict.fromkeys(chat_plan().pools[0].nodes_by_zone, "subnet-1"),
            user_data="",
            vpc_id="vpc-1",
            cluster_group_id="sg-cluster",
            volumes_key_arn="arn:key",
            after=[],
            tags=Tags.of_site(site("prod")),
        )
        GpuPool("p", args)

    group = of_type(recorded(pool), "nodeGroup:NodeGroup")[0].inputs
    values = named(services(preview), "c-device-plugin").inputs["values"]
    (toleration,) = values["tolerations"]
    (taint,) = group["taints"]
    assert (toleration["key"], toleration["value"]) == (taint["key"], taint["value"])
    assert (toleration["effect"], taint["effect"]) == ("NoSchedule", "NO_SCHEDULE")
    required = values["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = required["nodeSelectorTerms"]
    (expression,) = term["matchExpressions"]
    assert expression["operator"] == "Exists"
    assert expression["key"] in group["labels"]
    assert values["gfd"] == values["nfd"] == {"enabled": False}


def test_the_controller_registers_targets_and_nothing_else(preview: bool) -> None:
    assert PLAN.load_balancer_controller is not None
    values = named(services(preview), "c-balancing-release").inputs["values"]
    assert values["clusterName"] == "sizewright-test"
    assert values["region"] == "us-east-1"
    vpc = {"$unknown": True} if preview else {"$ref": "aws:ec2/vpc:Vpc::nodes", "property": "id"}
    assert values["vpcId"] == vpc
    assert values["replicaCount"] == PLAN.load_balancer_controller.replicas == 2
    off = (
        "createIngressClassResource",
        "enableServiceMutatorWebhook",
        "enableBackendSecurityGroup",
        "enableShield",
        "enableWaf",
        "enableWafv2",
    )
    assert {values[flag] for flag in off} == {False}
    assert values["ingressClassParams"] == {"create": False}
    assert values["controllerConfig"]["featureGates"] == {
        "ALBGatewayAPI": False,
        "NLBGatewayAPI": False,
        "GatewayListenerSet": False,
        "EnableServiceController": False,
    }


def test_the_role_belongs_to_the_release_s_account(preview: bool) -> None:
    recording = services(preview)
    association = named(recording, "c-balancing-association").inputs
    release = named(recording, "c-balancing-release").inputs
    assert association["serviceAccount"] == release["values"]["serviceAccount"]["name"]
    assert association["namespace"] == release["namespace"]
    assert association["clusterName"] == "sizewright-test"
    role = named(recording, "c-balancing-identity-role").inputs
    trust = json.loads(str(role["assumeRolePolicy"]))["Statement"][0]
    assert trust["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Condition"]["StringEquals"] == {
        "aws:SourceAccount": ["123456789012"],
        "aws:RequestTag/kubernetes-namespace": association["namespace"],
        "aws:RequestTag/kubernetes-service-account": association["serviceAccount"],
    }


def test_it_reads_what_has_no_resource_and_writes_to_its_target_groups_only() -> None:
    recording = services(False)
    policy = json.loads(str(named(recording, "c-balancing-identity-policy").inputs["policy"]))
    (reads,) = policy["Statement"]
    assert reads["Resource"] == "*"
    assert all(action.split(":")[1].startswith("Describe") for action in reads["Action"])
    assert not any("*" in action for action in reads["Action"])
    grant = named(recording, "p-targets-grant").inputs
    assert grant["role"] == {
        "$ref": "aws:iam/role:Role::c-balancing-identity-role",
        "property": "name",
    }
    (writes,) = json.loads(str(grant["policy"]))["Statement"]
    assert writes == {
        "Effect": "Allow",
        "Action": [
            "elasticloadbalancing:DeregisterTargets",
            "elasticloadbalancing:RegisterTargets",
        ],
        "Resource": "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/*/*",
        "Condition": {"StringEquals": {"aws:ResourceTag/sizewright-cluster": "sizewright-test"}},
    }


def test_the_binding_is_the_rendered_document(preview: bool) -> None:
    binding = named(services(preview), "t-binding")
    text = DOCUMENT.replace("${wire:target_group_arn}", "arn:chat")
    assert binding.inputs == yaml.safe_load(text)
    assert binding.delete_before_replace is True, "its name is fixed"


def test_another_target_group_replaces_the_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings do not contain this option; the controller refuses the change in place."""
    seen: list[list[str] | None] = []

    class Spy(CustomResource):
        def __init__(self, name: str, **values: Any) -> None:
            seen.append(values["opts"].replace_on_changes)
            super().__init__(name, **values)

    monkeypatch.setattr(target_registration, "CustomResource", Spy)
    services(False)
    assert seen == [["spec.targetGroupARN", "spec.targetType"]]


def test_order(preview: bool) -> None:
    recording = services(preview)
    nodes = "aws:ec2/vpc:Vpc::nodes"
    assert nodes in before(recording, named(recording, "c-device-plugin"))
    release = before(recording, named(recording, "c-balancing-release"))
    assert nodes in release
    association = "aws:eks/podIdentityAssociation:PodIdentityAssociation::c-balancing-association"
    assert association in release
    assert "aws:iam/rolePolicy:RolePolicy::c-balancing-identity-policy" in release
    binding = before(recording, named(recording, "t-binding"))
    assert "kubernetes:helm.sh/v3:Release::c-balancing-release" in binding
    assert "aws:iam/rolePolicy:RolePolicy::p-targets-grant" in binding
    assert "aws:ec2/vpc:Vpc::bound" in binding


def test_without_a_pool_there_is_nothing_to_serve(preview: bool) -> None:
    plan = infeasible_plan().cluster_services
    assert (plan.device_plugin, plan.load_balancer_controller) == (None, None)
    assert children(services(preview, plan), "c") == []
