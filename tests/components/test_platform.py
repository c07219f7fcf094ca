"""Rules for every resource of a whole stack, and the effects of a changed plan."""

import json
from collections import Counter
from typing import Any

import pytest

from components.platform import build
from sizewright.record import Recorded, RecordedResource
from sizing.catalog import load_catalog
from sizing.plan import Plan, RolesPlan
from sizing.size import size
from sizing.workload import Workload
from tests.components.plans import (
    CHAT,
    SEARCH,
    ZONES,
    changed_service,
    chat_plan,
    infeasible_plan,
    plan_of,
    public_plan,
    site,
    two_services_plan,
)
from tests.components.recording import before, named, of_type, recorded

SSE = ("rules", "0", "applyServerSideEncryptionByDefault", "kmsMasterKeyId")
EBS = ("blockDeviceMappings", "0", "ebs", "kmsKeyId")
IMAGES = CHAT | {
    "name": "images",
    "kind": "image",
    "model": {"name": "sdxl-1.0-base", "precision": "fp16"},
    "request": {"iterations": 30},
}
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


def stack(plan: Plan, preview: bool = False) -> Recorded:
    return recorded(lambda: build(plan), preview)


def owned(recording: Recorded, prefix: str) -> list[RecordedResource]:
    return [r for r in recording.resources if r.type.startswith(prefix)]


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


@pytest.mark.parametrize(
    ("environment", "kept"),
    [
        (
            "prod",
            [
                "sw-access-logs-bucket",
                "sw-chat-database-cluster",
                "sw-chat-gateway-balancer",
                "sw-chat-weights-bucket",
                "sw-cluster-control-plane",
                *(f"sw-keys-{role}" for role in ("cluster", "data", "logs", "volumes", "weights")),
            ],
        ),
        ("dev", []),
    ],
)
def test_stores_and_keys_are_protected_in_prod(
    preview: bool, environment: str, kept: list[str]
) -> None:
    recording = stack(chat_plan(environment), preview)
    assert sorted(r.name for r in recording.resources if r.protect) == kept


def test_each_class_of_data_has_its_key() -> None:
    recording = stack(plan_of(CHAT, IMAGES))

    def key_of(name: str, *path: str) -> str:
        value: Any = named(recording, name).inputs
        for step in path:
            value = value[int(step)] if step.isdecimal() else value[step]
        assert value["property"] == "arn"
        return str(value["$ref"].split("::")[1])

    expected = {
        ("sw-cluster-control-plane", "encryptionConfig", "provider", "keyArn"): "cluster",
        ("sw-cluster-logs", "kmsKeyId"): "logs",
        ("sw-network-flow-logs-group", "kmsKeyId"): "logs",
        ("sw-chat-database-cluster", "kmsKeyId"): "data",
        ("sw-chat-weights-encryption", *SSE): "weights",
        ("sw-images-artefacts-encryption", *SSE): "data",
        ("sw-g6-xlarge-template", *EBS): "volumes",
        ("sw-system-template", *EBS): "volumes",
    }
    assert {path: key_of(*path) for path in expected} == {
        path: f"sw-keys-{role}" for path, role in expected.items()
    }


def test_the_key_of_logs_names_the_groups_that_are_made() -> None:
    recording = stack(chat_plan())
    policy = str(named(recording, "sw-keys-logs", "kms/key").inputs["policy"])
    cluster = named(recording, "sw-cluster-logs").inputs["name"]
    assert f":log-group:{cluster}" in policy
    assert f":log-group:{named(recording, 'sw-network-flow-logs-group').name}-*" in policy


def test_each_service_is_bound_to_its_own_target_group() -> None:
    recording = stack(two_services_plan())
    for service in ("chat", "search"):
        group = f"aws:lb/targetGroup:TargetGroup::sw-{service}-gateway-targets"
        binding: Any = named(recording, f"sw-{service}-registration-binding").inputs
        assert binding["spec"]["targetGroupARN"] == {"$ref": group, "property": "arn"}


INLINE_POLICY_LIMIT = 10_240
"""Characters of all inline policies of a role, spaces not counted. Basis: vendor (IAM quotas)."""


def test_the_controller_s_policies_fit_however_many_services_there_are() -> None:
    """Guard: with a grant for each service the 39th was refused by IAM."""
    sizes = [policy_characters(plan) for plan in (chat_plan(), two_services_plan())]
    assert sizes[0] == sizes[1] < INLINE_POLICY_LIMIT / 8


def policy_characters(plan: Plan) -> int:
    recording = stack(plan)
    (controller,) = (
        r.inputs["role"]
        for r in of_type(recording, "rolePolicy:RolePolicy")
        if r.name == "sw-targets-grant"
    )
    policies = [
        str(r.inputs["policy"])
        for r in of_type(recording, "rolePolicy:RolePolicy")
        if r.inputs["role"] == controller
    ]
    assert len(policies) == 2, "its reads, and one grant"
    return sum(len("".join(policy.split())) for policy in policies)


def test_the_controller_writes_to_groups_of_its_cluster_only() -> None:
    recording = stack(two_services_plan())
    grant = json.loads(str(named(recording, "sw-targets-grant").inputs["policy"]))
    (statement,) = grant["Statement"]
    (condition,) = statement["Condition"]["StringEquals"].items()
    for service in ("chat", "search"):
        tags: Any = named(recording, f"sw-{service}-gateway-targets").inputs["tags"]
        assert condition == ("aws:ResourceTag/sizewright-cluster", tags["sizewright-cluster"])


def test_outputs_say_what_was_asked_and_built() -> None:
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


def test_services_of_one_type_share_node_groups(preview: bool) -> None:
    recording = stack(two_services_plan(), preview)
    groups = [r for r in of_type(recording, "nodeGroup:NodeGroup") if "g6-xlarge" in r.name]
    assert [g.inputs["scalingConfig"]["desiredSize"] for g in groups] == [6, 6, 6]
    floors = of_type(recording, "apps/v1:Deployment")
    assert {f.name: f.inputs["spec"]["replicas"] for f in floors} == {
        **{f"sw-chat-serving-floor-{zone}": 5 for zone in ZONES},
        **{f"sw-search-serving-floor-{zone}": 1 for zone in ZONES},
    }
    counts = Counter(r.type for r in owned(recording, "aws:lb/"))
    assert set(counts.values()) == {2}, "one gateway a service"


def differences(left: Plan, right: Plan) -> dict[str, set[str]]:
    """Names of changed inputs by resource name; `+` and `-` mark created and deleted resources."""
    before_, after = ({r.key: r.inputs for r in stack(plan).resources} for plan in (left, right))
    changed = {}
    for resource in before_.keys() | after.keys():
        if resource not in after:
            changed[resource.split("::")[1]] = {"-"}
        elif resource not in before_:
            changed[resource.split("::")[1]] = {"+"}
        elif before_[resource] != after[resource]:
            ours, theirs = before_[resource], after[resource]
            names = {n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}
            changed[resource.split("::")[1]] = names
    return changed


def test_a_public_balancer_stands_in_the_public_subnets() -> None:
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


def test_the_firewall_s_log_is_among_what_the_key_of_logs_is_for() -> None:
    recording = stack(public_plan())
    group = named(recording, "sw-chat-public-firewall-group").inputs
    assert group["kmsKeyId"]["$ref"] == "aws:kms/key:Key::sw-keys-logs"
    assert group["namePrefix"].startswith("aws-waf-logs-sw-chat-")
    assert ":log-group:aws-waf-logs-sw-chat-*" in str(
        named(recording, "sw-keys-logs", "key:").inputs
    )
    assert "aws-waf-logs" not in str(named(stack(chat_plan()), "sw-keys-logs", "key:").inputs)


def test_an_unchanged_plan_changes_nothing() -> None:
    assert differences(chat_plan(), chat_plan()) == {}


def test_12_to_15_changes_node_groups_replicas_and_budget() -> None:
    without_spares = plan_of(CHAT | {"redundancy": {}})
    assert differences(without_spares, chat_plan()) == {
        **{f"sw-g6-xlarge-{zone}": {"scalingConfig", "nodeRepairConfig"} for zone in ZONES},
        **{f"sw-chat-serving-floor-{zone}": {"spec"} for zone in ZONES},
        "sw-chat-serving-budget": {"spec"},
        "sw-chat-namespace-quota": {"spec"},
    }


def test_a_second_service_leaves_the_first_one_alone() -> None:
    changed = differences(plan_of(CHAT), plan_of(CHAT, SEARCH))
    shared = {name for name, inputs in changed.items() if inputs != {"+"}}
    assert shared == {f"sw-g6-xlarge-{zone}" for zone in ZONES}


def test_a_second_service_enlarges_the_volume_of_both() -> None:
    on = {"hardware": {"instance_type": "g5g.xlarge"}}
    changed = differences(plan_of(CHAT | on), plan_of(CHAT | on, SEARCH | on))
    assert changed["sw-g5g-xlarge-template"] == {"blockDeviceMappings"}
    assert not [name for name in changed if name.startswith("sw-chat-serving-floor")]


def test_another_type_is_a_pool_beside_the_old() -> None:
    """Nothing of the old pool is replaced: its groups are deleted, others get other names."""
    moved = CHAT | {"hardware": {"instance_type": "g6e.xlarge"}}
    changed = differences(plan_of(CHAT), plan_of(moved))
    new = {name for name, inputs in changed.items() if inputs == {"+"}}
    old = {name for name, inputs in changed.items() if inputs == {"-"}}
    pools = ("", "-template", *(f"-{zone}" for zone in ZONES))
    assert {f"sw-g6e-xlarge{part}" for part in pools} <= new
    assert {f"sw-g6-xlarge{part}" for part in pools} <= old
    for zone in ZONES:
        assert changed[f"sw-chat-serving-floor-{zone}"] == {"spec"}, "shifted by its node selector"


def test_a_shift_keeps_the_old_pool_until_its_services_left() -> None:
    both = plan_of(CHAT, SEARCH | {"hardware": {"instance_type": "g6e.xlarge"}})
    changed = differences(plan_of(CHAT), both)
    assert not {name for name in changed if name.startswith("sw-g6-xlarge")}


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


def test_database_instances_follow_the_plan() -> None:
    plan = chat_plan()
    assert differences(plan, changed_service(plan, "database", instances=3)) == {
        "sw-chat-database-instance-2": {"+"}
    }


def test_every_part_is_told_of_another_site() -> None:
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


def test_a_service_reads_its_weights_and_not_its_conversations() -> None:
    """A text service whose data outgrow the database has a second bucket."""
    data = CHAT["data"] | {"interaction_bytes": 2_000_000_000}
    recording = stack(plan_of(CHAT | {"data": data}))
    assert named(recording, "sw-chat-conversations-bucket")
    policy = named(recording, "sw-chat-serving-identity-policy").inputs["policy"]
    assert "sw-chat-weights-bucket" in policy
    assert "conversations" not in policy
