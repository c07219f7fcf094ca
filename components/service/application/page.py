"""The chat page of one service: its pods, the setup of its database and the deletion of rows."""

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
from components.service.application.application import AWAIT_MARGIN_S, RECOVERY_DAYS
from components.service.database import Database
from components.wires import wired
from sizing.plan.stack.cluster import RolesPlan
from templates.applications.application import SETUP_DEADLINE_S
from templates.applications.page import COMPONENT, EXPIRY, SETUP
from templates.document import document_values


@dataclass(frozen=True, kw_only=True)
class PageArgs:
    service: str
    documents: Mapping[str, str]
    """Rendered text by file name without suffix, e.g. page-deployment."""
    database: Database
    balancer_arns: Sequence[pulumi.Input[str]]
    """Load balancers whose word on a person counts."""
    key_arn: pulumi.Input[str]
    """Key of the secret, and of the database's own secret."""
    protected: bool
    cluster_name: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    account_ids: Sequence[str]
    """Accounts whose pods may take the roles."""
    after: Sequence[pulumi.Resource]
    """The namespace with its rules, the nodes, and the configuration of the application."""
    tags: Tags


class Page(pulumi.ComponentResource):
    """Pods of the page. The component requires a Kubernetes provider among its options.

    They start after the setup, which makes their role in the database with a password of its own.
    """

    service: Service
    """Service that the load balancer's targets are bound to."""

    def __init__(
        self, name: str, args: PageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Page", name, None, opts)
        self._name = name
        self._args = args
        self._inside = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        self._secret = self._password()
        self._wires: dict[str, pulumi.Input[str]] = {
            "balancer_arns": pulumi.Output.all(*args.balancer_arns).apply(" ".join),
            "page_database_host": args.database.host,
            "page_master_secret_arn": args.database.master_secret_arn,
            "page_secret_arn": self._secret.arn,
        }
        own = self._account(COMPONENT, self._reading_rights())
        deleting = self._account(EXPIRY, self._reading_rights())
        setup = self._account(SETUP, self._setup_rights())
        files = self._files()
        ready = self._setup([*args.after, *args.database.ready, *setup, files])
        self.service = self._service()
        self._budget()
        self._deployment([*args.after, *own, files, ready])
        self._expiry([*args.after, *deleting, files, ready])
        self.register_outputs({})

    def _password(self) -> secretsmanager.Secret:
        """Secret without a value: the setup makes the password, so that no state has it."""
        name = f"{self._name}-secret"
        return secretsmanager.Secret(
            name,
            description=f"Role of the chat page of {self._args.service} in its database",
            kms_key_id=self._args.key_arn,
            recovery_window_in_days=RECOVERY_DAYS[self._args.protected],
            tags=self._args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, protect=self._args.protected),
        )

    def _document(self, document: str) -> Any:
        return wired(document_values(self._args.documents[document]), self._wires)

    def _reading_rights(self) -> pulumi.Output[str]:
        """Policy of the pods that answer, and of those that delete: their password alone."""
        return policy(
            allow("secretsmanager:GetSecretValue", self._secret.arn),
            allow("kms:Decrypt", self._args.key_arn),
        )

    def _setup_rights(self) -> pulumi.Output[str]:
        """Policy of the setup, which alone reads the password of the database's master user."""
        read_and_write = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
        return policy(
            allow("secretsmanager:GetSecretValue", self._args.database.master_secret_arn),
            allow(read_and_write, self._secret.arn),
            allow(["kms:Decrypt", "kms:GenerateDataKey"], self._args.key_arn),
        )

    def _account(
        self, account: str, rights: pulumi.Output[str]
    ) -> tuple[ServiceAccount, pulumi.Resource]:
        """Service account with its role, for which pods wait."""
        args = self._args
        name = f"{self._name}-{account.removeprefix(COMPONENT).strip('-')}".rstrip("-")
        made = service_account(name, self._document(f"{account}-service-account"), self._inside)
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

    def _files(self) -> ConfigMap:
        return script_map(f"{self._name}-script", self._document("script-page"), self._inside)

    def _setup(self, after: Sequence[pulumi.Resource]) -> Job:
        document = self._document("page-setup-job")
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
        document = self._document("page-service")
        return Service(
            f"{self._name}-service",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._inside,
        )

    def _budget(self) -> None:
        document = self._document("page-budget")
        PodDisruptionBudget(
            f"{self._name}-budget",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._inside,
        )

    def _deployment(self, after: Sequence[pulumi.Resource]) -> None:
        document = self._document("page-deployment")
        Deployment(
            f"{self._name}-pods",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _expiry(self, after: Sequence[pulumi.Resource]) -> None:
        document = self._document("page-expiry")
        CronJob(
            f"{self._name}-expiry",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
