"""The application of one service: its pods, the setup of its database and the deletion of rows."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from components.policy import allow, policy
from components.service.application.answer_cache import AnswerCache
from components.service.application.database_pods import DatabasePods, DatabasePodsArgs
from components.service.application.document_queue import DocumentQueue
from components.service.application.feedback_stream import FeedbackStream
from components.service.object_store import ObjectStore
from templates.applications.application import COMPONENT, EXPIRY, INGESTION, SETUP


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Stream of feedback, and the bucket that it fills."""

    stream: FeedbackStream
    store: ObjectStore


@dataclass(frozen=True, kw_only=True)
class ApplicationArgs(DatabasePodsArgs):
    """The key is that of the buckets too."""

    uploads: ObjectStore | None
    """Bucket of the files that users upload; null where none are accepted."""
    feedback: Feedback | None
    """Where feedback goes; null where none is accepted."""
    changes: DocumentQueue | None
    """Queue of changed documents; null where requests search none."""
    cache: AnswerCache | None
    """Cache of answers; null where none are kept."""


class Application(DatabasePods):
    """Pods that answer users."""

    component, title = COMPONENT, "the application"
    configuration: ConfigMap
    """Files of its configuration, which its chat page reads too."""

    def __init__(
        self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Application", name, args, opts)
        self._args = args
        self._wires = self._made_wires()
        own = self._account(COMPONENT, self._answering_rights())
        deleting = self._account(EXPIRY, self._deleting_rights())
        setup = self._account(SETUP, self._setup_rights())
        files = [self._files("script-application"), self._files("application-config")]
        reached = [] if args.cache is None else args.cache.ready
        self.configuration = files[-1]
        ready = self._setup([*args.after, *args.database.ready, *setup, *files])
        self.service = self._service()
        self._budget()
        self._deployment([*args.after, *reached, *own, *files, ready])
        self._expiry([*args.after, *reached, *deleting, *files, ready])
        if args.changes is not None:
            working = self._account(INGESTION, self._working_rights(args.changes))
            self._deployment([*args.after, *working, *files, ready], kind="ingestion")
        self.register_outputs({})

    def _made_wires(self) -> dict[str, pulumi.Input[str]]:
        args, database = self._args, self._args.database
        buckets = {} if args.uploads is None else {"uploads_bucket": args.uploads.bucket}
        if args.feedback is not None:
            buckets["feedback_bucket"] = args.feedback.store.bucket
            buckets["feedback_stream"] = args.feedback.stream.stream
        cache = args.cache
        if cache is not None:
            buckets |= {"cache_host": cache.host, "cache_name": cache.cache_name}
            buckets["cache_user"] = cache.user
        return {
            "database_host": database.host,
            "application_secret_arn": self._secret.arn,
            "master_secret_arn": database.master_secret_arn,
            **buckets,
            **({} if args.changes is None else args.changes.wires),
        }

    def _answering_rights(self) -> pulumi.Output[str]:
        """Policy of the pods that answer: their password, their users' files, and a new line of
        feedback, of which they read none."""
        feedback = self._args.feedback
        put = [] if feedback is None else [allow("firehose:PutRecord", feedback.stream.arn)]
        return policy(*self._common_rights(), *put)

    def _deleting_rights(self) -> pulumi.Output[str]:
        """Policy of the pods that delete what is due or of one user."""
        feedback = self._args.feedback
        return policy(
            *self._common_rights(), *([] if feedback is None else _feedback_rights(feedback))
        )

    def _working_rights(self, changes: DocumentQueue) -> pulumi.Output[str]:
        """Policy of the pods that keep documents: their password, documents and messages."""
        secret = allow("secretsmanager:GetSecretValue", self._secret.arn)
        return policy(secret, *changes.working_rights)

    def _common_rights(self) -> list[dict[str, Any]]:
        """Rights to the password, to the files of users, and to the cache of answers."""
        args, uploads = self._args, self._args.uploads
        statements = [
            allow("secretsmanager:GetSecretValue", self._secret.arn),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], args.key_arn),
        ]
        if args.cache is not None:
            statements.append(allow("elasticache:Connect", args.cache.arns))
        if uploads is not None:
            actions = [
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:DeleteObjectVersion",
                "s3:GetObject",
                "s3:PutObject",
            ]
            statements += [
                allow(["s3:ListBucket", "s3:ListBucketVersions"], uploads.arn),
                allow(actions, pulumi.Output.concat(uploads.arn, "/*")),
            ]
        return statements


def _feedback_rights(feedback: Feedback) -> list[dict[str, Any]]:
    """Rights to take out lines that are due or of one user."""
    objects = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"]
    return [
        allow(["s3:ListBucket", "s3:ListBucketVersions"], feedback.store.arn),
        allow(objects, pulumi.Output.concat(feedback.store.arn, "/*")),
    ]
