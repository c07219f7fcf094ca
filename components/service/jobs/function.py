"""The function that accepts jobs, with its program, its role and its log."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import cloudwatch, lambda_

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from components.policy import allow, policy
from components.service.jobs.queue import Queue
from components.service.jobs.table import Table
from components.service.object_store import ObjectStore
from sizing.plan.service.items.jobs import JobApiPlan
from sizing.plan.stack.cluster import RolesPlan
from templates.programs import JOB_API, Programs, programs

HANDLER = "job_api.handler"
ARCHITECTURE = "arm64"
"""Processor of the function: its program is Python alone, and a GB-second on Arm costs a fifth
less. Basis: vendor (AWS Lambda pricing, 2026-11)."""
UPLOADS = "uploads/"
"""Prefix of uploaded images in the bucket of results."""
RESULTS = "??/*"
"""Pattern of the keys of results, in the form of IAM: each starts with two digits of a job's id.
The pattern matches no upload."""
KEY_USE = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]
"""Use of the key of data by those that read and write jobs. Basis: vendor (the AWS CDK grants these
with an encrypted table; S3 and SQS require two of them)."""


@dataclass(frozen=True, kw_only=True)
class FunctionArgs:
    plan: JobApiPlan
    kept_s: int
    """Seconds for which the queue keeps a job."""
    queue: Queue
    table: Table
    artefacts: ObjectStore
    """Bucket of results and of uploaded images."""
    key_arn: pulumi.Input[str]
    """Key of all three."""
    logs_key_arn: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    tags: Tags


class Function(pulumi.ComponentResource):
    """The function. It has no address of its own: a load balancer calls it."""

    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: FunctionArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Function", name, None, opts)
        self._name = name
        self._args = args
        logs = self._logs()
        made = self._function(logs, self._identity(logs))
        self.name, self.arn = made.name, made.arn
        self.register_outputs({"name": self.name})

    def _logs(self) -> cloudwatch.LogGroup:
        name = f"{self._name}-logs"
        return cloudwatch.LogGroup(
            name,
            retention_in_days=self._args.plan.log_days,
            kms_key_id=self._args.logs_key_arn,
            tags=self._args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _identity(self, logs: cloudwatch.LogGroup) -> Identity:
        """Role of the function. AWS passes a role to functions of its own account only."""
        args = self._args
        return Identity(
            f"{self._name}-identity",
            IdentityArgs(
                trusted_service="lambda.amazonaws.com",
                policy=_rights(args, logs),
                roles=args.roles,
                partition=args.partition,
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _function(self, logs: cloudwatch.LogGroup, identity: Identity) -> lambda_.Function:
        plan, name = self._args.plan, f"{self._name}-handler"
        return lambda_.Function(
            name,
            description=f"Accepts jobs for {plan.model}",
            code=archive(programs(JOB_API)),
            handler=HANDLER,
            runtime=plan.runtime,
            architectures=[ARCHITECTURE],
            memory_size=plan.memory_mib,
            timeout=plan.timeout_s,
            role=identity.arn,
            environment={"variables": self._variables()},
            logging_config={"log_format": "JSON", "log_group": logs.name},
            tags=self._args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=identity.grants),
        )

    def _variables(self) -> dict[str, pulumi.Input[str]]:
        args, plan = self._args, self._args.plan
        limits = plan.model_dump(include={"width", "height", "frames", "iterations", "fps"})
        return {
            "QUEUE_URL": args.queue.url,
            "TABLE": args.table.name,
            "BUCKET": args.artefacts.bucket,
            "KIND": plan.kind,
            "MODEL": plan.model,
            "LIMITS": json.dumps(limits, sort_keys=True),
            "EXPIRE_DAYS": str(plan.expire_days),
            "KEPT_S": str(args.kept_s),
            "ROW_DAYS": str(plan.row_days),
            "URL_S": str(plan.url_s),
            "BODY_BYTES": str(plan.body_bytes),
            "ISSUER": plan.issuer,
            "ACCEPTS": json.dumps(plan.accepts),
            "TAKES_IMAGES": json.dumps(plan.takes_images),
            "UPLOAD_BYTES": str(plan.upload_bytes),
        }


def archive(of: Programs) -> pulumi.AssetArchive:
    """Archive of the programs by file name. The runtime has the AWS SDK, so nothing is added.

    Guard: texts, not paths. The same release makes the same archive on each machine.
    """
    return pulumi.AssetArchive({each.file: pulumi.StringAsset(each.text) for each in of.files})


def _rights(args: FunctionArgs, logs: cloudwatch.LogGroup) -> pulumi.Output[str]:
    """Policy of the function's role.

    A signed address of a result has the rights of the role that signs it, and so has the form of an
    upload.
    """
    own_logs = pulumi.Output.concat(logs.arn, ":*")
    return policy(
        allow("sqs:SendMessage", args.queue.arn),
        allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], args.table.arn),
        allow("s3:GetObject", pulumi.Output.concat(args.artefacts.arn, f"/{RESULTS}")),
        *(_of_uploads(args.artefacts) if args.plan.takes_images else ()),
        allow(KEY_USE, args.key_arn),
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], own_logs),
    )


def _of_uploads(artefacts: ObjectStore) -> Iterator[dict[str, Any]]:
    """Statements for uploaded images.

    Guard: S3 answers 403 for a missing object, and not 404, to a role that may not list the bucket.
    """
    uploads = pulumi.Output.concat(artefacts.arn, f"/{UPLOADS}*")
    yield allow("s3:ListBucket", artefacts.arn)
    yield allow(["s3:GetObject", "s3:PutObject"], uploads)
