"""Rules for every resource of a whole stack."""

from typing import Any

from sizewright.record import RecordedResource
from sizing.catalog import load_catalog
from sizing.plan.stack.cluster import RolesPlan
from sizing.plan.whole import Plan
from sizing.size import size
from sizing.workload import Workload
from tests.components.plans import (
    CHAT,
    ZONES,
    chat_plan,
    infeasible_plan,
    plan_of,
    public_plan,
    site,
    two_services_plan,
)
from tests.components.recording import before, named, of_type
from tests.components.stacks import owned, stack

UNTAGGABLE = {
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:ec2/route:Route",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:kms/alias:Alias",
    "aws:route53/record:Record",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
}
NAME_LIMITS = {
    "aws:s3/bucket:Bucket": 63,
    "aws:iam/role:Role": 64,
    "aws:eks/nodeGroup:NodeGroup": 63,
    "aws:rds/cluster:Cluster": 63,
    "aws:rds/clusterInstance:ClusterInstance": 63,
}
"""Characters of automatic names. Basis: vendor (each service's API reference)."""
RANDOM_SUFFIX = 8
FIXED_NAMES = {"aws:eks/cluster:Cluster", "aws:cloudwatch/logGroup:LogGroup"}
"""EKS writes to a log group named after the cluster."""


def test_parents_names_and_outputs(preview: bool) -> None:
    recording = stack(two_services_plan(), preview)
    for resource in recording.resources:
        if resource.type in ("pulumi:providers:aws", "sizewright:index:Platform"):
            assert resource.parent is None
            continue
        assert resource.parent is not None, resource.key
        assert resource.parent.startswith("sizewright:index:"), resource.key
        assert resource.name.startswith(resource.parent.split("::")[1] + "-"), resource.key
    for component in owned(recording, "sizewright:index:"):
        assert component.outputs_registered == 1, component.key
        assert not component.custom


def test_every_taggable_resource_is_tagged(preview: bool) -> None:
    recording = stack(two_services_plan(), preview)
    for resource in owned(recording, "aws:"):
        if resource.type in UNTAGGABLE:
            assert "tags" not in resource.inputs, resource.key
            continue
        tags = dict(resource.inputs["tags"])
        tags.pop("kubernetes.io/role/elb", None)
        tags.pop("kubernetes.io/role/internal-elb", None)
        tags.pop("sizewright-cluster", None)
        service = next((s for s in ("chat", "search") if f"sw-{s}-" in resource.name), None)
        assert tags == {
            "Name": resource.name,
            "managed-by": "sizewright",
            "environment": "prod",
            "cost-centre": "42",
            **({"service": service} if service else {}),
        }, resource.key


def test_every_role_is_bounded_and_in_its_path() -> None:
    boundary = "arn:aws:iam::123456789012:policy/boundary"
    rules = RolesPlan(path="/platform/", permissions_boundary_arn=boundary)
    roles = of_type(stack(two_services_plan().model_copy(update={"roles": rules})), "iam/role:Role")
    assert len(roles) > 1
    for role in roles:
        kept = role.name == "sw-cluster-control-role"
        assert role.inputs["path"] == ("/" if kept else "/platform/"), role.key
        assert role.inputs["permissionsBoundary"] == boundary, role.key


def test_explicit_providers_only(preview: bool) -> None:
    recording = stack(chat_plan(), preview)
    assert {r.provider for r in owned(recording, "aws:")} == {"pulumi:providers:aws::sw-aws"}
    assert {r.provider for r in owned(recording, "kubernetes:")} == {
        "pulumi:providers:kubernetes::sw-cluster-kubernetes"
    }


def test_only_what_aws_cannot_change_is_ignored_and_nothing_is_named_by_hand(
    preview: bool,
) -> None:
    recording = stack(chat_plan(), preview)
    ignored = {r.type: r.ignore_changes for r in recording.resources if r.ignore_changes}
    assert ignored == {
        "aws:eks/cluster:Cluster": (
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "encryptionConfig",
        ),
        "aws:iam/role:Role": ("path",),
    }
    roles = owned(recording, "aws:iam/role:")
    assert {r.ignore_changes for r in roles} == {("path",)}
    by_hand = {r.type for r in owned(recording, "aws:") if "name" in r.inputs}
    assert by_hand == FIXED_NAMES


def test_automatic_names_fit_for_the_longest_service() -> None:
    longest = CHAT | {"name": "a" * 30}
    for resource in stack(plan_of(longest)).resources:
        if resource.type in NAME_LIMITS:
            length = len(resource.name) + RANDOM_SUFFIX
            assert length <= NAME_LIMITS[resource.type], resource.key


def test_destroy_order(preview: bool) -> None:
    """`destroy` deletes in the reverse order of `up`."""
    recording = stack(chat_plan(), preview)
    groups = {r.key for r in of_type(recording, "nodeGroup:NodeGroup")}
    assert len(groups) == 4
    for zone in ZONES:
        pods = before(recording, named(recording, f"sw-chat-serving-floor-{zone}"))
        waits = {key.rpartition("::")[2] for key in groups & pods}
        assert waits == {"sw-system-nodes", f"sw-g6-xlarge-{zone}"}, "no other zone's nodes"
    releases = "kubernetes:helm.sh/v3:Release::sw-cluster-services-"
    assert f"{releases}device-plugin" in pods, "no GPU is offered before it runs"
    binding = before(recording, named(recording, "sw-chat-registration-binding"))
    assert "kubernetes:core/v1:Service::sw-chat-serving-service" in binding
    assert not [key for key in binding if "apps/v1:Deployment" in key], "a zone may be late"
    assert f"{releases}balancing-release" in binding, "the controller clears its finalizer"
    assert "aws:lb/targetGroup:TargetGroup::sw-chat-gateway-targets" in binding
    system = "aws:eks/nodeGroup:NodeGroup::sw-system-nodes"
    for release in of_type(recording, "v3:Release"):
        assert system in before(recording, release), release.key
    cluster = "aws:eks/cluster:Cluster::sw-cluster-control-plane"
    network = {r.key for r in owned(recording, "aws:ec2/") if r.name.startswith("sw-network-")}
    for resource in owned(recording, "kubernetes:"):
        assert cluster in before(recording, resource), resource.key
    for group in of_type(recording, "nodeGroup:NodeGroup"):
        needs = before(recording, group)
        assert cluster in needs
        assert network <= needs, "nodes drain while the network still stands"
        assert "aws:eks/addon:Addon::sw-cluster-vpc-cni" in needs
        assert any("AmazonEKSWorkerNodePolicy" in need for need in needs)


def test_nothing_goes_before_what_leans_on_it(preview: bool) -> None:
    """The first of each pair is destroyed first, because `up` created it after the second."""
    recording = stack(chat_plan(), preview)

    def first(resource: RecordedResource, *later: str) -> None:
        needs = before(recording, resource)
        for part in later:
            found = [r.key for r in recording.resources if part in r.key]
            assert found and set(found) <= needs, f"{resource.key} outlives {part}"

    for custom in (r for r in recording.resources if r.type.startswith("kubernetes:elbv2")):
        first(custom, "helm.sh/v3:Release::sw-cluster-services-balancing", "lb/targetGroup")
    for release in of_type(recording, "v3:Release"):
        first(release, "NodeGroup::sw-system", "Addon::sw-cluster", "sw-cluster-access")
    controller = named(recording, "sw-cluster-services-balancing-release")
    first(controller, "sw-cluster-services-balancing-identity-", "balancing-association")
    for pods in of_type(recording, "kubernetes:apps/v1"):
        nodes = pods.name.replace("sw-chat-serving-floor", "NodeGroup::sw-g6-xlarge")
        first(pods, nodes, "sw-chat-serving-identity-", "sw-cluster-access")
    for group in of_type(recording, "eks/nodeGroup"):
        first(
            group, "sw-cluster-control-plane", "sw-cluster-node-", "private-use1", "sw-network-nat"
        )
    for balancer in of_type(recording, "lb/loadBalancer"):
        first(balancer, "ec2/subnet:Subnet::sw-network-private")
    for instance in of_type(recording, "rds/clusterInstance"):
        first(instance, "rds/cluster:Cluster", "rds/subnetGroup")


def test_each_service_is_bound_to_its_own_target_group() -> None:
    recording = stack(two_services_plan())
    for service in ("chat", "search"):
        group = f"aws:lb/targetGroup:TargetGroup::sw-{service}-gateway-targets"
        binding: Any = named(recording, f"sw-{service}-registration-binding").inputs
        assert binding["spec"]["targetGroupARN"] == {"$ref": group, "property": "arn"}


def test_outputs_hold_what_was_requested_and_built() -> None:
    plan = chat_plan()
    outputs: Any = stack(plan).outputs
    assert outputs["plan_digest"] == plan.digest
    assert outputs["cluster_name"] == "sizewright-test"
    chat = outputs["services"]["chat"]
    assert (chat["gpus_needed"], chat["gpus_total"]) == (12, 15)
    assert (chat["nodes_needed"], chat["nodes_total"]) == (12, 15)
    assert chat["nodes_by_zone"] == dict.fromkeys(ZONES, 5)
    assert chat["survives"] == {"nodes": 3, "zones": 0}
    assert chat["inputs"]["traffic"]["daily_users"] == 100_000
    assert chat["endpoint"] == {
        "$ref": "aws:lb/loadBalancer:LoadBalancer::sw-chat-gateway-balancer",
        "property": "dnsName",
    }


def test_endpoint_is_unknown_in_a_first_preview() -> None:
    outputs: Any = stack(chat_plan(), preview=True).outputs
    assert outputs["services"]["chat"]["endpoint"] == {"$unknown": True}
    assert outputs["services"]["chat"]["gpus_total"] == 15


def test_without_a_pool_a_service_has_its_stores_only(preview: bool) -> None:
    recording = stack(infeasible_plan(), preview)
    parts = [
        r for r in recording.resources if r.parent == "sizewright:index:InferenceService::sw-chat"
    ]
    assert [r.name for r in parts] == ["sw-chat-weights", "sw-chat-database"]
    assert of_type(recording, "GpuPool") == []
    outputs: Any = recording.outputs
    assert outputs["services"]["chat"]["gpus_total"] is None
    assert outputs["services"]["chat"]["endpoint"] is None


def test_a_public_balancer_is_in_the_public_subnets() -> None:
    def zones_of(plan: Plan, kind: str) -> list[str]:
        subnets = named(stack(plan), f"sw-chat-{kind}-balancer").inputs["subnets"]
        return [str(subnet["$ref"]).split("::")[1] for subnet in subnets]

    assert zones_of(public_plan(), "public") == [f"sw-network-public-{zone}" for zone in ZONES]
    assert zones_of(chat_plan(), "gateway") == [f"sw-network-private-{zone}" for zone in ZONES]


def test_each_of_both_balancers_has_targets_and_a_binding_of_its_own() -> None:
    """Guard: a target group serves one load balancer, and either must be removable alone."""
    recording = stack(public_plan(both_balancers=True))
    for kind, internal, protected in (("public", False, True), ("gateway", True, False)):
        balancer = named(recording, f"sw-chat-{kind}-balancer")
        assert balancer.inputs["internal"] is internal
        assert balancer.inputs["enableDeletionProtection"] is protected is balancer.protect
        rule: Any = named(recording, f"sw-chat-{kind}-inference").inputs
        types = [action["type"] for action in rule["actions"]]
        assert types == ["forward"] if internal else ["jwt-validation", "forward"]
    bindings = {
        r.inputs["metadata"]["name"]: r.inputs["spec"]["targetGroupARN"]["$ref"]  # type: ignore[index,call-overload]
        for r in recording.resources
        if r.type.endswith("TargetGroupBinding")
    }
    assert bindings == {
        "chat": "aws:lb/targetGroup:TargetGroup::sw-chat-gateway-targets",
        "chat-public": "aws:lb/targetGroup:TargetGroup::sw-chat-public-targets",
    }
    assert recording.outputs["services"]["chat"]["endpoint"] == {  # type: ignore[index]
        "$ref": "aws:lb/loadBalancer:LoadBalancer::sw-chat-public-balancer",
        "property": "dnsName",
    }


def test_every_bucket_role_is_built(preview: bool) -> None:
    plan = chat_plan()
    weights = plan.services[0].buckets[0]
    more = [weights.model_copy(update={"role": role}) for role in ("artefacts", "conversations")]
    service = plan.services[0].model_copy(update={"buckets": (weights, *more)})
    recording = stack(plan.model_copy(update={"services": (service,)}), preview)
    assert [r.name for r in of_type(recording, "bucket:Bucket")] == [
        "sw-access-logs-bucket",
        "sw-chat-weights-bucket",
        "sw-chat-artefacts-bucket",
        "sw-chat-conversations-bucket",
    ]


def test_every_part_follows_another_site() -> None:
    """Guard: a part with a region, range or version of its own would pass on the example site."""
    elsewhere = site("prod").model_copy(
        update={
            "region": "us-west-2",
            "zones": ("usw2-az1", "usw2-az2", "usw2-az3"),
            "vpc_cidr": "10.8.0.0/16",
            "kubernetes_version": "1.34",
            "ami_release": None,
        }
    )
    plan = size([Workload.model_validate(CHAT)], elsewhere, load_catalog())
    recording = stack(plan)
    versions = {r.inputs["version"] for r in of_type(recording, "eks/nodeGroup:NodeGroup")}
    assert versions == {"1.34"}
    endpoints = of_type(recording, "ec2/vpcEndpoint:VpcEndpoint")
    assert endpoints
    assert all(".us-west-2." in e.inputs["serviceName"] for e in endpoints)
    rules = [
        *of_type(recording, "SecurityGroupIngressRule"),
        *of_type(recording, "SecurityGroupEgressRule"),
    ]
    ranges = {r.inputs["cidrIpv4"] for r in rules if "cidrIpv4" in r.inputs}
    assert ranges == {"10.8.0.0/16"}
