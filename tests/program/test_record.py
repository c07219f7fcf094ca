"""The recording of resources: order, parents, dependencies and options.

It does not prove what the engine or a provider would compute, nor that inputs are valid.
"""

import json
import logging

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_aws import Provider, eks, iam, s3

from tests.program.programs import BUCKET, Store, bucket_with_policy, only, recorded, reference


@pytest.mark.parametrize("preview", [False, True])
def test_component_and_children_in_construction_order(preview: bool) -> None:
    store, bucket, versions = recorded(lambda: Store("a"), preview=preview).resources

    assert (store.type, store.name, store.parent) == ("sizewright:index:Store", "a", None)
    assert (store.custom, bucket.custom) == (False, True)
    assert store.inputs == {"sizeGib": 3}
    assert bucket.parent == versions.parent == "sizewright:index:Store::a"
    assert (bucket.name, versions.name) == ("a-data", "a-versions")
    assert versions.depends_on == (f"{BUCKET}::a-data",)
    assert versions.property_dependencies == {"bucket": (f"{BUCKET}::a-data",)}


@pytest.mark.parametrize("registrations", [0, 1, 2])
def test_counts_how_often_a_component_registers_outputs(registrations: int) -> None:
    store, bucket, _ = recorded(lambda: Store("a", registrations=registrations)).resources
    assert (store.outputs_registered, bucket.outputs_registered) == (registrations, 0)


def test_depends_on_is_explicit_and_implied_sorted() -> None:
    def program() -> None:
        store = Store("z")
        role = iam.Role("r", assume_role_policy="{}")
        s3.BucketPolicy(
            "p",
            bucket=store.bucket.bucket,
            policy="{}",
            opts=pulumi.ResourceOptions(depends_on=[store, role]),
        )

    assert only(recorded(program), "aws:s3/bucketPolicy:BucketPolicy").depends_on == (
        "aws:iam/role:Role::r",
        f"{BUCKET}::z-data",
        "aws:s3/bucketVersioning:BucketVersioning::z-versions",
    )


@pytest.mark.parametrize("preview", [False, True])
def test_explicit_provider_reaches_children(preview: bool) -> None:
    def program() -> None:
        provider = Provider("west", region="us-west-2")
        Store("a", opts=pulumi.ResourceOptions(providers=[provider]))
        s3.Bucket("default")

    providers = {r.name: r.provider for r in recorded(program, preview=preview).resources}
    assert providers == {
        "west": None,
        "a": None,
        "a-data": "pulumi:providers:aws::west",
        "a-versions": "pulumi:providers:aws::west",
        "default": None,
    }


def test_options_of_the_request_are_recorded() -> None:
    def program() -> None:
        opts = pulumi.ResourceOptions(
            protect=True,
            ignore_changes=["tags"],
            delete_before_replace=True,
            aliases=[pulumi.Alias(name="old")],
            custom_timeouts=pulumi.CustomTimeouts(update="5m"),
        )
        iam.Role("role", assume_role_policy="{}", opts=opts)
        iam.Role("plain", assume_role_policy="{}")

    role, plain = recorded(program).resources
    assert (role.protect, role.ignore_changes, role.delete_before_replace) == (
        True,
        ("tags",),
        True,
    )
    assert role.aliases == ({"name": "old"},)
    assert (role.update_timeout, plain.update_timeout) == ("5m", None)
    assert (plain.protect, plain.ignore_changes, plain.delete_before_replace, plain.aliases) == (
        False,
        (),
        None,
        (),
    )


def test_kubernetes_document_arrives_in_camel_case_with_whole_numbers() -> None:
    document = {
        "metadata": {"name": "llm", "namespace": "serving"},
        "spec": {
            "replicas": 15,
            "minReadySeconds": 3.0,
            "selector": {"matchLabels": {"app": "llm"}},
            "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
            "template": {
                "metadata": {"labels": {"app": "llm"}},
                "spec": {"containers": [{"name": "engine", "image": "x@sha256:0"}]},
            },
        },
    }

    def program() -> None:
        kubernetes.apps.v1.Deployment("llm", **document)

    inputs = only(recorded(program), "kubernetes:apps/v1:Deployment").inputs
    assert inputs == {"apiVersion": "apps/v1", "kind": "Deployment", **document}
    assert '"minReadySeconds": 3,' in json.dumps(inputs)


def test_kind_without_a_class_is_recorded() -> None:
    document = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "spec": {"max": 3}}

    def program() -> None:
        scaler = pulumi.CustomResource("kubernetes:keda.sh/v1alpha1:ScaledObject", "s", document)
        pulumi.export("id", scaler.id)

    recording = recorded(program)
    (scaler,) = recording.resources
    assert scaler.inputs == document
    assert recording.outputs["id"] == reference(f"{scaler.type}::s", "id")


def test_whole_numbers_are_integers() -> None:
    def program() -> None:
        eks.NodeGroup(
            "gpu",
            cluster_name="c",
            node_role_arn="arn",
            subnet_ids=["s"],
            scaling_config={"desired_size": 15, "max_size": 15, "min_size": 12},
        )
        pulumi.export("ratios", [1.5, 2.0, True])

    recording = recorded(program)
    config = only(recording, "aws:eks/nodeGroup:NodeGroup").inputs["scalingConfig"]
    assert json.dumps(config) == '{"desiredSize": 15, "maxSize": 15, "minSize": 12}'
    assert json.dumps(recording.outputs["ratios"]) == "[1.5, 2, true]"


def test_unknown_inputs_and_apply_in_preview() -> None:
    applied: list[str] = []

    def program() -> None:
        bucket = s3.Bucket("data")
        bucket.arn.apply(applied.append)
        s3.BucketPolicy("data", bucket=bucket.bucket, policy=bucket.arn)

    policy = only(recorded(program, preview=True), "aws:s3/bucketPolicy:BucketPolicy")
    assert policy.inputs == {"bucket": {"$unknown": True}, "policy": {"$unknown": True}}
    assert policy.depends_on == (f"{BUCKET}::data",)
    assert applied == []
    recorded(program)
    assert applied == [f"${{{BUCKET}::data.arn}}"]


def test_json_has_exactly_the_agreed_keys() -> None:
    def program() -> None:
        bucket_with_policy()
        pulumi.export("url", pulumi.Output.concat("s3://", s3.Bucket("b").bucket))
        pulumi.export("group", {"zones": ["a", "b"], "count": 12})

    whole = json.loads(json.dumps(recorded(program).as_json()))
    assert set(whole) == {"resources", "outputs"}
    assert {frozenset(r) for r in whole["resources"]} == {
        frozenset({"type", "name", "parent", "inputs", "protect", "depends_on"})
    }
    assert whole["outputs"] == {
        "group": {"count": 12, "zones": ["a", "b"]},
        "url": f"s3://${{{BUCKET}::b.bucket}}",
    }


def test_warnings_of_the_program_go_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        recorded(lambda: pulumi.warn("look here"))
    assert "look here" in caplog.text
