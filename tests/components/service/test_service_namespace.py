import pulumi
import pytest
import yaml
from pulumi_aws import ec2
from pulumi_kubernetes.provider import Provider

from components.service.service_namespace import ServiceNamespace, ServiceNamespaceArgs
from sizewright.record import Recorded
from templates.render import render
from tests.components.plans import chat_plan
from tests.components.recording import before, children, named, of_type, recorded

TEXTS = {
    path.split("/")[2].removesuffix(".yaml"): text
    for path, text in render(chat_plan()).items()
    if path.startswith("kubernetes/chat/")
}


def namespace(preview: bool) -> Recorded:
    def program() -> None:
        args = ServiceNamespaceArgs(
            documents=TEXTS, after=[ec2.Vpc("outlives", cidr_block="10.0.0.0/16")]
        )
        opts = pulumi.ResourceOptions(providers=[Provider("k8s", kubeconfig="{}")])
        made = ServiceNamespace("n", args, opts)
        ec2.Vpc("tenant", opts=pulumi.ResourceOptions(depends_on=made.guards))

    return recorded(program, preview)


def test_children(preview: bool) -> None:
    recording = namespace(preview)
    assert children(recording, "n") == [
        "Namespace n-object",
        "NetworkPolicy n-default",
        "NetworkPolicy n-engine",
        "ResourceQuota n-quota",
    ]
    objects = of_type(recording, "kubernetes:")[1:]
    assert {r.provider for r in objects} == {"pulumi:providers:kubernetes::k8s"}


@pytest.mark.parametrize(
    ("document", "name", "kind"),
    [
        ("namespace", "n-object", "Namespace"),
        ("network-policy-default", "n-default", "NetworkPolicy"),
        ("network-policy-engine", "n-engine", "NetworkPolicy"),
        ("resource-quota", "n-quota", "ResourceQuota"),
    ],
)
def test_objects_are_the_rendered_documents(
    preview: bool, document: str, name: str, kind: str
) -> None:
    made = named(namespace(preview), name, f":{kind}").inputs
    assert made == yaml.safe_load(TEXTS[document])


def test_tenants_wait_for_every_rule(preview: bool) -> None:
    recording = namespace(preview)
    needs = before(recording, named(recording, "tenant"))
    rules = {r.key for r in of_type(recording, "kubernetes:core") if "tenant" not in r.key}
    rules |= {r.key for r in of_type(recording, "kubernetes:networking")}
    assert len(rules) == 4
    assert rules | {"aws:ec2/vpc:Vpc::outlives"} <= needs
