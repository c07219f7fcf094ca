"""Stream of the feedback of one service into its bucket, with its role and its log."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, kinesis

from components.identity import Identity, IdentityArgs
from components.naming import Tags
from components.policy import allow, policy
from components.service.object_store import ObjectStore
from sizing.plan.service.application.feedback import FeedbackPlan
from sizing.plan.stack.cluster import RolesPlan

PREFIX = "feedback/date=!{timestamp:yyyy-MM-dd}/"
"""Beginning of an object's key: the day in UTC. The programs of the application read it."""
ERRORS = "errors/!{firehose:error-output-type}/"
"""Beginning of the keys of what the stream cannot write. Basis: vendor (Firehose requires one with
a dated prefix)."""


@dataclass(frozen=True, kw_only=True)
class FeedbackStreamArgs:
    plan: FeedbackPlan
    store: ObjectStore
    key_arn: pulumi.Input[str]
    """Key of the bucket and of what the stream has not written yet."""
    logs_key_arn: pulumi.Input[str]
    roles: RolesPlan
    account_id: str
    partition: str
    tags: Tags


class FeedbackStream(pulumi.ComponentResource):
    """Stream that writes compressed lines to the bucket, by day."""

    stream: pulumi.Output[str]
    """Name of the stream."""
    arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: FeedbackStreamArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:FeedbackStream", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        logs = self._logs()
        delivery = cloudwatch.LogStream(f"{name}-log", log_group_name=logs.name, opts=self._child)
        made = self._stream(logs, delivery, self._role(logs))
        self.stream, self.arn = made.name, made.arn
        self.register_outputs({"stream": self.stream})

    def _logs(self) -> cloudwatch.LogGroup:
        """Log group of deliveries that fail."""
        name = f"{self._name}-logs"
        return cloudwatch.LogGroup(
            name,
            retention_in_days=self._args.plan.log_days,
            kms_key_id=self._args.logs_key_arn,
            tags=self._args.tags.named(name),
            opts=self._child,
        )

    def _role(self, logs: cloudwatch.LogGroup) -> Identity:
        """Role of the stream: it writes objects and its log.

        Basis: vendor (Firehose developer guide, access to an Amazon S3 destination).
        """
        args = self._args
        rights = policy(
            allow(
                ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                args.store.arn,
            ),
            allow(
                ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                pulumi.Output.concat(args.store.arn, "/*"),
            ),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], args.key_arn),
            allow("logs:PutLogEvents", pulumi.Output.concat(logs.arn, ":*")),
        )
        return Identity(
            f"{self._name}-identity",
            IdentityArgs(
                trusted_service="firehose.amazonaws.com",
                conditions={"sts:ExternalId": args.account_id},
                policy=rights,
                roles=args.roles,
                partition=args.partition,
                tags=args.tags,
            ),
            self._child,
        )

    def _stream(
        self, logs: cloudwatch.LogGroup, delivery: cloudwatch.LogStream, role: Identity
    ) -> kinesis.FirehoseDeliveryStream:
        args, name = self._args, f"{self._name}-stream"
        return kinesis.FirehoseDeliveryStream(
            name,
            destination="extended_s3",
            server_side_encryption={
                "enabled": True,
                "key_type": "CUSTOMER_MANAGED_CMK",
                "key_arn": args.key_arn,
            },
            extended_s3_configuration={
                "role_arn": role.arn,
                "bucket_arn": args.store.arn,
                "kms_key_arn": args.key_arn,
                "prefix": PREFIX,
                "error_output_prefix": ERRORS,
                "compression_format": "GZIP",
                "buffering_interval": args.plan.buffer_s,
                "buffering_size": args.plan.buffer_mib,
                "cloudwatch_logging_options": {
                    "enabled": True,
                    "log_group_name": logs.name,
                    "log_stream_name": delivery.name,
                },
            },
            tags=args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=role.grants),
        )
