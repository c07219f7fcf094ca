"""The chat page of one service: its pods, the setup of its database and the deletion of rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.policy import allow, policy
from components.service.application.database_pods import DatabasePods, DatabasePodsArgs
from templates.applications.page import COMPONENT, EXPIRY, SETUP


@dataclass(frozen=True, kw_only=True)
class PageArgs(DatabasePodsArgs):
    balancer_arns: Sequence[pulumi.Input[str]]
    """Load balancers whose word on a person counts."""


class Page(DatabasePods):
    """Pods of the page."""

    component, title = COMPONENT, "the chat page"

    def __init__(
        self, name: str, args: PageArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:Page", name, args, opts)
        self._wires = {
            "balancer_arns": pulumi.Output.all(*args.balancer_arns).apply(" ".join),
            "page_database_host": args.database.host,
            "page_master_secret_arn": args.database.master_secret_arn,
            "page_secret_arn": self._secret.arn,
        }
        own = self._account(COMPONENT, self._reading_rights())
        deleting = self._account(EXPIRY, self._reading_rights())
        setup = self._account(SETUP, self._setup_rights())
        files = self._files("script-page")
        ready = self._setup([*args.after, *args.database.ready, *setup, files])
        self.service = self._service()
        self._budget()
        self._deployment([*args.after, *own, files, ready])
        self._expiry([*args.after, *deleting, files, ready])
        self.register_outputs({})

    def _reading_rights(self) -> pulumi.Output[str]:
        """Policy of the pods that answer, and of those that delete: their password alone."""
        return policy(
            allow("secretsmanager:GetSecretValue", self._secret.arn),
            allow("kms:Decrypt", self._shared.key_arn),
        )
