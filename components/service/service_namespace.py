"""Namespace of one service: its quota and the network policies of its pods."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, ResourceQuota
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from templates.document import document_values

POLICY = "network-policy-"
"""Prefix of the file names of rendered network policies."""


@dataclass(frozen=True, kw_only=True)
class ServiceNamespaceArgs:
    documents: Mapping[str, str]
    """Rendered text by file name without suffix, e.g. namespace."""
    after: Sequence[pulumi.Resource]
    """Resources that must outlive everything in the namespace."""


class ServiceNamespace(pulumi.ComponentResource):
    """Namespace, quota, policies, and the right of Prometheus. The component requires a Kubernetes
    provider among its options.

    Objects in the namespace depend on `guards`, so that no pod starts before its rules.
    """

    guards: list[pulumi.Resource]

    def __init__(
        self, name: str, args: ServiceNamespaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:ServiceNamespace", name, None, opts)
        self._name = name
        self._args = args
        namespace = Namespace(
            f"{name}-object",
            metadata=self._document("namespace")["metadata"],
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        self._inside = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        policies = [
            self._network_policy(document)
            for document in args.documents
            if document.startswith(POLICY)
        ]
        self.guards = [namespace, self._quota(), *policies]
        if "metrics-role" in args.documents and "burst-deployment" not in args.documents:
            metrics_access(name, args.documents, self._inside)
        self.register_outputs({})

    def _document(self, document: str) -> Any:
        return document_values(self._args.documents[document])

    def _quota(self) -> ResourceQuota:
        document = self._document("resource-quota")
        return ResourceQuota(
            f"{self._name}-quota",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._inside,
        )

    def _network_policy(self, name: str) -> NetworkPolicy:
        document = self._document(name)
        return NetworkPolicy(
            f"{self._name}-{name.removeprefix(POLICY)}",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._inside,
        )


def metrics_access(
    name: str, documents: Mapping[str, str], opts: pulumi.ResourceOptions
) -> RoleBinding:
    """Return the role binding by which Prometheus finds the pods of a namespace."""
    names = ("metrics-role", "metrics-role-binding")
    role, binding = (document_values(documents[document]) for document in names)
    reader = Role(f"{name}-metrics", metadata=role["metadata"], rules=role["rules"], opts=opts)
    return RoleBinding(
        f"{name}-metrics-access",
        metadata=binding["metadata"],
        role_ref=binding["roleRef"],
        subjects=binding["subjects"],
        opts=pulumi.ResourceOptions(parent=opts.parent, depends_on=[reader]),
    )
