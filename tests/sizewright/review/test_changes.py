"""Effects of a changed property. Sources prove the rows; these tests prove that none is missing."""

import csv
import datetime
import importlib
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import templates.render
from sizewright.review.changes import (
    COLUMNS,
    EFFECTS,
    RULES,
    STATEFUL,
    Effect,
    Rule,
    Rules,
    load_rules,
)
from sizewright.review.physical_names import physical_names

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
BALANCER = "aws:lb/loadBalancer:LoadBalancer"
GROUPS = "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet"
TARGETS = "aws:lb/targetGroup:TargetGroup"
AURORA = "aws:rds/cluster:Cluster"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
JOB = "kubernetes:batch/v1:Job"
CRON_JOB = "kubernetes:batch/v1:CronJob"
PASSWORD = "aws:secretsmanager/secret:Secret"
QUOTA = "kubernetes:core/v1:ResourceQuota"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
SERVICE = "kubernetes:core/v1:Service"
RELEASE = "kubernetes:helm.sh/v3:Release"
BINDING = "kubernetes:elbv2.k8s.aws/v1beta1:TargetGroupBinding"
ROLE = "kubernetes:rbac.authorization.k8s.io/v1:Role"
ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
SCALED_OBJECT = "kubernetes:keda.sh/v1alpha1:ScaledObject"
TRIGGER_AUTHENTICATION = "kubernetes:keda.sh/v1alpha1:TriggerAuthentication"
NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
NODE_CLASS = "kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"
STORAGE_CLASS = "kubernetes:storage.k8s.io/v1:StorageClass"
QUEUE = "aws:sqs/queue:Queue"
FUNCTION = "aws:lambda/function:Function"
DISTRIBUTION = "aws:cloudfront/distribution:Distribution"
PERMISSION = "aws:lambda/permission:Permission"
CLASSES = {
    FUNCTION: ("pulumi_aws.lambda_", "Function"),
    PERMISSION: ("pulumi_aws.lambda_", "Permission"),
    RELEASE: ("pulumi_kubernetes.helm.v3", "Release"),
    ROLE: ("pulumi_kubernetes.rbac.v1", "Role"),
    ROLE_BINDING: ("pulumi_kubernetes.rbac.v1", "RoleBinding"),
    **dict.fromkeys(
        (BINDING, SCALED_OBJECT, TRIGGER_AUTHENTICATION, NODE_POOL, NODE_CLASS, GROUPS),
        ("pulumi_kubernetes.apiextensions", "CustomResource"),
    ),
}
"""Modules of the SDK whose classes have another token."""
SCHEMAS = Path(templates.render.__file__).parent / "schemas"
CUSTOM = {
    BINDING: "target-group-binding",
    SCALED_OBJECT: "scaled-object",
    TRIGGER_AUTHENTICATION: "trigger-authentication",
    GROUPS: "leader-worker-set",
    NODE_POOL: "node-pool",
    NODE_CLASS: "ec2-node-class",
}
"""Kinds that the SDK does not know, by the file of this project's schema."""

COVERED = {
    "aws:s3/bucketNotification:BucketNotification",
    "aws:kinesis/firehoseDeliveryStream:FirehoseDeliveryStream",
    "aws:cloudwatch/logStream:LogStream",
    "aws:elasticache/serverlessCache:ServerlessCache",
    *("aws:elasticache/user:User", "aws:elasticache/userGroup:UserGroup"),
    TRIGGER_AUTHENTICATION,
    *("aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/internetGateway:InternetGateway"),
    "aws:ec2/flowLog:FlowLog",
    *("aws:ec2/placementGroup:PlacementGroup", GROUPS),
    *("aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway", "aws:ec2/routeTable:RouteTable"),
    *("aws:ec2/route:Route", "aws:ec2/routeTableAssociation:RouteTableAssociation"),
    *("aws:ec2/vpcEndpoint:VpcEndpoint", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"),
    *("aws:ec2/securityGroup:SecurityGroup", TEMPLATE, CLUSTER, "aws:eks/addon:Addon"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "aws:wafv2/webAcl:WebAcl",
    "aws:wafv2/webAclAssociation:WebAclAssociation",
    "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    *(NODE_GROUP, "aws:eks/podIdentityAssociation:PodIdentityAssociation"),
    *("aws:eks/accessEntry:AccessEntry", "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"),
    *(ATTACHMENT, "aws:kms/key:Key", "aws:kms/alias:Alias", "aws:cloudwatch/logGroup:LogGroup"),
    *(BALANCER, "aws:lb/listener:Listener", "aws:lb/listenerRule:ListenerRule", TARGETS),
    *("aws:rds/subnetGroup:SubnetGroup", AURORA, "aws:rds/clusterInstance:ClusterInstance"),
    "aws:rds/clusterParameterGroup:ClusterParameterGroup",
    *("aws:s3/bucket:Bucket", "aws:s3/bucketVersioning:BucketVersioning"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
    *("aws:route53/zone:Zone", "aws:route53/record:Record", "aws:acm/certificate:Certificate"),
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    *("pulumi:providers:aws", "pulumi:providers:kubernetes"),
    *("kubernetes:core/v1:Namespace", "kubernetes:core/v1:ServiceAccount", SERVICE, CONFIG_MAP),
    *(DEPLOYMENT, BUDGET, RELEASE, BINDING, ROLE, ROLE_BINDING),
    *(SCALED_OBJECT, NODE_POOL, NODE_CLASS, QUEUE, "aws:sqs/queuePolicy:QueuePolicy"),
    *("aws:cloudwatch/eventRule:EventRule", "aws:cloudwatch/eventTarget:EventTarget"),
    "aws:iam/instanceProfile:InstanceProfile",
    *(QUOTA, NETWORK_POLICY, JOB, CRON_JOB, PASSWORD),
    *(FUNCTION, PERMISSION, "aws:dynamodb/table:Table"),
    *(DISTRIBUTION, "aws:cloudfront/keyGroup:KeyGroup", "aws:cloudfront/publicKey:PublicKey"),
    "aws:cloudfront/originAccessControl:OriginAccessControl",
    "aws:lb/targetGroupAttachment:TargetGroupAttachment",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
    *("aws:sns/topic:Topic", "aws:sns/topicSubscription:TopicSubscription", STORAGE_CLASS),
}

# Properties newer than the available provider sources; no document describes their changes.
UNKNOWN = {
    "aws:sns/topic:Topic": {"maximumMessageSize"},
    "aws:elasticache/serverlessCache:ServerlessCache": {"networkType", "timeouts"},
    "aws:elasticache/user:User": {"passwordsWo", "passwordsWoVersion"},
    "aws:acm/certificate:Certificate": {"privateKeyWo", "privateKeyWoVersion"},
    "aws:route53/zone:Zone": {"enableAcceleratedRecovery"},
    "aws:cloudwatch/eventTarget:EventTarget": {"appsyncTarget"},
    "aws:cloudwatch/logGroup:LogGroup": {"deletionProtectionEnabled"},
    "aws:ec2/flowLog:FlowLog": {"tagFieldSpecifications"},
    "aws:ec2/route:Route": {"odbNetworkArn"},
    DISTRIBUTION: {
        "anycastIpListId",
        "cacheTagConfig",
        "connectionFunctionAssociation",
        "viewerMtlsConfig",
    },
    FUNCTION: {"useResourceTimeoutForPropagation"},
    "aws:dynamodb/table:Table": {"restoreBackupArn"},
    CLUSTER: {
        "defaultAddonsToRemoves",
        "kubeApiServerConfig",
        "kubeControllerManagerConfig",
        "kubeSchedulerConfig",
        "kubernetesNetworkConfig.serviceIpv6Cidr",
        "outpostConfig.controlPlanePlacement.spreadLevel",
        "outpostConfig.etcdInstanceType",
        "outpostConfig.etcdPlacement",
        "vpcConfig.clusterSecurityGroupId",
        "vpcConfig.vpcId",
    },
    NODE_GROUP: {"warmPoolConfig"},
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": {"policy"},
    "aws:lb/listenerRule:ListenerRule": {
        "conditions.*.hostHeader.regexValues",
        "conditions.*.httpHeader.regexValues",
        "conditions.*.pathPattern.regexValues",
        "conditions.*.sourceIp.ipAddressType",
        "transforms",
    },
    BALANCER: {"enablePrefixForIpv6SourceNat", "healthCheckLogs"},
    TARGETS: {"targetControlPort"},
    AURORA: {"autoMinorVersionUpgrade", "warningEventCategories"},
    "aws:rds/clusterInstance:ClusterInstance": {"warningEventCategories"},
    "aws:s3/bucket:Bucket": {"serverSideEncryptionConfiguration.rule.blockedEncryptionTypes"},
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {"skipDestroy"},
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
        "rules.*.blockedEncryptionTypes"
    },
    "aws:wafv2/webAcl:WebAcl": {"monetizationConfig"},
    "pulumi:providers:kubernetes": {"alwaysRender", "clusterIdentifier", "enablePatchForce"},
    # A type token fixes both.
    **{kind: {"apiVersion", "kind"} for kind in COVERED if kind.startswith("kubernetes:")},
    # Its class has neither.
    RELEASE: set(),
}


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules()


@pytest.mark.parametrize(
    ("resource_type", "path", "effect"),
    [
        (NODE_GROUP, "scalingConfig.desiredSize", Effect.update),
        (NODE_GROUP, "scalingConfig", Effect.update),
        (NODE_GROUP, "instanceTypes", Effect.replace),
        (NODE_GROUP, "instanceTypes.0", Effect.replace),
        (NODE_GROUP, "launchTemplate.version", Effect.update),
        (NODE_GROUP, "launchTemplate.id", Effect.replace),
        (NODE_GROUP, "launchTemplate.name", Effect.replace),
        (NODE_GROUP, "launchTemplate", Effect.may_replace),
        (NODE_GROUP, "subnetIds", Effect.replace),
        (NODE_GROUP, "capacityType", Effect.replace),
        (NODE_GROUP, "nodeRepairConfig.maxParallelNodesRepairedCount", Effect.update),
        (NODE_GROUP, "releaseVersion", Effect.update),
        (NODE_GROUP, "taints.0.value", Effect.update),
        (TEMPLATE, "blockDeviceMappings.0.ebs.volumeSize", Effect.update),
        (TEMPLATE, "name", Effect.replace),
        ("aws:ec2/vpc:Vpc", "cidrBlock", Effect.replace),
        ("aws:ec2/subnet:Subnet", "cidrBlock", Effect.replace),
        ("aws:ec2/subnet:Subnet", "tags.Name", Effect.update),
        ("aws:ec2/subnet:Subnet", "region", Effect.replace),
        (CLUSTER, "version", Effect.update),
        (CLUSTER, "roleArn", Effect.replace),
        (CLUSTER, "vpcConfig.subnetIds", Effect.update),
        (CLUSTER, "accessConfig.authenticationMode", Effect.update),
        (CLUSTER, "accessConfig.bootstrapClusterCreatorAdminPermissions", Effect.replace),
        (CLUSTER, "encryptionConfig", Effect.may_replace),
        (CLUSTER, "encryptionConfig.provider.keyArn", Effect.may_replace),
        (AURORA, "engineVersion", Effect.update),
        (AURORA, "masterUsername", Effect.replace),
        (AURORA, "storageEncrypted", Effect.replace),
        (AURORA, "serverlessv2ScalingConfiguration.maxCapacity", Effect.update),
        (AURORA, "storageType", Effect.may_replace),
        ("aws:rds/clusterInstance:ClusterInstance", "instanceClass", Effect.update),
        (BALANCER, "name", Effect.replace),
        (BALANCER, "internal", Effect.replace),
        (BALANCER, "subnets", Effect.may_replace),
        (BALANCER, "securityGroups", Effect.may_replace),
        (BALANCER, "idleTimeout", Effect.update),
        ("aws:lb/listener:Listener", "defaultActions.0.forward", Effect.update),
        ("aws:lb/listener:Listener", "defaultActions.0.jwtValidation.issuer", Effect.update),
        ("aws:lb/listenerRule:ListenerRule", "actions[0].jwtValidation", Effect.update),
        ("aws:route53/record:Record", "type", Effect.replace),
        (NODE_GROUP, "updateConfig.updateStrategy", Effect.update),
        (TARGETS, "port", Effect.replace),
        (TARGETS, "healthCheck.interval", Effect.update),
        ("aws:s3/bucket:Bucket", "bucket", Effect.replace),
        ("aws:ec2/flowLog:FlowLog", "logDestination", Effect.replace),
        ("aws:ec2/flowLog:FlowLog", "tags.Name", Effect.update),
        ("aws:kms/key:Key", "multiRegion", Effect.replace),
        ("aws:route53/record:Record", "records", Effect.update),
        ("aws:route53/record:Record", "zoneId", Effect.replace),
        ("aws:acm/certificate:Certificate", "subjectAlternativeNames", Effect.replace),
        ("aws:kms/key:Key", "enableKeyRotation", Effect.update),
        ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", Effect.update),
        (DEPLOYMENT, "spec.replicas", Effect.update),
        (DEPLOYMENT, "spec.template.spec.containers.0.resources.limits.cpu", Effect.update),
        (DEPLOYMENT, "spec.selector.matchLabels.app", Effect.replace),
        (DEPLOYMENT, "spec.selector", Effect.replace),
        (DEPLOYMENT, "spec", Effect.may_replace),
        (DEPLOYMENT, "metadata.name", Effect.replace),
        (DEPLOYMENT, "metadata.namespace", Effect.replace),
        (DEPLOYMENT, "metadata.labels.app.kubernetes.io/name", Effect.update),
        (CONFIG_MAP, "data.config.yaml", Effect.replace),
        (SERVICE, "spec.clusterIP", Effect.replace),
        (SERVICE, "spec.ports.0.port", Effect.update),
        (BUDGET, "spec.maxUnavailable", Effect.update),
        (JOB, "spec.activeDeadlineSeconds", Effect.update),
        (JOB, "spec.template.spec.containers.0.args", Effect.replace),
        (JOB, "metadata.name", Effect.replace),
        (CRON_JOB, "spec.jobTemplate.spec.template.spec.containers.0.env", Effect.update),
        (CRON_JOB, "metadata.name", Effect.replace),
        (PASSWORD, "kmsKeyId", Effect.update),
        (PASSWORD, "name", Effect.replace),
        (QUOTA, "spec.hard.pods", Effect.update),
        (QUOTA, "spec.scopes", Effect.replace),
        (NETWORK_POLICY, "spec.ingress", Effect.update),
        (RELEASE, "version", Effect.update),
        (RELEASE, "values.replicaCount", Effect.update),
        (RELEASE, "name", Effect.replace),
        (BINDING, "spec.targetGroupARN", Effect.replace),
        (BINDING, "spec.serviceRef.port", Effect.update),
        (BINDING, "spec", Effect.may_replace),
        (ROLE_BINDING, "roleRef.name", Effect.replace),
        (ROLE_BINDING, "subjects.0.name", Effect.update),
        (SCALED_OBJECT, "spec.maxReplicaCount", Effect.update),
        (NODE_POOL, "spec.limits.nvidia.com/gpu", Effect.update),
        (NODE_CLASS, "spec.amiSelectorTerms.0.alias", Effect.update),
        (QUEUE, "name", Effect.replace),
        (QUEUE, "messageRetentionSeconds", Effect.update),
        ("pulumi:providers:aws", "region", Effect.replace),
        ("pulumi:providers:aws", "defaultTags", Effect.update),
        ("pulumi:providers:kubernetes", "kubeconfig", Effect.may_replace),
    ],
)
def test_a_changed_property(rules: Rules, resource_type: str, path: str, effect: Effect) -> None:
    assert rules.effect(resource_type, path) is effect


@pytest.mark.parametrize(
    ("resource_type", "path"),
    [
        ("aws:sns/platformApplication:PlatformApplication", "name"),
        ("kubernetes:keda.sh/v1alpha1:ScaledJob", "spec.maxReplicaCount"),
        (NODE_GROUP, "noSuchProperty"),
        (NODE_GROUP, "scalingConfigs"),
        (NODE_GROUP, "warmPoolConfig"),
        (NODE_GROUP, ""),
    ],
)
def test_what_no_row_covers_may_replace(rules: Rules, resource_type: str, path: str) -> None:
    assert rules.effect(resource_type, path) is Effect.may_replace
    assert not rules.deletes_first(resource_type, path, {}, {})


def test_a_component_is_updated(rules: Rules) -> None:
    assert rules.effect("sizewright:index:GpuPool", "anything") is Effect.update


KEPT = {"metadata": {"name": "a", "namespace": "b"}}
OTHER_NAME = {"metadata": {"name": "c", "namespace": "b"}}
OTHER_SPACE = {"metadata": {"name": "a", "namespace": "d"}}
UNNAMED = {"metadata": {"namespace": "b"}}


@pytest.mark.parametrize(
    ("resource_type", "path", "inputs_of_both", "first"),
    [
        (CLUSTER, "roleArn", ({"name": "c"}, {"name": "c"}), True),
        (CLUSTER, "name", ({"name": "c"}, {"name": "d"}), True),
        (CLUSTER, "roleArn", ({}, {}), False),
        (CLUSTER, "version", ({"name": "c"}, {"name": "c"}), False),
        (BALANCER, "internal", ({"namePrefix": "a-"}, {"namePrefix": "a-"}), False),
        (BALANCER, "internal", ({"name": "a"}, {"name": "a"}), True),
        ("aws:cloudwatch/logGroup:LogGroup", "logGroupClass", ({"name": "l"}, {"name": "l"}), True),
        ("aws:route53/record:Record", "type", ({"name": "a.b"}, {"name": "a.b"}), False),
        (ATTACHMENT, "role", ({}, {}), True),
        (CONFIG_MAP, "data.key", (KEPT, KEPT), True),
        (CONFIG_MAP, "data.key", (KEPT, OTHER_NAME), False),
        (CONFIG_MAP, "data.key", (KEPT, OTHER_SPACE), False),
        (CONFIG_MAP, "data.key", (UNNAMED, UNNAMED), False),
        (DEPLOYMENT, "spec.selector.matchLabels", (KEPT, KEPT), True),
        (DEPLOYMENT, "metadata.name", (KEPT, OTHER_NAME), False),
        (BINDING, "spec.targetGroupARN", (KEPT, KEPT), True),
        (RELEASE, "namespace", ({"name": "r"}, {"name": "r"}), False),
        (NODE_GROUP, "instanceTypes", ({}, {}), False),
        (NODE_GROUP, "instanceTypes", ({"nodeGroupName": "n"}, {"nodeGroupName": "n"}), True),
        (NODE_GROUP, "scalingConfig.desiredSize", ({"nodeGroupName": "n"}, {}), False),
    ],
)
def test_a_replacement_deletes_first_what_has_a_given_name(
    rules: Rules, resource_type: str, path: str, inputs_of_both: tuple[Any, Any], first: bool
) -> None:
    assert rules.deletes_first(resource_type, path, *inputs_of_both) is first


OWN_AUTOMATIC_NAMES = {
    NODE_GROUP: "nodeGroupName",
    "aws:s3/bucket:Bucket": "bucket",
    PERMISSION: "statementId",
}
"""Properties that pulumi-aws names by itself although they are not called `name`."""


@pytest.mark.parametrize("resource_type", sorted(t for t in COVERED if t.startswith("aws:")))
def test_the_automatic_name_of_each_type_is_known(resource_type: str) -> None:
    """The SDK makes `name` optional where the bridge fills it in, even where AWS requires it."""
    required = {
        parameter.name
        for parameter in inspect.signature(arguments(resource_type)).parameters.values()
        if parameter.default is inspect.Parameter.empty
    }
    by_rule = "name" in inputs(resource_type) and "name" not in required
    expected = "name" if by_rule else OWN_AUTOMATIC_NAMES.get(resource_type)
    assert physical_names().get(resource_type) == expected


def test_a_wrong_row_of_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("type,property,source,checked\na:b:C,name,s,d\na:b:C,id,s,d\n")
    with pytest.raises(ValueError, match=r"names.csv:3: .*second row of its type"):
        physical_names(path)
    path.write_text("a,b\n")
    with pytest.raises(ValueError, match=r"names.csv:1: columns"):
        physical_names(path)


def test_types_that_lose_data() -> None:
    assert {AURORA, "aws:s3/bucket:Bucket", "aws:kms/key:Key"} <= STATEFUL
    assert "aws:dynamodb/table:Table" in STATEFUL
    assert "aws:rds/clusterInstance:ClusterInstance" not in STATEFUL
    assert NODE_GROUP not in STATEFUL


HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        (["type,property"], "bad.csv:1: columns"),
        ([HEADER, "a:b:C,x,update,s,d"], "bad.csv:2: 5 of 6 cells"),
        ([HEADER, "a:b:C,x,recreate,s,d,"], "bad.csv:2: effect 'recreate'"),
        ([HEADER, "a:b:C,x,update,s,d,", "a:b:C,x,replace,s,d,"], "bad.csv:3: a:b:C x has a row"),
        ([HEADER, "a:b:C,x.0,update,s,d,", "a:b:C,x.*,update,s,d,"], "bad.csv:3: .* has a row"),
    ],
)
def test_a_broken_file_is_refused(tmp_path: Path, lines: list[str], fault: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=fault):
        load_rules(path)


def all_rules(rules: Rules) -> Iterator[Rule]:
    return (rule for by_path in rules.by_type.values() for rule in by_path.values())


def test_each_row_has_a_source_and_a_date(rules: Rules) -> None:
    for rule in all_rules(rules):
        assert rule.source, rule
        assert datetime.date.fromisoformat(rule.checked) <= datetime.date(2026, 12, 1), rule


def test_what_depends_says_on_what(rules: Rules) -> None:
    assert [r for r in all_rules(rules) if r.effect is Effect.may_replace and not r.notes] == []


def test_the_rows_are_sorted_and_every_effect_occurs() -> None:
    with RULES.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))[1:]
    assert rows == sorted(rows)
    assert {row[2] for row in rows} == set(EFFECTS)


def test_a_longer_row_differs_from_the_shorter_one(rules: Rules) -> None:
    for rule in all_rules(rules):
        above, _, last = rule.property_path.rpartition(".")
        assert last.strip(), rule
        covering = [
            r
            for r in rules.by_type[rule.resource_type].values()
            if above == r.property_path or above.startswith(f"{r.property_path}.")
        ]
        assert all(
            (r.effect, r.deletes_first) != (rule.effect, rule.deletes_first) for r in covering
        ), rule


def test_the_types_are_those_the_program_makes(rules: Rules) -> None:
    assert set(rules.by_type) == COVERED


def arguments(resource_type: str) -> Any:
    """Class of a type's inputs."""
    package, module, name = resource_type.split(":")
    if package == "pulumi":
        return importlib.import_module(f"pulumi_{name}.provider").ProviderArgs
    group, version = module.split("/")
    folder = group if package == "aws" else f"{group.split('.')[0]}.{version}"
    place, name = CLASSES.get(resource_type, (f"pulumi_{package}.{folder}", name))
    resource = getattr(importlib.import_module(place), name)
    own = sys.modules[resource.__module__]
    return getattr(own, own.__all__[0])  # Guard: not always named after the resource


def held_class(annotation: str, package: str, nested_in: str) -> Any:
    """Class of inputs within a property of this type, if any."""
    for folder, name in re.findall(r"ForwardRef\('(?:_(\w+\.\w+)\.)?(\w+Args)'", annotation):
        found = f"{package}.{folder}._inputs" if folder else nested_in
        return getattr(importlib.import_module(found), name)
    return None


def input_paths(cls: Any, depth: int, above: str = "") -> Iterator[str]:
    """Each input's path in the engine's spelling, down to `depth` names, leaves and blocks."""
    package = cls.__module__.split(".")[0]
    nested_in = f"{cls.__module__.rpartition('.')[0]}._inputs"
    for member in vars(cls).values():
        if not isinstance(member, property) or member.fget is None:
            continue
        path = above + member.fget._pulumi_name  # type: ignore[attr-defined]
        yield path
        annotation = str(member.fget.__annotations__["return"])
        held = held_class(annotation, package, nested_in)
        if held is not None and depth > 1:
            step = ".*." if "Sequence[" in annotation else "."
            yield from input_paths(held, depth - 1, path + step)


def inputs(resource_type: str) -> set[str]:
    """Every input path of an AWS type; the first two levels of other types."""
    depth = 8 if resource_type.startswith("aws:") else 2
    paths = set(input_paths(arguments(resource_type), depth))
    if resource_type in CUSTOM:
        schema = json.loads((SCHEMAS / f"{CUSTOM[resource_type]}.json").read_text())
        spec = schema["properties"]["spec"]["properties"]
        paths |= {f"spec.{field}" for field in spec}
    return paths


@pytest.mark.parametrize("resource_type", sorted(COVERED))
def test_every_row_names_an_input_of_the_sdk(rules: Rules, resource_type: str) -> None:
    rows = {rule.property_path for rule in rules.by_type[resource_type].values()}
    assert rows - inputs(resource_type) == set()


@pytest.mark.parametrize("resource_type", sorted(COVERED))
def test_every_input_of_the_sdk_has_a_row_or_is_known_as_unknown(
    rules: Rules, resource_type: str
) -> None:
    rows = {rule.property_path for rule in rules.by_type[resource_type].values()}
    unknown = UNKNOWN.get(resource_type, set())
    paths = inputs(resource_type)
    blocks = {path for path in paths if any(below(other, path) for other in paths)}
    split = {path for path in blocks if any(below(row, path) for row in rows | unknown)}
    missing = {p for p in paths - split if not any(p == r or below(p, r) for r in rows | unknown)}
    assert missing == set()
    assert unknown <= paths, "gone from the SDK"
    assert not any(p == r or below(p, r) for p in unknown for r in rows), "has a row by now"


def below(path: str, above: str) -> bool:
    return path.startswith(f"{above}.")
