"""Workers that make the renditions of finished clips, and the role of their pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment

from components.cluster_services.pod_identity import PodIdentityArgs, pod_identity, service_account
from components.naming import Tags
from components.policy import policy
from components.script_map import script_map
from components.service.jobs.intake import Intake
from components.wires import wired
from sizing.plan.stack.cluster import RolesPlan
from templates.document import document_values
from templates.renditions import ACCOUNT


@dataclass(frozen=True, kw_only=True)
class RenditionWorkersArgs:
    service: str
    documents: Mapping[str, str]
    """Rendered text by file name without suffix, e.g. renditions-deployment."""
    intake: Intake
    """Queues, table and bucket of the service."""
    cluster_name: pulumi.Input[str]
    roles: RolesPlan
    partition: str
    account_ids: Sequence[str]
    """Accounts whose pods may take the role."""
    after: Sequence[pulumi.Resource]
    """The namespace with its rules, and the nodes, which must outlive the pods."""
    tags: Tags


class RenditionWorkers(pulumi.ComponentResource):
    """One Deployment over all zones. The component requires a Kubernetes provider among its
    options.
    """

    def __init__(
        self, name: str, args: RenditionWorkersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:RenditionWorkers", name, None, opts)
        self._args = args
        inside = pulumi.ResourceOptions(parent=self, depends_on=list(args.after))
        account = service_account(name, self._document("renditions-service-account"), inside)
        _, association = pod_identity(
            name,
            PodIdentityArgs(
                cluster_name=args.cluster_name,
                namespace=args.service,
                service_account=ACCOUNT,
                policy=policy(*args.intake.rendition_rights),
                roles=args.roles,
                partition=args.partition,
                account_ids=args.account_ids,
                tags=args.tags,
            ),
            self,
        )
        script = script_map(f"{name}-script", self._document("script-renditions"), inside)
        document = self._document("renditions-deployment")
        Deployment(
            f"{name}-pods",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[*args.after, account, association, script]
            ),
        )
        self.register_outputs({})

    def _document(self, document: str) -> Any:
        parsed = document_values(self._args.documents[document])
        return wired(parsed, self._args.intake.wires)
