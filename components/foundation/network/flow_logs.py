"""Flow logs: accepted and rejected connections of the network."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, ec2

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from components.policy import allow, policy
from sizing.plan.stack.cluster import RolesPlan

AGGREGATION_S = 600
"""Seconds that one entry covers. Basis: vendor, 60 or 600; 60 costs up to ten times as much."""


@dataclass(frozen=True, kw_only=True)
class FlowLogsArgs:
    vpc_id: pulumi.Input[str]
    days: int
    """Days that the log group keeps them."""
    key_arn: pulumi.Input[str]
    roles: RolesPlan
    account_id: str
    partition: str
    tags: Tags


class FlowLogs(pulumi.ComponentResource):
    """Flow log of all traffic of the VPC, in an encrypted log group."""

    def __init__(
        self, name: str, args: FlowLogsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:FlowLogs", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = cloudwatch.LogGroup(
            f"{name}-group",
            retention_in_days=args.days,
            kms_key_id=args.key_arn,
            tags=args.tags.named(f"{name}-group"),
            opts=child,
        )
        writer = Identity(
            f"{name}-writer",
            IdentityArgs(
                trusted_service="vpc-flow-logs.amazonaws.com",
                conditions={"aws:SourceAccount": args.account_id},
                roles=args.roles,
                partition=args.partition,
                policy=_write_only(group.arn),
                tags=args.tags,
            ),
            child,
        )
        ec2.FlowLog(
            f"{name}-log",
            vpc_id=args.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=group.arn,
            iam_role_arn=writer.arn,
            max_aggregation_interval=AGGREGATION_S,
            tags=args.tags.named(f"{name}-log"),
            opts=pulumi.ResourceOptions(parent=self, depends_on=writer.grants),
        )
        self.register_outputs({})


def _write_only(group_arn: pulumi.Input[str]) -> pulumi.Output[str]:
    actions = [
        "logs:CreateLogStream",
        "logs:DescribeLogGroups",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
    ]
    return policy(allow(actions, [group_arn, pulumi.Output.concat(group_arn, ":*")]))
