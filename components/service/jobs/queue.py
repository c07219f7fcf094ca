"""A queue of jobs or of finished clips, and the dead letters behind it."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import sqs

from components.naming import Tags
from components.policy import policy


@dataclass(frozen=True, kw_only=True)
class QueueArgs:
    kept_s: int
    """Seconds for which both queues keep a message."""
    receives: int
    """Times that a message is handed out before the queue itself gives it up."""
    visibility_s: int | None
    """Seconds for which a message that is handed out is invisible; null for SQS's own value."""
    protected: bool
    """True where nothing may delete the queues."""
    key_arn: pulumi.Input[str]
    sender: tuple[pulumi.Input[str], str] | None = None
    """Bucket that sends messages, and its account; null where callers with rights send them."""
    tags: Tags


class Queue(pulumi.ComponentResource):
    """Two encrypted queues that refuse calls without TLS: waiting jobs, and jobs given up."""

    name: pulumi.Output[str]
    url: pulumi.Output[str]
    arn: pulumi.Output[str]
    dead_letters_url: pulumi.Output[str]
    dead_letters_arn: pulumi.Output[str]
    rules: list[sqs.QueuePolicy]
    """Policies of both queues, which a sender waits for."""

    def __init__(
        self, name: str, args: QueueArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Queue", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._kept = pulumi.ResourceOptions(parent=self, protect=args.protected)
        dead = self._dead_letters()
        waiting = self._waiting(dead)
        self._accepts(dead, waiting)
        self.rules = [
            self._access(kind, queue)
            for kind, queue in (("waiting", waiting), ("dead-letters", dead))
        ]
        self.name, self.url, self.arn = waiting.name, waiting.url, waiting.arn
        self.dead_letters_url, self.dead_letters_arn = dead.url, dead.arn
        self.register_outputs({"url": self.url})

    def _dead_letters(self) -> sqs.Queue:
        """Jobs whose attempts are used up, with the reason."""
        name = f"{self._name}-dead-letters"
        return sqs.Queue(
            name,
            message_retention_seconds=self._args.kept_s,
            kms_master_key_id=self._args.key_arn,
            tags=self._args.tags.named(name),
            opts=self._kept,
        )

    def _waiting(self, dead: sqs.Queue) -> sqs.Queue:
        """Jobs that no worker has finished."""
        name, args = f"{self._name}-waiting", self._args
        redrive = {"deadLetterTargetArn": dead.arn, "maxReceiveCount": args.receives}
        return sqs.Queue(
            name,
            message_retention_seconds=args.kept_s,
            visibility_timeout_seconds=args.visibility_s,
            redrive_policy=pulumi.Output.json_dumps(redrive),
            kms_master_key_id=args.key_arn,
            tags=args.tags.named(name),
            opts=self._kept,
        )

    def _accepts(self, dead: sqs.Queue, waiting: sqs.Queue) -> None:
        """Let this queue alone name the dead letters as its own."""
        by_queue = {"redrivePermission": "byQueue", "sourceQueueArns": [waiting.arn]}
        sqs.RedriveAllowPolicy(
            f"{self._name}-accepts",
            queue_url=dead.url,
            redrive_allow_policy=pulumi.Output.json_dumps(by_queue),
            opts=self._child,
        )

    def _access(self, kind: str, queue: sqs.Queue) -> sqs.QueuePolicy:
        """Policy of a queue: nobody without TLS, and the bucket that sends messages."""
        tls_only = {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": queue.arn,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
        sender = self._args.sender if kind == "waiting" else None
        sending = [] if sender is None else [_sending(queue, *sender)]
        return sqs.QueuePolicy(
            f"{self._name}-{kind}-access",
            queue_url=queue.url,
            policy=policy(tls_only, *sending),
            opts=self._child,
        )


def _sending(queue: sqs.Queue, bucket_arn: pulumi.Input[str], account: str) -> dict[str, Any]:
    """Statement by which a bucket of the account sends messages."""
    return {
        "Sid": "Bucket",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue.arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": bucket_arn},
            "StringEquals": {"aws:SourceAccount": account},
        },
    }
