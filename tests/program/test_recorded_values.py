"""The recorded inputs and outputs: references, secrets and assets."""

import hashlib
import json
from collections.abc import Callable

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_aws import ec2, eks, iam, lambda_, rds, s3

from sizewright.record import monitor, record
from tests.program.programs import (
    BUCKET,
    CANARY,
    CLUSTER,
    assert_policy_names_bucket,
    bucket_with_policy,
    exported,
    only,
    recorded,
    reference,
)


def test_reference_alone_and_inside_a_policy() -> None:
    assert_policy_names_bucket(recorded(bucket_with_policy))


def test_an_output_without_answer_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "computed", lambda *_: None)
    recording = recorded(bucket_with_policy)
    with pytest.raises(KeyError, match="bucket"):
        assert_policy_names_bucket(recording)


def cluster() -> eks.Cluster:
    return eks.Cluster(
        "main", role_arn="arn:aws:iam::111122223333:role/x", vpc_config={"subnet_ids": ["subnet-1"]}
    )


def node_group() -> eks.NodeGroup:
    return eks.NodeGroup(
        "gpu",
        cluster_name=cluster().name,
        node_role_arn="arn",
        subnet_ids=["subnet-1"],
        scaling_config={"desired_size": 15, "max_size": 15, "min_size": 15},
    )


def database() -> rds.Cluster:
    return rds.Cluster("db", engine="aurora-postgresql", manage_master_user_password=True)


def service() -> kubernetes.core.v1.Service:
    return kubernetes.core.v1.Service("web", metadata={"name": "web"}, spec={"type": "ClusterIP"})


@pytest.mark.parametrize(
    ("resource", "path", "value"),
    [
        (f"{CLUSTER}::main", "id", lambda: cluster().id),
        (f"{CLUSTER}::main", "urn", lambda: cluster().urn),
        (f"{CLUSTER}::main", "name", lambda: cluster().name),
        (
            f"{CLUSTER}::main",
            "certificateAuthority.data",
            lambda: cluster().certificate_authority.data,
        ),
        (
            f"{CLUSTER}::main",
            "identities[0].oidcs[0].issuer",
            lambda: cluster().identities[0].oidcs[0].issuer,
        ),
        (
            f"{CLUSTER}::main",
            "vpcConfig.clusterSecurityGroupId",
            lambda: cluster().vpc_config.cluster_security_group_id,
        ),
        (
            "aws:eks/nodeGroup:NodeGroup::gpu",
            "resources[0].autoscalingGroups[0].name",
            lambda: node_group().resources[0].autoscaling_groups[0].name,
        ),
        (
            "aws:rds/cluster:Cluster::db",
            "masterUserSecrets[0].secretArn",
            lambda: database().master_user_secrets[0].secret_arn,
        ),
        ("aws:rds/cluster:Cluster::db", "port", lambda: database().port),
        (
            "aws:ec2/vpc:Vpc::net",
            "defaultSecurityGroupId",
            lambda: ec2.Vpc("net", cidr_block="10.0.0.0/16").default_security_group_id,
        ),
        (
            "kubernetes:core/v1:Service::web",
            "status.loadBalancer.ingress[0].hostname",
            lambda: service().status.load_balancer.ingress[0].hostname,
        ),
        (
            "kubernetes:core/v1:Namespace::auto",
            "metadata.name",
            lambda: kubernetes.core.v1.Namespace("auto", metadata={"labels": {"a": "b"}})
            .metadata.name,
        ),
    ],
)  # fmt: skip
def test_computed_output_is_a_reference(
    resource: str, path: str, value: Callable[[], object]
) -> None:
    assert exported(value) == reference(resource, path)
    if path != "urn":
        assert exported(value, preview=True) == {"$unknown": True}


@pytest.mark.parametrize("preview", [False, True])
def test_output_given_as_input_keeps_its_value(preview: bool) -> None:
    assert exported(lambda: s3.Bucket("b", bucket="fixed").bucket, preview=preview) == "fixed"
    assert exported(lambda: service().metadata.name, preview=preview) == "web"
    assert exported(lambda: service().spec, preview=preview) == {"type": "ClusterIP"}
    assert (
        exported(lambda: s3.Bucket("b", tags={"b": "1", "a": "2"}).tags, preview=preview)
        == {"a": "2", "b": "1"}
    )  # fmt: skip


def test_list_items_and_resources_as_inputs_are_references() -> None:
    def program() -> None:
        subnets = [ec2.Subnet(f"s{i}", vpc_id="vpc-1") for i in range(2)]
        eks.Cluster("main", role_arn="arn", vpc_config={"subnet_ids": [s.id for s in subnets]})
        pulumi.export("zones", subnets[0].assign_ipv6_address_on_creation)

    recording = recorded(program)
    config = only(recording, CLUSTER).inputs["vpcConfig"]
    assert config == {
        "subnetIds": [reference(f"aws:ec2/subnet:Subnet::s{i}", "id") for i in range(2)]
    }
    assert recording.outputs == {}, "a boolean that is not given has no text to stand for it"


def test_resources_and_assets_as_inputs() -> None:
    def program() -> None:
        bucket = s3.Bucket("data")
        pulumi.ComponentResource("x:y:Reader", "r", {"bucket": bucket})
        s3.BucketObjectv2("o", bucket=bucket.id, source=pulumi.StringAsset("hello"))

    recording = recorded(program)
    assert only(recording, "x:y:Reader").inputs["bucket"] == reference(f"{BUCKET}::data", "id")
    assert only(recording, "aws:s3/bucketObjectv2:BucketObjectv2").inputs["source"] == {
        "$asset": {"text": "hello"}
    }


FUNCTION = "aws:lambda/function:Function"


def archived(*files: tuple[str, str]) -> object:
    """Recorded code of a function with these texts by file name."""

    def program() -> None:
        code = pulumi.AssetArchive({name: pulumi.StringAsset(text) for name, text in files})
        lambda_.Function("f", role="arn", code=code)

    return only(recorded(program), FUNCTION).inputs["code"]


def test_an_archive_of_texts_is_the_digest_of_its_names_and_texts() -> None:
    texts = {"a.py": "x = 1\n", "b.py": ""}
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    whole = f'{{"a.py":"{digests["a.py"]}","b.py":"{digests["b.py"]}"}}'
    expected = {"$archive": f"sha256:{hashlib.sha256(whole.encode()).hexdigest()}"}
    assert archived(*texts.items()) == expected
    assert archived(*reversed(texts.items())) == expected, "in any order"
    assert archived(("a.py", "x = 2\n"), ("b.py", "")) != expected
    assert archived(("c.py", "x = 1\n"), ("b.py", "")) != expected


def test_an_archive_without_known_texts_shows_its_parts() -> None:
    """Guard: the digest of a path would stay while the file changes."""

    def program() -> None:
        inner = pulumi.AssetArchive({"a.py": pulumi.FileAsset("a.py")})
        lambda_.Function("f", role="arn", code=inner)
        lambda_.Function("g", role="arn", code=pulumi.FileArchive("./folder"))

    first, second = (r.inputs["code"] for r in recorded(program).resources if r.type == FUNCTION)
    assert first == {"$archive": {"assets": {"a.py": {"$asset": {"path": "a.py"}}}}}
    assert second == {"$archive": {"path": "./folder"}}


def test_text_that_only_looks_like_a_reference_stays() -> None:
    def program() -> None:
        iam.Policy("p", name="${aws:username}", policy="{}")

    assert only(recorded(program), "aws:iam/policy:Policy").inputs["name"] == "${aws:username}"


@pytest.mark.parametrize("preview", [False, True])
def test_no_secret_survives(preview: bool) -> None:
    def program() -> None:
        secret = pulumi.Output.secret(CANARY)
        db = rds.Cluster("db", engine="aurora-postgresql", master_password=CANARY)
        kubernetes.core.v1.Secret("s", string_data={"a": secret, "b": "open"})
        kubernetes.core.v1.ConfigMap("c", data={"url": pulumi.Output.concat("x://", secret)})
        pulumi.export("password", db.master_password)
        pulumi.export("nested", {"deep": [secret]})
        pulumi.export("config", pulumi.Config("app").require_secret("token"))

    recording = record(program, config={"app:token": CANARY}, preview=preview)

    assert CANARY not in repr(recording)
    assert CANARY not in json.dumps(recording.as_json())
    hidden = {"$secret": True}
    assert only(recording, "aws:rds/cluster:Cluster").inputs["masterPassword"] == hidden
    data = only(recording, "kubernetes:core/v1:ConfigMap").inputs["data"]
    assert data in (hidden, {"url": hidden})
    assert recording.outputs["password"] == recording.outputs["config"] == hidden
    assert recording.outputs["nested"] in (hidden, {"deep": hidden}, {"deep": [hidden]})


def test_output_declared_secret_is_hidden_downstream() -> None:
    def value() -> object:
        opts = pulumi.ResourceOptions(additional_secret_outputs=["arn"])
        return s3.Bucket("b", opts=opts).arn

    assert exported(value) == {"$secret": True}
