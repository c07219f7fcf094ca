"""IAM policy of Karpenter: it may start, tag and end its own nodes of one cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.foundation.keys import USE
from components.naming import partition, service_host
from components.policy import allow, policy

Statement = dict[str, Any]
OF_ITS_NODES = (
    "fleet",
    "instance",
    "launch-template",
    "network-interface",
    "spot-instances-request",
    "volume",
)
USED = ("image", "security-group", "snapshot")
OWN = ("security-group",)
"""Used resources that belong to the account; images and snapshots have no account."""
EC2_READS = [
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeImages",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
]


@dataclass(frozen=True, kw_only=True)
class Reach:
    """Region, account and cluster to which the policy is confined."""

    region: str
    account_id: str
    cluster: str
    """Name of the cluster, which keys of conditions contain."""
    queue_arn: pulumi.Input[str]

    def arn(self, service: str, resource: str, *, account: bool = True, region: bool = True) -> str:
        """ARN in the region and the account; either is left out for services without one."""
        place = self.region if region else ""
        return (
            f"arn:{partition(self.region)}:{service}:{place}"
            f":{self.account_id if account else ''}:{resource}"
        )


@dataclass(frozen=True, kw_only=True)
class Passed:
    """Resources that Karpenter hands to EC2 for the nodes of one stack."""

    region: str
    node_role_arn: pulumi.Input[str]
    volumes_key_arn: pulumi.Input[str]


def controller_policy(reach: Reach, passed: Passed | None) -> pulumi.Output[str]:
    """Return the policy; instances that it starts carry the cluster's tag, and it may change no
    others.

    Basis: vendor (the policy of Karpenter's CloudFormation template, and the calls in its source at
    v1.14.3). It has no rights to make instance profiles: this stack makes that of its nodes.
    """
    passes = [] if passed is None else _passes(passed)
    return policy(*_nodes(reach), *_reads(reach), *passes, _notices(reach))


def passing_policy(passed: Passed) -> pulumi.Output[str]:
    """Additional rights of the owner's Karpenter for the nodes of this stack."""
    return policy(*_passes(passed))


def _nodes(reach: Reach) -> list[Statement]:
    requested = _tagged("aws:RequestTag", reach.cluster)
    own = _tagged("aws:ResourceTag", reach.cluster)
    created = ["CreateFleet", "CreateLaunchTemplate", "RunInstances"]
    made = {**requested, "StringEquals": {**requested["StringEquals"], "ec2:CreateAction": created}}
    names = {
        "ForAllValues:StringEquals": {
            "aws:TagKeys": ["Name", "eks:eks-cluster-name", "karpenter.sh/nodeclaim"]
        }
    }
    mine = [reach.arn("ec2", f"{kind}/*") for kind in OF_ITS_NODES]
    used = [*(reach.arn("ec2", f"{kind}/*", account=kind in OWN) for kind in USED), _subnets(reach)]
    start = ["ec2:CreateFleet", "ec2:RunInstances"]
    ended = [reach.arn("ec2", "instance/*"), reach.arn("ec2", "launch-template/*")]
    return [
        allow(start, used),
        allow(start, reach.arn("ec2", "launch-template/*"), own),
        allow([*start, "ec2:CreateLaunchTemplate"], mine, requested),
        allow("ec2:CreateTags", mine, made),
        allow("ec2:CreateTags", reach.arn("ec2", "instance/*"), {**own, **names}),
        allow(["ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"], ended, own),
    ]


def _subnets(reach: Reach) -> str:
    """ARN pattern of subnets.

    Guard: the pattern allows any account. A subnet of a shared VPC has the ARN of its owner, and
    one that is not shared with this account cannot be used anyway.
    Basis: vendor (the policy of Karpenter's CloudFormation template, 2026-08).
    """
    return f"arn:{partition(reach.region)}:ec2:{reach.region}:*:subnet/*"


def _reads(reach: Reach) -> list[Statement]:
    here = {"StringEquals": {"aws:RequestedRegion": reach.region}}
    profiles = reach.arn("iam", "instance-profile/*", region=False)
    images = reach.arn("ssm", "parameter/aws/service/eks/optimized-ami/*", account=False)
    return [
        allow(EC2_READS, "*", here),
        allow("pricing:GetProducts", "*"),
        allow("ssm:GetParameter", images),
        allow("eks:DescribeCluster", reach.arn("eks", f"cluster/{reach.cluster}")),
        allow("iam:GetInstanceProfile", profiles),
        allow("iam:ListInstanceProfiles", "*"),
    ]


def _passes(passed: Passed) -> list[Statement]:
    """Statements that pass the nodes' role to EC2, and their volumes' key through EC2."""
    through = {"StringEquals": {"kms:ViaService": service_host("ec2", passed.region)}}
    grants = {**through, "Bool": {"kms:GrantIsForAWSResource": "true"}}
    to_ec2 = {
        "StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}
    }
    return [
        allow("iam:PassRole", passed.node_role_arn, to_ec2),
        allow(USE, passed.volumes_key_arn, through),
        allow("kms:CreateGrant", passed.volumes_key_arn, grants),
    ]


def _notices(reach: Reach) -> Statement:
    actions = [
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
    ]
    return allow(actions, reach.queue_arn)


def _tagged(what: str, cluster: str) -> dict[str, Mapping[str, Any]]:
    """Condition that a resource belongs to this cluster and to one of its node pools."""
    return {
        "StringEquals": {f"{what}/kubernetes.io/cluster/{cluster}": "owned"},
        "StringLike": {f"{what}/karpenter.sh/nodepool": "*"},
    }
