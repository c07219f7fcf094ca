"""The function that accepts jobs, with its program, its role and its log."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.naming import Tags
from components.policy import allow
from components.service.jobs.handler import HandlerArgs, create_handler
from components.service.jobs.queue import Queue
from components.service.jobs.table import Table
from components.service.object_store import ObjectStore
from sizing.plan.service.items.jobs import JobApiPlan
from sizing.plan.stack.cluster import RolesPlan
from templates.programs import JOB_API, programs

HANDLER = "job_api.handler"
UPLOADS = "uploads/"
"""Prefix of uploaded images in the bucket of results."""
RESULTS = "??/*"
"""Pattern of the keys of results, in the form of IAM: each starts with two digits of a job's id.
The pattern matches no upload."""
RESULT_PREFIXES = tuple("0123456789abcdef")
"""Prefixes of the keys of results. S3's own rules take prefixes and no patterns."""
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
    variants: str
    """Names of the variants of each result, as JSON."""
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
        handler = HandlerArgs(
            plan=args.plan,
            description=f"Accepts jobs for {args.plan.model}",
            programs=programs(JOB_API),
            handler=HANDLER,
            rights=tuple(_rights(args)),
            variables=_variables(args),
            logs_key_arn=args.logs_key_arn,
            roles=args.roles,
            partition=args.partition,
            tags=args.tags,
        )
        made = create_handler(name, handler, self)
        self.name, self.arn = made.name, made.arn
        self.register_outputs({"name": self.name})


def _variables(args: FunctionArgs) -> dict[str, pulumi.Input[str]]:
    plan = args.plan
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
        "VARIANTS": args.variants,
    }


def _rights(args: FunctionArgs) -> Iterator[Mapping[str, Any]]:
    """Statements of the function's role.

    A signed address of a result has the rights of the role that signs it, and so has the form of an
    upload.
    """
    yield allow("sqs:SendMessage", args.queue.arn)
    yield allow(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], args.table.arn)
    yield allow("s3:GetObject", pulumi.Output.concat(args.artefacts.arn, f"/{RESULTS}"))
    if args.plan.takes_images:
        yield from _of_uploads(args.artefacts)
    yield allow(KEY_USE, args.key_arn)


def _of_uploads(artefacts: ObjectStore) -> Iterator[dict[str, Any]]:
    """Statements for uploaded images.

    Guard: S3 answers 403 for a missing object, and not 404, to a role that may not list the bucket.
    """
    uploads = pulumi.Output.concat(artefacts.arn, f"/{UPLOADS}*")
    yield allow("s3:ListBucket", artefacts.arn)
    yield allow(["s3:GetObject", "s3:PutObject"], uploads)
