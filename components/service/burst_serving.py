"""Replicas of one service above its floor, and the autoscaling of their count."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pulumi_kubernetes.rbac.v1 import RoleBinding

from components.service.service_namespace import metrics_access
from components.wires import wired
from templates.document import document_values


@dataclass(frozen=True, kw_only=True)
class BurstServingArgs:
    documents: Mapping[str, str]
    """Rendered text by file name without suffix, e.g. burst-deployment."""
    wires: Mapping[str, pulumi.Input[str]]
    """Values of the documents that exist only after creation, by the name of the wire."""
    after: Sequence[pulumi.Resource]
    """Namespace, account and nodes that must outlive the pods, and their autoscalers."""


class BurstServing(pulumi.ComponentResource):
    """Deployment and scaling rule. It requires a Kubernetes provider among its options."""

    def __init__(
        self, name: str, args: BurstServingArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("sizewright:index:BurstServing", name, None, opts)
        self._name = name
        self._args = args
        self._after = pulumi.ResourceOptions(parent=self, depends_on=args.after)
        measured = "metrics-role" in args.documents
        load = self._metrics_access() if measured else self._queue_access()
        self._budget()
        self._scaling([self._deployment(), load])
        self.register_outputs({})

    def _document(self, document: str) -> Any:
        return wired(document_values(self._args.documents[document]), self._args.wires)

    def _metrics_access(self) -> RoleBinding:
        """Role binding by which Prometheus finds the pods of this namespace."""
        return metrics_access(self._name, self._args.documents, self._after)

    def _queue_access(self) -> CustomResource:
        """Authentication by which KEDA reads the queue of jobs, with its own role."""
        return self._object("queue-access", self._document("trigger-authentication"), self._after)

    def _budget(self) -> None:
        document = self._document("burst-disruption-budget")
        PodDisruptionBudget(
            f"{self._name}-budget",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._after,
        )

    def _deployment(self) -> Deployment:
        document = self._document("burst-deployment")
        return Deployment(
            f"{self._name}-replicas",
            metadata=document["metadata"],
            spec=document["spec"],
            opts=self._after,
        )

    def _scaling(self, after: Sequence[pulumi.Resource]) -> None:
        """Create the scaling rule; Pulumi deletes it before KEDA, which clears its finalizer."""
        opts = pulumi.ResourceOptions(parent=self, depends_on=after)
        self._object("scaling", self._document("scaled-object"), opts)

    def _object(self, what: str, document: Any, opts: pulumi.ResourceOptions) -> CustomResource:
        return CustomResource(
            f"{self._name}-{what}",
            api_version=document["apiVersion"],
            kind=document["kind"],
            metadata=document["metadata"],
            spec=document["spec"],
            opts=opts,
        )
