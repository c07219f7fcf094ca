"""Limits that AWS checks when a resource is made or changed, beyond its inputs alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from testbed.standin.schema import opened
from testbed.standin.world import Thing, World

LISTENER = "aws:lb/listener:Listener"
RULE = "aws:lb/listenerRule:ListenerRule"
ATTACHMENT = "aws:lb/targetGroupAttachment:TargetGroupAttachment"
BUCKET = "aws:s3/bucket:Bucket"
VERSIONING = "aws:s3/bucketVersioning:BucketVersioning"
REPLICATION = "aws:s3/bucketReplicationConfig:BucketReplicationConfig"
PERMISSION = "aws:lambda/permission:Permission"
ACTIONS = {LISTENER: "defaultActions", RULE: "actions"}


def refusals(token: str, inputs: Mapping[str, Any], world: World) -> Iterator[str]:
    """Reasons why AWS refuses these inputs.

    Basis: vendor (APIs of Elastic Load Balancing and S3).
    """
    if token in ACTIONS:
        yield from _shared_groups(token, inputs, world)
    if token == ATTACHMENT:
        yield from _calls_denied(inputs, world)
    if token.startswith("aws:s3/bucket") and token != BUCKET:
        yield from _elsewhere(inputs, world)
    if token == REPLICATION:
        yield from _without_versions(inputs, world)


def _shared_groups(token: str, inputs: Mapping[str, Any], world: World) -> Iterator[str]:
    """Refusal of a target group that another load balancer already uses."""
    balancer, wanted = _balancer(token, inputs, world), _target_groups(token, inputs)
    for other in (*world.of_type(LISTENER), *world.of_type(RULE)):
        shared = wanted & _target_groups(other.type, other.inputs)
        if shared and _balancer(other.type, other.inputs, world) != balancer:
            limit = "TargetGroupAssociationLimit: The following target groups cannot be associated"
            yield f"{limit} with more than one load balancer: {', '.join(sorted(shared))}"


def _calls_denied(inputs: Mapping[str, Any], world: World) -> Iterator[str]:
    """Refusal of a function that does not let the target group call it."""
    target, group = str(inputs.get("targetId")), inputs.get("targetGroupArn")
    if ":lambda:" not in target:
        return
    allowed = (permission.inputs.get("sourceArn") for permission in world.of_type(PERMISSION))
    if group not in allowed:
        principal = "elasticloadbalancing principal does not have permission to invoke"
        yield f"AccessDenied: {principal} {target} from target group {group}"


def _elsewhere(inputs: Mapping[str, Any], world: World) -> Iterator[str]:
    """Refusal of a part of a bucket that is requested in another region than the bucket's."""
    region = inputs.get("region") or world.region
    bucket = world.find(BUCKET, str(inputs.get("bucket")))
    if bucket is not None and bucket.outputs["region"] != region:
        yield f"PermanentRedirect: {bucket.id} is in {bucket.outputs['region']}, not {region}"


def _without_versions(inputs: Mapping[str, Any], world: World) -> Iterator[str]:
    """Refusal of copies between buckets that do not both keep versions."""
    versioned = {str(each.inputs["bucket"]) for each in world.of_type(VERSIONING)}
    targets = {rule["destination"]["bucket"].rpartition(":")[2] for rule in inputs["rules"]}
    for bucket in sorted({str(inputs["bucket"]), *targets} - versioned):
        yield f"InvalidRequest: Versioning must be 'Enabled' on the bucket {bucket}"


def _target_groups(token: str, inputs: Mapping[str, Any]) -> set[str]:
    """ARNs of target groups that the actions forward to."""
    found = set[str]()
    for action in opened(inputs.get(ACTIONS[token])) or []:  # type: ignore[attr-defined]
        if isinstance(arn := action.get("targetGroupArn"), str):
            found.add(arn)
    return found


def _balancer(token: str, inputs: Mapping[str, Any], world: World) -> object:
    """ARN of the load balancer to which the listener, or the rule's listener, belongs."""
    if token == LISTENER:
        return inputs.get("loadBalancerArn")
    listener: Thing | None = world.find(LISTENER, str(inputs.get("listenerArn")))
    return None if listener is None else listener.inputs.get("loadBalancerArn")
