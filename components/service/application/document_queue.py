"""Queue of changed documents: the bucket of documents sends a message for each object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import s3

from components.naming import Tags
from components.policy import allow
from components.service.jobs.queue import Queue, QueueArgs
from components.service.object_store import ObjectStore
from sizing.plan.service.application.context import ContextPlan
from sizing.values.units import SECONDS_PER_DAY

EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
"""Changes of an object. Basis: vendor (S3; a mark of a deletion is a removal too)."""


@dataclass(frozen=True, kw_only=True)
class DocumentQueueArgs:
    plan: ContextPlan
    store: ObjectStore
    """Bucket of the documents."""
    key_arn: pulumi.Input[str]
    """Key of the bucket and of the queue."""
    account_id: str
    protected: bool
    tags: Tags


class DocumentQueue(pulumi.ComponentResource):
    """Queue that the bucket of documents fills, with its dead letters."""

    wires: Mapping[str, pulumi.Input[str]]

    def __init__(
        self, name: str, args: DocumentQueueArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:DocumentQueue", name, None, opts)
        self._args = args
        self._queue = Queue(
            f"{name}-queue",
            QueueArgs(
                kept_s=args.plan.letters_days * SECONDS_PER_DAY,
                receives=args.plan.receives,
                visibility_s=args.plan.visibility_s,
                protected=args.protected,
                key_arn=args.key_arn,
                sender=(args.store.arn, args.account_id),
                tags=args.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        s3.BucketNotification(
            f"{name}-changes",
            bucket=args.store.bucket,
            queues=[{"queue_arn": self._queue.arn, "events": list(EVENTS)}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=self._queue.rules),
        )
        self.wires = {
            "documents_bucket": args.store.bucket,
            "documents_queue_url": self._queue.url,
        }
        self.register_outputs({"url": self._queue.url})

    @property
    def working_rights(self) -> list[dict[str, Any]]:
        """Rights of the workers: to read documents and messages, and to send one for each
        document again."""
        args = self._args
        actions = [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        ]
        return [
            allow("s3:ListBucket", args.store.arn),
            allow("s3:GetObject", pulumi.Output.concat(args.store.arn, "/*")),
            allow(actions, self._queue.arn),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], args.key_arn),
        ]
