"""The recording: its contents, its refusals, and its cleanup.

It does not prove what the engine or a provider would compute, nor that inputs are valid.
"""

import asyncio
import contextvars
import json
import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi_aws import Provider, ec2, eks, iam, rds, s3

from sizewright.record import (
    DuplicateResource,
    InvokeRefused,
    Recorded,
    RecordedResource,
    UnrecordableRequest,
    monitor,
    record,
)

BUCKET = "aws:s3/bucket:Bucket"
CLUSTER = "aws:eks/cluster:Cluster"
CANARY = "canary-7d1f0c"


def recorded(program: Callable[[], object], *, preview: bool = False) -> Recorded:
    def whole() -> None:
        program()

    return record(whole, config={"aws:region": "us-west-2"}, preview=preview)


def exported(value: Callable[[], object], *, preview: bool = False) -> object:
    """One exported value of a stack, in the recording's JSON."""
    return recorded(lambda: pulumi.export("value", value()), preview=preview).outputs["value"]


def only(recording: Recorded, type_: str) -> RecordedResource:
    (resource,) = [r for r in recording.resources if r.type == type_]
    return resource


def reference(resource: str, path: str) -> dict[str, str]:
    return {"$ref": resource, "property": path}


class Store(pulumi.ComponentResource):
    bucket: s3.Bucket

    def __init__(
        self, name: str, *, registrations: int = 1, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Store", name, {"sizeGib": 3.0}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.bucket = s3.Bucket(f"{name}-data", opts=child)
        s3.BucketVersioning(
            f"{name}-versions",
            bucket=self.bucket.id,
            versioning_configuration={"status": "Enabled"},
            opts=child,
        )
        for _ in range(registrations):
            self.register_outputs({"bucket": self.bucket.bucket})


def bucket_with_policy() -> None:
    bucket = s3.Bucket("data")
    objects = bucket.arn.apply(lambda arn: f"{arn}/*")
    statement = {"Effect": "Deny", "Resource": [bucket.arn, objects]}
    s3.BucketPolicy(
        "data", bucket=bucket.bucket, policy=pulumi.Output.json_dumps({"Statement": [statement]})
    )


def assert_policy_names_bucket(recording: Recorded) -> None:
    policy = only(recording, "aws:s3/bucketPolicy:BucketPolicy")
    assert policy.inputs["bucket"] == reference(f"{BUCKET}::data", "bucket")
    assert isinstance(policy.inputs["policy"], str)
    arn = f"${{{BUCKET}::data.arn}}"
    assert json.loads(policy.inputs["policy"]) == {
        "Statement": [{"Effect": "Deny", "Resource": [arn, f"{arn}/*"]}]
    }


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


def test_same_type_and_name_twice_is_refused() -> None:
    def program() -> None:
        s3.Bucket("data")
        s3.Bucket("data")

    with pytest.raises(DuplicateResource, match="aws:s3/bucket:Bucket::data is registered twice"):
        recorded(program)


def test_same_name_below_parents_of_one_type_is_refused_as_the_engine_does() -> None:
    def program(second_type: str) -> None:
        for name, type_ in (("a", "x:y:A"), ("b", second_type)):
            parent = pulumi.ComponentResource(type_, name)
            s3.Bucket("data", opts=pulumi.ResourceOptions(parent=parent))

    with pytest.raises(DuplicateResource, match="A\\$aws:s3"):
        recorded(lambda: program("x:y:A"))
    assert len(recorded(lambda: program("x:y:B")).resources) == 4


def fail_with(error: Exception) -> Callable[[], None]:
    def program() -> None:
        s3.Bucket("data")
        raise error

    return program


@pytest.mark.parametrize("error", [ValueError("no such zone"), pulumi.RunError("missing config")])
def test_exception_of_the_program_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        recorded(fail_with(error))
    assert caught.value is error
    assert len(recorded(bucket_with_policy).resources) == 2


def test_exception_of_the_program_is_not_hidden_by_a_later_failure() -> None:
    def program() -> None:
        s3.Bucket("data")
        s3.Bucket("data")
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        recorded(program)


def test_exception_inside_apply_passes() -> None:
    def program() -> None:
        def fail(arn: str) -> str:
            raise LookupError(arn)

        s3.BucketPolicy("p", bucket=s3.Bucket("data").arn.apply(fail), policy="{}")

    with pytest.raises(LookupError, match=r"data\.arn"):
        recorded(program)


def test_runs_are_independent_and_equal() -> None:
    def program() -> None:
        pulumi.export("size", pulumi.Config("app").get("size"))
        pulumi.export("stack", f"{pulumi.get_project()}/{pulumi.get_stack()}")
        bucket_with_policy()

    before = (pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run())
    first = record(program, config={"app:size": "1"}, project="p", stack="prod")
    assert first.outputs == {"size": "1", "stack": "p/prod"}
    assert "size" not in record(program, config={}, preview=True).outputs
    assert record(program, config={"app:size": "1"}, project="p", stack="prod") == first
    assert (pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.is_dry_run()) == before


def test_mocks_set_before_change_nothing() -> None:
    class OwnMocks(pulumi.runtime.Mocks):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, str]]:
            return "mocked", {}

        def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, str], None]:
            return {}, None

    def record_after_mocks() -> Recorded:
        pulumi.runtime.set_mocks(OwnMocks())
        return recorded(bucket_with_policy)

    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert contextvars.copy_context().run(record_after_mocks) == recorded(bucket_with_policy)
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        asyncio.set_event_loop(None)


def test_records_while_an_event_loop_runs() -> None:
    async def inside() -> Recorded:
        return recorded(bucket_with_policy)

    assert asyncio.run(inside()) == recorded(bucket_with_policy)


def test_monitor_answers_in_the_thread_of_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    register = monitor.RecordingMonitor.RegisterResource

    def noting(self: monitor.RecordingMonitor, request: Any) -> Any:
        threads.append(threading.get_ident())
        return register(self, request)

    monkeypatch.setattr(monitor.RecordingMonitor, "RegisterResource", noting)

    def program() -> None:
        threads.append(threading.get_ident())
        bucket_with_policy()

    recorded(program)
    assert len(threads) == 4, "the program, the stack, the bucket and its policy"
    assert len(set(threads)) == 1


@pytest.mark.parametrize("preview", [False, True])
def test_invoke_is_refused_by_token(preview: bool) -> None:
    with pytest.raises(InvokeRefused, match="aws:ec2/getVpc:getVpc"):
        recorded(lambda: ec2.get_vpc(id="vpc-1"), preview=preview)
    assert len(recorded(bucket_with_policy).resources) == 2


def test_read_of_an_existing_resource_is_refused() -> None:
    with pytest.raises(UnrecordableRequest, match="aws:ec2/vpc:Vpc::old reads"):
        recorded(lambda: ec2.Vpc.get("old", "vpc-1"))


def test_transforms_are_refused() -> None:
    def program() -> None:
        s3.Bucket("b", opts=pulumi.ResourceOptions(transforms=[lambda _: None]))

    with pytest.raises(UnrecordableRequest, match="transforms"):
        recorded(program)


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


@pytest.mark.parametrize("fails", ["program", "apply", "registration", "nothing"])
def test_a_recording_closes_its_event_loop_whatever_fails(fails: str) -> None:
    """Guard: the collector is paused meanwhile, and would warn of an open loop in another test."""
    loops: list[asyncio.AbstractEventLoop] = []

    def fail(value: object) -> str:
        raise LookupError(value)

    def program() -> None:
        loops.append(asyncio.get_running_loop())
        bucket = s3.Bucket("data")
        s3.BucketPolicy("other", bucket=bucket.arn, policy="{}")
        if fails == "apply":
            s3.BucketPolicy("p", bucket=bucket.arn.apply(fail), policy="{}")
        if fails == "registration":
            s3.Bucket("data")
        if fails == "program":
            fail("x")

    ends: AbstractContextManager[object] = nullcontext()
    if fails != "nothing":
        ends = pytest.raises((LookupError, DuplicateResource))
    with ends:
        recorded(program)
    assert [loop.is_closed() for loop in loops] == [True]
