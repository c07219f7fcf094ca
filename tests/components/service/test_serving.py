import json

import pulumi
import pytest
import yaml
from pulumi_aws import ec2
from pulumi_kubernetes.provider import Provider

from components.naming import Tags
from components.service.serving import Serving, ServingArgs
from sizewright.record import Recorded
from sizing.plan.stack.cluster import RolesPlan
from templates.programs import program
from templates.render import render
from tests.components.plans import ZONES, chat_plan, site
from tests.components.recording import before, children, named, of_type, recorded

TEXTS = {
    path.split("/")[2].removesuffix(".yaml"): text
    for path, text in render(chat_plan()).items()
    if path.startswith("kubernetes/chat/")
}
SCRIPT = f"s-script-{program('fetch_weights').name[-10:]}"


def serving(preview: bool, documents: dict[str, str] = TEXTS) -> Recorded:
    def program() -> None:
        args = ServingArgs(
            service="chat",
            account_ids=["123456789012"],
            documents=documents,
            weights_bucket=pulumi.Output.from_input("bucket-1"),
            weights_arn="arn:aws:s3:::bucket-1",
            weights_key_arn="arn:aws:kms:us-east-1:123456789012:key/weights",
            intake=None,
            cluster_name="sizewright-test",
            roles=RolesPlan(path="/", permissions_boundary_arn=None),
            partition="aws",
            after=[ec2.Vpc("outlives", cidr_block="10.0.0.0/16")],
            nodes_by_zone={
                zone: ec2.Vpc(f"nodes-{zone}", cidr_block="10.2.0.0/16") for zone in ZONES
            },
            weights=[ec2.Vpc("imported", cidr_block="10.1.0.0/16")],
            tags=Tags.of_site(site("prod")).of_service("chat"),
        )
        Serving("s", args, pulumi.ResourceOptions(providers=[Provider("k8s", kubeconfig="{}")]))

    return recorded(program, preview)


def test_children(preview: bool) -> None:
    recording = serving(preview)
    (check,) = (n for n in children(recording, "s") if n.startswith("ConfigMap s-admission-"))
    assert children(recording, "s") == [
        check,
        f"ConfigMap {SCRIPT}",
        *(f"Deployment s-floor-{zone}" for zone in ZONES),
        "Identity s-identity",
        "PodDisruptionBudget s-budget",
        "PodIdentityAssociation s-association",
        "Service s-service",
        "ServiceAccount s-account",
    ]
    objects = of_type(recording, "kubernetes:")[1:]
    assert {r.provider for r in objects} == {"pulumi:providers:kubernetes::k8s"}


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ("service-account", "s-account"),
        ("service", "s-service"),
        ("disruption-budget", "s-budget"),
        *((f"deployment-{zone}", f"s-floor-{zone}") for zone in ZONES),
    ],
)
def test_objects_are_the_rendered_documents(preview: bool, document: str, name: str) -> None:
    text = TEXTS[document].replace("${wire:weights_bucket}", "bucket-1")
    assert named(serving(preview), name).inputs == yaml.safe_load(text)


def test_an_unwired_document_fails(preview: bool) -> None:
    name = "deployment-use1-az1"
    text = TEXTS[name].replace("weights_bucket", "other_bucket")
    with pytest.raises(ValueError, match="other_bucket"):
        serving(preview, {**TEXTS, name: text})


def test_pods_read_the_weights_and_nothing_else(preview: bool) -> None:
    policy = json.loads(str(named(serving(preview), "s-identity-policy").inputs["policy"]))
    allowed = [(s["Effect"], s["Action"], s["Resource"]) for s in policy["Statement"]]
    assert allowed == [
        ("Allow", "s3:ListBucket", "arn:aws:s3:::bucket-1"),
        ("Allow", "s3:GetObject", "arn:aws:s3:::bucket-1/*"),
        ("Allow", "kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/weights"),
    ]


def test_role_is_taken_by_the_service_account(preview: bool) -> None:
    recording = serving(preview)
    association = named(recording, "s-association").inputs
    account = named(recording, "s-account").inputs["metadata"]
    assert association["serviceAccount"] == account["name"] == "chat"
    assert association["namespace"] == account["namespace"] == "chat"
    trust = json.loads(str(named(recording, "s-identity-role").inputs["assumeRolePolicy"]))
    assert trust["Statement"][0]["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert trust["Statement"][0]["Action"] == ["sts:AssumeRole", "sts:TagSession"]


def test_order(preview: bool) -> None:
    recording = serving(preview)
    for name in ("s-account", "s-service", "s-budget", "s-floor-use1-az4"):
        assert "aws:ec2/vpc:Vpc::outlives" in before(recording, named(recording, name)), name
    needs = before(recording, named(recording, "s-floor-use1-az4"))
    assert "aws:ec2/vpc:Vpc::imported" in needs, "the old version serves while the new one comes"
    assert "aws:ec2/vpc:Vpc::imported" not in before(recording, named(recording, "s-service"))
    assert "kubernetes:core/v1:ServiceAccount::s-account" in needs
    assert "aws:eks/podIdentityAssociation:PodIdentityAssociation::s-association" in needs
    assert "aws:iam/rolePolicy:RolePolicy::s-identity-policy" in needs
    assert f"kubernetes:core/v1:ConfigMap::{SCRIPT}" in needs


def test_another_program_is_another_object(preview: bool) -> None:
    """Both objects exist while pods of both run; the update deletes the old one at its end."""
    other = TEXTS["script-fetch"].replace(f"-{SCRIPT[-10:]}", "-0123456789")
    recording = serving(preview, {**TEXTS, "script-fetch": other})
    assert named(recording, "s-script-0123456789").inputs["immutable"] is True


def test_a_zone_s_replicas_wait_for_no_other_zone_s(preview: bool) -> None:
    recording = serving(preview)
    for zone in ZONES:
        waits = before(recording, named(recording, f"s-floor-{zone}"))
        assert not [key for key in waits if "Deployment" in key]
