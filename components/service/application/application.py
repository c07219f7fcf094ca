"""The application of one service: its pods, the setup of its database and the deletion of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import secretsmanager
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.batch.v1 import CronJob, Job
from pulumi_kubernetes.core.v1 import ConfigMap, Service, ServiceAccount
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity, service_account
from components.naming import Tags
from components.policy import allow, policy
from components.script_map import script_map
from components.service.application.answer_cache import AnswerCache
from components.service.application.document_queue import DocumentQueue
from components.service.application.feedback_stream import FeedbackStream
from components.service.database import Database
from components.service.object_store import ObjectStore
from components.wires import wired
from sizing.plan.stack.cluster import RolesPlan
from templates.applications.application import COMPONENT, EXPIRY, INGESTION, SETUP, SETUP_DEADLINE_S
from templates.document import document_values

AWAIT_MARGIN_S = 300
"""Seconds that an update waits beyond the setup's limit, to see that it has ended."""
RECOVERY_DAYS = {True: 30, False: 0}
"""Days in which a deleted secret can be restored, where the service is protected and where not.
Basis: vendor allows 0 and 7 to 30."""


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """Stream of feedback, and the bucket that it fills."""

    stream: FeedbackStream
    store: ObjectStore


@dataclass(frozen=True, kw_only=True)
class ApplicationArgs:
    service: str
    documents: Mapping[str, str]
    """Rendered text by file name without suffix, e.g. application-deployment."""
    database: Database
    uploads: ObjectStore | None
    """Bucket of the files that users upload; null where none are accepted."""
    feedback: Feedback | None
    """Where feedback goes; null where none is accepted."""
    changes: DocumentQueue | None
    """Queue of changed documents; null where requests search none."""
    cache: AnswerCache | None
    """Cache of answers; null where none are kept."""
    key_arn: pulumi.Input[str]
    """Key of the secret, of the database's own secret, and of the bucket."""
    protected: bool
    cluster_name: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    account_ids: Sequence[str]
    """Accounts whose pods may take the roles."""
    after: Sequence[pulumi.Resource]
    """The namespace with its rules, and the nodes, which must outlive the pods."""
    tags: Tags


class Application(pulumi.ComponentResource):
    """Pods that answer users. The component requires a Kubernetes provider among its options.

    They start after the setup, which makes their role in the database with a password of its own.
    """

    service: Service
    """Service that the load balancer's targets are bound to."""
    configuration: ConfigMap
    """Files of its configuration, which its chat page reads too."""

    def __init__(
        self, name: str, args: ApplicationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Application", name, None, opts)
        self._name = name
        self._args = args
        self._child = pulumi.ResourceOptions(parent=self)
        self._inside = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        self._secret = self._password()
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
            self._ingestion([*args.after, *working, *files, ready])
        self.register_outputs({})

    def _password(self) -> secretsmanager.Secret:
        """Secret without a value: the setup makes the password, so that no state has it."""
        name = f"{self._name}-secret"
        return secretsmanager.Secret(
            name,
            description=f"Role of the application of {self._args.service} in its database",
            kms_key_id=self._args.key_arn,
            recovery_window_in_days=RECOVERY_DAYS[self._args.protected],
            tags=self._args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, protect=self._args.protected),
        )

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

    def _document(self, document: str) -> Any:
        return wired(document_values(self._args.documents[document]), self._wires)

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

    def _setup_rights(self) -> pulumi.Output[str]:
        """Policy of the setup, which alone reads the password of the database's master user."""
        args = self._args
        read_and_write = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
        return policy(
            allow("secretsmanager:GetSecretValue", args.database.master_secret_arn),
            allow(read_and_write, self._secret.arn),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], args.key_arn),
        )

    def _account(
        self, account: str, rights: pulumi.Output[str]
    ) -> tuple[ServiceAccount, pulumi.Resource]:
        """Service account with its role, for which pods wait."""
        args, name = self._args, f"{self._name}-{account.removeprefix(COMPONENT).strip('-')}"
        name = name.rstrip("-")
        document = self._document(f"{account}-service-account")
        made = service_account(name, document, self._inside)
        _, association = pod_identity(
            name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=args.service,
                service_account=account,
                policy=rights,
                roles=args.roles,
                partition=args.partition,
                account_ids=args.account_ids,
                tags=args.tags,
            ),
            self,
        )
        return made, association

    def _files(self, document: str) -> ConfigMap:
        kind = document.replace("application", "").strip("-")
        return script_map(f"{self._name}-{kind}", self._document(document), self._inside)

    def _setup(self, after: Sequence[pulumi.Resource]) -> Job:
        document = self._document("application-setup-job")
        longest = f"{SETUP_DEADLINE_S + AWAIT_MARGIN_S}s"
        digest = document["metadata"]["name"].rpartition("-")[2]
        return Job(
            f"{self._name}-setup-{digest}",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(after),
                custom_timeouts=pulumi.CustomTimeouts(create=longest, update=longest),
            ),
        )

    def _service(self) -> Service:
        document = self._document("application-service")
        return Service(
            f"{self._name}-service",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._inside,
        )

    def _budget(self) -> None:
        document = self._document("application-budget")
        PodDisruptionBudget(
            f"{self._name}-budget",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._inside,
        )

    def _deployment(self, after: Sequence[pulumi.Resource]) -> None:
        document = self._document("application-deployment")
        Deployment(
            f"{self._name}-pods",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _ingestion(self, after: Sequence[pulumi.Resource]) -> None:
        document = self._document("application-ingestion")
        Deployment(
            f"{self._name}-ingestion-pods",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _expiry(self, after: Sequence[pulumi.Resource]) -> None:
        document = self._document("application-expiry")
        CronJob(
            f"{self._name}-expiry",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )


def _feedback_rights(feedback: Feedback) -> list[dict[str, Any]]:
    """Rights to take out lines that are due or of one user."""
    objects = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"]
    return [
        allow(["s3:ListBucket", "s3:ListBucketVersions"], feedback.store.arn),
        allow(objects, pulumi.Output.concat(feedback.store.arn, "/*")),
    ]
