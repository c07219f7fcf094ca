"""Pods with a database of their own: its setup, those that answer, and the deletion of rows."""

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
from components.service.database import Database
from components.wires import wired
from sizing.plan.stack.cluster import RolesPlan
from templates.applications.application import SETUP_DEADLINE_S
from templates.document import document_values

AWAIT_MARGIN_S = 300
"""Seconds that an update waits beyond the setup's limit, to see that it has ended."""
RECOVERY_DAYS = {True: 30, False: 0}
"""Days in which a deleted secret can be restored, where the service is protected and where not.
Basis: vendor allows 0 and 7 to 30."""


@dataclass(frozen=True, kw_only=True)
class DatabasePodsArgs:
    service: str
    documents: Mapping[str, str]
    """Rendered text by file name without suffix, e.g. application-deployment."""
    database: Database
    key_arn: pulumi.Input[str]
    """Key of the secret, and of the database's own secret."""
    protected: bool
    cluster_name: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    account_ids: Sequence[str]
    """Accounts whose pods may take the roles."""
    after: Sequence[pulumi.Resource]
    """Resources that must outlive the pods: the namespace with its rules, and the nodes."""
    tags: Tags


class DatabasePods(pulumi.ComponentResource):
    """Base of such pods. The component requires a Kubernetes provider among its options.

    They start after the setup, which makes their role in the database with a password of its own.
    """

    component: str
    """Component of the pods that answer, with which their documents' names begin."""
    title: str
    """The pods in words."""
    service: Service
    """Service that the load balancer's targets are bound to."""

    def __init__(
        self, token: str, name: str, args: DatabasePodsArgs, opts: pulumi.ResourceOptions | None
    ) -> None:
        super().__init__(token, name, None, opts)
        self._name = name
        self._shared = args
        self._inside = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        self._secret = self._password()
        self._wires: dict[str, pulumi.Input[str]] = {}

    def _password(self) -> secretsmanager.Secret:
        """Secret without a value: the setup makes the password, so that no state has it."""
        args, name = self._shared, f"{self._name}-secret"
        return secretsmanager.Secret(
            name,
            description=f"Role of {self.title} of {args.service} in its database",
            kms_key_id=args.key_arn,
            recovery_window_in_days=RECOVERY_DAYS[args.protected],
            tags=args.tags.named(name),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected),
        )

    def _document(self, document: str) -> Any:
        return wired(document_values(self._shared.documents[document]), self._wires)

    def _own(self, document: str) -> Any:
        """Document of these pods, by the end of its name."""
        return self._document(f"{self.component}-{document}")

    def _setup_rights(self) -> pulumi.Output[str]:
        """Policy of the setup, which alone reads the password of the database's master user."""
        args = self._shared
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
        args = self._shared
        name = f"{self._name}-{account.removeprefix(self.component).strip('-')}".rstrip("-")
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

    def _files(self, document: str) -> ConfigMap:
        kind = document.replace(self.component, "").strip("-")
        return script_map(f"{self._name}-{kind}", self._document(document), self._inside)

    def _setup(self, after: Sequence[pulumi.Resource]) -> Job:
        document = self._own("setup-job")
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
        document = self._own("service")
        return Service(
            f"{self._name}-service",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._inside,
        )

    def _budget(self) -> None:
        document = self._own("budget")
        PodDisruptionBudget(
            f"{self._name}-budget",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._inside,
        )

    def _deployment(self, after: Sequence[pulumi.Resource], kind: str = "") -> None:
        """Pods that answer, or others of a kind."""
        document = self._own(kind or "deployment")
        Deployment(
            "-".join(filter(None, (self._name, kind, "pods"))),
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _expiry(self, after: Sequence[pulumi.Resource]) -> None:
        document = self._own("expiry")
        CronJob(
            f"{self._name}-expiry",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )
