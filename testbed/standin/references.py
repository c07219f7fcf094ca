"""References of a resource's inputs to other resources, which must exist when they are known."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sizewright.record import sdk
from testbed.standin.schema import Fault, opened
from testbed.standin.world import World

REFERRING = re.compile(r"(Ids?|Arns?|ARN|launchTemplate\.id)(\[\d+\])?$")
NAMING = {
    "bucket": "aws:s3/bucket:Bucket",
    "clusterIdentifier": "aws:rds/cluster:Cluster",
    "clusterName": "aws:eks/cluster:Cluster",
    "dbSubnetGroupName": "aws:rds/subnetGroup:SubnetGroup",
    "function": "aws:lambda/function:Function",
    "logGroup": "aws:cloudwatch/logGroup:LogGroup",
    "queueUrl": "aws:sqs/queue:Queue",
    "role": "aws:iam/role:Role",
    "roles": "aws:iam/role:Role",
    "securityGroups": "aws:ec2/securityGroup:SecurityGroup",
    "subnets": "aws:ec2/subnet:Subnet",
}
"""Properties that name another resource, and the type whose own name they may contain."""
NO_REFERENCE = {
    "availabilityZoneId",
    "accountId",
    "sourceAccountId",
    "originId",
    "targetOriginId",
}
"""Ids that are no other resource's: of zones, of accounts, and names inside a distribution."""
OWN_ID = {
    "aws:elasticache/user:User": "userId",
    "aws:elasticache/userGroup:UserGroup": "userGroupId",
}
"""Ids that a resource states for itself."""
EVERY_ACCOUNT = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": "CachingOptimized",
    "67f7725c-6f97-4210-82d7-5512b31e9d03": "SecurityHeadersPolicy",
}
"""Managed policies of CloudFront by id. Basis: vendor (CloudFront developer guide)."""
ARN = re.compile(r"arn:aws[a-z-]*:[^\s\"']*")
AWS_OWN = re.compile(
    r"arn:aws[a-z-]*:(iam::aws:policy/|iam::\d{12}:(root|role/aws-service-role/)|.*\*)"
)
"""ARNs that every account has, and patterns over ARNs."""
BUILT_IN_NAMESPACES = {"default", "kube-system", "kube-public", "kube-node-lease"}


def dangling(token: str, inputs: Mapping[str, Any], world: World) -> Iterator[Fault]:
    """References of these inputs to resources that do not exist."""
    for path, key, value in _leaves(inputs):
        if value == sdk.UNKNOWN or sdk.UNKNOWN in value:
            continue
        named = NAMING.get(key)
        by_name = named is not None and named != token
        own = NO_REFERENCE | {OWN_ID.get(token)}
        by_id = REFERRING.search(path) is not None and key not in own
        if token.startswith("aws:") and (by_name or by_id) and not ARN.match(value):
            if value not in EVERY_ACCOUNT and not world.exists(value):
                yield path, f"nothing that exists has the id or name {value!r}"
            continue
        for arn in ARN.findall(value):
            if not _arn_exists(arn, world):
                yield path, f"nothing that exists has the ARN {arn!r}"
    if token.startswith("kubernetes:"):
        yield from _in_cluster(token, inputs, world)


def _leaves(value: object, path: str = "", key: str = "") -> Iterator[tuple[str, str, str]]:
    """Path, key and text of every text; only the principals of a policy, as IAM checks no more."""
    value = opened(value)
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name, name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]", key)
    elif isinstance(value, str):
        parsed = _document(value)
        if parsed is None:
            yield path, key, value
        else:
            yield from ((path, "", text) for _, _, text in _leaves(_principals(parsed)))


def _document(text: str) -> Any:
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _principals(document: Any) -> list[Any]:
    statements = document.get("Statement") or []
    return [statement.get("Principal") for statement in statements]


def _arn_exists(arn: str, world: World) -> bool:
    """True where the ARN exists, or the resource of which it names objects or streams."""
    whole = re.sub(r"(/\*|:\*)$", "", arn)
    if AWS_OWN.match(whole) or world.exists(whole):
        return True
    return f":{world.account}:" not in arn and not arn.startswith("arn:aws:s3:::")


def _in_cluster(token: str, inputs: Mapping[str, Any], world: World) -> Iterator[Fault]:
    metadata = opened(inputs.get("metadata")) or {}
    space = metadata.get("namespace", "default") if isinstance(metadata, dict) else "default"
    if token == "kubernetes:helm.sh/v3:Release":
        space = inputs.get("namespace", "default")
    if token != "kubernetes:core/v1:Namespace" and not _has_namespace(str(space), world):
        yield "metadata.namespace", f"no namespace {space!r}"
    spec = opened(inputs.get("spec"))
    if not isinstance(spec, dict):
        return
    pod = (spec.get("template") or {}).get("spec") or {}
    account = pod.get("serviceAccountName")
    if account and not world.expects("kubernetes:core/v1:ServiceAccount", f"{space}/{account}"):
        yield "spec.template.spec.serviceAccountName", f"no service account {space}/{account}"
    service = (spec.get("serviceRef") or {}).get("name")
    if service and not world.expects("kubernetes:core/v1:Service", f"{space}/{service}"):
        yield "spec.serviceRef.name", f"no service {space}/{service}"
    target = (spec.get("scaleTargetRef") or {}).get("name")
    if target and not world.expects("kubernetes:apps/v1:Deployment", f"{space}/{target}"):
        yield "spec.scaleTargetRef.name", f"no deployment {space}/{target}"


def _has_namespace(name: str, world: World) -> bool:
    known = name in BUILT_IN_NAMESPACES or name == sdk.UNKNOWN or name in world.outside
    return known or world.expects("kubernetes:core/v1:Namespace", name)
