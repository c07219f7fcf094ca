"""The stand-in providers refuse each fault that a real one refuses, and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import grpc
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from sizewright.record import sdk
from sizewright.record.references import engine_fields
from sizewright.review.changes import load_rules
from testbed.standin import World
from testbed.standin.provider import Provider

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:rds/cluster:Cluster"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
EKS = "aws:eks/cluster:Cluster"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
TARGETS = "aws:lb/targetGroup:TargetGroup"
ATTACHMENT = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
FUNCTION = "aws:lambda/function:Function"
BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
PERMISSION = "aws:lambda/permission:Permission"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
NAMESPACE = "kubernetes:core/v1:Namespace"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/1"


class Refused(Exception):  # noqa: N818
    """Fault that the engine would receive."""


class Context:
    """Part of a gRPC call's context that the provider uses."""

    def abort(self, code: grpc.StatusCode, text: str) -> NoReturn:
        raise Refused(f"{code.name}: {text}")


class Driver:
    """Caller of one provider, as the engine calls it."""

    def __init__(self, package: str, world: World) -> None:
        self._provider = Provider(package, world, load_rules())

    def faults(self, token: str, inputs: Mapping[str, Any]) -> dict[str, str]:
        request = provider_pb2.CheckRequest(urn=urn(token), news=struct(inputs))
        found: dict[str, str] = {}
        for failure in self._provider.Check(request, Context()).failures:
            found[failure.property] = f"{found.get(failure.property, '')}{failure.reason}"
        return found

    def config_faults(self, values: Mapping[str, Any]) -> dict[str, str]:
        request = provider_pb2.CheckRequest(urn="", news=struct(values))
        failures = self._provider.CheckConfig(request, Context()).failures
        return {failure.property: failure.reason for failure in failures}

    def create(
        self, token: str, inputs: Mapping[str, Any], name: str = "x", *, preview: bool = False
    ) -> tuple[str, dict[str, Any]]:
        request = provider_pb2.CreateRequest(
            urn=urn(token, name), properties=struct(inputs), preview=preview
        )
        answer = self._provider.Create(request, Context())
        return answer.id, engine_fields(answer.properties)

    def update(
        self, token: str, id_: str, state: Any, old: Any, new: Any, *, preview: bool = False
    ) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            id=id_,
            urn=urn(token),
            olds=struct(state),
            old_inputs=struct(old),
            news=struct(new),
            preview=preview,
        )
        return engine_fields(self._provider.Update(request, Context()).properties)

    def diff(self, token: str, old: Any, new: Any) -> Any:
        request = provider_pb2.DiffRequest(
            urn=urn(token), old_inputs=struct(old), olds=struct(old), news=struct(new)
        )
        return self._provider.Diff(request, Context())

    def delete(self, token: str, id_: str) -> None:
        self._provider.Delete(provider_pb2.DeleteRequest(id=id_, urn=urn(token)), Context())


def urn(token: str, name: str = "x") -> str:
    return f"urn:pulumi:dev::sizewright::sizewright:index:Thing${token}::{name}"


def struct(fields: Mapping[str, Any]) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(fields)
    return made


@pytest.fixture
def world() -> World:
    return World(outside=frozenset({CERTIFICATE}))


@pytest.fixture
def aws(world: World) -> Driver:
    return Driver("aws", world)


@pytest.fixture
def kubernetes(world: World) -> Driver:
    return Driver("kubernetes", world)


@pytest.fixture
def group(aws: Driver) -> Iterator[dict[str, Any]]:
    """Inputs of a node group whose references all exist."""
    vpc, _ = aws.create(VPC, {"cidrBlock": "10.0.0.0/16"})
    subnet, _ = aws.create(SUBNET, {"vpcId": vpc})
    _, role = aws.create("aws:iam/role:Role", {"assumeRolePolicy": "{}"})
    cluster, _ = aws.create("aws:eks/cluster:Cluster", {"name": "c"})
    yield {
        "clusterName": cluster,
        "nodeRoleArn": role["arn"],
        "subnetIds": [subnet],
        "scalingConfig": {"minSize": 1, "desiredSize": 1, "maxSize": 1},
        "taints": [{"key": "k", "value": "v", "effect": "NO_SCHEDULE"}],
    }


def test_nothing_is_wrong_with_what_is_right(aws: Driver, group: dict[str, Any]) -> None:
    assert aws.faults(NODE_GROUP, group) == {}


@pytest.mark.parametrize(
    ("changed", "path", "reason"),
    [
        ({"amiTyp": "AL2023"}, "amiTyp", "unknown property"),
        ({"scalingConfig": {"minSize": 1, "maxSize": 1}}, "scalingConfig.desiredSize", "missing"),
        ({"taints": [{"key": "k"}]}, "taints[0].effect", "missing"),
        ({"diskSize": "20"}, "diskSize", "where int belongs"),
        ({"subnetIds": "subnet-1"}, "subnetIds", "where a list belongs"),
        ({"labels": ["a"]}, "labels", "where a map belongs"),
        ({"taints": [{"key": "k", "effect": "NoSchedule"}]}, "taints[0].effect", "is none of"),
        ({"capacityType": "spot"}, "capacityType", "is none of"),
        ({"subnetIds": ["subnet-0abc"]}, "subnetIds[0]", "nothing that exists"),
        ({"nodeRoleArn": "arn:aws:iam::111122223333:role/y"}, "nodeRoleArn", "nothing that exists"),
        ({"clusterName": "other"}, "clusterName", "nothing that exists"),
        ({"launchTemplate": {"id": "lt-1", "version": "1"}}, "launchTemplate.id", "nothing that"),
    ],
)
def test_each_kind_of_fault(
    aws: Driver, group: dict[str, Any], changed: dict[str, Any], path: str, reason: str
) -> None:
    faults = aws.faults(NODE_GROUP, {**group, **changed})
    assert set(faults) == {path}
    assert reason in faults[path]


def test_a_missing_property(aws: Driver, group: dict[str, Any]) -> None:
    del group["nodeRoleArn"]
    assert aws.faults(NODE_GROUP, group) == {"nodeRoleArn": "required, but missing"}


def test_an_enumeration_of_the_sdk(aws: Driver) -> None:
    assert aws.faults(CLUSTER, {"engine": "aurora-postgresql"}) == {}
    assert "is none of" in aws.faults(CLUSTER, {"engine": "aurora-postgres"})["engine"]


def test_unknown_values_pass(aws: Driver, group: dict[str, Any]) -> None:
    unknown = {"nodeRoleArn": sdk.UNKNOWN, "subnetIds": [sdk.UNKNOWN], "diskSize": sdk.UNKNOWN}
    assert aws.faults(NODE_GROUP, {**group, **unknown}) == {}


def test_secrets_are_looked_into(aws: Driver, group: dict[str, Any]) -> None:
    secret = {sdk.SIGNATURE: sdk.SECRET, "value": "lt-gone"}
    faults = aws.faults(NODE_GROUP, {**group, "launchTemplate": {"id": secret, "version": "1"}})
    assert set(faults) == {"launchTemplate.id"}


def test_what_exists_outside_and_in_every_account(aws: Driver) -> None:
    listener = {"loadBalancerArn": sdk.UNKNOWN, "defaultActions": [], "certificateArn": CERTIFICATE}
    assert aws.faults("aws:lb/listener:Listener", listener) == {}
    other = {**listener, "certificateArn": f"{CERTIFICATE}2"}
    assert set(aws.faults("aws:lb/listener:Listener", other)) == {"certificateArn"}
    _, role = aws.create("aws:iam/role:Role", {"assumeRolePolicy": "{}"})
    attached = {"role": role["name"], "policyArn": "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy"}
    assert aws.faults("aws:iam/rolePolicyAttachment:RolePolicyAttachment", attached) == {}


def test_a_principal_must_exist(aws: Driver) -> None:
    role = "arn:aws:iam::111122223333:role/nobody"
    key = {"policy": f'{{"Statement": [{{"Principal": {{"AWS": "{role}"}}, "Resource": "*"}}]}}'}
    assert set(aws.faults("aws:kms/key:Key", key)) == {"policy"}


def test_the_account(aws: Driver) -> None:
    assert aws.config_faults({"region": "us-east-1", "allowedAccountIds": '["111122223333"]'}) == {}
    wrong = aws.config_faults({"region": "us-east-1", "allowedAccountIds": '["999988887777"]'})
    assert wrong == {"allowedAccountIds": "AWS account ID not allowed: 111122223333"}
    assert "unknown property" in aws.config_faults({"regoin": "us-east-1"})["regoin"]


def test_preview_makes_nothing_and_knows_no_ids(aws: Driver, world: World) -> None:
    id_, outputs = aws.create(VPC, {"cidrBlock": "10.0.0.0/16"}, preview=True)
    assert id_ == ""
    assert outputs["cidrBlock"] == "10.0.0.0/16"
    assert outputs["arn"] == sdk.UNKNOWN
    assert world.things == []
    assert world.log == []


def test_an_update_moves_what_is_computed(aws: Driver) -> None:
    id_, state = aws.create(TEMPLATE, {"imageId": "ami-1"})
    assert state["latestVersion"] == 1
    new = {"imageId": "ami-2"}
    seen = aws.update(TEMPLATE, id_, state, {"imageId": "ami-1"}, new, preview=True)
    assert seen["latestVersion"] == sdk.UNKNOWN
    assert seen["arn"] == state["arn"]
    done = aws.update(TEMPLATE, id_, state, {"imageId": "ami-1"}, new)
    assert done["latestVersion"] == 2
    assert done["imageId"] == "ami-2"


def test_what_replaces_is_the_data_files(aws: Driver, kubernetes: Driver) -> None:
    kinds = provider_pb2.PropertyDiff
    sizes = aws.diff(
        NODE_GROUP, {"scalingConfig": {"minSize": 1}}, {"scalingConfig": {"minSize": 2}}
    )
    assert {path: d.kind for path, d in sizes.detailedDiff.items()} == {
        "scalingConfig.minSize": kinds.UPDATE
    }
    assert list(sizes.replaces) == []
    subnets = aws.diff(NODE_GROUP, {"subnetIds": ["a"]}, {"subnetIds": ["b"]})
    assert list(subnets.replaces) == ["subnetIds"]
    assert subnets.detailedDiff["subnetIds[0]"].kind == kinds.UPDATE_REPLACE
    assert aws.diff(NODE_GROUP, {"tags": {"a": "b"}}, {"tags": {"a": "b"}}).changes == 1
    selector = {"spec": {"selector": {"matchLabels": {"a": "b"}}}}
    other = {"spec": {"selector": {"matchLabels": {"a": "c"}}}}
    assert list(kubernetes.diff(DEPLOYMENT, selector, other).replaces) == ["spec"]


def test_what_has_a_given_name_is_deleted_first(aws: Driver, kubernetes: Driver) -> None:
    named = {"name": "c", "roleArn": "arn:a"}
    assert aws.diff(EKS, named, {**named, "roleArn": "arn:b"}).deleteBeforeReplace
    assert not aws.diff(EKS, {"roleArn": "arn:a"}, {"roleArn": "arn:b"}).deleteBeforeReplace
    assert not aws.diff(EKS, named, {**named, "version": "1.40"}).deleteBeforeReplace
    data = {"metadata": {"name": "m"}, "data": {"a": "b"}}
    other = {**data, "data": {"a": "c"}}
    assert kubernetes.diff(CONFIG_MAP, data, other).deleteBeforeReplace
    renamed = {**other, "metadata": {"name": "n"}}
    assert not kubernetes.diff(CONFIG_MAP, data, renamed).deleteBeforeReplace


def test_a_target_group_serves_one_load_balancer(aws: Driver) -> None:
    """AWS answers a second one with TargetGroupAssociationLimit."""
    balancers = [aws.create(BALANCER, {"internal": True})[0] for _ in range(2)]
    targets, _ = aws.create(TARGETS, {"port": 80})
    listeners = [aws.create(LISTENER, {"loadBalancerArn": arn})[0] for arn in balancers]
    actions = [{"type": "forward", "targetGroupArn": targets}]
    first, _ = aws.create(RULE, {"listenerArn": listeners[0], "actions": actions})
    aws.create(RULE, {"listenerArn": listeners[0], "actions": actions, "priority": 2})
    with pytest.raises(Refused, match=r"TargetGroupAssociationLimit.*more than one load balancer"):
        aws.create(RULE, {"listenerArn": listeners[1], "actions": actions})
    other = {"loadBalancerArn": balancers[1], "defaultActions": actions}
    with pytest.raises(Refused, match="TargetGroupAssociationLimit"):
        aws.create(LISTENER, other)
    aws.delete(RULE, first)


def test_a_target_group_reaches_only_functions_that_it_may_call(aws: Driver) -> None:
    function, made = aws.create(FUNCTION, {"role": "r", "name": "f"})
    targets, _ = aws.create(TARGETS, {"targetType": "lambda"})
    other, _ = aws.create(TARGETS, {"targetType": "lambda"})
    attached = {"targetGroupArn": targets, "targetId": made["arn"]}
    allowed = {"action": "lambda:InvokeFunction", "function": function, "principal": "elb"}
    aws.create(PERMISSION, {**allowed, "sourceArn": other})
    with pytest.raises(Refused, match="AccessDenied: elasticloadbalancing principal"):
        aws.create(ATTACHMENT, attached)
    aws.create(PERMISSION, {**allowed, "sourceArn": targets})
    aws.create(ATTACHMENT, attached)
    aws.create(ATTACHMENT, {"targetGroupArn": targets, "targetId": "10.0.0.1"})


def test_a_resource_of_another_region_is_there(aws: Driver) -> None:
    _, here = aws.create("aws:kms/key:Key", {})
    _, there = aws.create("aws:kms/key:Key", {"region": "us-west-2"})
    assert here["arn"].startswith("arn:aws:kms:us-east-1:")
    assert there["arn"].startswith("arn:aws:kms:us-west-2:")
    bucket, _ = aws.create(BUCKET, {"region": "us-west-2"})
    versions = {"bucket": bucket, "versioningConfiguration": {"status": "Enabled"}}
    with pytest.raises(Refused, match=r"PermanentRedirect: .* is in us-west-2, not us-east-1"):
        aws.create(VERSIONING, versions)
    aws.create(VERSIONING, versions | {"region": "us-west-2"})


def test_objects_are_copied_only_between_buckets_with_versions(aws: Driver) -> None:
    (first, _), (second, made) = (aws.create(BUCKET, {}) for _ in range(2))
    rule = {"status": "Enabled", "destination": {"bucket": made["arn"]}}
    copies = {"bucket": first, "role": "r", "rules": [rule]}
    versions = {"versioningConfiguration": {"status": "Enabled"}}
    for missing in (first, second):
        with pytest.raises(Refused, match=f"Versioning must be 'Enabled' on the bucket {missing}"):
            aws.create(REPLICATION, copies)
        aws.create(VERSIONING, versions | {"bucket": missing})
    aws.create(REPLICATION, copies)


def test_what_is_in_use_or_protected_stays(aws: Driver, world: World) -> None:
    id_, _ = aws.create(VPC, {"cidrBlock": "10.0.0.0/16"}, "net")
    subnet, _ = aws.create(SUBNET, {"vpcId": id_}, "sub")
    with pytest.raises(Refused, match="FAILED_PRECONDITION: net is in use by sub"):
        aws.delete(VPC, id_)
    aws.delete(SUBNET, subnet)
    aws.delete(VPC, id_)
    database, _ = aws.create(CLUSTER, {"engine": "mysql", "deletionProtection": True}, "db")
    with pytest.raises(Refused, match="db is protected from deletion"):
        aws.delete(CLUSTER, database)
    assert [thing.name for thing in world.things] == ["db"]
    with pytest.raises(Refused, match="NOT_FOUND"):
        aws.delete(VPC, id_)


def test_a_name_is_taken_once(aws: Driver, kubernetes: Driver) -> None:
    aws.create("aws:eks/cluster:Cluster", {"name": "c"})
    with pytest.raises(Refused, match="ALREADY_EXISTS"):
        aws.create("aws:eks/cluster:Cluster", {"name": "c"})
    kubernetes.create(NAMESPACE, {"metadata": {"name": "n"}})
    with pytest.raises(Refused, match="ALREADY_EXISTS"):
        kubernetes.create(NAMESPACE, {"metadata": {"name": "n"}})


def test_a_cluster_asks_for_namespace_and_account(kubernetes: Driver) -> None:
    pod = {"spec": {"serviceAccountName": "s", "containers": [{"name": "c"}]}}
    inputs = {
        "metadata": {"name": "d", "namespace": "n"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": pod},
    }
    faults = kubernetes.faults(DEPLOYMENT, inputs)
    assert set(faults) == {"metadata.namespace", "spec.template.spec.serviceAccountName"}
    kubernetes.create(NAMESPACE, {"metadata": {"name": "n"}})
    kubernetes.create(
        "kubernetes:core/v1:ServiceAccount", {"metadata": {"name": "s", "namespace": "n"}}
    )
    assert kubernetes.faults(DEPLOYMENT, inputs) == {}
    del inputs["spec"]["selector"]
    assert set(kubernetes.faults(DEPLOYMENT, inputs)) == {"spec.selector"}


def test_a_custom_kind_has_a_strict_schema(kubernetes: Driver) -> None:
    unknown = kubernetes.faults("kubernetes:example.com/v1:Thing", {"metadata": {"name": "x"}})
    assert unknown["kind"] == "no definition of kubernetes:example.com/v1:Thing is known"
    kubernetes.create(NAMESPACE, {"metadata": {"name": "n"}})
    wrong = {
        "apiVersion": "elbv2.k8s.aws/v1beta1",
        "kind": "TargetGroupBinding",
        "metadata": {"name": "b", "namespace": "n"},
        "spec": {"targetGroupArn": "x"},
    }
    assert "targetGroupArn" in str(kubernetes.faults(BINDING, wrong))
