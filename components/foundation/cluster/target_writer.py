"""The load balancer controller that registers targets, of this stack or the cluster's owner."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam

from components.naming import partition
from components.policy import allow, policy

CLUSTER_TAG = "sizewright-cluster"
"""Tag of a target group that names the cluster whose pods are its targets."""
WRITES = ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"]


@dataclass(frozen=True, kw_only=True)
class TargetWriter:
    role_name: pulumi.Input[str] | None
    """Role to which target groups are granted; null where it may write to all of them."""
    ready: Sequence[pulumi.Resource]
    """Resources that must outlive the bindings."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """Target groups of one cluster."""

    region: str
    account_id: str
    cluster_name: pulumi.Input[str]


def granted(
    name: str, writer: TargetWriter | None, targets: Targets, opts: pulumi.ResourceOptions
) -> TargetWriter | None:
    """Return the controller with the right to write to the cluster's target groups.

    Guard: one grant a stack, by tag. One a service would end at 38 of them: the inline policies of
    a role have at most 10,240 characters together. Basis: vendor (IAM quotas; IAM reference of ELB:
    these actions take aws:ResourceTag of a target group).
    """
    if writer is None or writer.role_name is None:
        return writer
    grant = iam.RolePolicy(
        f"{name}-targets-grant", role=writer.role_name, policy=_may_register(targets), opts=opts
    )
    return TargetWriter(role_name=writer.role_name, ready=[*writer.ready, grant])


def _may_register(targets: Targets) -> pulumi.Output[str]:
    arn = (
        f"arn:{partition(targets.region)}:elasticloadbalancing:{targets.region}"
        f":{targets.account_id}:targetgroup/*/*"
    )
    own = {"StringEquals": {f"aws:ResourceTag/{CLUSTER_TAG}": targets.cluster_name}}
    return policy(allow(WRITES, arn, own))
