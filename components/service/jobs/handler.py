"""A function on AWS Lambda that a load balancer calls, with its role and its log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, lambda_

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from components.policy import allow, policy
from sizing.plan.service.files.cdn import LinkApiPlan
from sizing.plan.service.items.jobs import JobApiPlan
from sizing.plan.stack.cluster import RolesPlan
from templates.programs import Programs

ARCHITECTURE = "arm64"
"""Processor of a function: its program has no binary, and a GB-second on Arm costs a fifth less.
Basis: vendor (AWS Lambda pricing, 2026-11)."""


@dataclass(frozen=True, kw_only=True)
class HandlerArgs:
    plan: JobApiPlan | LinkApiPlan
    description: str
    programs: Programs
    handler: str
    """Name of the program and of its entry function: `job_api.handler`."""
    rights: Sequence[Mapping[str, Any]]
    """Statements of the role's policy, besides those for the log."""
    variables: Mapping[str, pulumi.Input[str]]
    logs_key_arn: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    tags: Tags


def create_handler(name: str, args: HandlerArgs, parent: pulumi.Resource) -> lambda_.Function:
    """Create the function of a component, which is the parent of its log and its role too."""
    child = pulumi.ResourceOptions(parent=parent)
    logs = cloudwatch.LogGroup(
        f"{name}-logs",
        retention_in_days=args.plan.log_days,
        kms_key_id=args.logs_key_arn,
        tags=args.tags.named(f"{name}-logs"),
        opts=child,
    )
    own_logs = pulumi.Output.concat(logs.arn, ":*")
    # AWS passes a role to functions of its own account only.
    identity = Identity(
        f"{name}-identity",
        IdentityArgs(
            trusted_service="lambda.amazonaws.com",
            policy=policy(
                *args.rights, allow(["logs:CreateLogStream", "logs:PutLogEvents"], own_logs)
            ),
            roles=args.roles,
            partition=args.partition,
            tags=args.tags,
        ),
        child,
    )
    return lambda_.Function(
        f"{name}-handler",
        description=args.description,
        code=_archive(args.programs),
        handler=args.handler,
        runtime=args.plan.runtime,
        architectures=[ARCHITECTURE],
        memory_size=args.plan.memory_mib,
        timeout=args.plan.timeout_s,
        role=identity.arn,
        environment={"variables": args.variables},
        logging_config={"log_format": "JSON", "log_group": logs.name},
        tags=args.tags.named(f"{name}-handler"),
        opts=pulumi.ResourceOptions(parent=parent, depends_on=identity.grants),
    )


def _archive(of: Programs) -> pulumi.AssetArchive:
    """Archive of the programs by file name. The runtime has the AWS SDK, so nothing is added.

    Guard: texts, not paths. The same release makes the same archive on each machine.
    """
    return pulumi.AssetArchive({each.file: pulumi.StringAsset(each.text) for each in of.files})
