import json
from functools import cache
from typing import Any

import pulumi
import pytest
import yaml
from pulumi_aws import ec2
from pulumi_kubernetes.provider import Provider

from components.naming import Tags
from components.service.weights_import import WeightsImport, WeightsImportArgs
from sizewright.record import Recorded
from sizing.plan.stack.cluster import RolesPlan
from templates.programs import program
from templates.render import render
from tests.components.plans import KEY, REVISION, SECRET, SOURCES, imported_plan, site
from tests.components.recording import before, children, named, of_type, recorded
from tests.components.stacks import stack

WEIGHTS_KEY = "arn:aws:kms:us-east-1:123456789012:key/weights"


@cache
def texts(source: str) -> dict[str, str]:
    return {
        path.split("/")[2].removesuffix(".yaml"): text
        for path, text in render(imported_plan(source)).items()
        if path.startswith("kubernetes/chat/")
    }


@cache
def weights_import(preview: bool, source: str = "hub") -> Recorded:
    service = imported_plan(source).services[0]
    assert service.weights_import is not None and service.inputs.model.source is not None
    plan, given = service.weights_import, service.inputs.model.source

    def program() -> None:
        args = WeightsImportArgs(
            service="chat",
            plan=plan,
            source=given,
            documents=texts(source),
            weights_bucket=pulumi.Output.from_input("bucket-1"),
            weights_arn="arn:aws:s3:::bucket-1",
            weights_key_arn=WEIGHTS_KEY,
            cluster_name="sizewright-test",
            roles=RolesPlan(path="/", permissions_boundary_arn=None),
            partition="aws",
            account_ids=["123456789012"],
            after=[ec2.Vpc("outlives", cidr_block="10.0.0.0/16")],
            tags=Tags.of_site(site("prod")).of_service("chat"),
        )
        opts = pulumi.ResourceOptions(providers=[Provider("k8s", kubeconfig="{}")])
        made = WeightsImport("w", args, opts)
        ec2.Vpc("replica", opts=pulumi.ResourceOptions(depends_on=[made.done]))

    return recorded(program, preview)


def test_children(preview: bool) -> None:
    assert children(weights_import(preview), "w") == [
        f"ConfigMap w-script-{program('import_weights').name[-10:]}",
        "Identity w-identity",
        "Job w-job",
        "PodIdentityAssociation w-association",
        "ServiceAccount w-account",
    ]


@pytest.mark.parametrize("source", SOURCES)
def test_objects_are_the_rendered_documents(preview: bool, source: str) -> None:
    recording, documents = weights_import(preview, source), texts(source)
    job = documents["import-job"].replace("${wire:weights_bucket}", "bucket-1")
    assert named(recording, "w-job").inputs == yaml.safe_load(job)
    account = yaml.safe_load(documents["import-service-account"])
    assert named(recording, "w-account").inputs == account


OWN = [
    ("s3:ListBucket", "arn:aws:s3:::bucket-1", None),
    (
        ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
        "arn:aws:s3:::bucket-1/llama-2-7b/{version}/*",
        None,
    ),
    (["kms:Decrypt", "kms:GenerateDataKey"], WEIGHTS_KEY, None),
]
THEIRS: dict[str, list[Any]] = {
    "hub": [("secretsmanager:GetSecretValue", SECRET, None), ("kms:Decrypt", KEY, None)],
    "s3": [
        (
            "s3:ListBucket",
            "arn:aws:s3:::theirs",
            {"StringEquals": {"s3:prefix": "models/llama/"}},
        ),
        ("s3:GetObject", "arn:aws:s3:::theirs/models/llama/*", None),
        ("kms:Decrypt", KEY, None),
    ],
    "image": [],
}


@pytest.mark.parametrize("source", SOURCES)
def test_its_role_writes_one_version_and_reads_its_source(preview: bool, source: str) -> None:
    inputs = named(weights_import(preview, source), "w-identity-policy").inputs
    statements = json.loads(str(inputs["policy"]))["Statement"]
    assert {s["Effect"] for s in statements} == {"Allow"}
    version = REVISION if source == "hub" else "0123456789abcdef" * 4
    own = [
        (actions, where.replace("{version}", version), condition)
        for actions, where, condition in OWN
    ]
    found = [(s["Action"], s["Resource"], s.get("Condition")) for s in statements]
    assert found == own + THEIRS[source]


def test_its_role_is_taken_by_its_service_account_alone(preview: bool) -> None:
    recording = weights_import(preview)
    association = named(recording, "w-association").inputs
    assert (association["namespace"], association["serviceAccount"]) == ("chat", "import")
    pod = named(recording, "w-job").inputs["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "import"


def test_order(preview: bool) -> None:
    recording = weights_import(preview)
    job = before(recording, named(recording, "w-job"))
    assert {
        "aws:ec2/vpc:Vpc::outlives",
        "kubernetes:core/v1:ServiceAccount::w-account",
        "aws:eks/podIdentityAssociation:PodIdentityAssociation::w-association",
        "aws:iam/rolePolicy:RolePolicy::w-identity-policy",
    } <= job
    assert "kubernetes:batch/v1:Job::w-job" in before(recording, named(recording, "replica"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_stack_imports_before_it_rolls_out(preview: bool, source: str) -> None:
    recording = stack(imported_plan(source), preview)
    (job,) = of_type(recording, ":Job")
    floor = before(recording, named(recording, "sw-chat-serving-floor-use1-az1"))
    assert job.key in floor
    needs = before(recording, job)
    policies = {r.key for r in of_type(recording, ":NetworkPolicy")}
    assert len(policies) == 3 and policies <= needs
    bucket = "aws:s3/bucketServerSideEncryptionConfiguration"
    assert any(need.startswith(bucket) and "weights" in need for need in needs)
